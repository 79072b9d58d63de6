"""Is the newest usable backup as recent as promised? By simulation of the schedules, not by a fixed age (rulebook F10, F11)."""

from __future__ import annotations

from collections.abc import Sequence

from report.evidence import NOTHING_FOUND, Evidence, Judgement, incomplete, joined, unless_unseen
from report.facts import BackupJob
from report.findings import Finding, FindingCode, Severity
from report.jobs import next_event
from report.model.guests import Coverage
from report.model.reasons import Reason, ReasonCode
from report.runs import GRACE_SECONDS, USUAL_AT_MOST_SECONDS
from report.targets import Target
from report.value import Value

# greatest accepted age where neither a schedule nor the policy gives one
UNSCHEDULED_LIMIT_SECONDS = 7 * 86_400
# so long after it became late a backup that runs at this moment still excuses it (F11)
RUNNING_EXCUSE_SECONDS = 12 * 3600
REASONS_AT_MOST = 3
# no two zones lie further apart
ANY_ZONE_SECONDS = 28 * 3600


class Freshness(Value, frozen=True):
    """`newest_at`: of the newest usable version. `due_at`: the first event after it; `late_at`: when it is too old; `limit_seconds`: its
    greatest accepted age. `recent`: within the limit, None where a newer one may not have been seen.
    """

    newest_at: int | None = None
    due_at: int | None = None
    late_at: int | None = None
    recent: bool | None = None
    judgement: Judgement = NOTHING_FOUND

    @property
    def limit_seconds(self) -> int | None:
        """Return the greatest accepted age of the newest usable version."""
        return None if self.late_at is None or self.newest_at is None else self.late_at - self.newest_at


def judge_freshness(evidence: Evidence) -> Freshness:
    """Given the evidence on a guest, return how recent its newest usable backup is, against the policy or its schedules."""
    newest = evidence.newest_at
    if newest is None:
        return Freshness(recent=None if evidence.unseen else False, judgement=_without_usable(evidence))
    due, bounds = due_after(evidence, evidence.active, newest), _bounds(evidence, evidence.active, newest)
    recent = _recent(evidence, bounds)
    if recent is False and evidence.unseen:
        recent = None
    late_at = bounds[0] if bounds and evidence.zone_known and not _unreadable(evidence) else None
    return Freshness(newest, due, late_at, recent, _judge(evidence, newest, due, bounds))


def late_after(evidence: Evidence, newest: int) -> int | None:
    """Given the evidence and the time of a backup, return the instant at which it is too old; None where nothing says so.

    The policy decides where it gives an age; else the schedules of the active jobs, in a zone that is known; without both, a fixed limit.
    """
    bounds = _bounds(evidence, evidence.active, newest)
    return bounds[0] if bounds and evidence.zone_known and not _unreadable(evidence) else None


def in_time(evidence: Evidence, newest: int) -> bool | None:
    """Given the evidence and the time of a backup, say whether it is young enough; None where what was not read decides that."""
    return _recent(evidence, _bounds(evidence, evidence.active, newest))


def _recent(evidence: Evidence, bounds: tuple[int, int] | None) -> bool | None:
    recent = _within(bounds, evidence.now)
    return None if recent and _unreadable(evidence) else recent


def limit_doubts(evidence: Evidence) -> tuple[Reason, ...]:
    """Given the evidence, return why it is not known when a backup is too old: whatever `in_time` leaves open has such a reason."""
    node = evidence.guest.node
    zone = () if evidence.zone_known else (Reason.of(ReasonCode.ZONE_NOT_READ, node=node),)
    schedules = (
        Reason.of(ReasonCode.SCHEDULE_NOT_READABLE, job=job.id, schedule=job.schedule or "")
        for job in _unreadable(evidence)
    )
    return (
        *schedules,
        *zone,
        *(Reason.of(ReasonCode.TASKS_NOT_READ, node=unread) for unread in evidence.history.unread_nodes[:1]),
    )


def _unreadable(evidence: Evidence) -> Sequence[BackupJob]:
    """Return the active jobs that promise a backup at times which we cannot read, where the policy gives no age itself."""
    return () if evidence.expectation.max_age_seconds is not None else evidence.unreadable


def _within(bounds: tuple[int, int] | None, now: int) -> bool | None:
    if bounds is None or now <= bounds[0]:
        return True
    return False if now > bounds[1] else None


def _bounds(evidence: Evidence, jobs: Sequence[BackupJob], newest: int) -> tuple[int, int] | None:
    """Return the earliest and the latest instant at which a backup may become too old; they differ where the zone or the usual duration
    is not known. None where nothing makes it too old.
    """
    limit = evidence.expectation.max_age_seconds
    if limit is not None or not jobs:
        late_at = newest + (UNSCHEDULED_LIMIT_SECONDS if limit is None else limit)
        return late_at, late_at
    return _scheduled_bounds(evidence, jobs, newest)


