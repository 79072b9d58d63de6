"""Which groups' snapshots to read again, and by which calls: pure. `/groups` costs a PBS little, `/snapshots` opens every manifest.

Read are: groups never read, those whose row of the cheap listing changed, and, a few at every refresh, those that a verify or prune
task touched since they were read, and in a slow round all of them, so that verification results and protection flags are seen.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from exporter.collect.pbs_parse import ListedGroup
from report.backups import BackupGroup, PbsJob, PbsTask, SnapshotFlag

K = TypeVar("K")

Place = tuple[str, str]  # datastore, namespace
Key = tuple[str, str]  # backup type, backup id
Held = Mapping[Place, Mapping[Key, BackupGroup]]

# a namespace whose groups are all to be read is read by one call, up to so many snapshots: some 10 MB of answer
WHOLE_AT_MOST = 20_000
# groups touched by verification that are read at every refresh even where the spread would ask for fewer, so that small
# estates see results at once
VERIFIED_AT_LEAST = 20
BACKUP_TYPES = frozenset({"vm", "ct", "host"})


class Cause(StrEnum):
    """Why a group's snapshots are read."""

    FIRST = "first"
    CHANGED = "changed"
    TASK = "task"
    SLOW = "slow"


@dataclass(frozen=True, slots=True)
class ServerRhythm:
    """How often things are read, in seconds: the refresh itself; the slow round over all groups; and over how long re-reading is
    spread after verify and prune tasks (a prune shows in the row as well, so it has time).
    """

    refresh_seconds: int = 300
    slow_seconds: int = 86400
    verified_seconds: int = 3600
    pruned_seconds: int = 86400

    def share(self, groups: int, period: int) -> int:
        """Given a number of groups and the seconds in which all of them are to have their turn, return how many have it now."""
        return math.ceil(groups * self.refresh_seconds / period)


@dataclass(frozen=True, slots=True)
class Due:
    """A group to read, and why."""

    place: Place
    listed: ListedGroup
    cause: Cause


@dataclass(frozen=True, slots=True)
class Read:
    """One call of /snapshots: one group, or a whole namespace (`whole`) whose groups are all due."""

    place: Place
    due: tuple[Due, ...]
    whole: bool = False

    @property
    def expected(self) -> int:
        """How many rows the answer should have."""
        return sum(due.listed.count for due in self.due)


@dataclass(slots=True)
class Touched:
    """When tasks of one kind that may have changed snapshots last ended: by job or namespace reach, and by single group."""

    reaches: dict[tuple[str, str, int | None], int] = field(default_factory=dict)
    groups: dict[tuple[str, Key], int] = field(default_factory=dict)

    def latest(self, place: Place) -> int:
        """Given a place, return when the last task that reaches it ended, -1 if none did."""
        ends = (
            ended
            for (store, namespace, depth), ended in self.reaches.items()
            if PbsJob("", "", store, namespace, depth).reaches(*place)
        )
        return max(ends, default=-1)

    def group(self, store: str, key: Key) -> int:
        """Given a store and a group, return when the last task for just this group ended, -1 if none did."""
        return self.groups.get((store, key), -1)


def touched_by(tasks: Iterable[PbsTask], verify_jobs: Sequence[PbsJob], kind: str, ahead: int = 0) -> Touched:
    """Given tasks, the verify jobs, a kind (`verif` or `prune`), and how far the server's clock is ahead of ours (seconds), return
    what the ended tasks of that kind touched. Where a worker id says less than would be needed, more is taken as touched.
    """
    touched = Touched()
    jobs = {(job.datastore, job.id): job for job in verify_jobs}
    for task in tasks:
        if not task.worker_type.startswith(kind) or task.ended_at is None:
            continue
        ended = task.ended_at - ahead
        store, _, rest = task.worker_id.partition(":")
        if task.worker_type == "verificationjob":
            job = jobs.get((store, rest), PbsJob("verify", rest, store))
            _later(touched.reaches, (store, job.namespace, job.max_depth), ended)
            continue
        parts = [part for part in rest.replace(":", "/").split("/") if part]
        at = next((at for at, part in enumerate(parts[:-1]) if part in BACKUP_TYPES), None)
        if at is None:
            _later(touched.reaches, (store, _namespace(parts), None), ended)
        else:
            _later(touched.groups, (store, (parts[at], parts[at + 1])), ended)
    return touched


def _namespace(parts: Sequence[str]) -> str:
    """Return the namespace that a worker id names, `a/b` or as a path, `ns/a/ns/b`."""
    as_path = len(parts) >= 2 and all(part == "ns" for part in parts[::2])
    return "/".join(parts[1::2] if as_path else parts)


