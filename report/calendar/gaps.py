"""The longest distance between consecutive events of one or several schedules (F10), exact and cheap for any of them.

`*:*:*` has 34 million events a year, so events are not visited one by one. A stretch of time is a mask, one byte a second, 1 where
an event lies. A day's mask depends on nothing but the time at which the search enters it (00:00, or later after an overshoot, F6),
so there are few different ones. Where the zone's offset changes, the engine itself says how the search goes on (F8). The masks are
laid over days of UTC and joined; a day that looks like one seen before costs a look-up.

Only `report.schedules` is public; the `calendar_*` modules are its parts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo

from report.calendar.fields import NONE_LEFT, CalendarFields, Field
from report.calendar.search import DAY_SECONDS, next_event, next_matching_day, offset_at

HORIZON_SECONDS = 400 * DAY_SECONDS  # 13 months have 397 days at most
LONG_HORIZON_SECONDS = 1100 * DAY_SECONDS  # 3 years, for schedules that leave a month empty
_RARE_SECONDS = 32 * DAY_SECONDS  # a month of 31 days and a clock change are still usual
_MINUTE_SECONDS, _HOUR_SECONDS = 60, 3600
_LATEST = 253_000_000_000  # the years end at 9999

Slice = tuple[
    int, int, int, int
]  # number of a mask, the bytes from, to, and the second of the UTC day where they begin
Scheduled = tuple[CalendarFields, tzinfo]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """The events of a stretch of time: seconds of the first and last, and the longest distance between neighbours in it."""

    first: int
    last: int
    gap: int


def longest_gap(schedules: Sequence[Scheduled], start: int) -> int | None:
    """Given schedules with their zones, return the longest distance in seconds between neighbours among all events after `start`.

    The horizon is 400 days; 1,100 where some 32 days have no event. None if fewer than two events lie in it.
    """
    if not -_LATEST < start < _LATEST:
        return None
    gap, silence = _gap_and_silence(schedules, start, start + HORIZON_SECONDS)
    if silence > _RARE_SECONDS:
        gap, _ = _gap_and_silence(schedules, start, start + LONG_HORIZON_SECONDS)
    return gap


def _gap_and_silence(schedules: Sequence[Scheduled], start: int, end: int) -> tuple[int | None, int]:
    """Return the longest gap between events in (start, end], and the longest time without one, the edges included."""
    masks = _Masks()
    days: dict[int, list[Slice]] = defaultdict(list)
    for fields, zone in schedules:
        for base, mask in _day_masks(masks, fields, UTC if fields.utc else zone, start, end):
            _lay(days, base, mask, len(masks.all[mask]))
    stretches: dict[tuple[Slice, ...], _Stretch | None] = {}
    gap, silence, previous = 0, 0, start
    seen = False
    for day in sorted(days):
        slices = tuple(days[day])
        if slices not in stretches:
            stretches[slices] = _stretch(masks.all, slices)
        stretch = stretches[slices]
        if stretch is None:
            continue
        wait = day * DAY_SECONDS + stretch.first - previous
        silence = max(silence, wait)
        gap = max(gap, stretch.gap, wait if seen else 0)
        previous, seen = day * DAY_SECONDS + stretch.last, True
    return gap or None, max(silence, end - previous)


def _lay(days: dict[int, list[Slice]], base: int, mask: int, length: int) -> None:
    """Cut a mask that begins at the instant `base` into the two UTC days on which it lies."""
    day, offset = divmod(base, DAY_SECONDS)
    days[day].append((mask, 0, DAY_SECONDS - offset, offset))
    if length > DAY_SECONDS - offset:
        days[day + 1].append((mask, DAY_SECONDS - offset, DAY_SECONDS, 0))


def _stretch(masks: Sequence[bytes], slices: Sequence[Slice]) -> _Stretch | None:
    """Join a UTC day's slices and measure them; None where there is no event."""
    joined = 0
    for mask, first, last, at in slices:
        joined |= int.from_bytes(masks[mask][first:last], "little") << (8 * at)
    events = joined.to_bytes(DAY_SECONDS, "little")
    first = events.find(1)
    if first < 0:
        return None
    last = events.rfind(1)
    gap = max(map(len, events[first + 1 : last].split(b"\1"))) + 1 if last > first else 0
    return _Stretch(first, last, gap)


