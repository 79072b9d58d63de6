"""What schedule and policies would have left by now: the past played through, backup by backup and prune by prune (E28, E30, E32, E37).

A replay is a step function of time, so it can be continued from where an earlier one ended. Results are remembered by plan and
start: guests that share job, policy and age share one replay, and a later refresh adds only what has happened since.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import tzinfo
from functools import lru_cache

from report.occurrences import event_after, events_a_day, events_between
from report.pruning import PERIOD_IDS, Options, kept_positions, options_of, wall_clocks
from report.streams import Actor, BackupRun, Plan, PruneJob

FOREVER = 1 << 62
_MOST_EVENTS = 50_000
_MOST_EVENTS_A_DAY = 1440  # PVE starts no job more often than once a minute (F9)
_DAY_SECONDS = 86400
_REMEMBERED_AT_ONCE = 4  # a refresh asks for now - grace, now, and the next prune

Row = tuple[int, ...]  # a replayed snapshot: its period id under each option, the instant itself first


@dataclass(frozen=True, slots=True)
class Replay:
    """What a plan would have left after its events up to `until`; the same holds before `next_event`.

    `rows` are the unprotected snapshots, ascending; `before_last_run` their number before the last backup (None: none yet), `pruned_at`
    the last prune. `low`, `high`: their numbers after and before the last prune by a PBS prune job that had enough to choose from.
    """

    until: int
    next_event: int
    rows: tuple[Row, ...] = ()
    before_last_run: int | None = None
    pruned_at: int | None = None
    low: int | None = None
    high: int | None = None

    @property
    def count(self) -> int:
        """Return how many unprotected snapshots there would be."""
        return len(self.rows)

    def since(self, instant: int) -> int:
        """Given an instant, return how many of them are not older."""
        return len(self.rows) - bisect_left(self.rows, (instant,))


def is_replayable(plan: Plan, start: int, until: int) -> bool:
    """Given a plan and a stretch of time, say whether it has few enough events to be played through."""
    return days_of(start, until) <= most_days(plan)


def days_of(start: int, until: int) -> int:
    """Given a stretch of time, return how many days it begins."""
    return max(until - start, 0) // _DAY_SECONDS + 1


def most_days(plan: Plan) -> int:
    """Given a plan, return how many of its days have few enough events to be played through."""
    a_day = [events_a_day(by.event) for by in plan.actors]
    if max(a_day, default=0) > _MOST_EVENTS_A_DAY:
        return 0
    return _MOST_EVENTS // max(sum(a_day), 1)


def replay(
    plan: Plan, start: int, until: int, protected: frozenset[int] = frozenset(), seed: tuple[int, ...] = ()
) -> Replay:
    """Given a plan, return what its events in [start, until] would have left (E32). Instants are epoch seconds.

    `protected` are the backup events whose snapshot was protected; it is left out, for it neither counts nor covers anything (E20).
    `seed` are the unprotected snapshots that were there before `start`, ascending.
    """
    if until < start:
        return _begun(plan, start, seed)
    memory = _memory(plan, start, protected, seed)
    for known in memory:
        if known.until <= until < known.next_event:
            return known
    earlier = [known for known in memory if known.until <= until]
    begun = max(earlier, key=lambda known: known.until) if earlier else _begun(plan, start, seed)
    found = continued(plan, begun, until, protected)
    memory[:] = [found, *memory[: _REMEMBERED_AT_ONCE - 1]]
    return found


def continued(plan: Plan, begun: Replay, until: int, protected: frozenset[int] = frozenset()) -> Replay:
    """Given a replay, return it as of a later instant."""
    course = _Course(plan, list(begun.rows), begun.before_last_run, begun.pruned_at, begun.low, begun.high)
    for instant, row, actor in _happenings(plan, begun.until, until):
        if isinstance(actor, BackupRun):
            course.back_up(instant, row, actor, instant in protected)
        else:
            course.prune_by_job(instant, actor)
    later = (event_after(by.event, by.zone, until) for by in plan.actors)
    next_event = min((event for event in later if event is not None), default=FOREVER)
    return Replay(
        until, next_event, tuple(course.rows), course.before_last_run, course.pruned_at, course.low, course.high
    )


@lru_cache(maxsize=1 << 15)
def _memory(plan: Plan, start: int, protected: frozenset[int], seed: tuple[int, ...]) -> list[Replay]:
    return []


def _begun(plan: Plan, start: int, seed: tuple[int, ...]) -> Replay:
    return Replay(start - 1, start, tuple(_rows(seed, plan.zone)))


def _rows(times: Collection[int], zone: tzinfo) -> Iterator[Row]:
    """Yield ascending instants as rows."""
    instants = list(times)
    walls = wall_clocks(instants, zone)
    return zip(*(ids(instants, walls) for ids in PERIOD_IDS), strict=True)


def _happenings(plan: Plan, after: int, until: int) -> Iterator[tuple[int, Row, Actor]]:
    """Yield (instant, row, who) of all events in (after, until]. A prune job comes before a backup that starts at the same time."""
    actors = plan.actors
    events = [
        (instant, number)
        for number, actor in enumerate(actors)
        if isinstance(actor, BackupRun) or (actor.prunes and not actor.never_ran)
        for instant in events_between(actor.event, actor.zone, after, until)
    ]
    events.sort()
    rows = _rows([instant for instant, _ in events], plan.zone)
    for (instant, number), row in zip(events, rows, strict=True):
        yield instant, row, actors[number]


@dataclass(slots=True)
class _Course:
    """A replay under way."""

    plan: Plan
    rows: list[Row]
    before_last_run: int | None
    pruned_at: int | None
    low: int | None
    high: int | None

    def back_up(self, instant: int, row: Row, run: BackupRun, protected: bool) -> None:
        """Add a snapshot, then prune with the policy of the job that made it (E7, E37)."""
        self.before_last_run = len(self.rows)
        if run.limit is not None and len(self.rows) >= run.limit:
            return  # the backup fails, and a failed one is followed by no prune (E8)
        if not (run.protects or protected):
            if self.rows and self.rows[-1][0] >= instant:  # two jobs at one time take turns
                row = (self.rows[-1][0] + 1, *row[1:])
            self.rows.append(row)
        options = options_of(run.keep)
        if options:
            self._prune(options)
            self.pruned_at = instant

    def prune_by_job(self, instant: int, job: PruneJob) -> None:
        """Prune at a prune job's own time, and note how far that took the number down, if the job has all that it wants to keep."""
        before, options = len(self.rows), options_of(job.keep)
        self._prune(options)
        if len(self.rows) < before or before >= sum(count for _, count in options):
            together = self.pruned_at == instant and self.high is not None  # one of several jobs at one time (E28)
            self.high = self.high if together else before
            self.low = len(self.rows)
        self.pruned_at = instant

    def _prune(self, options: Options) -> None:
        columns = tuple(zip(*self.rows, strict=True))
        if not columns:
            return
        newest_first = range(len(self.rows) - 1, -1, -1)
        kept = kept_positions(newest_first, [(count, columns[at]) for at, count in options])
        if len(kept) < len(self.rows):
            kept.sort()
            self.rows = [self.rows[position] for position in kept]
