"""Weekdays and dates in words. A part of `report.wording.schedule_phrases`."""

from __future__ import annotations

from itertools import product

from report.calendar.fields import CalendarFields, Field
from report.wording.schedule_lists import listed, runs, steady
from report.wording.schedule_table import Wording

MOST_DATES = 4  # so many dates are listed one by one


def days_phrase(fields: CalendarFields, words: Wording) -> str:
    """Return on which days the event comes; "" for every day."""
    weekdays = _weekdays(fields.weekdays, words)
    if fields.any_date:
        return weekdays
    years = _years(fields.year, words)
    if fields.month.any and fields.day.any:
        return words.in_years.format(weekdays, years) if weekdays else words.daily_in.format(years)
    days = _weekdays_and_dates(fields, weekdays, words)
    if not years:
        return days
    only_year = _only_year(fields.year)
    if only_year and not weekdays and _one_date(fields):
        return words.dated.format(days, only_year)
    return words.in_years.format(days, years)


def _one_date(fields: CalendarFields) -> bool:
    return len(fields.day.values) * len(fields.month.values) == 1


def _weekdays_and_dates(fields: CalendarFields, weekdays: str, words: Wording) -> str:
    months = "" if fields.month.any else _month_list(fields, words)
    if fields.day.any:
        return words.weekday_in.format(weekdays, months) if weekdays else words.daily_in.format(months)
    dates = _dates(fields, words)
    if weekdays and len(fields.weekdays) == 1 and not months:
        return words.weekday_the.format(weekdays, _days_of_month(fields, words))
    if weekdays:
        return words.weekday_only.format(weekdays, dates)
    if not fields.year.any or not _one_date(fields):
        return dates
    leap_day = fields.month.values == (2,) and fields.day.values == (29,)
    return (words.leap_years_only if leap_day else words.yearly_on).format(dates)


def _dates(fields: CalendarFields, words: Wording) -> str:
    """Return the days and months without the weekdays: as dates where there are few."""
    months = steady(fields, fields.month)
    if fields.month.any:
        return words.on_days.format(_days_of_month(fields, words))
    if len(months) == 1 and len(fields.day.values) > 1:
        return words.of_month.format(_day_list(fields, words), words.months[months[0] - 1])
    if len(fields.day.values) * len(months) > MOST_DATES:
        return words.in_months.format(_day_list(fields, words), _month_list(fields, words))
    pairs = product(months, fields.day.values)
    dates = [words.date.format(words.date_day(day), words.months[month - 1]) for month, day in pairs]
    return words.on_date.format(listed(dates, words))


def _month_list(fields: CalendarFields, words: Wording) -> str:
    months = steady(fields, fields.month)
    return listed(runs(months, words.month, lambda month: words.months[month - 1]), words)


def _only_year(year: Field) -> int | None:
    """Return the year if there is just one."""
    only = year.entries[0] if len(year.entries) == 1 else None
    return only.first if only and only.first == only.last else None


def _day_list(fields: CalendarFields, words: Wording) -> str:
    return listed(runs(fields.day.values, words.day, words.day_number), words)


def _days_of_month(fields: CalendarFields, words: Wording) -> str:
    short = fields.day.values[0] > 28
    return (words.of_each_month_that_has_it if short else words.of_each_month).format(_day_list(fields, words))


def _weekdays(weekdays: frozenset[int], words: Wording) -> str:
    """Return the weekdays, Monday first; a run may go around the week's end (`fri..mon`)."""
    if len(weekdays) in (0, 7):
        return ""
    start = next(day for day in range(7) if day in weekdays and (day - 1) % 7 not in weekdays)
    one_run = all((start + offset) % 7 in weekdays for offset in range(len(weekdays)))
    if not one_run:
        start = 0
    order = [day for day in range(start, start + 7) if day % 7 in weekdays]
    return listed(runs(order, words.weekday, lambda day: words.weekdays[day % 7]), words)


def _years(year: Field, words: Wording) -> str:
    phrases: list[str] = []
    for entry in year.entries:
        if entry.last is None:
            phrases.append(words.every_years.format(entry.step, entry.first))
        else:
            phrases += runs(range(entry.first, entry.last + 1, entry.step or 1), words.year, str)
    return listed(phrases, words) if phrases else ""
