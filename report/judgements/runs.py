"""What became of the latest attempts: failed, aborted, not reached, missed, stuck; what they left behind (rulebook section G)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from functools import lru_cache

from report.evidence import NOTHING_FOUND, Evidence, Judgement, unless_unseen
from report.findings import Finding, FindingCode
from report.history import Attempt, unread_log
from report.jobs import parse_schedule
from report.judgements.freshness import due_after, limit_doubts
from report.model import Reason, ReasonCode
from report.runs import GRACE_SECONDS

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


@dataclass(frozen=True, slots=True)
class Runs:
    """`last_failure_at`: the newest failed attempt that tasks tell of; `last_duration_seconds`: of the newest finished backup."""

    last_failure_at: int | None
    last_duration_seconds: int | None
    judgement: Judgement


def judge_runs(evidence: Evidence) -> Runs:
    """Given the evidence on a guest, return what its latest attempts say, and what is not known because tasks were not read."""
    attempts = evidence.history.attempts.get(evidence.guest.vmid, ())
    failed = next((attempt for attempt in attempts if attempt.result in _FAILED), None)
    newest = evidence.newest_at
    log = unread_log(evidence.history, evidence.guest, newest or 0)
    doubts = [*_unseen(evidence), *((log,) if log else ())]
    findings: list[Finding] = []
    for judgement in _judgements(evidence, attempts, failed, doubts):
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


def _judgements(
    evidence: Evidence, attempts: tuple[Attempt, ...], failed: Attempt | None, doubts: Sequence[Reason]
) -> Iterator[Judgement]:
    """Yield what the newest failure, missed runs and running tasks say; a log not read, or a backup not seen, may clear a failure."""
    if failed is not None and (finding := _of_failure(evidence, attempts, failed)):
        yield NOTHING_FOUND if doubts else unless_unseen(evidence, finding)
    for missed in _missed(evidence) if evidence.zone_known else ():
        yield unless_unseen(evidence, missed)
    yield _of_running(evidence)
    if evidence.config and evidence.config.parent_snapshot == "vzdump" and not _anything_runs(evidence):
        yield Judgement((Finding.of(FindingCode.LEFTOVER_SNAPSHOT, snapshot="vzdump"),))


def _of_failure(evidence: Evidence, attempts: tuple[Attempt, ...], failed: Attempt) -> Finding | None:
    """Judge the newest failed attempt: over when a newer backup exists; with errors when its own snapshot is there all the same (E9)."""
    newest = evidence.newest_at
    if any(attempt.result == "ok" and attempt.started_at > failed.started_at for attempt in attempts):
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
    """Yield the jobs whose latest event passed without a task on the guest's node and without a backup (B25). No API tells since when a
    job is there: only one that writes where the guest had a backup before is known to have been.
    """
    node, newest = evidence.guest.node, evidence.newest_at
    for job in evidence.active if newest is not None else ():
        event = _latest_event(job.schedule or "", evidence.zone, evidence.now - GRACE_SECONDS)
        if event is None or newest is None or newest >= event:
            continue
        before = any(job in holding.jobs and holding.versions for holding in evidence.holdings)
        if before and evidence.history.missed(node, event, evidence.now):
            yield Finding.of(FindingCode.MISSED_RUN, job.id, job=job.id, at=event, node=node)


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
    """Judge a backup that runs far longer than usual, and a lock that no running task accounts for (A6)."""
    findings: list[Finding] = []
    node, usual = evidence.guest.node, evidence.usual_seconds
    started = evidence.history.running_since(evidence.guest, evidence.active)
    lasts = evidence.now - started if started is not None else 0
    limit = max(STUCK_FACTOR * usual, STUCK_AT_LEAST_SECONDS) if usual else STUCK_WITHOUT_USUAL_SECONDS
    if usual is None and lasts > STUCK_AT_LEAST_SECONDS:
        return Judgement(doubts=limit_doubts(evidence))
    if started is not None and lasts > limit:
        findings.append(
            Finding.of(
                FindingCode.BACKUP_STUCK, started=started, node=node, usual_seconds=usual or 0, limit_seconds=limit
            )
        )
    if evidence.guest.lock == "backup" and not _anything_runs(evidence):
        findings.append(Finding.of(FindingCode.STALE_LOCK, lock="backup"))
    return Judgement(tuple(findings))


def _anything_runs(evidence: Evidence) -> bool:
    """Say whether a backup may be running on the guest's node; where its tasks were not read, it may."""
    node = evidence.guest.node
    return not evidence.history.was_read(node) or bool(evidence.history.running.get(node))
