"""Whether a group holds the versions that schedule and policy would have left by now (rulebook E30–E37)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from report.model.groups import RetentionState
from report.next_prune import NextPrune, next_prune
from report.occurrences import event_after, event_until
from report.pruning import options_of
from report.readings import Keep
from report.replay import Replay, days_of, is_replayable, most_days, replay
from report.streams import BackupRun, Plan, PruneJob, Stream
from report.value import Value, changed

__all__ = ["BackupRun", "NextPrune", "PruneJob", "Retention", "RetentionState", "Stream", "expected", "next_prune"]

_EARLY_SECONDS = 30  # a clock may be that much behind: a snapshot this much before an event is the event's
_AGE_BLOCK = 32 * 86400
_MOST_AGE_BLOCKS = 13


class Retention(Value, frozen=True):
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
    """Given a stream and now (epoch), compare what is there with what should be (E30–E37), as a `Course` of its plan does."""
    return Course(stream.plan, now, grace, tolerance).judge(stream)


@dataclass(frozen=True, slots=True)
class _Played:
    """What a plan would have left since some instant: by now less the grace, by now, and the band that a PBS allows between its prunes."""

    then: Replay
    latest: Replay
    band: tuple[int, ...]


@dataclass(slots=True)
class Course:
    """A plan as of now (epoch), against which its groups are judged; what many of them share is computed once.

    Events less than `grace` seconds ago may be done or not: both numbers are right. `tolerance` is how far the number of versions may be
    off; a prune job of a PBS allows everything between its prunes. Where jobs or policies changed, what was there then explains the
    number as well (E35).
    """

    plan: Plan
    now: int
    grace: int = 3600
    tolerance: int = 1
    _nominal: int | None = field(init=False)
    _is_one_policy: bool = field(init=False)
    _most_days: int = field(init=False)
    _played: dict[tuple[int, frozenset[int]], _Played] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._nominal, self._is_one_policy = _nominal(self.plan), _is_one_policy(self.plan)
        self._most_days = most_days(self.plan)

    def judge(self, stream: Stream) -> Retention:
        """Given a stream of the plan, compare what is there with what should be."""
        plan, own, nominal = self.plan, _own(stream), self._nominal
        if not plan.runs:
            return Retention(RetentionState.NOT_APPLICABLE, len(own), nominal)
        if nominal is None:
            return Retention(RetentionState.UNBOUNDED, len(own))
        if days_of(own[0] if own else self.now, self.now) > self._most_days:
            return Retention(RetentionState.UNKNOWN, len(own), nominal)
        start = _first_event(plan, own[0]) if own else self.now + 1
        protected = _protected_events(stream, plan, start)
        played = self._play(start, protected)
        right = [played.then.count, played.latest.count]
        if stream.running and played.then.before_last_run is not None:
            right.append(played.then.before_last_run)
        found = _Found(own, nominal, right, played.band, _extras(own, played), self.tolerance)
        verdict = found.judged(played.then.count, self._is_one_policy)
        since = stream.policy_since
        if verdict.state in (RetentionState.SHORT, RetentionState.EXCESS) and since is not None and own[0] < since:
            seed = tuple(own[: bisect_left(own, since)])
            counts = [replay(plan, since, at, protected, seed).count for at in (self.now - self.grace, self.now)]
            verdict = changed(found, right=(*right, *counts)).judged(counts[0], self._is_one_policy)
        if verdict.state is RetentionState.YOUNG:
            return changed(verdict, expected_since_guest=_since_guest(stream, plan, self.now - self.grace))
        return verdict

    def _play(self, start: int, protected: frozenset[int]) -> _Played:
        """Play the plan through from an instant."""
        played = self._played.get((start, protected))
        if played is None:
            then, latest = (replay(self.plan, start, at, protected) for at in (self.now - self.grace, self.now))
            played = _Played(then, latest, _between_prunes(self.plan, start, self.now, protected, then))
            self._played[start, protected] = played
        return played


def _own(stream: Stream) -> Sequence[int]:
    """Return the finished unprotected snapshots (E33)."""
    if not stream.protected and not stream.unfinished:
        return stream.times
    left_out = {*stream.protected, *stream.unfinished}
    return [time for position, time in enumerate(stream.times) if position not in left_out]


def _nominal(plan: Plan) -> int | None:
    """Return the sum of the keep options (E31). Of several policies in one stream the PVE jobs' largest and each prune job's bound it."""
    growing = [run for run in plan.runs if not run.protects]
    if plan.runs and not growing:
        return None  # every new version is protected for good (case 61)
    bounds = [_sum(job.keep) for job in plan.prune_jobs if job.prunes]
    pruning = [_sum(run.keep) for run in plan.runs if options_of(run.keep)]
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


def _extras(own: Sequence[int], played: _Played) -> int:
    """Return how many snapshots since the last prune no job made: the next prune deals with them (E35)."""
    since = played.then.pruned_at
    if since is None:
        return 0
    return max(len(own) - bisect_left(own, since) - played.latest.since(since), 0)


class _Found(Value, frozen=True):
    """What is there beside the numbers that are `right` by now, the `band` that a PBS allows, and the `extra` that no job made."""

    own: Sequence[int]
    nominal: int
    right: Sequence[int]
    band: Sequence[int]
    extra: int
    tolerance: int

    def judged(self, count: int, is_one_policy: bool) -> Retention:
        """Given what a replay leaves by now, and whether one policy does, name the state (E34)."""
        actual, delta, right = len(self.own), len(self.own) - count, self.right
        low, high = min((*right, *self.band)), max((*right, *self.band)) + self.extra
        state = RetentionState.OK
        if actual < min(low, min(right) - self.tolerance):
            state = RetentionState.SHORT
        elif actual > max(high, max(right) + self.extra + self.tolerance):
            state = RetentionState.EXCESS
        elif count < self.nominal and low <= actual <= high and is_one_policy:
            state = RetentionState.YOUNG
        return Retention(
            state,
            actual,
            self.nominal,
            count,
            low,
            high,
            delta,
            missing=-delta if state is RetentionState.SHORT else 0,
            surplus=delta if state is RetentionState.EXCESS else 0,
        )


def _is_one_policy(plan: Plan) -> bool:
    """Say whether all that prunes goes by one policy; several may never let the number grow to any one's sum (E11)."""
    keeps: Iterable[Keep] = (*(run.keep for run in plan.runs), *(job.keep for job in plan.prune_jobs if job.prunes))
    return len({options for keep in keeps if (options := options_of(keep))}) <= 1


def _since_guest(stream: Stream, plan: Plan, until: int) -> int | None:
    """Return what would be there if the jobs had run since the guest exists, to 32 days and for the last 13 of those at most (E32)."""
    if stream.guest_since is None or stream.guest_since >= until:
        return None
    start = stream.guest_since
    if until - start > 2 * _AGE_BLOCK:  # a coarse start is one that many guests share
        start = max(-(-start // _AGE_BLOCK), until // _AGE_BLOCK - _MOST_AGE_BLOCKS) * _AGE_BLOCK
    else:
        firsts = (event_after(run.event, run.zone, start - 1) for run in plan.runs)
        start = min((event for event in firsts if event is not None), default=start)
    if start > until or not is_replayable(plan, start, until):
        return None
    return replay(plan, start, until).count
