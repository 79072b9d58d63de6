"""What became of the latest attempts: failed, aborted, not reached, missed, stuck; what they left behind (rulebook section G)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from functools import lru_cache

from report.attempts import Attempt
from report.evidence import NOTHING_FOUND, Evidence, Judgement, unless_unseen
from report.facts import BackupJob
from report.findings import Finding, FindingCode
from report.jobs import parse_schedule
from report.judgements.freshness import due_after, limit_doubts
from report.model.reasons import Reason, ReasonCode
from report.runs import GRACE_SECONDS
from report.targets import Target
from report.value import Value

# a backup that runs longer than so many times its usual duration is stuck, never before the least time; without a usual one, after the last
STUCK_FACTOR = 3
STUCK_AT_LEAST_SECONDS = 6 * 3600
STUCK_WITHOUT_USUAL_SECONDS = 24 * 3600
# the time of a backup is that of its start, give or take what a clock and a slow preparation cost
SAME_START_SECONDS = 120
_MESSAGE_AT_MOST = 300
# spans in which a schedule's latest event is looked for; task history reaches days, seldom weeks (G4)
_SPANS_SECONDS = (2 * 3600, 2 * 86_400, 40 * 86_400)
_FAILED = ("failed", "aborted", "not_reached")
_CODES = {
    "failed": FindingCode.BACKUP_FAILED,
    "aborted": FindingCode.BACKUP_ABORTED,
    "not_reached": FindingCode.BACKUP_NOT_REACHED,
}


class Runs(Value, frozen=True):
    """`last_failure_at`: the newest failed attempt that tasks tell of; `last_duration_seconds`: of the newest finished backup."""

    last_failure_at: int | None
    last_duration_seconds: int | None
    judgement: Judgement


def judge_runs(evidence: Evidence) -> Runs:
    """Given the evidence on a guest, return what its latest attempts say, and what is not known because tasks were not read."""
    attempts = evidence.history.attempts.get(evidence.guest.vmid, ())
    failed = next((attempt for attempt in attempts if attempt.result in _FAILED), None)
    newest = evidence.newest_at
    doubts = [*_unseen(evidence), *_unread_log(evidence)]
    findings: list[Finding] = []
    for judgement in _judgements(evidence, attempts, doubts):
        findings.extend(judgement.findings)
        doubts.extend(judgement.doubts)
    lasted = next((attempt.duration_seconds for attempt in attempts if attempt.result == "ok"), None)
    known = attempts and newest is not None and attempts[0].result == "ok" and attempts[0].ended_at >= newest
    return Runs(
        failed.started_at if failed else None, lasted if known else None, Judgement(tuple(findings), tuple(doubts))
    )


def _unseen(evidence: Evidence) -> Iterator[Reason]:
    """Yield why runs of the guest's jobs may have happened, or failed to, that were not seen: tasks that were never read, or not since an
    event; a zone that does not tell when the events are.
    """
    history, node = evidence.history, evidence.guest.node
    if evidence.active and not evidence.zone_known:
        yield Reason.of(ReasonCode.ZONE_NOT_READ, node=node)
    if not history.was_read(node):
        yield Reason.of(ReasonCode.TASKS_NOT_READ, node=node)
    elif node not in history.fresh:
        due = due_after(evidence, evidence.active, history.read_at[node])
        if due is not None and due <= evidence.now:
            yield Reason.of(ReasonCode.TASKS_NOT_READ, node=node)


def _judgements(evidence: Evidence, attempts: tuple[Attempt, ...], doubts: Sequence[Reason]) -> Iterator[Judgement]:
    """Yield what the newest failure, missed runs and running tasks say; a log not read, or a backup not seen, may clear a failure."""
    if finding := _open_failure(evidence, attempts):
        yield NOTHING_FOUND if doubts else unless_unseen(evidence, finding)
    for missed in _missed(evidence) if evidence.zone_known else ():
        yield unless_unseen(evidence, missed)
    yield _of_running(evidence)
    yield _of_lock(evidence)
    config = evidence.config
    if config and config.parent_snapshot == "vzdump" and _idle_at(evidence, config.fetched_at):
        yield Judgement((Finding.of(FindingCode.LEFTOVER_SNAPSHOT, snapshot="vzdump"),))


def _unread_log(evidence: Evidence) -> Iterator[Reason]:
    """Yield that a failed task which may have held the guest, and that no backup has ended since, has a log that was not read: one of its
    node, or of its own wherever that ran.
    """
    if not evidence.history.unread_logs:
        return
    guest, since = evidence.guest, {target: evidence.newest_on(target) or 0 for target in evidence.promised}
    # one that may have written anywhere is ended where the oldest store is
    oldest = min(since.values(), default=evidence.newest_at or 0)
    for node, logs in evidence.history.unread_logs.items():
        own = (str(guest.vmid), "") if node == guest.node else (str(guest.vmid),)
        for log in logs:
            ended = oldest if log.target is None else since.get(log.target, evidence.newest_at or 0)
            if log.task.subject in own and (log.task.ended_at or 0) >= ended:
                yield Reason.of(ReasonCode.LOG_NOT_READ, node=node, at=log.task.started_at)
                return


def _open_failure(evidence: Evidence, attempts: tuple[Attempt, ...]) -> Finding | None:
    """Judge the newest failure that is not over, store by store: a backup elsewhere does not end that of a store that jobs write to."""
    judged: set[Target | None] = set()
    for attempt in attempts:
        target = attempt.target if attempt.target in evidence.promised else None
        if attempt.result not in _FAILED or target in judged:
            continue
        judged.add(target)
        if finding := _of_failure(evidence, attempts, attempt, target):
            return finding
    return None


def _of_failure(
    evidence: Evidence, attempts: tuple[Attempt, ...], failed: Attempt, target: Target | None
) -> Finding | None:
    """Judge a failed attempt: over when a newer backup exists in its place; with errors when its own snapshot is there all the same (E9).
    `target` None: in any place.
    """
    newest = evidence.newest_on(target)
    later = (attempt for attempt in attempts if attempt.started_at > failed.started_at)
    if any(attempt.result == "ok" and target in (None, attempt.target) for attempt in later):
        return None
    message = " ".join(failed.message.split())[:_MESSAGE_AT_MOST]
    code = _CODES[failed.result]
    if newest is not None and newest >= failed.started_at - SAME_START_SECONDS:
        if newest > failed.ended_at or not failed.has_part:
            return None
        code = FindingCode.BACKUP_WITH_ERRORS
    if code is FindingCode.BACKUP_ABORTED:
        return Finding.of(code, at=failed.started_at, node=failed.node, status=message)
    if code is FindingCode.BACKUP_NOT_REACHED:
        return Finding.of(code, at=failed.started_at, node=failed.node, job=failed.job, message=message)
    return Finding.of(code, at=failed.started_at, message=message, node=failed.node)


def _missed(evidence: Evidence) -> Iterator[Finding]:
    """Yield the jobs whose latest event passed without a task on the guest's node and without a backup where they write (B25)."""
    node = evidence.guest.node
    for job in evidence.active if evidence.newest_at is not None else ():
        event = _latest_event(job.schedule or "", evidence.zone, evidence.now - GRACE_SECONDS)
        if event is None or (evidence.newest_on(evidence.target_of(job)) or 0) >= event:
            continue
        if _was_there(evidence, job, event) and evidence.history.missed(job.id, node, event, evidence.now):
            yield Finding.of(FindingCode.MISSED_RUN, job.id, job=job.id, at=event, node=node)


