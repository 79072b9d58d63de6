"""What became of a guest's backups on each of the last 28 days: a cell a day, from what is there, what tasks tell and what is remembered.

A day that nothing tells of is GONE: that there is no backup of it any more proves nothing. MISSED is claimed only where task history shows
that one was due and that no task ran, of a guest that was backed up before, with every store read.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import partial

from report.attempts import Attempt
from report.evidence import Evidence, Holding
from report.facts import ClusterFacts
from report.history import STARTED_WITHIN_SECONDS, ClusterHistory
from report.jobs import parse_schedule
from report.model.guests import Coverage
from report.occurrences import events_between
from report.past import RememberedDays
from report.timeline import (
    BACKUP,
    FAILED,
    GONE,
    MISSED,
    NONE_EXPECTED,
    STRIP_DAYS,
    DayState,
    Window,
    aligned,
    states_of,
)

# how strongly something tells of a day: a task that gave none, one that did (or a memory of it), a version that is no good, one that is
_TRIED, _TOLD, _CORRUPT, _USABLE = 1, 2, 3, 4
_CELL = bytes((GONE, FAILED, BACKUP, FAILED, BACKUP))
_CELLS = _CELL.ljust(256, b"\0")
_REMEMBERED = bytes(_TOLD if code == BACKUP else 0 for code in range(256))
_IS_USABLE = bytes((_USABLE,))
_UNTOLD = bytes(STRIP_DAYS)
_ALL_NONE_EXPECTED = bytes((NONE_EXPECTED,)) * STRIP_DAYS


def strip(
    window: Window,
    usable: Sequence[Sequence[int]] = (),
    corrupt: Iterable[int] = (),
    attempts: Iterable[Attempt] = (),
    remembered: bytes = _UNTOLD,
    expected: bytes = _UNTOLD,
) -> bytes:
    """Given the days, the ascending times of usable versions by store and those of versions that failed verification, the attempts of task
    history (newest first), the days as they are remembered, and what would be expected of a day that nothing tells of, return the days
    as bytes.

    What is there goes before what tasks tell, this before what is remembered, and that before what is expected: schedules may have been
    other ones then.
    """
    told, starts = bytearray(remembered.translate(_REMEMBERED)), window.starts
    place = partial(bisect_right, starts)
    for times in usable:
        # most guests have one on each day: what else tells of days is asked from the first day without
        first = STRIP_DAYS - len(told.lstrip(_IS_USABLE))
        for number in set(map(place, times[bisect_left(times, starts[first]) :])):
            if 0 < number <= STRIP_DAYS:
                told[number - 1] = _USABLE
    first = STRIP_DAYS - len(told.lstrip(_IS_USABLE))
    for at in corrupt:
        if starts[first] <= at < starts[-1]:
            told[place(at) - 1] = max(told[place(at) - 1], _CORRUPT)
    for attempt in attempts:
        if attempt.started_at < starts[first]:
            break
        day = place(attempt.started_at) - 1
        if day < STRIP_DAYS:
            told[day] = max(told[day], _TOLD if attempt.result == "ok" else _TRIED)
    if all(told):
        return bytes(told.translate(_CELLS))
    return bytes(
        [_CELL[strength] or code or other for strength, code, other in zip(told, remembered, expected, strict=True)]
    )


@dataclass(slots=True)
class Strips:
    """The days of the guests of one cluster. What is the same for many guests is computed once."""

    window: Window
    facts: ClusterFacts
    history: ClusterHistory
    remembered: RememberedDays
    now: int
    _expected: dict[tuple[str, frozenset[str], tzinfo], bytes] = field(default_factory=dict)
    _states: dict[bytes, tuple[DayState, ...]] = field(default_factory=dict)

    def of(self, evidence: Evidence) -> tuple[DayState, ...]:
        """Given the evidence on a guest, return its days, oldest first, today last."""
        start = self.window.starts[0]
        attempts = self.history.attempts.get(evidence.guest.vmid, ())
        held = self.remembered.cells.get((evidence.pve, evidence.guest.vmid))
        remembered = _UNTOLD if held is None else aligned(held, self.remembered.first, self.window.first)
        created = evidence.config.created_at if evidence.config else None
        if created is not None and created > start:
            # days before are of a former guest with its id (D16)
            before = min(STRIP_DAYS, bisect_right(self.window.starts, created) - 1)
            remembered = _UNTOLD[:before] + remembered[before:]
            attempts = tuple(attempt for attempt in attempts if attempt.started_at >= created)
        usable = [_times(holding, start) for holding in evidence.holdings]
        corrupt = [at for holding in evidence.holdings for at in _corrupt(holding, start)]
        expected = self._expected_of(evidence, remembered)
        if MISSED in expected:
            expected = self._after_the_first(expected, evidence, usable, attempts, remembered)
        codes = strip(self.window, usable, corrupt, attempts, remembered, expected)
        if codes not in self._states:
            self._states[codes] = states_of(codes)
        return self._states[codes]

    def _expected_of(self, evidence: Evidence, remembered: bytes) -> bytes:
        """Return what a day is that nothing tells of: by the schedules of the active jobs and the tasks of the guest's node."""
        if evidence.coverage.coverage is Coverage.UNDECIDED:
            return _UNTOLD
        schedules = frozenset(job.schedule or "" for job in evidence.active)
        key = (evidence.guest.node, schedules, evidence.zone)
        if key not in self._expected:
            self._expected[key] = self._by_schedule(*key)
        expected = self._expected[key]
        created = evidence.config.created_at if evidence.config else None
        if created is None or created < self.window.starts[1]:
            return expected
        before = min(STRIP_DAYS, bisect_right(self.window.starts, created) - 1)
        return _ALL_NONE_EXPECTED[:before] + expected[before:]

    def _by_schedule(self, node: str, schedules: frozenset[str], zone: tzinfo) -> bytes:
        """Return each day as schedules and a node's tasks tell: none due; due, and certainly no task (B25); else not known."""
        starts, events = self.window.starts, list[int]()
        for schedule in schedules:
            event = parse_schedule(schedule)
            if event is None:
                return _UNTOLD
            events += events_between(event, zone, starts[0] - 1, min(self.now, starts[-1] - 1))
        cells = bytearray(_ALL_NONE_EXPECTED)
        reach, read_at = self.history.reach.get(node), self.history.read_at.get(node, 0)
        for at in sorted(events):
            day = bisect_right(starts, at) - 1
            known = reach is not None and at >= reach and at + STARTED_WITHIN_SECONDS <= read_at
            cells[day] = MISSED if known and cells[day] != GONE else GONE
        for begin, end in self._busy(node):
            first = bisect_right(starts, begin - STARTED_WITHIN_SECONDS) - 1
            for day in range(max(0, first), min(STRIP_DAYS, bisect_left(starts, end + 1))):
                if cells[day] == MISSED:
                    cells[day] = GONE
        return bytes(cells)

    def _busy(self, node: str) -> list[tuple[int, int]]:
        """Return when tasks ran on a node, from start to end: any of them may have been to save a guest of it."""
        reading = self.facts.tasks.get(node)
        tasks = (reading.value if reading else None) or ()
        return [(task.started_at, task.ended_at or self.now) for task in tasks if not task.subject.isdecimal()]

    def _after_the_first(
        self,
        expected: bytes,
        evidence: Evidence,
        usable: Sequence[Sequence[int]],
        attempts: Sequence[Attempt],
        remembered: bytes,
    ) -> bytes:
        """Return what is expected without days missed before the guest is known to have been backed up, or to have been tried: since when
        its jobs are there is not told; none at all while stores were not read, or a task of its own has a log that was not.
        """
        if evidence.unseen_of_any_age or self._own_unread(evidence):
            return expected.replace(bytes((MISSED,)), bytes((GONE,)))
        starts = self.window.starts
        oldest = [holding.at(holding.versions[0]) for holding in evidence.holdings if holding.versions]
        oldest += [attempts[-1].started_at] if attempts else []
        oldest += [starts[day] for day, code in enumerate(remembered) if code > NONE_EXPECTED][:1]
        first = bisect_right(starts, min(oldest)) - 1 if oldest else STRIP_DAYS
        before = max(0, min(STRIP_DAYS, first))
        return expected[:before].replace(bytes((MISSED,)), bytes((GONE,))) + expected[before:]

    def _own_unread(self, evidence: Evidence) -> bool:
        subject = str(evidence.guest.vmid)
        unread = (log.task for logs in self.history.unread_logs.values() for log in logs)
        running = (task for tasks in self.history.running.values() for task in tasks)
        return any(task.subject == subject for task in (*unread, *running))


def _times(holding: Holding, start: int) -> Sequence[int]:
    """Return the times of a holding's usable versions since `start`."""
    usable, times = holding.usable, holding.matched.group.snapshots.times
    if isinstance(usable, range):
        return times[bisect_left(times, start, usable.start, usable.stop) : usable.stop]
    return [times[place] for place in usable if times[place] >= start]


def _corrupt(holding: Holding, start: int) -> list[int]:
    """Return the times of a holding's versions since `start` that failed verification."""
    if len(holding.usable) == len(holding.versions):
        return []
    good = frozenset(holding.usable)
    return [at for place in holding.versions if place not in good and (at := holding.at(place)) >= start]
