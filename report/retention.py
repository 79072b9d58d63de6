"""Whether a group holds the versions that schedule and policy would have left by now (rulebook E30–E37)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from report.model import RetentionState
from report.next_prune import NextPrune, next_prune
from report.occurrences import event_after, event_until
from report.pruning import options_of
from report.readings import Keep
from report.replay import Replay, is_replayable, replay
from report.streams import BackupRun, Plan, PruneJob, Stream

__all__ = ["BackupRun", "NextPrune", "PruneJob", "Retention", "RetentionState", "Stream", "expected", "next_prune"]

_EARLY_SECONDS = 30  # a clock may be that much behind: a snapshot this much before an event is the event's
_AGE_BLOCK = 32 * 86400
_MOST_AGE_BLOCKS = 13


@dataclass(frozen=True, slots=True)
class Retention:
    """The verdict on a stream. `nominal`: what the policy promises in the end (E31), None without bound; `expected`: what a replay leaves
    by now (E32), None where none is due or it cannot be told; `low`…`high`: the numbers that are right now, without tolerance.

    `actual`: finished, unprotected (E33). `missing` and `surplus`: the halves of `delta`, 0 while it is tolerated.
    `expected_since_guest`: for a young stream whose guest is older, what the schedule would have left since the guest is there; far
    above `expected` means that history was lost or the job is young.
    """

    state: RetentionState
    actual: int
    nominal: int | None = None
    expected: int | None = None
    low: int | None = None
    high: int | None = None
    delta: int | None = None
    missing: int = 0
    surplus: int = 0
    expected_since_guest: int | None = None


def expected(stream: Stream, now: int, *, grace: int = 3600, tolerance: int = 1) -> Retention:
    """Given a stream and now (epoch), compare what is there with what should be (E30–E37).

    Events less than `grace` seconds ago may be done or not: both numbers are right. `tolerance` is how far `actual` may be off; a prune
    job of a PBS allows everything between its prunes. Where jobs or policies changed, what was there then explains the number as well
    (E35).
    """
    own, nominal = _own(stream), _nominal(stream)
    if not stream.runs:
        return Retention(RetentionState.NOT_APPLICABLE, len(own), nominal)
    if nominal is None:
        return Retention(RetentionState.UNBOUNDED, len(own))
    plan, until = stream.plan, now - grace
    if not is_replayable(plan, own[0] if own else now, now):
        return Retention(RetentionState.UNKNOWN, len(own), nominal)
    start = _first_event(plan, own[0]) if own else now + 1
    protected = _protected_events(stream, plan, start)
    then, latest = (replay(plan, start, at, protected) for at in (until, now))
    right = [then.count, latest.count]
    if stream.running and then.before_last_run is not None:
        right.append(then.before_last_run)
    band = _between_prunes(plan, start, now, protected, then)
    extra = _extras(own, then, latest)
    verdict = _judged(stream, own, nominal, then.count, right, band, extra, tolerance)
    since = stream.policy_since
    if verdict.state in (RetentionState.SHORT, RetentionState.EXCESS) and since is not None and own[0] < since:
        seed = tuple(own[: bisect_left(own, since)])
        changed = [replay(plan, since, at, protected, seed).count for at in (until, now)]
        verdict = _judged(stream, own, nominal, changed[0], (*right, *changed), band, extra, tolerance)
    if verdict.state is RetentionState.YOUNG:
        return replace(verdict, expected_since_guest=_since_guest(stream, until))
    return verdict


def _own(stream: Stream) -> Sequence[int]:
    """Return the finished unprotected snapshots (E33)."""
    if not stream.protected and not stream.unfinished:
        return stream.times
    left_out = {*stream.protected, *stream.unfinished}
    return [time for position, time in enumerate(stream.times) if position not in left_out]


def _nominal(stream: Stream) -> int | None:
    """Return the sum of the keep options (E31). Of several policies in one stream the PVE jobs' largest and each prune job's bound it."""
    growing = [run for run in stream.runs if not run.protects]
    if stream.runs and not growing:
        return None  # every new version is protected for good (case 61)
    bounds = [_sum(job.keep) for job in stream.prune_jobs if job.prunes]
    pruning = [_sum(run.keep) for run in stream.runs if options_of(run.keep)]
    limits = [run.limit for run in growing if run.limit is not None]
    if pruning:
        bounds.append(max(pruning))
    elif limits and len(limits) == len(growing):
        bounds.append(max(limits))
    return min(bounds, default=None)


def _sum(keep: Keep) -> int:
    return sum(count for _, count in options_of(keep))


def _first_event(plan: Plan, oldest: int) -> int:
    """Return where a replay starts: at the event that made the oldest snapshot. The snapshot is later: guests take turns (B21)."""
    at = oldest + _EARLY_SECONDS
    before = (event_until(run.event, run.zone, at) for run in plan.runs)
    return max((event for event in before if event is not None), default=oldest)


def _protected_events(stream: Stream, plan: Plan, start: int) -> frozenset[int]:
    """Return the events whose replayed snapshot stands for a really protected one: the nearest to each (E32)."""
    found = set()
    for time in (stream.times[position] for position in stream.protected):
        near = [
            event
            for run in plan.runs
            for event in (event_until(run.event, run.zone, time), event_after(run.event, run.zone, time))
            if event is not None
        ]
        nearest = min(near, key=lambda event: abs(event - time), default=None)
        if nearest is not None and nearest >= start:
            found.add(nearest)
    return frozenset(found)


def _between_prunes(plan: Plan, start: int, now: int, protected: frozenset[int], then: Replay) -> tuple[int, ...]:
    """Return the lowest and highest number between two prunes of a PBS; none while its jobs have nothing to remove yet (E32)."""
    if then.low is None or then.high is None:
        return ()
    due = (event_after(job.event, job.zone, now) for job in plan.prune_jobs if job.prunes)
    following = min((event for event in due if event is not None), default=None)
    if following is None or not is_replayable(plan, start, following):
        return then.low, then.high
    return then.low, max(then.high, replay(plan, start, following - 1, protected).count)


def _extras(own: Sequence[int], then: Replay, latest: Replay) -> int:
    """Return how many snapshots since the last prune no job made: the next prune deals with them (E35)."""
    if then.pruned_at is None:
        return 0
    return max(len(own) - bisect_left(own, then.pruned_at) - latest.since(then.pruned_at), 0)


def _judged(
    stream: Stream,
    own: Sequence[int],
    nominal: int,
    count: int,
    right: Sequence[int],
    band: Sequence[int],
    extra: int,
    tolerance: int,
) -> Retention:
    """Given the numbers that are right by now and the band that a PBS allows, name the state (E34)."""
    actual, delta = len(own), len(own) - count
    low, high = min((*right, *band)), max((*right, *band)) + extra
    state = RetentionState.OK
    if actual < min(low, min(right) - tolerance):
        state = RetentionState.SHORT
    elif actual > max(high, max(right) + extra + tolerance):
        state = RetentionState.EXCESS
    elif count < nominal and low <= actual <= high and _is_one_policy(stream):
        state = RetentionState.YOUNG
    return Retention(
        state,
        actual,
        nominal,
        count,
        low,
        high,
        delta,
        missing=-delta if state is RetentionState.SHORT else 0,
        surplus=delta if state is RetentionState.EXCESS else 0,
    )


def _is_one_policy(stream: Stream) -> bool:
    """Say whether all that prunes goes by one policy; several may never let the number grow to any one's sum (E11)."""
    keeps: Iterable[Keep] = (*(run.keep for run in stream.runs), *(job.keep for job in stream.prune_jobs if job.prunes))
    return len({options for keep in keeps if (options := options_of(keep))}) <= 1


def _since_guest(stream: Stream, until: int) -> int | None:
    """Return what would be there if the jobs had run since the guest exists, to 32 days and for the last 13 of those at most (E32)."""
    if stream.guest_since is None or stream.guest_since >= until:
        return None
    plan, start = stream.plan, stream.guest_since
    if until - start > 2 * _AGE_BLOCK:  # a coarse start is one that many guests share
        start = max(-(-start // _AGE_BLOCK), until // _AGE_BLOCK - _MOST_AGE_BLOCKS) * _AGE_BLOCK
    else:
        firsts = (event_after(run.event, run.zone, start - 1) for run in plan.runs)
        start = min((event for event in firsts if event is not None), default=start)
    if start > until or not is_replayable(plan, start, until):
        return None
    return replay(plan, start, until).count
