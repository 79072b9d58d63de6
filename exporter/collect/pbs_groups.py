"""The backup groups of one PBS: the cheap listing of every namespace, then the snapshots of the groups that are due."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from exporter.collect.pbs_calls import PbsCalls
from exporter.collect.pbs_listing import (
    Cause,
    Due,
    Key,
    Place,
    Read,
    ServerRhythm,
    Touched,
    choose,
    reads,
)
from exporter.collect.pbs_parse import GroupListing, ListedGroup
from exporter.collect.pbs_snapshots import GroupContent
from exporter.collect.steps import NO_ANSWER, STALE_AFTER_PERIODS, Doubt, Steps, kept
from exporter.errors import FailureReason, SourceError
from report.backups import BackupGroup, GroupsByNamespace, SnapshotFlag
from report.readings import Failure, Reading

# answers of more rows than this are taken in one at a time, so that few large ones are in memory at once
LARGE_ROWS = 5_000
# calls handed to the pool at a time
_BATCH = 256
# a group that is too slow must not keep the others from being read
_ASK_NO_MORE = NO_ANSWER - {FailureReason.TIMEOUT, FailureReason.RESET}
_NOTHING = GroupContent()

Group = tuple[Place, Key]


@dataclass(slots=True)
class _Outcome:
    """What the calls of /snapshots told: contents by group (and whether fewer rows came than the group has), or why not."""

    contents: dict[Group, tuple[GroupContent, bool]] = field(default_factory=dict)
    failures: dict[Group, Failure] = field(default_factory=dict)
    opened: dict[Cause, int] = field(default_factory=lambda: dict.fromkeys(Cause, 0))

    def take(self, other: _Outcome) -> None:
        """Add what another call told."""
        self.contents |= other.contents
        self.failures |= other.failures
        for cause, count in other.opened.items():
            self.opened[cause] += count


@dataclass(slots=True)
class GroupReader:
    """Reads the groups of one PBS again and again. `manifests_opened` is how many the server had to open for it, by cause:
    in the last refresh; `manifests_opened_ever`: since the start.
    """

    server: str
    rhythm: ServerRhythm
    manifests_opened: dict[Cause, int] = field(default_factory=lambda: dict.fromkeys(Cause, 0))
    manifests_opened_ever: dict[Cause, int] = field(default_factory=lambda: dict.fromkeys(Cause, 0))
    _failed_at: dict[Group, int] = field(default_factory=dict)

    def read(
        self,
        steps: Steps,
        calls: PbsCalls,
        places: Mapping[Place, Failure | None],
        doubt: Mapping[Place, Doubt],
        held: GroupsByNamespace,
        touched: tuple[Touched, Touched],
    ) -> dict[Place, Reading[tuple[BackupGroup, ...]]]:
        """Given the namespaces (and why one cannot be asked), doubts about what the token sees in them, what is held, and what verify
        and prune tasks touched, return the groups of each.
        """
        asked = [place for place, away in places.items() if away is None]
        never: Mapping[Place, Reading[GroupListing]] = {}
        listings = steps.many("groups", asked, never, lambda place: calls.groups(*place), doubt.__getitem__)
        known = {
            place: {(group.backup_type, group.backup_id): group for group in reading.value or ()}
            for place, reading in held.items()
        }
        rows = {place: reading.value.groups for place, reading in listings.items() if reading.value is not None}
        due = choose(rows, known, *touched, self.rhythm, self._failed_at)
        outcome = self._snapshots(steps, calls, reads(due, rows))
        self._remember(steps.now, outcome, rows)
        causes = {(each.place, each.listed.key): each.cause for each in due}
        readings: dict[Place, Reading[tuple[BackupGroup, ...]]] = {}
        for place, away in places.items():
            before = held.get(place, Reading())
            if away is not None:
                readings[place] = kept(before, away)
            elif place in rows:
                there = known.get(place, {})
                readings[place] = self._assembled(steps, place, listings[place], there, outcome, causes)
            else:
                readings[place] = replace(before, failure=listings[place].failure, max_age=steps.max_age)
        return readings

    def _remember(self, now: int, outcome: _Outcome, rows: Mapping[Place, Sequence[ListedGroup]]) -> None:
        self.manifests_opened = outcome.opened
        for cause, count in outcome.opened.items():
            self.manifests_opened_ever[cause] += count
        # those that were read, and those that are gone, have failed no longer
        still = {
            group: at for group, at in self._failed_at.items() if group not in outcome.contents and group[0] in rows
        }
        self._failed_at = {**still, **dict.fromkeys(outcome.failures, now)}

    # --- snapshots -----------------------------------------------------------------------------------------------

    def _snapshots(self, steps: Steps, calls: PbsCalls, wanted: Sequence[Read]) -> _Outcome:
        """Make the calls of /snapshots, side by side; after one without any answer the rest is not asked."""
        started = time.monotonic()
        outcome, one_at_a_time = _Outcome(), threading.Lock()
        stopped: list[Failure] = []

        def ask(read: Read) -> _Outcome:
            if stopped:
                return _failed(read, stopped[0])
            try:
                if read.expected > LARGE_ROWS:
                    with one_at_a_time:
                        return _answered(calls, read)
                return _answered(calls, read)
            except (SourceError, ValueError, OverflowError) as error:
                failure = steps.failure_of(error)
                if failure.code in _ASK_NO_MORE:
                    stopped.append(failure)
                return _failed(read, failure)

        for start in range(0, len(wanted), _BATCH):
            for told in steps.pool.map(ask, wanted[start : start + _BATCH]):
                outcome.take(told)
        failures: list[Reading[Any]] = [Reading(failure=failure) for failure in outcome.failures.values()]
        steps.note("snapshots", failures, started, len(outcome.contents))
        return outcome

    # --- groups --------------------------------------------------------------------------------------------------

    def _assembled(
        self,
        steps: Steps,
        place: Place,
        listing: Reading[GroupListing],
        held: Mapping[Key, BackupGroup],
        outcome: _Outcome,
        causes: Mapping[Group, Cause],
    ) -> Reading[tuple[BackupGroup, ...]]:
        """Make the groups of a namespace out of its listing, what was read, and what is held. Those no longer listed are gone, unless
        the listing had rows that could not be read.
        """
        told = listing.value or GroupListing(())
        groups = {
            row.key: self._group(steps.now, place, row, held.get(row.key), outcome, causes.get((place, row.key)))
            for row in told.groups
        }
        failures = [outcome.failures[place, key] for key in groups if (place, key) in outcome.failures]
        failure = listing.failure
        if told.unread:
            groups = {**held, **groups}
            message = f"{told.unread} rows of the groups of {'/'.join(filter(None, place))} make no sense"
            failure = failure or Failure(FailureReason.MALFORMED, "/admin/datastore/{store}/groups", message)
        if failures and failure is None:
            more = f" ({len(failures)} of {len(groups)} groups were not read)" if len(failures) > 1 else ""
            failure = replace(failures[0], message=failures[0].message + more)
        partial = listing.partial or bool(told.unread)
        return Reading(tuple(groups[key] for key in sorted(groups)), steps.now, steps.max_age, failure, partial)

    def _group(
        self,
        now: int,
        place: Place,
        row: ListedGroup,
        held: BackupGroup | None,
        outcome: _Outcome,
        cause: Cause | None,
    ) -> BackupGroup:
        key = (place, row.key)
        if key in outcome.contents or row.count == 0:
            content, incomplete = outcome.contents.get(key, (_NOTHING, False))
            return self._read_group(now, place, row, content, incomplete)
        if held is None:
            return replace(self._read_group(now, place, row, _NOTHING, True), row_digest=None)
        if key not in outcome.failures:
            return held
        # what changed and could not be read is not what is held; the rest may wait for its next turns
        too_old = now - held.read_at > STALE_AFTER_PERIODS * self.rhythm.slow_seconds
        return replace(held, incomplete=True) if cause is Cause.CHANGED or too_old else held

    def _read_group(
        self, now: int, place: Place, row: ListedGroup, content: GroupContent, incomplete: bool
    ) -> BackupGroup:
        return BackupGroup(
            server=self.server,
            datastore=place[0],
            namespace=place[1],
            backup_type=row.backup_type,
            backup_id=row.backup_id,
            snapshots=content.snapshots,
            read_at=now,
            owner=row.owner,
            comment=row.comment,
            row_count=row.count,
            row_last_backup=row.last_backup,
            incomplete=incomplete,
            newest_archives=content.newest_archives,
            row_digest=row.digest,
        )


def _answered(calls: PbsCalls, read: Read) -> _Outcome:
    """Make one call of /snapshots, and for every group with fewer rows than it should have, once more for that group alone."""
    outcome = _Outcome()
    answer = calls.snapshots(*read.place, None if read.whole else read.due[0].listed.key)
    for due in read.due:
        content = answer.groups.get(due.listed.key, _NOTHING)
        outcome.opened[due.cause] += _manifests(content)
        if len(content.snapshots) < due.listed.count:
            content = _again(calls, due, content, outcome)
        incomplete = len(content.snapshots) < due.listed.count
        outcome.contents[due.place, due.listed.key] = content, incomplete
    return outcome


def _again(calls: PbsCalls, due: Due, before: GroupContent, outcome: _Outcome) -> GroupContent:
    """Read a group once more; if that fails, what came first stands."""
    try:
        answer = calls.snapshots(*due.place, due.listed.key)
    except SourceError:
        return before
    content = answer.groups.get(due.listed.key, _NOTHING)
    outcome.opened[due.cause] += _manifests(content)
    return content


def _manifests(content: GroupContent) -> int:
    """An unfinished snapshot has none that could be opened."""
    return len(content.snapshots) - content.snapshots.count(SnapshotFlag.UNFINISHED)


def _failed(read: Read, failure: Failure) -> _Outcome:
    return _Outcome(failures={(due.place, due.listed.key): failure for due in read.due})
