"""Traps: texts that the engine accepts and that do not mean what they seem to (F6, F9).

Only `report.schedules` is public; the `calendar_*` modules are its parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from report.calendar.fields import END_VALUE, NONE_LEFT, CalendarFields, Field, FieldName

_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_ROUND_SIZES = {
    FieldName.MONTH: (12,),
    FieldName.DAY: (28, 29, 30, 31),
    FieldName.HOUR: (24,),
    FieldName.MINUTE: (60,),
    FieldName.SECOND: (60,),
}


class ScheduleWarningCode(StrEnum):
    """The traps. Parameters in brackets; `suggestion` is what was probably meant, empty where one text cannot say it."""

    HOURS_READ_AS_MINUTES = "hours_read_as_minutes"  # schedule, suggestion: `22`
    NO_SUCH_HOUR = "no_such_hour"  # schedule, suggestion: `24:00`
    TIMES_READ_AS_MINUTES = "times_read_as_minutes"  # schedule, suggestion: `01:00,13:00`
    RANGE_READ_AS_MINUTES = "range_read_as_minutes"  # schedule, suggestion: `22:00..23:00`
    STEP_SKIPS_START = "step_skips_start"  # schedule, field, skipped (values), suggestion (for that field): `0/5:00`
    NEVER_RUNS = "never_runs"  # schedule: `2-30`
    FINER_THAN_A_MINUTE = "finer_than_a_minute"  # schedule: `*:*:0/15` (F9)


@dataclass(frozen=True, slots=True)
class ScheduleWarning:
    """A trap with its parameters, in a fixed order; `report.wording.schedule_phrases.describe_warning` says it in words."""

    code: ScheduleWarningCode
    params: tuple[tuple[str, str], ...]


def warnings_of(text: str, fields: CalendarFields) -> tuple[ScheduleWarning, ...]:
    """Given an event's text and fields, return its traps."""
    warnings = []
    for code, suggest in _READINGS:
        suggestion = suggest(text, fields)
        if suggestion is not None:
            warnings.append(ScheduleWarning(code, (("schedule", text), ("suggestion", suggestion))))
    for part in (fields.month, fields.day, fields.hour, fields.minute, fields.second):
        skipped = skipped_values(fields, part)
        if skipped:
            values = ",".join(str(value) for value in skipped)
            params = ("schedule", text), ("field", part.name.value), ("skipped", values), ("suggestion", _closed(part))
            warnings.append(ScheduleWarning(ScheduleWarningCode.STEP_SKIPS_START, params))
    if can_never_run(fields):
        warnings.append(ScheduleWarning(ScheduleWarningCode.NEVER_RUNS, (("schedule", text),)))
    if len(fields.second.values) > 1:
        warnings.append(ScheduleWarning(ScheduleWarningCode.FINER_THAN_A_MINUTE, (("schedule", text),)))
    return tuple(warnings)


def skipped_values(fields: CalendarFields, part: Field) -> tuple[int, ...]:
    """Return the field's values that an open-ended step leaves out in every round but the first (F6); of days: in some months.

    Nothing is left out where no two rounds follow each other: `sat 0/5:00` begins each Saturday at 00:00.
    """
    if part.name is FieldName.YEAR or part.any:
        return ()
    skipped: set[int] = set()
    for size in _ROUND_SIZES[part.name]:
        last_value = size - 1 if END_VALUE[part.name] in (24, 60) else size
        present = [value for value in part.values if value <= last_value]
        beyond = part.beyond(present[-1]) if present and present[-1] < last_value else NONE_LEFT
        if beyond != NONE_LEFT:
            skipped.update(value for value in present if value < beyond - size)
    return tuple(sorted(skipped)) if skipped and _rounds_touch(fields, part.name) else ()


