"""Does the backup hold the whole guest? What its jobs save (section C), and what its newest backup really contains."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from report.evidence import NOTHING_FOUND, Evidence, Holding, Judgement, joined, unless_unseen
from report.facts import IncludedVolume
from report.findings import Finding, FindingCode
from report.model.guests import DiskCover
from report.model.reasons import Reason, ReasonCode
from report.value import Value

# reasons with which PVE leaves a volume out that holds no data of the guest (C8)
_NOT_DATA = ("not a volume", "efidisk but no O")
# firmware variables and TPM state: their configured size is rounded up
_TINY = ("efidisk", "tpmstate")
# the one archive of a container, or the two in its place: its mount points lie in it too
_ROOT = re.compile(r"root\.(?:|m|p)pxar\.[fd]idx")
_DRIVE = re.compile(r"drive-((?:ide|sata|scsi|virtio|efidisk|tpmstate)\d+)(?:-backup)?\.img\.fidx")


class Disks(Value, frozen=True):
    """`cover`: how much the active jobs save together; `excluded`: keys of data volumes that none of them saves, None not told."""

    cover: DiskCover
    excluded: tuple[str, ...] | None
    judgement: Judgement


def judge_disks(evidence: Evidence) -> Disks:
    """Given the evidence on a guest, return which of its volumes are saved. PVE's own `included_volumes` is the authority (C3)."""
    if not evidence.included:
        return Disks(DiskCover.UNKNOWN, None, _of_config(evidence))
    told = [answer for answer in evidence.included.values() if answer is not None]
    silent = [job for job, answer in evidence.included.items() if answer is None]
    doubts = tuple(Reason.of(ReasonCode.VOLUMES_NOT_READ, job=job) for job in silent)
    if not told:
        return Disks(DiskCover.UNKNOWN, None, Judgement(doubts=doubts))
    included = {volume.key for answer in told for volume in answer.volumes if volume.included}
    left_out = _left_out([volume for answer in told for volume in answer.volumes], included)
    if left_out and silent:
        return Disks(DiskCover.UNKNOWN, None, Judgement(doubts=doubts))
    missed = tuple(key for key in left_out if not evidence.expectation.allows_without(key))
    findings = [] if not missed else [_excluded(missed, included)]
    if not included and not left_out:
        findings.append(Finding.of(FindingCode.CONFIG_ONLY))
    content = _content(evidence, included)
    cover = DiskCover.PARTIAL if left_out else DiskCover.FULL
    return Disks(
        cover if included else DiskCover.CONFIG_ONLY,
        left_out,
        Judgement((*findings, *content.findings), content.doubts),
    )


def _left_out(volumes: list[IncludedVolume], included: set[str]) -> tuple[str, ...]:
    """Return the keys of data volumes that no answer includes, sorted."""
    return tuple(
        sorted(
            {
                volume.key
                for volume in volumes
                if volume.key not in included and not volume.included and not volume.reason.startswith(_NOT_DATA)
            }
        )
    )


def _excluded(missed: tuple[str, ...], included: set[str]) -> Finding:
    code = FindingCode.VOLUMES_EXCLUDED if included else FindingCode.NO_VOLUME_SAVED
    return Finding.of(code, volumes=", ".join(missed))


def _of_config(evidence: Evidence) -> Judgement:
    """Judge a guest that no active job saves, so that PVE tells of none: its newest backup should hold what its configuration names. A
    volume that is marked to be left out, or a mount point that is not marked to be saved, is not asked for (C3, C6).
    """
    volumes = evidence.config.volumes if evidence.config else ()
    return _content(evidence, {volume.key for volume in volumes if volume.saved})


def _content(evidence: Evidence, wanted: set[str]) -> Judgement:
    """Compare the archives of the newest usable backup with the volumes that it should hold: those that may be left out are not asked for.
    File backups do not name theirs. What no job promised is a finding where no job counts on another store.
    """
    newest = evidence.newest
    included = {key for key in wanted if not evidence.expectation.allows_without(key)}
    saved = _saved(newest, evidence.guest.guest_type, included) if newest else None
    if newest is None or saved is None:
        return NOTHING_FOUND
    judgements = [Judgement(tuple(_grown(evidence, newest, saved)))]
    missing = sorted(included - saved.keys())
    if missing:
        finding = Finding.of(
            FindingCode.VOLUMES_NOT_IN_BACKUP,
            volumes=", ".join(missing),
            backup=evidence.newest_at or 0,
            saved=len(included & saved.keys()),
            present=len(included),
        )
        judgements.append(unless_unseen(evidence, newest.weigh(finding) if evidence.active else finding))
    return joined(judgements)


def _saved(newest: Holding, guest_type: str, wanted: Iterable[str]) -> dict[str, int | None] | None:
    """Return the volumes that the newest usable backup holds, with their sizes then; None where nothing tells.

    A container's mount points share one archive: with it all that are wanted may be there, without it none is.
    """
    group = newest.matched.group
    usable_is_newest = bool(newest.versions) and newest.usable[-1] == newest.versions[-1]
    if not newest.pbs or not group.newest_archives or not usable_is_newest:
        return None
    if guest_type != "qemu":
        return dict.fromkeys(wanted if any(_ROOT.fullmatch(archive.name) for archive in group.newest_archives) else ())
    return {key: archive.size for archive in group.newest_archives if (key := _key_of(archive.name))}


@lru_cache(maxsize=1024)
def _key_of(archive: str) -> str | None:
    match = _DRIVE.fullmatch(archive)
    return match.group(1) if match else None


def _grown(evidence: Evidence, newest: Holding, saved: dict[str, int | None]) -> Iterator[Finding]:
    """Yield the disks that are larger now than in the newest backup: a restore brings back the smaller one."""
    for volume in evidence.config.volumes if evidence.config else ():
        before = saved.get(volume.key)
        if before and volume.size_bytes and volume.size_bytes > before and not volume.key.startswith(_TINY):
            yield Finding.of(
                FindingCode.VOLUME_GROWN,
                volume.key,
                volume=volume.key,
                before_bytes=before,
                now_bytes=volume.size_bytes,
                backup=newest.newest_usable_at or 0,
            )
