"""Numbers, instants, durations and bytes as a reader of a language writes them, by Babel.

What belongs together is held by no-break spaces: a number and its unit, a date, a time and its zone; an instant of its own, as in a
cell, is held as a whole, one with its zone, as in a sentence, may break between date and time. They are in every output, as those
of French typography are; the terminal does not break them either.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache

from babel.dates import format_date as format_date_by_pattern
from babel.dates import format_datetime
from babel.lists import format_list
from babel.numbers import format_percent

from report.wording.texts import NO_BREAK_SPACE, format_number, plain_spaces, texts_of, word

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
# below these a duration is shown in the smaller unit alone: 31 h says more than 1 d 7 h
_HOURS_UP_TO = 48 * _HOUR
_THOUSAND = 1000
# the number of the day in a pattern of Babel's, which has no ordinals
_DAY_OF_MONTH = re.compile(r"(?<![A-Za-z])d(?![A-Za-z])")


def format_ratio(ratio: float, language: str) -> str:
    """Given a ratio (1.0 is all), return it in per cent, rounded down, so that 100 % means all."""
    return plain_spaces(format_percent(int(ratio * 100) / 100, locale=language))


def format_instant(epoch: int | None, zone: tzinfo, language: str) -> str:
    """Given an instant (epoch, UTC; None: not known), return date and minute in the zone.

    An hour that the zone has twice is told apart by the zone's abbreviation ("25 Oct 2026, 02:30 (CET)").
    """
    return word("unknown", language) if epoch is None else _instant(epoch, zone, language)


def format_instant_with_zone(epoch: int | None, zone: tzinfo, language: str) -> str:
    """Given an instant as in `format_instant`, return it with the zone's abbreviation, for texts that name no zone elsewhere."""
    return format_instant(epoch, zone, language) if epoch is None else _instant_with_zone(epoch, zone, language)


@lru_cache(maxsize=8192)
def _instant_with_zone(epoch: int, zone: tzinfo, language: str) -> str:
    local = _local(epoch, zone)
    if local is None:
        return str(epoch)
    instant = _formatted(local, texts_of(language).instant_pattern, language)
    return word("instant_with_zone", language, instant=instant, zone=local.tzname() or "")


def format_long_instant(epoch: int, zone: tzinfo, language: str) -> str:
    """Given an instant, return it in full, for a heading: weekday, date, minute and the zone's abbreviation."""
    local = _local(epoch, zone)
    if local is None:
        return str(epoch)
    instant = _formatted(local, texts_of(language).long_date_pattern, language)
    return word("instant_with_zone", language, instant=instant, zone=local.tzname() or "")


def format_date(epoch: int, zone: tzinfo, language: str) -> str:
    """Given an instant, return its date in the zone, for estimates that a minute would make look exact."""
    local = _local(epoch, zone)
    return str(epoch) if local is None else _formatted(local, texts_of(language).date_pattern, language)


def zone_name(zone: tzinfo) -> str:
    """Given a zone, return its name as people know it ("Europe/Paris")."""
    return str(getattr(zone, "key", None) or zone)


@lru_cache(maxsize=8192)
def _instant(epoch: int, zone: tzinfo, language: str) -> str:
    local = _local(epoch, zone)
    if local is None:
        return str(epoch)
    text = _formatted(local, texts_of(language).instant_pattern, language).replace(" ", NO_BREAK_SPACE)
    if local.replace(fold=1 - local.fold).utcoffset() != local.utcoffset():
        return word("ambiguous_instant", language, instant=text, zone=local.tzname() or "")
    return text


def _local(epoch: int, zone: tzinfo) -> datetime | None:
    """Return the instant in the zone; None for a number that is no year between 1 and 9999 (it came from outside)."""
    try:
        return datetime.fromtimestamp(epoch, UTC).astimezone(zone)
    except (ValueError, OverflowError, OSError):
        return None


def iso_instant(epoch: int | None, zone: tzinfo) -> str:
    """Given an instant, return it as ISO 8601 with the zone's offset, for machines; empty where it is not known."""
    local = None if epoch is None else _local(epoch, zone)
    return local.isoformat() if local else ""


def _formatted(local: datetime, pattern: str, language: str) -> str:
    pattern = _pattern_of(local, pattern, language)
    return plain_spaces(format_datetime(local, pattern, tzinfo=local.tzinfo, locale=language))


def describe_date(day: date, language: str) -> str:
    """Given a date, return it as the reader writes it ("3 Mar 2027")."""
    pattern = _pattern_of(day, texts_of(language).date_pattern, language)
    return plain_spaces(format_date_by_pattern(day, pattern, locale=language))


def _pattern_of(day: date, pattern: str, language: str) -> str:
    """Return a pattern with the first day of a month as the language writes it ("1er")."""
    return _DAY_OF_MONTH.sub(f"'{texts_of(language).first_of_month}'", pattern) if day.day == 1 else pattern


@lru_cache(maxsize=1024)
def format_duration(seconds: int | None, language: str) -> str:
    """Given a duration (None: not known), return it in at most two units: "45 s", "12 min", "31 h", "3 d 4 h"."""
    if seconds is None:
        return word("unknown", language)
    texts = texts_of(language)
    sign, left = ("−" if seconds < 0 else ""), abs(seconds)
    if left < 2 * _MINUTE:
        parts = [(left, texts.second)]
    elif left < 2 * _HOUR:
        parts = [(left // _MINUTE, texts.minute)]
    elif left < _HOURS_UP_TO:
        parts = [(left // _HOUR, texts.hour), (left % _HOUR // _MINUTE, texts.minute)]
    else:
        parts = [(left // _DAY, texts.day), (left % _DAY // _HOUR, texts.hour)]
    shown = [f"{format_number(count, language)}{NO_BREAK_SPACE}{unit}" for count, unit in parts if count] or [
        f"0{NO_BREAK_SPACE}{texts.second}"
    ]
    return sign + NO_BREAK_SPACE.join(shown)


@lru_cache(maxsize=4096)
def format_bytes(count: int | None, language: str) -> str:
    """Given a number of bytes (None: not known), return it with a decimal unit and three digits, as PVE's interface does."""
    if count is None:
        return word("unknown", language)
    units = texts_of(language).byte_units
    scaled, power = float(count), 0
    while round(abs(scaled), 1) >= _THOUSAND and power < len(units) - 1:
        scaled, power = scaled / _THOUSAND, power + 1
    digits = 0 if power == 0 or abs(scaled) >= 100 else 1 if abs(scaled) >= 10 else 2
    return f"{format_number(round(scaled, digits), language)}{NO_BREAK_SPACE}{units[power]}"


def enumerate_words(parts: Sequence[str], language: str) -> str:
    """Given phrases, return them joined as a sentence does it: "a, b and c"."""
    # the English of Great Britain does without the comma before "and"
    return format_list(list(parts), locale="en_GB" if language == "en" else language)
