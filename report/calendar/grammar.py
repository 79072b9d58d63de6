"""Reads the text of a calendar event (F1–F6): what it accepts, rejects and silently misreads is what the genuine parser does.

Only `report.schedules` is public; the `calendar_*` modules are its parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from report.calendar.fields import (
    END_VALUE,
    FIRST_VALUE,
    CalendarFields,
    FieldName,
    Values,
    days_to_weekday,
    field_of,
)
from report.calendar.problems import ScheduleError, problem_of

_ZERO: tuple[Values, ...] = (Values(0, 0, 0),)
_FIRST: tuple[Values, ...] = (Values(1, 1, 0),)
_MIDNIGHT = {FieldName.HOUR: _ZERO, FieldName.MINUTE: _ZERO, FieldName.SECOND: _ZERO}
_HALVES = (*_FIRST, Values(7, 7, 0))
_QUARTERS = (*_FIRST, Values(4, 4, 0), Values(7, 7, 0), Values(10, 10, 0))
_YEARLY = {**_MIDNIGHT, FieldName.DAY: _FIRST, FieldName.MONTH: _FIRST}
_HALF_YEARLY = {**_MIDNIGHT, FieldName.DAY: _FIRST, FieldName.MONTH: _HALVES}
KEYWORDS: dict[str, dict[FieldName, tuple[Values, ...]]] = {
    "minutely": {FieldName.SECOND: _ZERO},
    "hourly": {FieldName.MINUTE: _ZERO, FieldName.SECOND: _ZERO},
    "daily": _MIDNIGHT,
    "weekly": _MIDNIGHT,
    "monthly": {**_MIDNIGHT, FieldName.DAY: _FIRST},
    "quarterly": {**_MIDNIGHT, FieldName.DAY: _FIRST, FieldName.MONTH: _QUARTERS},
    "semiannually": _HALF_YEARLY,
    "semi-annually": _HALF_YEARLY,
    "yearly": _YEARLY,
    "annually": _YEARLY,
}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEKDAYS = {name: number for number, day in enumerate(_DAYS) for name in (day, day[:3])}
_DIGITS = re.compile(r"[0-9]+")
_LETTERS = re.compile(r"[A-Za-z]+")
_BLANKS = re.compile(r"[ \t]*")

T = TypeVar("T")
Parser = Callable[[str, int], tuple[T, int]]  # text and position → value and the position behind it


class _MismatchError(Exception):
    """The text does not go on as the rule asks; a rule that is optional takes it back."""

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position


@dataclass(frozen=True, slots=True)
class _Time:
    hour: tuple[Values, ...]
    minute: tuple[Values, ...]
    second: tuple[Values, ...]
    hours_given: bool
    seconds_given: bool


def parse_fields(text: str) -> CalendarFields:
    """Given an event's text, return its fields; raise ScheduleError at the position where the genuine parser gives up."""
    utc = text.endswith("UTC")
    body = text[:-3].rstrip(" ") if utc else text
    keyword = KEYWORDS.get(body)
    if keyword is not None:
        weekdays = frozenset({0}) if body == "weekly" else frozenset[int]()
        return _fields(utc, weekdays, keyword, None, (True, True))
    try:
        return _event(body, utc)
    except _MismatchError as mismatch:
        raise ScheduleError(text, mismatch.position, problem_of(text, mismatch.position)) from None


def _event(body: str, utc: bool) -> CalendarFields:
    """Read `[WEEKDAYS] [DATE] [TIME]` up to the end of the body."""
    at = 0
    weekdays: frozenset[int] = frozenset()
    if _LETTERS.match(body):
        ranges, at = _list_of(_weekday_range, body, 0)
        weekdays = frozenset().union(*ranges)
        at = _blanks(body, at)
    parts: dict[FieldName, tuple[Values, ...]] = dict(_MIDNIGHT)
    date, at = _optional(_date, body, at)
    if date is not None:
        parts |= date
        at = _blanks(body, at)
    time_from = at
    time, at = _optional(_time, body, at)
    if time is not None:
        parts |= {FieldName.HOUR: time.hour, FieldName.MINUTE: time.minute, FieldName.SECOND: time.second}
    if at < len(body) or (not weekdays and date is None and time is None):
        raise _MismatchError(at)
    if time is None:
        return _fields(utc, weekdays, parts, None, (True, True))
    return _fields(utc, weekdays, parts, (time_from, at), (time.hours_given, time.seconds_given))


def _fields(
    utc: bool,
    weekdays: frozenset[int],
    parts: dict[FieldName, tuple[Values, ...]],
    time_at: tuple[int, int] | None,
    given: tuple[bool, bool],
) -> CalendarFields:
    year, month, day, hour, minute, second = (field_of(name, parts.get(name, ())) for name in FieldName)
    steps = days_to_weekday(weekdays)
    return CalendarFields(utc, weekdays, year, month, day, hour, minute, second, time_at, *given, steps)


def _blanks(text: str, at: int) -> int:
    match = _BLANKS.match(text, at)
    return match.end() if match else at