def _rounds_touch(fields: CalendarFields, name: FieldName) -> bool:
    """Say whether a round of the field (a day of hours, an hour of minutes, …) can directly follow another."""
    if name is FieldName.MONTH:
        return fields.year.any or any(
            fields.year.land(year) == year and fields.year.land(year + 1) == year + 1 for year in range(1970, 2200)
        )
    if name is FieldName.DAY:
        return _neighbours(fields.month, 1, (12,))
    if name is FieldName.HOUR:
        days = fields.weekdays
        weekdays_touch = not days or any((day + 1) % 7 in days for day in days)
        return weekdays_touch and _neighbours(fields.day, 1, (28, 29, 30, 31))
    if name is FieldName.MINUTE:
        return _neighbours(fields.hour, 0, (23,))
    return _neighbours(fields.minute, 0, (59,))


def _neighbours(part: Field, first: int, last: tuple[int, ...]) -> bool:
    """Say whether the field has two values that follow each other, around the end of its round too."""
    values = set(part.values)
    return any(value + 1 in values for value in values) or (first in values and any(value in values for value in last))


def _closed(part: Field) -> str:
    """Return the field's one open-ended step as a closed range, which starts afresh in each round; "" for a longer list."""
    if len(part.entries) != 1:
        return ""
    entry = part.entries[0]
    return f"{entry.first}..{END_VALUE[part.name] - 1}/{entry.step}"


def can_never_run(fields: CalendarFields) -> bool:
    """Say whether no month that matches is long enough for any day that matches; a day or month 0 is accepted and matches none (F4)."""
    first = min(fields.day.values, default=END_VALUE[FieldName.DAY])
    return all(_LONGEST_MONTHS[month - 1] < first for month in fields.month.values)


def _time_text(text: str, fields: CalendarFields) -> str:
    return text[slice(*fields.time_at)] if fields.time_at else ""


def _with_time(text: str, fields: CalendarFields, time: str) -> str:
    """Return the text with another time part."""
    start, end = fields.time_at or (len(text), len(text))
    return text[:start] + time + text[end:]


def _hours_without_minutes(text: str, fields: CalendarFields) -> str | None:
    entries = fields.minute.entries
    if not fields.time_at or fields.hours_given or fields.seconds_given or not entries:
        return None
    if any(entry.last is None or entry.last > 23 for entry in entries):
        return None
    return _with_time(text, fields, _time_text(text, fields) + ":00")


def _no_such_hour(text: str, fields: CalendarFields) -> str | None:
    if not fields.time_at or fields.hours_given or not fields.seconds_given:
        return None
    midnight = (
        fields.minute.values == (24,) and fields.second.values == (0,) and fields.any_date and not fields.weekdays
    )
    return _with_time(text, fields, "00:00") if midnight else ""


_TIME_LIST = re.compile(r"(?P<hour>[0-9]+):(?P<minute>[0-9]+)(?P<hours>(,[0-9]+)+):(?P<second>[0-9]+)")
_TIME_RANGE = re.compile(r"(?P<hour>[0-9]+):(?P<minute>[0-9]+)\.\.(?P<end>[0-9]+):(?P<second>[0-9]+)")


def _list_of_times(text: str, fields: CalendarFields) -> str | None:
    match = _TIME_LIST.fullmatch(_time_text(text, fields))
    if match is None or any(int(hour) > 24 for hour in match["hours"][1:].split(",")):
        return None
    if int(match["minute"]) != int(match["second"]) or match["hours"].count(",") > 1:
        return ""
    return _with_time(text, fields, f"{int(match['hour'])}{match['hours']}:{match['minute']}")


def _range_of_times(text: str, fields: CalendarFields) -> str | None:
    match = _TIME_RANGE.fullmatch(_time_text(text, fields))
    if match is None or not int(match["hour"]) <= int(match["end"]) <= 24:
        return None
    if int(match["minute"]) != int(match["second"]) or int(match["end"]) > 23:
        return ""
    return _with_time(text, fields, f"{match['hour']}..{match['end']}:{match['minute']}")


_READINGS: tuple[tuple[ScheduleWarningCode, Callable[[str, CalendarFields], str | None]], ...] = (
    (ScheduleWarningCode.HOURS_READ_AS_MINUTES, _hours_without_minutes),
    (ScheduleWarningCode.NO_SUCH_HOUR, _no_such_hour),
    (ScheduleWarningCode.TIMES_READ_AS_MINUTES, _list_of_times),
    (ScheduleWarningCode.RANGE_READ_AS_MINUTES, _range_of_times),
)
