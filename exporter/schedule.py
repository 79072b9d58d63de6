"""When a report is due: a time of day on some days, across clock changes. Pure: instants are epoch seconds, UTC."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
LAST = "last"


@dataclass(frozen=True, slots=True)
class Days:
    """Days on which something is due: those that any part names, every day while none names one.

    `weekdays`: 0 is Monday. `of_month`: 1 to 31; a shorter month has no day 31. `last`: the last day of the month, whichever that is.
    """

    weekdays: frozenset[int] = frozenset()
    of_month: frozenset[int] = frozenset()
    last: bool = False

    @staticmethod
    def of(words: Iterable[str]) -> Days:
        """Given days as the configuration holds them (`monday`, `15`, `last`), return them."""
        named = tuple(words)
        return Days(
            frozenset(WEEKDAYS.index(word) for word in named if word in WEEKDAYS),
            frozenset(int(word) for word in named if word.isdigit()),
            LAST in named,
        )

    def include(self, day: date) -> bool:
        """Given a local date, say whether it is one of them."""
        if not (self.weekdays or self.of_month or self.last):
            return True
        ends_month = (day + timedelta(days=1)).day == 1
        return day.weekday() in self.weekdays or day.day in self.of_month or (self.last and ends_month)


@dataclass(frozen=True, slots=True)
class DueTimes:
    """A time of day in a zone, once for each local date that is one of `days`.

    A time that the spring clock change skips is due as much later as the clock jumped (02:30 becomes 03:30); one that the autumn
    change repeats is due in the first pass only.
    """

    at: time
    zone: tzinfo
    days: Days = Days()

    def next_after(self, epoch: int) -> int:
        """Given an instant, return the first due time strictly after it."""
        day = self._local_date(epoch) - timedelta(days=1)
        while not self.days.include(day) or (due := self._on(day)) <= epoch:
            day += timedelta(days=1)
        return due

    def last_until(self, epoch: int) -> int:
        """Given an instant, return the last due time at or before it."""
        day = self._local_date(epoch) + timedelta(days=1)
        while not self.days.include(day) or (due := self._on(day)) > epoch:
            day -= timedelta(days=1)
        return due

    def _local_date(self, epoch: int) -> date:
        return datetime.fromtimestamp(epoch, self.zone).date()

    def _on(self, day: date) -> int:
        return int(datetime.combine(day, self.at, self.zone).timestamp())


def missed(last_due: int | None, times: DueTimes, now: int) -> int | None:
    """Given the due time that was last served (None: nothing is known of the past), return the newest one not served, or None."""
    due = times.last_until(now)
    return due if last_due is not None and due > last_due else None