def _day_masks(masks: _Masks, fields: CalendarFields, zone: tzinfo, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the days on which the events in (start, end] lie: the instant of the day's 00:00, and the number of its mask."""
    clock = _Clock(fields, masks)
    changes = [*_changes(zone, start, end), end + 1]
    event = next_event(fields, start, zone)
    while event is not None and event <= end:
        until = next(change for change in changes if change > event)
        offset = offset_at(event, zone)
        day, entry = divmod(event + offset, DAY_SECONDS)
        last = event
        while True:
            base = day * DAY_SECONDS - offset
            mask, leave = clock.day(entry)
            mask = masks.cut(mask, until - base)
            found = masks.last_event(mask)
            if found >= 0:
                last = base + found
                yield base, mask
            following = next_matching_day(fields, day + 1)
            if following is None or following * DAY_SECONDS - offset >= until:
                break
            day, entry = following, leave if following == day + 1 else 0
        event = next_event(fields, last, zone) if until <= end else None


def _changes(zone: tzinfo, start: int, end: int) -> list[int]:
    """Return the instants in (start, end] at which the zone's offset changes; two changes within a day are not seen."""
    changes = []
    at, offset = start, offset_at(start, zone)
    while at < end and zone.utcoffset(None) is None:
        later = min(at + DAY_SECONDS, end)
        after = offset_at(later, zone)
        if after != offset:
            low, high = at, later
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset_at(middle, zone) == offset else (low, middle)
            changes.append(high)
        at, offset = later, after
    return changes


@dataclass(slots=True)
class _Masks:
    """All masks of one calculation, each known by its number; equal ones have one number."""

    all: list[bytes] = field(default_factory=list)
    _numbers: dict[bytes, int] = field(default_factory=dict)
    _cuts: dict[tuple[int, int], int] = field(default_factory=dict)
    _last: list[int] = field(default_factory=list)

    def number(self, mask: bytes) -> int:
        """Return the mask's number, a new one if it was not seen before."""
        if mask not in self._numbers:
            self._numbers[mask] = len(self.all)
            self.all.append(mask)
            self._last.append(mask.rfind(1))
        return self._numbers[mask]

    def cut(self, mask: int, length: int) -> int:
        """Return the number of the mask without what lies behind the length."""
        if length >= DAY_SECONDS:
            return mask
        if (mask, length) not in self._cuts:
            self._cuts[mask, length] = self.number(self.all[mask][:length])
        return self._cuts[mask, length]

    def last_event(self, mask: int) -> int:
        """Return the second of the mask's last event, -1 where there is none."""
        return self._last[mask]


@dataclass(slots=True)
class _Clock:
    """The masks of one schedule on a day of constant offset, by the time at which the search enters the day, hour or minute.

    Each method returns a mask and the time at which the search then enters the next day, hour or minute.
    """

    fields: CalendarFields
    masks: _Masks
    _days: dict[int, tuple[int, int]] = field(default_factory=dict)
    _hours: dict[int, tuple[bytes, int]] = field(default_factory=dict)
    _minutes: dict[int, tuple[bytes, int]] = field(default_factory=dict)

    def day(self, entry: int) -> tuple[int, int]:
        """Given the second of the day at which the search enters it, return the number of its mask, and the next entry."""
        if entry not in self._days:
            events = bytearray(DAY_SECONDS)
            at = entry
            while (at := self._moved(self.fields.hour, at, _HOUR_SECONDS, DAY_SECONDS)) < DAY_SECONDS:
                hour, rest = divmod(at, _HOUR_SECONDS)
                events[hour * _HOUR_SECONDS : (hour + 1) * _HOUR_SECONDS], leave = self._hour(rest)
                at = (hour + 1) * _HOUR_SECONDS + leave
            self._days[entry] = self.masks.number(bytes(events)), at - DAY_SECONDS
        return self._days[entry]

    def _hour(self, entry: int) -> tuple[bytes, int]:
        if entry not in self._hours:
            events = bytearray(_HOUR_SECONDS)
            at = entry
            while (at := self._moved(self.fields.minute, at, _MINUTE_SECONDS, _HOUR_SECONDS)) < _HOUR_SECONDS:
                minute, rest = divmod(at, _MINUTE_SECONDS)
                events[minute * _MINUTE_SECONDS : (minute + 1) * _MINUTE_SECONDS], leave = self._minute(rest)
                at = (minute + 1) * _MINUTE_SECONDS + leave
            self._hours[entry] = bytes(events), at - _HOUR_SECONDS
        return self._hours[entry]

    def _minute(self, entry: int) -> tuple[bytes, int]:
        if entry not in self._minutes:
            events = bytearray(_MINUTE_SECONDS)
            at = entry
            while (at := self._moved(self.fields.second, at, 1, _MINUTE_SECONDS)) < _MINUTE_SECONDS:
                events[at] = 1
                at += 1
            self._minutes[entry] = bytes(events), at - _MINUTE_SECONDS
        return self._minutes[entry]

    @staticmethod
    def _moved(part: Field, at: int, unit: int, end: int) -> int:
        """Given where the search is, return where the field moves it: the same place where it matches; `end` or more: the next round."""
        if at >= end:
            return at
        landed = part.landing[at // unit]
        if landed == at // unit:
            return at
        return end if landed == NONE_LEFT else landed * unit