def _was_there(evidence: Evidence, job: BackupJob, event: int) -> bool:
    """Say whether a job is known to have been there at its event, as it is now. No API tells: our own record does, and that it writes where
    the guest had a backup before.
    """
    known = evidence.before.jobs.get(job.id) if evidence.before else None
    if known is not None and known.since:
        if known.schedule != (job.schedule or "") or (known.edited and known.since > event):
            return False
        if known.since <= event:
            return True
    return any(job in holding.jobs and holding.versions for holding in evidence.holdings)


@lru_cache(maxsize=512)
def _latest_event(schedule: str, zone: tzinfo, before: int) -> int | None:
    """Return a schedule's latest event up to an instant, looked for in ever longer spans; None where the last span has none."""
    event = parse_schedule(schedule)
    for span in _SPANS_SECONDS if event else ():
        latest, at = None, event.next_after(before - span, zone) if event else None
        while event and at is not None and at <= before:
            latest, at = at, event.next_after(at, zone)
        if latest is not None:
            return latest
    return None


def _of_running(evidence: Evidence) -> Judgement:
    """Judge a backup that runs far longer than usual."""
    node, usual = evidence.guest.node, evidence.usual_seconds
    started = _running_since(evidence)
    lasts = evidence.now - started if started is not None else 0
    limit = max(STUCK_FACTOR * usual, STUCK_AT_LEAST_SECONDS) if usual else STUCK_WITHOUT_USUAL_SECONDS
    if usual is None and lasts > STUCK_AT_LEAST_SECONDS:
        return Judgement(doubts=limit_doubts(evidence))
    if started is None or lasts <= limit:
        return NOTHING_FOUND
    stuck = Finding.of(
        FindingCode.BACKUP_STUCK, started=started, node=node, usual_seconds=usual or 0, limit_seconds=limit
    )
    return Judgement((stuck,))


def _running_since(evidence: Evidence) -> int | None:
    """Return since when a task runs that the guest's backup waits for: one that may be another job's is not, where it was saved since."""
    running = evidence.history.running_since(evidence.guest, evidence.active)
    if running is None:
        return None
    started, certain = running
    return started if certain or (evidence.newest_at or 0) < started else None


def _of_lock(evidence: Evidence) -> Judgement:
    """Judge a lock that no backup accounts for which ran when it was read (A6); a doubt where that is not known."""
    if evidence.guest.lock != "backup":
        return NOTHING_FOUND
    node = evidence.guest.node
    ran = evidence.history.ran_at(node, evidence.guest_at)
    if ran is None or node not in evidence.history.fresh:
        return Judgement(doubts=(Reason.of(ReasonCode.TASKS_NOT_READ, node=node),))
    return NOTHING_FOUND if ran else Judgement((Finding.of(FindingCode.STALE_LOCK, lock="backup"),))


def _idle_at(evidence: Evidence, at: int) -> bool:
    """Say whether no backup ran on the guest's node at an instant: never, where its list of tasks does not reach so far."""
    history, node = evidence.history, evidence.guest.node
    return history.reach.get(node, at) <= at and history.ran_at(node, at) is False
