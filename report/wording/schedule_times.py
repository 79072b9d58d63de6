"""Times of day in words, as a list or as a rate. A part of `report.wording.schedule_phrases`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from report.calendar.fields import CalendarFields
from report.wording.schedule_lists import even, listed, progression, runs, steady
from report.wording.schedule_table import Wording

MOST_TIMES = 6  # so many times of day are listed one by one


def _times(fields: CalendarFields) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    return steady(fields, fields.hour), steady(fields, fields.minute), steady(fields, fields.second)


def clock_time(hour: int, minute: int, second: int) -> str:
    """Return a time of day as `hh:mm`, with its second where that is not 0."""
    return f"{hour:02}:{minute:02}" + (f":{second:02}" if second else "")


def clock_times(fields: CalendarFields) -> list[str]:
    """Return the times of day, if they are few enough to be listed; else nothing."""
    hours, minutes, seconds = _times(fields)
    if len(hours) * len(minutes) * len(seconds) > MOST_TIMES:
        return []
    many = len(seconds) > 1 or seconds[0] > 0
    return [
        f"{hour:02}:{minute:02}" + (f":{second:02}" if many else "")
        for hour, minute, second in product(hours, minutes, seconds)
    ]


def rate_phrase(fields: CalendarFields, words: Wording) -> str:
    """Return how often the event comes within the day."""
    hours, minutes, seconds = _times(fields)
    if len(seconds) > 1:
        return _rate_in_seconds(fields, words)
    second = seconds[0]
    first, last = clock_time(hours[0], minutes[0], second), clock_time(hours[-1], minutes[-1], second)
    if len(hours) == 24 and len(minutes) <= MOST_TIMES and not even(minutes, 60):
        ending = f":{second:02}" if second else ""
        return words.within_the_hour.format(listed([f":{minute:02}{ending}" for minute in minutes], words))
    step = even(minutes, 60)
    whole = len(hours) == 24 or progression(hours) == 1 or len(hours) == 1
    if step and second == 0 and whole:
        rate = words.every_minute if step == 1 else words.every_minutes.format(step)
        if len(hours) == 24:
            return rate
        return words.span.format(rate, first, last)
    if len(hours) == 1 and progression(minutes) == 1 and second == 0:
        return words.span.format(words.every_minute, first, last)
    hour_step = progression(hours)
    if len(minutes) == 1 and hour_step:
        rate = words.every_hour if hour_step == 1 else words.every_hours.format(hour_step)
        return words.span.format(rate, first, last)
    return _plain_rate(fields, words)


def _rate_in_seconds(fields: CalendarFields, words: Wording) -> str:
    hours, minutes, seconds = _times(fields)
    step = even(seconds, 60)
    if step and len(hours) == 24 and len(minutes) == 60:
        return words.every_second if step == 1 else words.every_seconds.format(step)
    return _plain_rate(fields, words)


def _plain_rate(fields: CalendarFields, words: Wording) -> str:
    """Return the three fields one after the other: clumsy, but true for any event."""
    hours, minutes, seconds = _times(fields)
    parts = [
        words.every_hour if len(hours) == 24 else _numbers(hours, words.in_hours, words),
        words.every_minute if len(minutes) == 60 else _numbers(minutes, words.at_minutes, words),
    ]
    if seconds != (0,):
        parts.append(words.every_second if len(seconds) == 60 else _numbers(seconds, words.at_seconds, words))
    return ", ".join(parts)


def _numbers(values: Sequence[int], forms: tuple[str, str], words: Wording) -> str:
    return forms[len(values) > 1].format(listed(runs(values, words.plain, str), words))
