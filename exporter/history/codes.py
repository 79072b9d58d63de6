"""How states stand in the database: as small numbers, which are a contract, and what is remembered as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping

from report.model.guests import Coverage, Protection, RestoreProof
from report.past import GroupKey, GuestKey, PastGuest, PastJob, PastPolicy
from report.readings import Keep

COVERAGES = (Coverage.PLANNED, Coverage.NOT_PLANNED, Coverage.UNDECIDED)
# from the best to the worst: the worst of a day is the greatest
PROTECTIONS = (
    Protection.WAIVED,
    Protection.PROTECTED,
    Protection.UNKNOWN,
    Protection.AT_RISK,
    Protection.UNPROTECTED,
)
CODE_OF_COVERAGE: Mapping[Coverage, int] = {state: code for code, state in enumerate(COVERAGES)}
CODE_OF_PROTECTION: Mapping[Protection, int] = {state: code for code, state in enumerate(PROTECTIONS)}
GUEST, POLICY, REPORT = "guest", "policy", "report"


# 9800: a date of it can be told in any zone
LATEST = 247_000_000_000


def whole(value: object, most: int = 2**63 - 1) -> int:
    """Given a value and the greatest that it may be, return it; raise ValueError for all but a whole number from 0 on."""
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"{value!r} is not a whole number from 0 to {most}")
    return value


def instant(value: object) -> int:
    """Given a value, return it; raise ValueError unless it is an instant (epoch)."""
    return whole(value, LATEST)


def text(value: object) -> str:
    """Given a value, return it; raise ValueError unless it is text."""
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not text")
    return value


def key_text(key: GuestKey | GroupKey) -> str:
    """Given a guest's or a group's key, return it as text."""
    return json.dumps(key)


def guest_key(key: str) -> GuestKey:
    """Given the text of a guest's key, return the key."""
    pve, vmid = json.loads(key)
    return text(pve), whole(vmid)


def group_key(key: str) -> GroupKey:
    """Given the text of a group's key, return the key."""
    server, datastore, namespace, backup_type, backup_id = map(text, json.loads(key))
    return server, datastore, namespace, backup_type, backup_id


def guest_text(guest: PastGuest) -> str:
    """Given a guest as it was judged, return it as text."""
    findings = [[code, subject, since] for (code, subject), since in guest.findings.items()]
    jobs, excluded = sorted(guest.jobs), None if guest.excluded is None else sorted(guest.excluded)
    known = [[job.schedule, job.since, job.edited] for _, job in sorted(guest.jobs.items())]
    proof = guest.restore_seen
    seen = [proof.at, proof.by, proof.backup_at, proof.target_vmid] if proof else None
    states = [guest.name, guest.node, guest.coverage, guest.protection]
    return json.dumps([*states, findings, jobs, excluded, known, guest.guest_type, seen])


def _job(schedule: object, since: object, edited: object = False) -> PastJob:
    return PastJob(text(schedule), instant(since), edited is True)


def _proof(at: object, by: object, backup_at: object, target: object) -> RestoreProof:
    saved = None if backup_at is None else instant(backup_at)
    return RestoreProof(instant(at), text(by), saved, None if target is None else whole(target))


def read_guest(value: str) -> PastGuest:
    """Given the text of a guest as it was judged, return it; raise ValueError or TypeError for what we never write, such as a state that we
    do not know. An older text ends with the volumes that are left out.
    """
    name, node, coverage, protection, findings, jobs, excluded, *more = json.loads(value)
    known, guest_type, seen = more or ([["", 0]] * len(jobs), "", None)
    return PastGuest(
        name=None if name is None else text(name),
        node=text(node),
        coverage=Coverage(coverage),
        protection=Protection(protection),
        findings={(text(code), text(subject)): instant(since) for code, subject, since in findings},
        jobs={text(job): _job(*told) for job, told in zip(jobs, known, strict=True)},
        excluded=None if excluded is None else frozenset(map(text, excluded)),
        guest_type=text(guest_type),
        restore_seen=_proof(*seen) if seen else None,
    )


def policy_text(policy: PastPolicy) -> str:
    """Given what acted on a group, return it as text."""
    return json.dumps([policy.acts, policy.since])


def read_policy(value: str) -> PastPolicy:
    """Given the text of what acted on a group, return it; raise ValueError or TypeError for what we never write."""
    acts, since = json.loads(value)
    return PastPolicy(tuple(_act(*act) for act in acts), None if since is None else instant(since))


def _act(name: object, schedule: object, keep: list[list[object]]) -> tuple[str, str, Keep]:
    return text(name), text(schedule), tuple((text(option), whole(count)) for option, count in keep)
