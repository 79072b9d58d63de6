"""What changed since the Report before: who lost protection and by what, what else befell who had none, who regained it, which guests came
and went.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from report.backups import place_name
from report.findings import Finding
from report.model.groups import GroupReport
from report.model.guests import Coverage, GuestReport, Protection
from report.model.jobs import JobReport, JobState
from report.model.reasons import Reason, ReasonCode
from report.model.report import Change, ChangeKind
from report.past import GuestKey, Past, PastGuest, judged_before, key_of
from report.readings import Keep

_WORSE_LAST = (Protection.PROTECTED, Protection.AT_RISK, Protection.UNPROTECTED)
_BAD = (Protection.AT_RISK, Protection.UNPROTECTED)


def with_ages(findings: Sequence[Finding], before: PastGuest | None, now: int) -> tuple[Finding, ...]:
    """Given a guest's findings, the guest as it was judged before (None: it was not), and now (epoch), return them with the time since
    which each is open: that of the first Report in a row that had it.
    """
    known = before.findings if before else {}
    return tuple(
        Finding(
            finding.code,
            finding.severity,
            finding.params,
            finding.subject,
            known.get((finding.code, finding.subject), now),
        )
        for finding in findings
    )


def find_changes(
    past: Past,
    guests: Iterable[GuestReport],
    jobs: Iterable[JobReport],
    groups: Iterable[GroupReport],
    inventories: frozenset[str],
) -> tuple[Change, ...]:
    """Given the past, what is judged now, and the clusters whose inventory is known, return the changes, losses first, then by guest.

    Nothing is compared with nothing: without a past there is no change.
    """
    if past.at is None:
        return ()
    now = {(guest.pve, guest.guest.vmid): guest for guest in guests}
    there = {(job.pve, job.job.id) for job in jobs}
    reduced = _reduced(past, groups)
    found = [
        change
        for key, guest in now.items()
        if (change := _changed(guest, judged_before(past, key, guest.created_at), past, there, reduced.get(key, ())))
    ]
    found += [
        Change(ChangeKind.GONE, pve, vmid, before.name, before.protection, None)
        for (pve, vmid), before in past.guests.items()
        if (pve, vmid) not in now and pve in inventories
    ]
    order = list(ChangeKind)
    return tuple(sorted(found, key=lambda change: (order.index(change.kind), change.pve, change.vmid)))


def _changed(
    guest: GuestReport,
    before: PastGuest | None,
    past: Past,
    there: set[tuple[str, str]],
    reduced: tuple[Reason, ...],
) -> Change | None:
    after, vmid, name = guest.protection, guest.guest.vmid, guest.guest.name
    if before is None:
        if guest.pve not in past.inventories:
            return None
        return Change(ChangeKind.NEW, guest.pve, vmid, name, None, after)
    known = () if before.protection is Protection.WAIVED else before.findings
    new = tuple(
        finding for finding in guest.findings if finding.lowers and (finding.code, finding.subject) not in known
    )
    kind = _kind(before.protection, after)
    if kind is None and before.protection is after and after in _BAD and (new or _lost_jobs(guest, before)):
        kind = ChangeKind.WORSE
    if kind is None:
        return None
    causes = tuple(dict.fromkeys((*_causes(guest, before, there), *reduced)))
    worse = kind in (ChangeKind.LOST, ChangeKind.WORSE, ChangeKind.UNCLEAR)
    return Change(kind, guest.pve, vmid, name, before.protection, after, causes if worse else (), new if worse else ())


def _kind(before: Protection, after: Protection) -> ChangeKind | None:
    if before is Protection.WAIVED and after in _BAD:
        return ChangeKind.WORSE  # its waiver ran out
    if before is after or Protection.WAIVED in (before, after):
        return None
    if after is Protection.UNKNOWN:
        return ChangeKind.UNCLEAR
    if before is Protection.UNKNOWN:
        return ChangeKind.REGAINED if after is Protection.PROTECTED else ChangeKind.WORSE
    if before is Protection.PROTECTED:
        return ChangeKind.LOST
    if after is Protection.PROTECTED:
        return ChangeKind.REGAINED
    return ChangeKind.WORSE if _WORSE_LAST.index(after) > _WORSE_LAST.index(before) else ChangeKind.BETTER


def _lost_jobs(guest: GuestReport, before: PastGuest) -> bool:
    """Say whether a job that saved the guest does so no more, as far as its jobs are known."""
    if guest.coverage is Coverage.UNDECIDED:
        return False
    kept = {job.job for job in guest.jobs if job.state in (JobState.ACTIVE, JobState.UNKNOWN)}
    return bool(before.jobs.keys() - kept)


def _causes(guest: GuestReport, before: PastGuest, there: set[tuple[str, str]]) -> Iterator[Reason]:
    """Yield what changed about the guest itself: its node, the jobs that saved it, the volumes that they save."""
    if guest.guest.node != before.node:
        yield Reason.of(ReasonCode.GUEST_MOVED, before=before.node, node=guest.guest.node)
    now = {job.job: job for job in guest.jobs}
    for job in sorted(before.jobs):
        held = now.get(job)
        if held is not None and held.reason is not None:
            yield held.reason
        elif held is None and (guest.pve, job) not in there:
            yield Reason.of(ReasonCode.JOB_GONE, job=job)
        elif held is None:
            yield Reason.of(ReasonCode.JOB_DROPPED_GUEST, job=job)
    left_out = sorted(set(guest.excluded_volumes or ()) - before.excluded) if before.excluded is not None else ()
    if left_out:
        yield Reason.of(ReasonCode.VOLUMES_LEFT_OUT, volumes=", ".join(left_out))


def _reduced(past: Past, groups: Iterable[GroupReport]) -> dict[GuestKey, tuple[Reason, ...]]:
    """Return, by guest, the groups for which less is kept than before."""
    found: dict[GuestKey, tuple[Reason, ...]] = {}
    for group in groups:
        before = past.policies.get(key_of(group))
        if before is None or group.policy.acts is None or group.pve is None or group.vmid is None:
            continue
        if before.acts == group.policy.acts:
            continue
        kept, keeps = _least(before.acts), _least(group.policy.acts)
        if keeps is not None and (kept is None or keeps < kept):
            place = place_name(group.server, group.datastore, group.namespace)
            reason = Reason.of(ReasonCode.RETENTION_REDUCED, place=place, before=kept or 0, after=keeps)
            key = (group.pve, group.vmid)
            found[key] = (*found.get(key, ()), reason)
    return found


def _least(acts: Iterable[tuple[str, str, Keep]]) -> int | None:
    """Return how many versions the strictest of several policies keeps at most (E31), None where nothing prunes."""
    return min((sum(count for _, count in keep) for _, _, keep in acts if keep), default=None)
