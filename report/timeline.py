"""Days as the report counts them: local days of its zone by number, what became of each for a guest, counts of a day, usage and forecast.

A day's number is the days from 1970-01-01 to its date; a day of a guest is a `DayState`, a byte where many are held.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime, tzinfo
from enum import StrEnum

STRIP_DAYS = 28
TREND_DAYS = 90
_EPOCH = date(1970, 1, 1).toordinal()


class DayState(StrEnum):
    """What became of a guest's backups on a day. The values are a contract; the order too: the history holds a state's place in it."""

    GONE = "gone"  # nothing tells: what there was may have been pruned since
    NONE_EXPECTED = "none_expected"
    MISSED = "missed"  # one was due, and there was neither a task nor a backup
    FAILED = "failed"  # it was tried and gave none, or all that it gave failed verification
    BACKUP = "backup"  # one was made, whether or not it is still there


STATES = tuple(DayState)
_CODES = {state: code for code, state in enumerate(STATES)}
GONE, NONE_EXPECTED, MISSED, FAILED, BACKUP = range(len(STATES))


@dataclass(frozen=True, slots=True)
class Counts:
    """The guests of a day by coverage and by protection, as last judged on it; `demanded` are those that policy demands, `planned`,
    `not_planned` and `undecided` are of these.
    """

    guests: int = 0
    demanded: int = 0
    planned: int = 0
    not_planned: int = 0
    undecided: int = 0
    protected: int = 0
    at_risk: int = 0
    unprotected: int = 0
    unknown: int = 0
    waived: int = 0

    @staticmethod
    def total(parts: Iterable[Counts]) -> Counts:
        """Given counts, return their sum."""
        return Counts(*map(sum, zip(*map(astuple, parts), strict=True)))


@dataclass(frozen=True, slots=True)
class TrendDay:
    """A day of the trend: its counts over all clusters that were judged on it."""

    day: date
    counts: Counts


@dataclass(frozen=True, slots=True)
class Usage:
    """How full a datastore was at the end of a day, by the day's number, in bytes."""

    day: int
    used_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """When a datastore is full. `origin`: "history", fitted over `points` days out of a span of `days`, or "server", the PBS's own
    estimate, which tells neither. `full_at` (epoch): None while it does not fill up, or not within ten years. `stale_since`: the day of
    the newest figure, None while that is of today.
    """

    origin: str
    full_at: int | None
    bytes_per_day: int | None = None
    days: int = 0
    points: int = 0
    stale_since: date | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """Consecutive days up to today: the number of the first, and where each starts (epoch), the end of today last."""

    first: int
    starts: tuple[int, ...]

    @property
    def today(self) -> int:
        """Return the number of its last day."""
        return self.first + len(self.starts) - 2


def window_of(now: int, zone: tzinfo, days: int = STRIP_DAYS) -> Window:
    """Given now (epoch), the zone of the days and how many of them, return those that end with today."""
    first = day_number(now, zone) - days + 1
    return Window(first, tuple(day_start(first + place, zone) for place in range(days + 1)))


def day_number(instant: int, zone: tzinfo) -> int:
    """Given an instant (epoch) and a zone, return the number of its local day."""
    return datetime.fromtimestamp(instant, zone).toordinal() - _EPOCH


def day_start(day: int, zone: tzinfo) -> int:
    """Given a day's number and a zone, return when it starts there (epoch): the first instant where midnight is skipped or repeated."""
    on = date_of(day)
    return int(datetime(on.year, on.month, on.day, tzinfo=zone).timestamp())


def date_of(day: int) -> date:
    """Given a day's number, return its date."""
    return date.fromordinal(day + _EPOCH)


def states_of(codes: bytes) -> tuple[DayState, ...]:
    """Given days as bytes, return them as states."""
    return tuple(STATES[code] for code in codes)


def codes_of(states: Sequence[DayState]) -> bytes:
    """Given days as states, return them as bytes."""
    return bytes(map(_CODES.__getitem__, states))


def aligned(codes: bytes, first: int, wanted: int, days: int = STRIP_DAYS) -> bytes:
    """Given days as bytes, the number of their first, and the first day that is wanted, return so many days from there; what is not
    among the given ones is GONE.
    """
    skipped = wanted - first
    if skipped == 0 and len(codes) == days:
        return codes
    return (bytes(max(0, min(days, -skipped))) + codes[max(0, skipped) :])[:days].ljust(days, b"\0")
