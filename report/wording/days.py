"""Days, trend and forecast in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, tzinfo
from functools import lru_cache

from report.timeline import BACKUP, FAILED, GONE, MISSED, NONE_EXPECTED, STATES, DayState, Forecast
from report.wording.formats import describe_date, format_date
from report.wording.texts import format_number, plural, word

DAYS_TOLD = tuple(STATES[code] for code in (BACKUP, FAILED, MISSED, GONE, NONE_EXPECTED))
"""What may become of a day, in the order in which a reader is told."""


def describe_day(state: DayState, language: str) -> str:
    """Given what became of a guest's backups on a day, return its word ("missed")."""
    return word(f"day.{state}", language)


@lru_cache(maxsize=64)
def mark_of_day(state: DayState, language: str) -> str:
    """Given what became of a guest's backups on a day, return the one character that stands for it ("■")."""
    return word(f"mark.{state}", language)


@lru_cache(maxsize=4096)
def draw_days(days: tuple[DayState, ...], language: str) -> str:
    """Given days, return them as text, a character each ("■■■×■!")."""
    return "".join([mark_of_day(state, language) for state in days])


@lru_cache(maxsize=4096)
def count_days(days: tuple[DayState, ...], language: str) -> str:
    """Given days, return how many are in each state ("backup 24, failed 1, not known 3")."""
    counts = Counter(days)
    told = [state for state in DAYS_TOLD if counts[state]]
    return word("days.join", language).join(
        word("days.count", language, state=describe_day(state, language), count=counts[state]) for state in told
    )


def describe_forecast(forecast: Forecast | None, zone: tzinfo, language: str) -> str:
    """Given a forecast (None: neither the history nor the server tells), return when the datastore is full and who says so ("full about
    3 Mar 2027, by 41 days of usage"), and of which day the newest figure is unless it is today's.
    """
    if forecast is None:
        return word("forecast.none", language)
    days = plural("days", forecast.days, language)
    if forecast.full_at is not None:
        full = format_date(forecast.full_at, zone, language)
        told = word(f"forecast.{forecast.origin}", language, date=full, days=days)
    elif (forecast.bytes_per_day or 0) > 0:
        told = word("forecast.history.later", language, days=days)
    else:
        told = word(f"forecast.{forecast.origin}.never", language, days=days)
    if forecast.stale_since is None:
        return told
    return word("forecast.stale", language, forecast=told, date=describe_date(forecast.stale_since, language))


def describe_bullet(actual: int, expected: int, promised: int | None, language: str) -> str:
    """Given how many versions there are, are expected and are promised (None: not known), return it as text ("9 / 12 / 14")."""
    numbers = {"actual": format_number(actual, language), "expected": format_number(expected, language)}
    if promised is None:
        return word("bullet", language, **numbers)
    return word("bullet.of_promised", language, **numbers, promised=format_number(promised, language))


def describe_trend(counted: Sequence[tuple[date, int, int]], *, backups_read: bool, language: str) -> str:
    """Given the days with how many guests were good and of how many, return the first, the last and the day with the fewest in words."""
    first, last = counted[0], counted[-1]
    worst = min(counted, key=lambda each: each[1])
    kind = "protection" if backups_read else "coverage"
    return word(
        "trend.told",
        language,
        first=word(
            f"trend.{kind}",
            language,
            date=describe_date(first[0], language),
            good=format_number(first[1], language),
            all=format_number(first[2], language),
        ),
        date=describe_date(last[0], language),
        good=format_number(last[1], language),
        all=format_number(last[2], language),
        worst_date=describe_date(worst[0], language),
        worst=format_number(worst[1], language),
        worst_all=format_number(worst[2], language),
    )
