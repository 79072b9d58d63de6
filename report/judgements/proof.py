"""Has a backup of the guest been restored? Restore tasks that were seen, and drills that somebody reported, never merged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, tzinfo

from report.evidence import Evidence, Judgement
from report.facts import Drill, Restore
from report.findings import Finding, FindingCode
from report.model.guests import RestoreProof
from report.value import Value

# the source of a restore, as its log names it: a PBS snapshot, or an archive with the standard name (D6)
_SNAPSHOT = re.compile(r"(?:^|[:/])(?P<type>vm|ct)/(?P<id>\d+)/(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)")
_ARCHIVE = re.compile(r"vzdump-(?P<type>qemu|lxc|openvz)-(?P<id>\d+)-(?P<time>\d{4}_\d\d_\d\d-\d\d_\d\d_\d\d)\.")
_GUEST_TYPES = {"vm": "qemu", "qemu": "qemu"}
_WORKED = ("OK", "WARNINGS")


class Proven(Value, frozen=True):
    """The newest restore that was seen to work, the newest drill that was reported to, None without any, and what the policy says."""

    seen: RestoreProof | None
    reported: RestoreProof | None
    judgement: Judgement


def proofs_of(
    restores: Iterable[Restore], zones: Mapping[str, tzinfo]
) -> dict[tuple[str, int], tuple[RestoreProof, ...]]:
    """Given restore tasks and the zone of each node, return by guest type and vmid of the source the restores that worked, newest first.

    A drill writes to another vmid: the source is what its log names; without that there is no proof.
    """
    found: dict[tuple[str, int], list[RestoreProof]] = {}
    for restore in restores:
        source = _source(restore, zones.get(restore.node, UTC)) if restore.status.startswith(_WORKED) else None
        if source is not None:
            guest_type, vmid, backup_at = source
            proof = RestoreProof(restore.ended_at, restore.node, backup_at, restore.vmid)
            found.setdefault((guest_type, vmid), []).append(proof)
    return {key: tuple(sorted(proofs, key=_at, reverse=True)) for key, proofs in found.items()}


def _at(proof: RestoreProof) -> tuple[int, str, int, int]:
    return proof.at, proof.by, proof.backup_at or 0, proof.target_vmid or 0


def _source(restore: Restore, zone: tzinfo) -> tuple[str, int, int] | None:
    """Return the guest type, the vmid and the time of the backup that a restore came from; an archive's name is in its node's zone (D6)."""
    if match := _SNAPSHOT.search(restore.volume or ""):
        at = datetime.strptime(match["time"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    elif match := _ARCHIVE.search(restore.volume or ""):
        at = datetime.strptime(match["time"], "%Y_%m_%d-%H_%M_%S").replace(tzinfo=zone)
    else:
        return None
    return _GUEST_TYPES.get(match["type"], "lxc"), int(match["id"]), int(at.timestamp())


def judge_proof(evidence: Evidence) -> Proven:
    """Given the evidence on a guest, return the newest proof that its backup can be restored, and what speaks against it: a doubt in place
    of that where a restore may have worked that was not seen. A predecessor's backups prove nothing (D16).
    """
    created_at = (evidence.config.created_at if evidence.config else None) or 0
    drills = [drill for drill in evidence.drills if (drill.backup_at or drill.at) >= created_at]
    restores = [*evidence.restores, *_remembered(evidence)]
    seen = max((proof for proof in restores if (proof.backup_at or proof.at) >= created_at), key=_at, default=None)
    worked = (RestoreProof(drill.at, drill.reported_by, drill.backup_at) for drill in drills if drill.ok)
    reported = max(worked, key=_at, default=None)
    failed = max((drill for drill in drills if not drill.ok), key=_drill_at, default=None)
    findings = tuple(_findings(evidence, max(_times(seen, reported), default=0), failed))
    if findings and evidence.restores_unread is not None:
        return Proven(seen, reported, Judgement(doubts=(evidence.restores_unread,)))
    return Proven(seen, reported, Judgement(findings))


def _remembered(evidence: Evidence) -> Iterator[RestoreProof]:
    """Yield the restore that was seen before: what PVE lists reaches days only (G4)."""
    before = evidence.before
    if before is not None and before.restore_seen is not None and before.guest_type == evidence.guest.guest_type:
        yield before.restore_seen


def _times(*proofs: RestoreProof | None) -> Iterator[int]:
    return (proof.at for proof in proofs if proof is not None)


def _drill_at(drill: Drill) -> tuple[int, str, str]:
    return drill.at, drill.reported_by, drill.message


def _findings(evidence: Evidence, newest: int, failed: Drill | None) -> Iterator[Finding]:
    """Yield what speaks against the proof of time `newest`, 0 without any."""
    if failed is not None and failed.at > newest:
        yield Finding.of(FindingCode.DRILL_FAILED, at=failed.at, by=failed.reported_by, message=failed.message)
    limit = evidence.expectation.restore_proven_within_seconds
    if limit is not None and (not newest or evidence.now - newest > limit):
        yield Finding.of(FindingCode.RESTORE_NOT_PROVEN, newest=newest, limit_seconds=limit, rule=evidence.rule)
