"""The events of a schedule between two instants, past ones too, each computed once (F7: the engine only knows the next one).

Time is cut into blocks; within a block each event is fed back in to find the next, as the schedulers do. A block is entered at a
second of the day at which nobody schedules anything, so that an open-ended step (F6) does not see its start value there.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from datetime import tzinfo
from functools import lru_cache

from report.schedules import CalendarEvent

_DAY_SECONDS = 86400
_LONG_BLOCK, _SHORT_BLOCK = 32 * _DAY_SECONDS, _DAY_SECONDS
_DENSE = 96  # events a day from which blocks are short
_FARTHEST_BACK = 1100 * _DAY_SECONDS
_ENTRY = 1  # a block begins at 00:00:01 UTC


def events_a_day(event: CalendarEvent) -> int:
    """Given an event, return how many times of day it names: no day has more events."""
    fields = event.fields
    return len(fields.hour.values) * len(fields.minute.values) * len(fields.second.values)


def events_between(event: CalendarEvent, zone: tzinfo, after: int, until: int) -> list[int]:
    """Given an event and its local zone, return its instants in (after, until], ascending."""
    found: list[int] = []
    length = _block_length(event)
    for number in range(_number(after, length), _number(until, length) + 1):
        events, _ = _block(event, zone, number, length)
        found += events[bisect_right(events, after) : bisect_right(events, until)]
    return found


def event_after(event: CalendarEvent, zone: tzinfo, instant: int) -> int | None:
    """Given an event and its local zone, return its first instant later than the given one; None if there is none."""
    length = _block_length(event)
    events, following = _block(event, zone, _number(instant, length), length)
    at = bisect_right(events, instant)
    if at < len(events):
        return events[at]
    if following is None:
        return None
    events, _ = _block(event, zone, _number(following, length), length)
    return events[0] if events else following


def event_until(event: CalendarEvent, zone: tzinfo, instant: int) -> int | None:
    """Given an event and its local zone, return its last instant at or before the given one; None if there is none in three years."""
    length = _block_length(event)
    number = _number(instant, length)
    for block in range(number, number - _FARTHEST_BACK // length, -1):
        events, _ = _block(event, zone, block, length)
        at = bisect_right(events, instant)
        if at:
            return events[at - 1]
    return None


def _block_length(event: CalendarEvent) -> int:
    return _SHORT_BLOCK if events_a_day(event) > _DENSE else _LONG_BLOCK


def _number(instant: int, length: int) -> int:
    return (instant - _ENTRY) // length


@lru_cache(maxsize=1 << 14)
def _block(event: CalendarEvent, zone: tzinfo, number: int, length: int) -> tuple[Sequence[int], int | None]:
    """Return the events of a block, and the first one after it."""
    events = array("q")
    end = (number + 1) * length + _ENTRY
    following = event.next_after(number * length + _ENTRY - 1, zone)
    while following is not None and following < end:
        events.append(following)
        later = event.next_after(following, zone)
        following = later if later is None or later > following else None
    return events, following
