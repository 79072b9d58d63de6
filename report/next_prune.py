"""When a group is pruned next, and how many snapshots that will take (rulebook E7, E28)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import NamedTuple

from report.occurrences import event_after, events_between
from report.pruning import REMOVE, marks, options_of
from report.readings import Keep
from report.replay import is_replayable
from report.streams import Actor, BackupRun, PruneJob, Stream

_Snapshot = tuple[int, bool, bool]  # time, protected, unfinished


class NextPrune(NamedTuple):
    """When a group is pruned next (epoch), and how many snapshots that takes; None where too much happens until then to tell."""

    at: int
    removes: int | None


def next_prune(stream: Stream, now: int) -> NextPrune | None:
    """Given a stream and now (epoch), return when it is pruned next and what that removes if all goes to plan; None if nothing prunes it.

    PVE prunes after the next backup (E7), with that backup counted; a prune job at its own time, with the backups made until then.
    """
    pruners = [job for job in stream.prune_jobs if job.prunes]
    actors: tuple[Actor, ...] = (*pruners, *stream.runs)
    due = [(event_after(by.event, by.zone, now), by) for by in actors if options_of(by.keep)]
    instants = [instant for instant, _ in due if instant is not None]
    if not instants:
        return None
    at = min(instants)
    if not is_replayable(stream.plan, now, at):
        return NextPrune(at, None)
    jobs = [by for instant, by in due if instant == at and isinstance(by, PruneJob)]
    runs = [by for instant, by in due if instant == at and isinstance(by, BackupRun)]
    snapshots = _snapshots_before(stream, now, at)
    removes = 0
    for job in jobs:
        snapshots, removed = _pruned(snapshots, job.keep, stream.zone)
        removes += removed
    for run in runs:
        if not _is_full(run, snapshots):
            snapshots.append((at, run.protects, False))
        snapshots, removed = _pruned(snapshots, run.keep, stream.zone)
        removes += removed
    return NextPrune(at, removes)


def _snapshots_before(stream: Stream, now: int, at: int) -> list[_Snapshot]:
    """Return the snapshots there will be just before the instant of a prune, ascending."""
    protected, unfinished = set(stream.protected), set(stream.unfinished)
    snapshots = [(time, position in protected, position in unfinished) for position, time in enumerate(stream.times)]
    coming = [
        (event, number)
        for number, run in enumerate(stream.runs)
        for event in events_between(run.event, run.zone, now, at - 1)
    ]
    for event, number in sorted(coming):
        run = stream.runs[number]
        if not _is_full(run, snapshots):
            snapshots.append((event, run.protects, False))
    return snapshots


def _is_full(run: BackupRun, snapshots: Sequence[_Snapshot]) -> bool:
    """Say whether a job's limit keeps it from making another backup (E8)."""
    return run.limit is not None and sum(1 for _, kept, open_ in snapshots if not (kept or open_)) >= run.limit


def _pruned(snapshots: list[_Snapshot], keep: Keep, zone: tzinfo) -> tuple[list[_Snapshot], int]:
    """Return what one prune leaves, and how many it removes."""
    ordered = sorted(snapshots)
    times = [time for time, _, _ in ordered]
    protected = [position for position, snapshot in enumerate(ordered) if snapshot[1]]
    unfinished = [position for position, snapshot in enumerate(ordered) if snapshot[2]]
    marked = marks(times, dict(keep), zone, protected, unfinished)
    left = [snapshot for snapshot, mark in zip(ordered, marked, strict=True) if mark != REMOVE]
    return left, len(ordered) - len(left)
