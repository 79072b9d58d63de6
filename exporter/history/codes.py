"""How states stand in the database: as small numbers, which are a contract, and what is remembered as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping

from report.model import Coverage, Protection, RestoreProof
from report.past import GroupKey, GuestKey, PastGuest, PastJob, PastPolicy

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


def key_text(key: GuestKey | GroupKey) -> str:
    """Given a guest's or a group's key, return it as text."""
    return json.dumps(key)


def guest_key(text: str) -> GuestKey:
    """Given the text of a guest's key, return the key."""
    pve, vmid = json.loads(text)
    return str(pve), int(vmid)


def group_key(text: str) -> GroupKey:
    """Given the text of a group's key, return the key."""
    server, datastore, namespace, backup_type, backup_id = map(str, json.loads(text))
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


def read_guest(text: str) -> PastGuest:
    """Given the text of a guest as it was judged, return it; raise ValueError for a state that we do not know. An older text ends
    with the volumes that are left out.
    """
    name, node, coverage, protection, findings, jobs, excluded, *more = json.loads(text)
    known, guest_type, seen = more or ([["", 0]] * len(jobs), "", None)
    return PastGuest(
        name=name,
        node=node,
        coverage=Coverage(coverage),
        protection=Protection(protection),
        findings={(code, subject): since for code, subject, since in findings},
        jobs={job: PastJob(*told) for job, told in zip(jobs, known, strict=True)},
        excluded=None if excluded is None else frozenset(excluded),
        guest_type=guest_type,
        restore_seen=RestoreProof(*seen) if seen else None,
    )


def policy_text(policy: PastPolicy) -> str:
    """Given what acted on a group, return it as text."""
    return json.dumps([policy.acts, policy.since])


def read_policy(text: str) -> PastPolicy:
    """Given the text of what acted on a group, return it."""
    acts, since = json.loads(text)
    return PastPolicy(
        tuple((name, schedule, tuple((option, count) for option, count in keep)) for name, schedule, keep in acts),
        since,
    )
