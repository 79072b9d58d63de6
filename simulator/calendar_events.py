"""Calendar events as the genuine engine evaluates them (F1-F8), written apart from the product's own code.

`parse(text)` makes an `Event`; `following(event, last, zone)` gives the next time in epoch seconds after `last`, or
None. Local time follows the given zone: a local time that a clock change skips is not made up (F8).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice

DAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAY_NUMBERS = {name[:length]: number for number, name in enumerate(DAY_NAMES) for length in (3, len(name))}
LAST_YEAR = 2199
ROUNDS = 1000


class EventError(ValueError):
    """The text is no calendar event."""


@dataclass(frozen=True, slots=True)
class Step:
    """One item of a field: start, start..end, or start(..end)/every; `end` None with `every` is open-ended (F6)."""

    start: int
    end: int | None = None
    every: int = 0

    def holds(self, value: int) -> bool:
        if value < self.start or (self.end is not None and value > self.end):
            return False
        return value == self.start if not self.every else (value - self.start) % self.every == 0

    def above(self, value: int) -> int | None:
        """The smallest value of this item above `value`; an open-ended one knows no upper limit (F6, overshoot)."""
        if value < self.start:
            return self.start
        if not self.every:
            return None
        candidate = self.start + ((value - self.start) // self.every + 1) * self.every
        return candidate if self.end is None or candidate <= self.end else None


Field = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """A parsed calendar event; an empty field matches every value."""

    weekdays: frozenset[int] = frozenset()
    years: Field = ()
    months: Field = ()
    days: Field = ()
    hours: Field = ()
    minutes: Field = ()
    seconds: Field = ()
    utc: bool = False


def _date_event(months: str, days: str, weekdays: frozenset[int] = frozenset()) -> Event:
    return Event(
        weekdays=weekdays,
        months=_field(months, 1, 12),
        days=_field(days, 1, 31),
        hours=(Step(0),),
        minutes=(Step(0),),
        seconds=(Step(0),),
    )


def _field(text: str, lowest: int, highest: int) -> Field:
    """Given `*`, `*/STEP` or a comma list of items (F4), return the items; raise EventError outside lowest..highest."""
    if text == "*":
        return ()
    if text.startswith("*/"):
        return (Step(lowest, None, _number(text[2:], 0, highest)),)
    return tuple(_item(part, lowest, highest) for part in text.split(","))


def _item(text: str, lowest: int, highest: int) -> Step:
    range_text, slash, every_text = text.partition("/")
    every = _number(every_text, 0, highest) if slash else 0
    start_text, dots, end_text = range_text.partition("..")
    start = _number(start_text, lowest, highest)
    if not dots:
        return Step(start, None, every)
    end = _number(end_text, lowest, highest)
    if start > end:
        raise EventError(f"range '{text}' is empty")
    return Step(start, end, every or 1)


def _number(text: str, lowest: int, highest: int) -> int:
    if not re.fullmatch(r"[0-9]+", text) or not lowest <= int(text) <= highest:
        raise EventError(f"'{text}' is not a number from {lowest} to {highest}")
    return int(text)


def _weekdays(text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.lower().split(","):
        first, dots, last = part.partition("..")
        if first not in DAY_NUMBERS or (dots and last not in DAY_NUMBERS):
            raise EventError(f"unknown weekday '{part}'")
        start, end = DAY_NUMBERS[first], DAY_NUMBERS[last if dots else first]
        found.update((start + offset) % 7 for offset in range((end - start) % 7 + 1))
    return frozenset(found)


def _date(text: str) -> tuple[Field, Field, Field]:
    parts = text.split("-")
    if len(parts) == 2:
        parts.insert(0, "*")
    if len(parts) != 3:
        raise EventError(f"'{text}' is no date")
    return _field(parts[0], 1970, LAST_YEAR), _field(parts[1], 1, 12), _field(parts[2], 1, 31)


def _time(text: str) -> tuple[Field, Field, Field]:
    """`MINUTES`, `HOURS:MINUTES` or `HOURS:MINUTES:SECONDS`; where the hour is impossible, MINUTES:SECONDS (F6)."""
    parts = text.split(":")
    if len(parts) == 1:
        return (), _field(parts[0], 0, 59), (Step(0),)
    if len(parts) == 3:
        return _field(parts[0], 0, 23), _field(parts[1], 0, 59), _field(parts[2], 0, 59)
    if len(parts) != 2:
        raise EventError(f"'{text}' is no time")
    try:
        hours = _field(parts[0], 0, 23)
    except EventError:
        return (), _field(parts[0], 0, 59), _field(parts[1], 0, 59)
    return hours, _field(parts[1], 0, 59), (Step(0),)


KEYWORDS = {
    "minutely": Event(seconds=(Step(0),)),
    "hourly": Event(minutes=(Step(0),), seconds=(Step(0),)),
    "daily": _date_event("*", "*"),
    "weekly": _date_event("*", "*", frozenset({0})),
    "monthly": _date_event("*", "1"),
    "quarterly": _date_event("1,4,7,10", "1"),
    "semiannually": _date_event("1,7", "1"),
    "semi-annually": _date_event("1,7", "1"),
    "yearly": _date_event("1", "1"),
    "annually": _date_event("1", "1"),
}


def parse(text: str) -> Event:
    """Given a calendar event as written in a job (ends trimmed here, as PVE does), return it; raise EventError."""
    words = text.split()
    utc = bool(words) and words[-1] == "UTC"
    words = words[:-1] if utc else words
    if not words or len(words) > 3:
        raise EventError(f"'{text}' is no calendar event")
    if len(words) == 1 and words[0] in KEYWORDS:
        return replace(KEYWORDS[words[0]], utc=utc)
    weekdays: frozenset[int] = frozenset()
    if words[0][0].isalpha():
        weekdays = _weekdays(words.pop(0))
    years, months, days = _date(words.pop(0)) if words and "-" in words[0] else ((), (), ())
    hours, minutes, seconds = _time(words.pop(0)) if words else ((Step(0),), (Step(0),), (Step(0),))
    if words:
        raise EventError(f"'{text}': '{words[0]}' is too much")
    return Event(weekdays, years, months, days, hours, minutes, seconds, utc)


def _has(field: Field, value: int) -> bool:
    return not field or any(step.holds(value) for step in field)


def _above(field: Field, value: int) -> int | None:
    return min((found for step in field if (found := step.above(value)) is not None), default=None)


def _settle(local: datetime, zone: tzinfo) -> datetime:
    """A local time that a clock change skips moves on by the gap; any other stays."""
    return local.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None)


def _advance(event: Event, local: datetime) -> datetime | None:
    """The next local time to look at because `local` does not match, `local` itself if it does, None for never."""
    midnight = local.replace(hour=0, minute=0, second=0)
    if not _has(event.years, local.year):
        year = _above(event.years, local.year)
        return None if year is None or year > LAST_YEAR else midnight.replace(year=year, month=1, day=1)
    if not _has(event.months, local.month):
        month = _above(event.months, local.month) or 13
        year = local.year + (month - 1) // 12
        # no later month in this year: start over in January
        return midnight.replace(year=year, month=(month - 1) % 12 + 1, day=1)
    if not _has(event.days, local.day):
        day = _above(event.days, local.day)
        if day is None:
            return (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)
        return midnight + timedelta(days=day - local.day)
    if event.weekdays and local.weekday() not in event.weekdays:
        ahead = next((day for day in range(local.weekday() + 1, 7) if day in event.weekdays), 7)
        return midnight + timedelta(days=ahead - local.weekday())
    if not _has(event.hours, local.hour):
        hour = _above(event.hours, local.hour)
        return midnight + (timedelta(days=1) if hour is None else timedelta(hours=hour))
    hour_start = local.replace(minute=0, second=0)
    if not _has(event.minutes, local.minute):
        minute = _above(event.minutes, local.minute)
        return hour_start + (timedelta(hours=1) if minute is None else timedelta(minutes=minute))
    if not _has(event.seconds, local.second):
        second = _above(event.seconds, local.second)
        minute_start = local.replace(second=0)
        return minute_start + (timedelta(minutes=1) if second is None else timedelta(seconds=second))
    return local


def following(event: Event, last: int, zone: tzinfo) -> int | None:
    """Given an event, epoch seconds and a zone, return the event's first time after `last`, or None if there is none.

    In the repeated autumn hour the first pass is meant, unless that does not lie after `last` (M11).
    """
    where: tzinfo = UTC if event.utc else zone
    local = datetime.fromtimestamp(last + 1, where).replace(tzinfo=None)
    for _ in range(ROUNDS):
        moved = _advance(event, local)
        if moved is None:
            return None
        if moved == local:
            first = int(local.replace(tzinfo=where).timestamp())
            return first if first > last else int(local.replace(tzinfo=where, fold=1).timestamp())
        local = _settle(moved, where)
    return None


def times(event: Event, start: int, zone: tzinfo) -> Iterator[int]:
    """The event's times after `start`, each found from the one before (F7)."""
    found = following(event, start, zone)
    while found is not None:
        yield found
        found = following(event, found, zone)


def between(text: str, start: int, end: int, zone: tzinfo, limit: int = 100) -> list[int]:
    """Given a schedule's text, return at most `limit` times in (start, end]; none for a text that is no event."""
    try:
        event = parse(text)
    except EventError:
        return []
    found = []
    for instant in islice(times(event, start, zone), limit):
        if instant > end:
            break
        found.append(instant)
    return found