def _later(ends: dict[K, int], key: K, ended: int) -> None:
    ends[key] = max(ended, ends.get(key, -1))


def choose(
    listings: Mapping[Place, Sequence[ListedGroup]],
    held: Held,
    verified: Touched,
    pruned: Touched,
    rhythm: ServerRhythm,
    failed_at: Mapping[tuple[Place, Key], int],
) -> list[Due]:
    """Given the cheap listings, what is held, what tasks touched, the rhythm, and when groups last could not be read, return the groups
    to read now, each once, the most urgent first: never read, changed, then each round's share, the longest unread first.

    Groups without snapshots need no reading. One that could not be read takes its place in the queue as if it had been.
    """
    urgent: list[Due] = []
    calm: list[tuple[int, Due, BackupGroup]] = []
    groups = 0
    for place, listing in sorted(listings.items()):
        groups += len(listing)
        there = held.get(place, {})
        for listed in listing:
            if listed.count == 0:
                continue
            known = there.get(listed.key)
            cause = urgency(listed, known)
            if known is None or cause is not None:
                urgent.append(Due(place, listed, cause or Cause.FIRST))
            else:
                asked = max(known.read_at, failed_at.get((place, listed.key), 0))
                calm.append((asked, Due(place, listed, Cause.SLOW), known))
    # a stable sort: among equals the order of places and names
    urgent.sort(key=lambda due: (failed_at.get((due.place, due.listed.key), 0), due.cause is not Cause.FIRST))
    calm.sort(key=lambda each: each[0])
    return urgent + _shares(calm, groups, verified, pruned, rhythm)


def urgency(listed: ListedGroup, known: BackupGroup | None) -> Cause | None:
    """Given a row of the cheap listing and what is held of the group, return why it must be read now, None where it need not.

    A group that holds an unfinished snapshot, or another number of snapshots than its row says, always counts as changed.
    """
    if known is None or known.row_digest is None:
        return Cause.FIRST
    snapshots = known.snapshots
    changed = known.row_digest != listed.digest or len(snapshots) != listed.count or known.incomplete
    return Cause.CHANGED if changed or snapshots.count(SnapshotFlag.UNFINISHED) else None


def _shares(
    calm: Sequence[tuple[int, Due, BackupGroup]], groups: int, verified: Touched, pruned: Touched, rhythm: ServerRhythm
) -> list[Due]:
    """Take from the unchanged groups, the longest unread first, those that a round gives their turn."""
    places = {due.place for _, due, _ in calm}
    ends = {kind: {place: touched.latest(place) for place in places} for kind, touched in enumerate((verified, pruned))}
    left = [
        max(VERIFIED_AT_LEAST, rhythm.share(groups, rhythm.verified_seconds)),
        rhythm.share(groups, rhythm.pruned_seconds),
        rhythm.share(groups, rhythm.slow_seconds),
    ]
    chosen: list[Due] = []
    for _, due, known in calm:
        for kind, touched in enumerate((verified, pruned)):
            ended = max(ends[kind][due.place], touched.group(due.place[0], due.listed.key))
            if left[kind] and ended >= known.read_at:
                left[kind] -= 1
                chosen.append(Due(due.place, due.listed, Cause.TASK))
                break
        else:
            if left[2]:
                left[2] -= 1
                chosen.append(due)
    return chosen


def reads(
    due: Sequence[Due], listings: Mapping[Place, Sequence[ListedGroup]], piecemeal: Collection[Place] = ()
) -> list[Read]:
    """Given the groups to read, the cheap listings, and the namespaces that took too long as a whole, return the calls, in the order of
    the first group of each.

    A whole namespace is one call only where every group in it is due, so that no other's manifests are opened.
    """
    by_place: dict[Place, list[Due]] = {}
    for each in due:
        by_place.setdefault(each.place, []).append(each)
    whole = {
        place
        for place, there in by_place.items()
        if place not in piecemeal
        and len(there) == sum(1 for listed in listings[place] if listed.count)
        and sum(each.listed.count for each in there) <= WHOLE_AT_MOST
    }
    calls: dict[Place | tuple[Place, Key], Read] = {}
    for each in due:
        if each.place in whole:
            calls.setdefault(each.place, Read(each.place, tuple(by_place[each.place]), whole=True))
        else:
            calls[each.place, each.listed.key] = Read(each.place, (each,))
    return list(calls.values())