def _scheduled_bounds(evidence: Evidence, jobs: Sequence[BackupJob], newest: int) -> tuple[int, int] | None:
    """Return the same by the schedules of jobs alone."""
    due = due_after(evidence, jobs, newest)
    if due is None:
        return None
    usual = evidence.usual_seconds
    most = GRACE_SECONDS + (USUAL_AT_MOST_SECONDS if usual is None else usual)
    if evidence.zone_known:
        return due + GRACE_SECONDS + (usual or 0), due + most
    # in another zone the next event may come right after the backup, or so much later than in the one that was guessed
    last = due_after(evidence, jobs, newest + ANY_ZONE_SECONDS) or due
    return newest + GRACE_SECONDS, last + ANY_ZONE_SECONDS + most


def due_after(evidence: Evidence, jobs: Sequence[BackupJob], newest: int) -> int | None:
    """Given jobs and the time of a backup, return their first event after it: until then nothing was promised (F11)."""
    zone = evidence.zone
    return min([at for job in jobs if (at := next_event(job.schedule or "", zone, newest)) is not None], default=None)


def _without_usable(evidence: Evidence) -> Judgement:
    """Judge a guest without a usable backup: never, only unusable ones, or not known because some may not have been seen."""
    if unseen := evidence.unseen:
        return Judgement(doubts=unseen[:REASONS_AT_MOST])
    failed = sum(len(holding.versions) for holding in evidence.holdings)
    inherited = sum(len(holding.matched.inherited) for holding in evidence.holdings)
    if failed or inherited:
        return Judgement((Finding.of(FindingCode.NO_USABLE_BACKUP, failed=failed, inherited=inherited),))
    return Judgement((Finding.of(FindingCode.NEVER_BACKED_UP),))


def _judge(evidence: Evidence, newest: int, due: int | None, bounds: tuple[int, int] | None) -> Judgement:
    """Judge a guest that has a usable backup: unscheduled, too old, late, excused by a run, due, or in time; then store by store."""
    recent = _recent(evidence, bounds)
    parts = [_unscheduled(evidence, newest)]
    if recent is None:
        parts.append(Judgement(doubts=limit_doubts(evidence)))
    elif not recent and bounds is not None:
        parts.append(_too_late(evidence, newest, due, bounds))
    else:
        if due is not None and evidence.now > due and bounds is not None:
            parts.append(Judgement((Finding.of(FindingCode.BACKUP_DUE, newest=newest, due=due, late_at=bounds[0]),)))
        parts.append(_stores(evidence))
    found = joined(parts)
    return Judgement(found.findings, (*evidence.unread_promised, *evidence.coverage.doubts, *found.doubts))


def _unscheduled(evidence: Evidence, newest: int) -> Judgement:
    if evidence.active or evidence.coverage.coverage is not Coverage.NOT_PLANNED:
        return NOTHING_FOUND
    return Judgement((Finding.of(FindingCode.NOT_SCHEDULED, newest=newest),))


def _too_late(evidence: Evidence, newest: int, due: int | None, bounds: tuple[int, int]) -> Judgement:
    limit = bounds[0] - newest
    if evidence.expectation.max_age_seconds is not None or not evidence.active:
        finding = Finding.of(FindingCode.BACKUP_TOO_OLD, newest=newest, limit_seconds=limit, rule=evidence.rule)
        if not evidence.active:
            finding = Finding(finding.code, Severity.CRITICAL, finding.params)
        return unless_unseen(evidence, finding)
    if evidence.now <= bounds[1] + RUNNING_EXCUSE_SECONDS:
        node = evidence.guest.node
        running_since = evidence.history.running_since(evidence.guest, evidence.active)
        if running_since is not None:
            started, _ = running_since
            running = Finding.of(FindingCode.BACKUP_RUNNING, newest=newest, due=due or 0, started=started)
            return Judgement((running,))
        if node not in evidence.history.fresh:
            return Judgement(doubts=(Reason.of(ReasonCode.TASKS_NOT_READ, node=node),))
    jobs = ", ".join(job.id for job in evidence.active)
    late = Finding.of(FindingCode.BACKUP_LATE, newest=newest, due=due or 0, limit_seconds=limit, jobs=jobs)
    return unless_unseen(evidence, late)


def _stores(evidence: Evidence) -> Judgement:
    """Judge each store that jobs write to: one that fell behind is late though another is in time."""
    if len(evidence.promised) < 2:
        return NOTHING_FOUND
    return joined([_store(evidence, target, jobs) for target, jobs in evidence.promised.items()])


def _store(evidence: Evidence, target: Target, jobs: Sequence[BackupJob]) -> Judgement:
    held = [holding for holding in evidence.holdings if holding.target == target]
    newest = evidence.newest_on(target)
    if newest is None:
        return NOTHING_FOUND  # since when the job is there its tasks tell, and our own record: not what the store holds
    # the policy may allow more than the schedules promise, and never asks a weekly job for a backup each night
    allowed = newest + (evidence.expectation.max_age_seconds or 0)
    recent = evidence.now <= allowed or _within(_scheduled_bounds(evidence, jobs, newest), evidence.now)
    partly = tuple(incomplete(holding) for holding in held if holding.matched.group.incomplete)
    if recent:
        return NOTHING_FOUND
    if recent is None or partly:
        return Judgement(doubts=(*partly, *(limit_doubts(evidence) if recent is None else ())))
    due, place = due_after(evidence, jobs, newest) or 0, held[0].place
    names = ", ".join(job.id for job in jobs)
    return Judgement((Finding.of(FindingCode.STORE_LATE, place, place=place, newest=newest, due=due, jobs=names),))
