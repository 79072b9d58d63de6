"""Finds the next event after an instant, step by step as the genuine engine does, overshoot of open steps included (F6–F8).

The search moves a wall clock: whole seconds of local time since 1970-01-01 00:00 local. Where a step lands in the skipped spring
hour, the clock shows what it would show then: an hour later.

Only `report.schedules` is public; the `calendar_*` modules are its parts.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache

from report.calendar.fields import NONE_LEFT, CalendarFields

DAY_SECONDS = 86400
_MOST_STEPS = 1000  # the genuine engine gives up then (F7)
_FIRST_ORDINAL = date(1970, 1, 1).toordinal()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _GaveUpError(Exception):
    """There is no later event, or none within the steps that the genuine engine allows itself."""


def next_event(fields: CalendarFields, epoch: int, zone: tzinfo) -> int | None:
    """Given an event's fields, an instant (epoch seconds) and the zone, return the first event strictly later, or None (F7).

    None, too, where the instant or the event lies outside the years 1 to 9999.
    """
    try:
        return _search(fields, epoch, zone)
    except (_GaveUpError, OverflowError, ValueError, OSError):
        return None


def wall_clock(epoch: int, zone: tzinfo) -> int:
    """Given an instant, return what the zone's wall clock shows then, in seconds since 1970-01-01 00:00 of that clock."""
    return epoch + offset_at(epoch, zone)


def offset_at(epoch: int, zone: tzinfo) -> int:
    """Given an instant, return the zone's distance from UTC then, in seconds."""
    if zone is UTC:
        return 0
    return _seconds((_EPOCH + timedelta(seconds=epoch)).astimezone(zone).utcoffset())


def landing_day(fields: CalendarFields, day: int, steps_left: int) -> tuple[int, int]:
    """Given a day (since 1970-01-01), return the first day from it on that the search accepts, and the steps left.

    Raise _GaveUpError where there is none.
    """
    ordinal = day + _FIRST_ORDINAL
    while steps_left >= 0:
        at = date.fromordinal(ordinal)
        moved = _later_date(fields, at)
        if moved == at:
            wait = fields.days_to_weekday[at.weekday()]
            if not wait:
                return ordinal - _FIRST_ORDINAL, steps_left
            ordinal += wait
        else:
            ordinal = moved.toordinal()
        steps_left -= 1
    raise _GaveUpError


def next_matching_day(fields: CalendarFields, day: int) -> int | None:
    """Given a day (since 1970-01-01), return the first day from it on that the search accepts, or None."""
    try:
        return landing_day(fields, day, _MOST_STEPS)[0]
    except (_GaveUpError, OverflowError, ValueError):
        return None


def _later_date(fields: CalendarFields, at: date) -> date:
    """Return the date itself where year, month and day match; else where the first field that does not match moves the search."""
    if fields.any_date:
        return at
    year = fields.year.land(at.year)
    if year != at.year:
        if year == NONE_LEFT:
            raise _GaveUpError
        return date(year, 1, 1)
    month = fields.month.landing[at.month]
    if month != at.month:
        return date(at.year + 1, 1, 1) if month == NONE_LEFT else _first_of(at.year, month)
    day = fields.day.landing[at.day]
    if day != at.day:
        return _first_of(at.year, at.month + 1) if day == NONE_LEFT else at + timedelta(days=day - at.day)
    return at


def _first_of(year: int, month: int) -> date:
    """Return the first of a month that may lie beyond the year's end."""
    return date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)


def _search(fields: CalendarFields, epoch: int, zone: tzinfo) -> int:
    zone = UTC if fields.utc else zone
    wall, steps_left, accepted = wall_clock(epoch + 1, zone), _MOST_STEPS, None
    while steps_left >= 0:
        day = wall // DAY_SECONDS
        if day != accepted:
            accepted, steps_left = landing_day(fields, day, steps_left)
            if accepted != day:
                wall = _shown(accepted * DAY_SECONDS, zone)
                continue
        moved = wall + _wait(fields, wall % DAY_SECONDS)
        if moved == wall:
            return _instant(wall, zone, epoch)
        wall = _shown(moved, zone)
        steps_left -= 1
    raise _GaveUpError


def _wait(fields: CalendarFields, time: int) -> int:
    """Given a time of day, return by how many seconds the first part of it that does not match moves the clock; 0 = it matches."""
    hour, rest = divmod(time, 3600)
    landed = fields.hour.landing[hour]
    if landed != hour:
        return (DAY_SECONDS if landed == NONE_LEFT else landed * 3600) - time
    minute, second = divmod(rest, 60)
    landed = fields.minute.landing[minute]
    if landed != minute:
        return (3600 if landed == NONE_LEFT else landed * 60) - rest
    landed = fields.second.landing[second]
    return 0 if landed == second else (60 if landed == NONE_LEFT else landed) - second


def _shown(wall: int, zone: tzinfo) -> int:
    """Given a wall clock that has been moved, return what it really shows: inside a skipped hour, that much later (F8)."""
    if zone is UTC:
        return wall
    before, after = _offsets(wall, zone)
    return wall + max(after - before, 0)


def _instant(wall: int, zone: tzinfo, epoch: int) -> int:
    """Given a wall clock, return its instant: of a repeated hour the first pass, unless that lies at or before `epoch` (M11)."""
    if zone is UTC:
        return wall
    before, after = _offsets(wall, zone)
    return wall - before if wall - before > epoch else wall - after


@lru_cache(maxsize=1 << 14)
def _offsets(wall: int, zone: tzinfo) -> tuple[int, int]:
    """Return the distances from UTC that a wall clock can have: those before and after a change, equal on all other days. Remembered, for
    searches from any time of a day come by the same full hours.
    """
    at = datetime(1970, 1, 1, tzinfo=zone) + timedelta(seconds=wall)
    before = zone.utcoffset(at)
    after = zone.utcoffset(at.replace(fold=1))
    return _seconds(before), _seconds(after)


def _seconds(offset: timedelta | None) -> int:
    return 0 if offset is None else offset.days * DAY_SECONDS + offset.seconds
