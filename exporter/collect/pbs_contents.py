"""The calls of /snapshots of one refresh of a PBS, and what they told: side by side, until the deadline or the first without an answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from exporter.collect.pbs_calls import PbsCalls
from exporter.collect.pbs_listing import Cause, Due, Key, Place, Read
from exporter.collect.pbs_snapshots import GroupContent
from exporter.collect.steps import NO_ANSWER, Steps
from exporter.errors import FailureReason, SourceError
from report.backups import SnapshotFlag
from report.readings import Failure, Reading

# answers of more rows than this are taken in one at a time, so that few large ones are in memory at once
LARGE_ROWS = 5_000
# calls handed to the pool at a time
_BATCH = 256
# groups named in a message
_NAMED_AT_MOST = 3
# a namespace whose answer as a whole fails so is read group by group: what one refresh does not do the next goes on with
_TOO_MUCH = frozenset({FailureReason.TIMEOUT, FailureReason.RESET, FailureReason.DEADLINE, FailureReason.TOO_LARGE})
# a group that is too slow must not keep the others from being read
_ASK_NO_MORE = NO_ANSWER - {FailureReason.TIMEOUT, FailureReason.RESET}
NOTHING = GroupContent()

Group = tuple[Place, Key]


@dataclass(slots=True)
class Outcome:
    """What the calls told: contents by group (and whether some of it is missing), or why not; how many manifests the server had to open,
    by cause; and the namespaces that were too much for one call.
    """

    contents: dict[Group, tuple[GroupContent, bool]] = field(default_factory=dict)
    failures: dict[Group, Failure] = field(default_factory=dict)
    opened: dict[Cause, int] = field(default_factory=lambda: dict.fromkeys(Cause, 0))
    too_much: set[Place] = field(default_factory=set)

    def take(self, other: Outcome) -> None:
        """Add what another call told."""
        self.contents |= other.contents
        self.failures |= other.failures
        self.too_much |= other.too_much
        for cause, count in other.opened.items():
            self.opened[cause] += count

    def doubt(self, place: Place) -> Failure | None:
        """Given a namespace, say of which groups not every snapshot came, or came with a time that can be; None where all did."""
        groups = [key for (at, key), (_, incomplete) in self.contents.items() if at == place and incomplete]
        if not groups:
            return None
        named = ", ".join(f"{kind}/{identity}" for kind, identity in sorted(groups)[:_NAMED_AT_MOST])
        more = f" and {len(groups) - _NAMED_AT_MOST} more" if len(groups) > _NAMED_AT_MOST else ""
        message = (
            f"not every snapshot of {named}{more} in {'/'.join(filter(None, place))} makes sense: "
            "some did not come, or have times that cannot be"
        )
        return Failure(FailureReason.MALFORMED, "/admin/datastore/{store}/snapshots", message)


def read_contents(steps: Steps, calls: PbsCalls, wanted: Sequence[Read]) -> Outcome:
    """Given the calls to make, make them side by side and note them; after one without any answer the rest is not asked."""
    started = time.monotonic()
    outcome, asking = Outcome(), _Asking(steps, calls)
    for start in range(0, len(wanted), _BATCH):
        for told in steps.pool.map(asking.ask, wanted[start : start + _BATCH]):
            outcome.take(told)
    failures: list[Reading[Any]] = [Reading(failure=failure) for failure in outcome.failures.values()]
    failures += [Reading(failure=outcome.doubt(place)) for place in {read.place for read in wanted}]
    steps.note("snapshots", failures, started, len(outcome.contents))
    return outcome


@dataclass(slots=True)
class _Asking:
    """What the calls of one refresh share: the lock of large answers, and why nothing more is asked."""

    steps: Steps
    calls: PbsCalls
    one_at_a_time: threading.Lock = field(default_factory=threading.Lock)
    stopped: list[Failure] = field(default_factory=list)

    def ask(self, read: Read) -> Outcome:
        """Make one call, unless there is no use in it."""
        if read.expected <= LARGE_ROWS:
            return self._ask(read)
        with self.one_at_a_time:
            return self._ask(read)

    def _ask(self, read: Read) -> Outcome:
        if self.stopped:
            return _failed(read, self.stopped[0])
        in_time = not self.calls.deadline.passed
        try:
            return _answered(self.calls, read)
        except (SourceError, ValueError, OverflowError) as error:
            failure = self.steps.failure_of(error)
        if failure.code in _ASK_NO_MORE:
            self.stopped.append(failure)
        return _failed(read, failure, too_much=read.whole and in_time and failure.code in _TOO_MUCH)


def _answered(calls: PbsCalls, read: Read) -> Outcome:
    """Make one call, and for every group with fewer rows than it should have, once more for that group alone."""
    outcome = Outcome()
    answer = calls.snapshots(*read.place, None if read.whole else read.due[0].listed.key)
    for due in read.due:
        content = answer.groups.get(due.listed.key, NOTHING)
        outcome.opened[due.cause] += _manifests(content)
        if len(content.snapshots) + content.unread < due.listed.count:
            content = _again(calls, due, content, outcome)
        incomplete = bool(content.unread) or len(content.snapshots) < due.listed.count
        outcome.contents[due.place, due.listed.key] = content, incomplete
    return outcome


def _again(calls: PbsCalls, due: Due, before: GroupContent, outcome: Outcome) -> GroupContent:
    """Read a group once more; if that fails, what came first stands."""
    try:
        answer = calls.snapshots(*due.place, due.listed.key)
    except SourceError:
        return before
    content = answer.groups.get(due.listed.key, NOTHING)
    outcome.opened[due.cause] += _manifests(content)
    return content


def _manifests(content: GroupContent) -> int:
    """An unfinished snapshot has none that could be opened."""
    return len(content.snapshots) + content.unread - content.snapshots.count(SnapshotFlag.UNFINISHED)


def _failed(read: Read, failure: Failure, *, too_much: bool = False) -> Outcome:
    failures = {(due.place, due.listed.key): failure for due in read.due}
    return Outcome(failures=failures, too_much={read.place} if too_much else set())
