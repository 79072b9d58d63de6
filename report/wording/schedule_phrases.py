"""Says schedules, their traps and their errors in English and French. A description may be clumsy, but is never wrong.

`report.words` hands these functions on; others import them from there.
"""

from __future__ import annotations

from report.calendar.fields import CalendarFields, FieldName
from report.calendar.traps import can_never_run, skipped_values
from report.schedules import CalendarEvent, ScheduleError, ScheduleWarning, ScheduleWarningCode
from report.wording.schedule_days import days_phrase
from report.wording.schedule_lists import listed
from report.wording.schedule_table import WORDINGS, Wording
from report.wording.schedule_times import clock_time, clock_times, rate_phrase


def describe_schedule(event: CalendarEvent, language: str) -> str:
    """Given an event and "en" or "fr", return what it does as part of a sentence ("daily at 02:00"); KeyError for other languages.

    Times are those of the local zone, unless the description says UTC.
    """
    fields, words = event.fields, WORDINGS[language]
    if can_never_run(fields):
        return words.never
    days = days_phrase(fields, words)
    clock = clock_times(fields)
    if clock:
        phrase = words.at.format(days or words.daily, listed(clock, words)) + (" UTC" if fields.utc else "")
    else:
        rate = rate_phrase(fields, words)
        phrase = (f"{rate}, {days.removesuffix(',')}" if days else rate) + (" (UTC)" if fields.utc else "")
    return _with_first_rounds(phrase, fields, words)


def describe_warning(warning: ScheduleWarning, language: str) -> str:
    """Given a schedule's warning and "en" or "fr", return it as a sentence without a full stop."""
    words, params = WORDINGS[language], dict(warning.params)
    text, advice = words.warnings[warning.code]
    suggestion = params.get("suggestion", "")
    params["meaning"] = describe_schedule(CalendarEvent.parse(params["schedule"]), language)
    if warning.code is ScheduleWarningCode.HOURS_READ_AS_MINUTES:
        params["intended"] = _intended_hour(suggestion, words)
    if warning.code is ScheduleWarningCode.STEP_SKIPS_START:
        name = FieldName(params["field"])
        params |= {"round": words.rounds[name], "field": words.field_names[name]}
    return (text + (advice if suggestion else "")).format(**params)


def meant_schedule(schedule: str) -> str:
    """Given a schedule that reads otherwise than it looks, return what was probably meant; "" where one text cannot say it."""
    try:
        warnings = CalendarEvent.parse(schedule.strip()).warnings
    except ScheduleError:
        return ""
    # the suggestion of a skipped start is for one field alone
    whole = (dict(each.params) for each in warnings if each.code is not ScheduleWarningCode.STEP_SKIPS_START)
    return next(filter(None, (params.get("suggestion", "") for params in whole)), "")


def describe_error(error: ScheduleError, language: str) -> str:
    """Given an error of parsing and "en" or "fr", return its hint."""
    return WORDINGS[language].hints[error.problem]


def _intended_hour(suggestion: str, words: Wording) -> str:
    hours = CalendarEvent.parse(suggestion).fields.hour.values
    return words.hour_of_day(hours[0]) if len(hours) == 1 else words.for_hours


def _with_first_rounds(phrase: str, fields: CalendarFields, words: Wording) -> str:
    """Add what an open-ended step does only in its first round (F6)."""
    for part in (fields.hour, fields.minute, fields.second, fields.day, fields.month):
        skipped = skipped_values(fields, part)
        if skipped:
            values = listed([_value(fields, part.name, value, words) for value in skipped], words)
            phrase = words.first_rounds[part.name].format(phrase, values)
    return phrase


def _value(fields: CalendarFields, name: FieldName, value: int, words: Wording) -> str:
    """Return one value of a field as a reader knows it."""
    if name is FieldName.MONTH:
        return words.months[value - 1]
    if name is FieldName.DAY:
        return words.day_number(value)
    if name is FieldName.MINUTE:
        return f":{value:02}"
    if name is FieldName.SECOND:
        return words.second_value.format(value)
    if len(fields.minute.values) == 1 and len(fields.second.values) == 1:
        return clock_time(value, fields.minute.values[0], fields.second.values[0])
    return words.hour_value.format(value)
