"""Planned coverage of each guest: is there a job that will back it up, and if not, why (rulebook sections A and B)."""

from __future__ import annotations

from collections.abc import Sequence

from report.facts import Guest
from report.jobs import JudgedJob
from report.model.guests import Coverage
from report.model.jobs import GuestJob, JobState
from report.model.reasons import Reason, ReasonCode
from report.value import Value
from report.view import ClusterView

EXPLANATIONS_AT_MOST = 3
_CLOSEST_FIRST = (ReasonCode.EXCLUDED_BY_JOB, ReasonCode.IN_SUB_POOL_ONLY, ReasonCode.JOB_ON_OTHER_NODE)


class GuestCoverage(Value, frozen=True):
    """The verdict on one guest, why, and every job that selects it. `doubts`: why other jobs may save it that cannot be judged."""

    coverage: Coverage
    reasons: tuple[Reason, ...]
    jobs: tuple[GuestJob, ...] = ()
    doubts: tuple[Reason, ...] = ()


def cover_guests(judged: Sequence[JudgedJob] | None, view: ClusterView) -> dict[int, GuestCoverage]:
    """Given a cluster's judged jobs (None: the job list cannot be seen) and its view, return each guest's planned coverage by vmid.

    One active job is enough (B37). Without one, anything that might hide a job makes the guest `indetermine`, never uncovered.
    """
    guests = view.guests or ()
    if judged is None:
        undecided = GuestCoverage(Coverage.UNDECIDED, (Reason.of(ReasonCode.JOBS_NOT_VISIBLE),))
        return {guest.vmid: undecided for guest in guests}
    selecting: dict[int, list[JudgedJob]] = {guest.vmid: [] for guest in guests}
    for job in judged:
        for vmid in job.selection.guests:
            selecting[vmid].append(job)
    hidden = [job for job in judged if job.pool_hidden and job.general[0] in (JobState.ACTIVE, JobState.UNKNOWN)]
    return {guest.vmid: _cover(guest, selecting[guest.vmid], hidden, judged) for guest in guests}


def _cover(
    guest: Guest, selecting: Sequence[JudgedJob], hidden: Sequence[JudgedJob], every: Sequence[JudgedJob]
) -> GuestCoverage:
    jobs = tuple(job.for_guest(guest) for job in selecting)
    active = [job.job for job in jobs if job.state is JobState.ACTIVE]
    unknown = [job.reason for job in jobs if job.state is JobState.UNKNOWN and job.reason]
    unknown += [
        Reason.of(ReasonCode.POOL_NOT_VISIBLE, job=job.job.id, pool=job.job.pool or "")
        for job in hidden
        if _may_hold(job, guest)
    ]
    doubts = tuple(unknown)
    if active:
        named = Reason.of(ReasonCode.IN_ACTIVE_JOB, jobs=", ".join(active))
        return GuestCoverage(Coverage.PLANNED, (named,), jobs, doubts)
    if doubts:
        return GuestCoverage(Coverage.UNDECIDED, doubts, jobs, doubts)
    reasons = [job.reason for job in jobs if job.reason] or _explain(guest, every)
    return GuestCoverage(Coverage.NOT_PLANNED, tuple(reasons), jobs)


def _may_hold(job: JudgedJob, guest: Guest) -> bool:
    """Say whether a pool that cannot be seen might hold the guest: not if it is seen in another one (A7) or lives on another node (B8)."""
    return guest.pool is None and job.job.node in (None, "", guest.node)


def _explain(guest: Guest, judged: Sequence[JudgedJob]) -> list[Reason]:
    """Say why no job selects the guest: the working jobs that nearly do, those that name it most closely, at most three; else that none
    does.
    """
    near = [reason for job in judged if job.general[0] is JobState.ACTIVE and (reason := _nearly(guest, job))]
    closest = min((_CLOSEST_FIRST.index(reason.code) for reason in near), default=0)
    named = [reason for reason in near if reason.code is _CLOSEST_FIRST[closest]]
    return named[:EXPLANATIONS_AT_MOST] or [Reason.of(ReasonCode.IN_NO_JOB)]


def _nearly(guest: Guest, judged: JudgedJob) -> Reason | None:
    job = judged.job
    if guest.vmid in judged.elsewhere:
        return Reason.of(ReasonCode.JOB_ON_OTHER_NODE, job=job.id, job_node=job.node or "", node=guest.node)
    if job.pool and guest.pool and guest.pool.startswith(job.pool + "/"):
        return Reason.of(ReasonCode.IN_SUB_POOL_ONLY, job=job.id, pool=job.pool, guest_pool=guest.pool)
    if guest.vmid in judged.excluded and job.node in (None, "", guest.node):
        return Reason.of(ReasonCode.EXCLUDED_BY_JOB, job=job.id)
    return None