def _optional(parser: Parser[T], text: str, at: int) -> tuple[T | None, int]:
    try:
        return parser(text, at)
    except _MismatchError:
        return None, at


def _symbol(text: str, at: int, symbol: str) -> int:
    """Return the position behind the symbol, which must stand here."""
    if not text.startswith(symbol, at):
        raise _MismatchError(at)
    return at + len(symbol)


def _list_of(parser: Parser[T], text: str, at: int) -> tuple[list[T], int]:
    """Read one or more entries between commas; a comma that no entry follows is left standing."""
    entry, at = parser(text, at)
    entries = [entry]
    while text.startswith(",", at):
        try:
            entry, at = parser(text, at + 1)
        except _MismatchError:
            break
        entries.append(entry)
    return entries, at


def _weekday(text: str, at: int) -> tuple[int, int]:
    match = _LETTERS.match(text, at)
    if match is None or match[0].lower() not in _WEEKDAYS:
        raise _MismatchError(at)
    return _WEEKDAYS[match[0].lower()], match.end()


def _weekday_range(text: str, at: int) -> tuple[frozenset[int], int]:
    """Read `mon` or `fri..mon`; a range may wrap around the week's end (F3)."""
    first, at = _weekday(text, at)
    last = first
    if text.startswith("..", at):
        end, at = _optional(_weekday, text, at + 2)
        if end is None:
            return frozenset({first}), at - 2
        last = end
    return frozenset((first + offset) % 7 for offset in range((last - first) % 7 + 1)), at


def _number(name: FieldName) -> Parser[int]:
    def read(text: str, at: int) -> tuple[int, int]:
        match = _DIGITS.match(text, at)
        if match is None:
            raise _MismatchError(at)
        digits = match[0].lstrip("0") or "0"
        if len(digits) > 4 or int(digits) >= END_VALUE[name]:
            raise _MismatchError(match.end())
        return int(digits), match.end()

    return read


def _entry(name: FieldName) -> Parser[Values]:
    """Read `N`, `A..B`, `N/STEP` or `A..B/STEP` (F4)."""
    number = _number(name)

    def read(text: str, at: int) -> tuple[Values, int]:
        first, at = number(text, at)
        last: int | None = None
        if text.startswith("..", at):
            last, behind = _optional(number, text, at + 2)
            at = at if last is None else behind
            if last is not None and first > last:
                raise _MismatchError(at)
        if text.startswith("/", at):
            step, at = number(text, at + 1)
            return Values(first, last if step else first, step), at
        return Values(first, first if last is None else last, 0 if last is None else 1), at

    return read


def _entries(name: FieldName) -> Parser[tuple[Values, ...]]:
    """Read `*` (no entries: any value), `*/STEP` or a list of entries."""
    number, entry, first = _number(name), _entry(name), FIRST_VALUE.get(name, 0)

    def read(text: str, at: int) -> tuple[tuple[Values, ...], int]:
        if not text.startswith("*", at):
            entries, at = _list_of(entry, text, at)
            return tuple(entries), at
        if text.startswith("/", at + 1):
            step, behind = number(text, at + 2)
            if step:
                return (Values(first, None, step),), behind
        return (), at + 1

    return read


_READ = {name: _entries(name) for name in FieldName}


def _hours_and_colon(text: str, at: int) -> tuple[tuple[Values, ...], int]:
    hours, at = _READ[FieldName.HOUR](text, at)
    return hours, _symbol(text, at, ":")


def _colon_and_seconds(text: str, at: int) -> tuple[tuple[Values, ...], int]:
    return _READ[FieldName.SECOND](text, _symbol(text, at, ":"))


def _time(text: str, at: int) -> tuple[_Time, int]:
    """Read `[HOURS:]MINUTES[:SECONDS]`. Hours that are none leave the first number to the minutes: the trap of `24:00` (F6)."""
    hours, at = _optional(_hours_and_colon, text, at)
    minutes, at = _READ[FieldName.MINUTE](text, at)
    seconds, at = _optional(_colon_and_seconds, text, at)
    time = _Time(hours or (), minutes, _ZERO if seconds is None else seconds, hours is not None, seconds is not None)
    return time, at


def _date(text: str, at: int) -> tuple[dict[FieldName, tuple[Values, ...]], int]:
    """Read `YEAR-MONTH-DAY`, else `MONTH-DAY`."""
    date, behind = _optional(_date_of((FieldName.YEAR, FieldName.MONTH, FieldName.DAY)), text, at)
    if date is not None:
        return date, behind
    return _date_of((FieldName.MONTH, FieldName.DAY))(text, at)


def _date_of(names: tuple[FieldName, ...]) -> Parser[dict[FieldName, tuple[Values, ...]]]:
    def read(text: str, at: int) -> tuple[dict[FieldName, tuple[Values, ...]], int]:
        parts: dict[FieldName, tuple[Values, ...]] = {}
        for name in names:
            at = _symbol(text, at, "-") if parts else at
            parts[name], at = _READ[name](text, at)
        return parts, at

    return read
