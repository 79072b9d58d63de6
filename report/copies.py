"""When a group is pruned next, and how many snapshots that will take (rulebook E7, E28)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import NamedTuple

from report.occurrences import event_after, events_between
from report.pruning import REMOVE, marks, options_of
from report.readings import Keep
from report.replay import is_replayable
from report.streams import Actor, BackupRun, Plan, PruneJob, Stream


class NextPrune(NamedTuple):
    """When a group is pruned next (epoch), and how many snapshots that takes; None where too much happens until then to tell."""

    at: int
    removes: int | None


@dataclass(frozen=True, slots=True)
class DuePrune:
    """The next prune of the groups that share a plan: when (epoch), and by which jobs. `coming`: the backups until then, by time; None
    where they are too many to tell.
    """

    at: int
    zone: tzinfo
    jobs: tuple[PruneJob, ...]
    runs: tuple[BackupRun, ...]
    coming: tuple[tuple[int, BackupRun], ...] | None

    def of(self, stream: Stream) -> NextPrune:
        """Given one of the groups, return what the prune removes from it if all goes to plan.

        PVE prunes after the next backup (E7), with that backup counted; a prune job at its own time, with the backups made until then.
        """
        if self.coming is None:
            return NextPrune(self.at, None)
        held = _Held(list(stream.times), stream.protected, stream.unfinished)
        for event, run in self.coming:
            held.back_up(event, run)
        removes = sum(held.prune(job.keep, self.zone) for job in self.jobs)
        for run in self.runs:
            held.back_up(self.at, run)
            removes += held.prune(run.keep, self.zone)
        return NextPrune(self.at, removes)


def due_prune(plan: Plan, now: int) -> DuePrune | None:
    """Given a plan and now (epoch), return its next prune; None if nothing prunes."""
    pruners = [job for job in plan.prune_jobs if job.prunes]
    actors: tuple[Actor, ...] = (*pruners, *plan.runs)
    due = [(event_after(by.event, by.zone, now), by) for by in actors if options_of(by.keep)]
    at = min((instant for instant, _ in due if instant is not None), default=None)
    if at is None:
        return None
    acting = [by for instant, by in due if instant == at]
    return DuePrune(
        at,
        plan.zone,
        tuple(by for by in acting if isinstance(by, PruneJob)),
        tuple(by for by in acting if isinstance(by, BackupRun)),
        _backups_between(plan, now, at) if is_replayable(plan, now, at) else None,
    )


def _backups_between(plan: Plan, now: int, at: int) -> tuple[tuple[int, BackupRun], ...]:
    """Return the backups that are made after now and before an instant, in the order of time, then of the jobs."""
    events = (
        (event, number)
        for number, run in enumerate(plan.runs)
        for event in events_between(run.event, run.zone, now, at - 1)
    )
    return tuple((event, plan.runs[number]) for event, number in sorted(events))


def next_prune(stream: Stream, now: int) -> NextPrune | None:
    """Given a stream and now (epoch), return when it is pruned next and what that removes if all goes to plan; None if nothing prunes."""
    due = due_prune(stream.plan, now)
    return due.of(stream) if due else None


@dataclass(slots=True)
class _Held:
    """A group's snapshots as time goes on: times, and the positions of those that are protected or unfinished. `marks`: what the last
    prune said of them, if that is not done yet.
    """

    times: list[int]
    protected: Collection[int]
    unfinished: Collection[int]
    marks: Sequence[str] = ()

    def back_up(self, at: int, run: BackupRun) -> None:
        """Add a snapshot, unless the job's limit keeps it from making one (E8)."""
        self._settle()
        if run.limit is not None and len(self.times) - len({*self.protected, *self.unfinished}) >= run.limit:
            return
        if run.protects:
            self.protected = {*self.protected, len(self.times)}
        self.times.append(at)

    def prune(self, keep: Keep, zone: tzinfo) -> int:
        """Prune once, and return how many that removes."""
        self._settle()
        self.marks = marks(self.times, keep, zone, self.protected, self.unfinished)
        return self.marks.count(REMOVE)

    def _settle(self) -> None:
        """Take out what was pruned, and put the others in the order of their times."""
        if not (self.marks or self.protected or self.unfinished):
            self.times.sort()
            return
        left = (position for position in range(len(self.times)) if not self.marks or self.marks[position] != REMOVE)
        order = sorted(left, key=self._age)
        self.protected, self.unfinished = (
            {new for new, old in enumerate(order) if old in positions}
            for positions in (self.protected, self.unfinished)
        )
        self.times, self.marks = [self.times[position] for position in order], ()

    def _age(self, position: int) -> tuple[int, bool, bool]:
        return self.times[position], position in self.protected, position in self.unfinished
