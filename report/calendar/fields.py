"""What a calendar event is made of: lists of values, and the tables by which the search moves from one value to the next (F4, F7).

Only `report.schedules` is public; the `calendar_*` modules are its parts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

FIRST_YEAR_WITHOUT_MEANING = 2200  # years are below 2200 (F4)
NONE_LEFT = -1  # in a landing table: no later value in this round


class FieldName(StrEnum):
    """The six parts of a date and time, by their words in the grammar."""

    YEAR = "year"
    MONTH = "month"
    DAY = "day"
    HOUR = "hour"
    MINUTE = "minute"
    SECOND = "second"


FIRST_VALUE = {FieldName.YEAR: 0, FieldName.MONTH: 1, FieldName.DAY: 1}
END_VALUE = {
    FieldName.YEAR: FIRST_YEAR_WITHOUT_MEANING,
    FieldName.MONTH: 13,
    FieldName.DAY: 32,
    FieldName.HOUR: 24,
    FieldName.MINUTE: 60,
    FieldName.SECOND: 60,
}


@dataclass(frozen=True, slots=True)
class Values:
    """One entry of a list: `N` (last = N, step 0), `A..B` (step 1), `A..B/STEP`, and the open-ended `N/STEP` (last None).

    A step of 0 stands for the first value alone, as in the genuine engine.
    """

    first: int
    last: int | None
    step: int

    def contains(self, value: int) -> bool:
        """Say whether the entry holds the value; an open-ended step holds values beyond its field, too."""
        if value < self.first or (self.last is not None and value > self.last):
            return False
        return value == self.first if self.step == 0 else (value - self.first) % self.step == 0

    def next_after(self, value: int) -> int | None:
        """Return the entry's smallest value above the given one, or None. It may lie beyond the field: that is the overshoot (F6)."""
        if value < self.first:
            return self.first
        if self.step == 0:
            return None
        following = self.first + ((value - self.first) // self.step + 1) * self.step
        return following if self.last is None or following <= self.last else None


@dataclass(frozen=True, slots=True)
class Field:
    """One part of an event: its entries (none = any value), the values they hold, and where the search goes from each value.

    `landing[v]` is v itself where v matches, else the next value of this round (which may lie beyond the field), else NONE_LEFT.
    Both are empty for years, which are looked up in `entries`.
    """

    name: FieldName
    entries: tuple[Values, ...]
    values: tuple[int, ...] = field(repr=False)
    landing: tuple[int, ...] = field(repr=False)

    @property
    def any(self) -> bool:
        """Say whether every value matches."""
        return not self.entries

    def land(self, value: int) -> int:
        """Return what `landing` tells for a value, without the table."""
        if not self.entries or any(entry.contains(value) for entry in self.entries):
            return value
        return self.beyond(value)

    def beyond(self, value: int) -> int:
        """Return the smallest value that the search would go to from the given one, which it has dealt with; NONE_LEFT if none."""
        return min((n for entry in self.entries if (n := entry.next_after(value)) is not None), default=NONE_LEFT)


@lru_cache(maxsize=1024)
def field_of(name: FieldName, entries: tuple[Values, ...]) -> Field:
    """Given a field's name and its entries (empty = any value), return the field with its tables."""
    bare = Field(name, entries, (), ())
    if name is FieldName.YEAR:
        return bare
    landing = tuple(bare.land(value) for value in range(END_VALUE[name]))
    values = tuple(value for value in range(FIRST_VALUE.get(name, 0), END_VALUE[name]) if landing[value] == value)
    return Field(name, bare.entries, values, landing)


@dataclass(frozen=True, slots=True)
class CalendarFields:
    """A parsed event. `weekdays` holds 0 (Monday) to 6; empty = any. `time_at` is where the text's time part lies, None without one.

    `hours_given` is false where the text gives no hours (every hour) or hours that are none (`24:00`); `seconds_given` likewise.
    """

    utc: bool
    weekdays: frozenset[int]
    year: Field
    month: Field
    day: Field
    hour: Field
    minute: Field
    second: Field
    time_at: tuple[int, int] | None
    hours_given: bool
    seconds_given: bool
    days_to_weekday: tuple[int, ...]

    @property
    def any_date(self) -> bool:
        """Say whether year, month and day of month are all free."""
        return self.year.any and self.month.any and self.day.any


def days_to_weekday(weekdays: frozenset[int]) -> tuple[int, ...]:
    """Given the wanted weekdays, return for each weekday how many days the search moves on: 0 = it matches, 7 - w = to next Monday."""
    if not weekdays or len(weekdays) == 7:
        return (0,) * 7
    return tuple(
        0 if day in weekdays else next((later - day for later in range(day + 1, 7) if later in weekdays), 7 - day)
        for day in range(7)
    )
