"""The backup groups of one PBS: the cheap listing of every namespace, then the snapshots of the groups that are due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from exporter.collect.pbs_calls import PbsCalls
from exporter.collect.pbs_contents import NOTHING, Group, Outcome, read_contents
from exporter.collect.pbs_listing import Cause, Key, Place, ServerRhythm, Touched, choose, reads
from exporter.collect.pbs_parse import GroupListing, ListedGroup
from exporter.collect.pbs_snapshots import GroupContent
from exporter.collect.steps import STALE_AFTER_PERIODS, Doubt, Steps, kept
from exporter.errors import FailureReason
from report.backups import BackupGroup, GroupsByNamespace
from report.readings import Failure, Reading

_NEVER: Reading[tuple[BackupGroup, ...]] = Reading()


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
    _piecemeal: set[Place] = field(default_factory=set)

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
        # the longest unread first: where the deadline cut a refresh short, the next one goes on
        asked = sorted(
            (place for place, away in places.items() if away is None),
            key=lambda place: held.get(place, _NEVER).fetched_at or 0,
        )
        never: Mapping[Place, Reading[GroupListing]] = {}
        listings = steps.many("groups", asked, never, lambda place: calls.groups(*place), doubt.__getitem__)
        known = {
            place: {(group.backup_type, group.backup_id): group for group in reading.value or ()}
            for place, reading in held.items()
        }
        rows = {place: reading.value.groups for place, reading in listings.items() if reading.value is not None}
        due = choose(rows, known, *touched, self.rhythm, self._failed_at)
        outcome = read_contents(steps, calls, reads(due, rows, self._piecemeal))
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

    def _remember(self, now: int, outcome: Outcome, rows: Mapping[Place, Sequence[ListedGroup]]) -> None:
        self.manifests_opened = outcome.opened
        for cause, count in outcome.opened.items():
            self.manifests_opened_ever[cause] += count
        # those that were read, and those that are gone, have failed no longer
        still = {
            group: at for group, at in self._failed_at.items() if group not in outcome.contents and group[0] in rows
        }
        self._failed_at = {**still, **dict.fromkeys(outcome.failures, now)}
        # until nothing of a namespace is left to read
        self._piecemeal = (self._piecemeal | outcome.too_much) & {place for place, _ in outcome.failures}

    def _assembled(
        self,
        steps: Steps,
        place: Place,
        listing: Reading[GroupListing],
        held: Mapping[Key, BackupGroup],
        outcome: Outcome,
        causes: Mapping[Group, Cause],
    ) -> Reading[tuple[BackupGroup, ...]]:
        """Make the groups of a namespace out of its listing, what was read, and what is held. Those no longer listed are gone, unless
        the listing had rows that could not be read.
        """
        told = listing.value if listing.value is not None else GroupListing(())
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
        failure = failure or outcome.doubt(place)
        partial = listing.partial or bool(told.unread)
        return Reading(tuple(groups[key] for key in sorted(groups)), steps.now, steps.max_age, failure, partial)

    def _group(
        self,
        now: int,
        place: Place,
        row: ListedGroup,
        held: BackupGroup | None,
        outcome: Outcome,
        cause: Cause | None,
    ) -> BackupGroup:
        key = (place, row.key)
        content, incomplete = outcome.contents.get(key, (NOTHING, False))
        unchanged = held is not None and not held.incomplete and held.row_digest == row.digest
        if held is not None and unchanged and incomplete:
            # fewer snapshots came than the row says: those that are held are as many
            return self._kept(now, held, None)
        if key in outcome.contents or row.count == 0:
            return self._read_group(now, place, row, content, incomplete)
        if held is None:
            return replace(self._read_group(now, place, row, NOTHING, True), row_digest=None)
        if key not in outcome.failures:
            return held
        return self._kept(now, held, None if unchanged else cause)

    def _kept(self, now: int, held: BackupGroup, cause: Cause | None) -> BackupGroup:
        """Return what is held of a group that could not be read: what changed is not what is held; the rest may wait for its next turns."""
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
            key_fingerprints=content.key_fingerprints,
            verified_elsewhere=content.verified_elsewhere,
            row_digest=row.digest,
        )
