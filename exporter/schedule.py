"""When the daily report is due, across clock changes. Pure: instants are epoch seconds, UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo


@dataclass(frozen=True, slots=True)
class DailyTime:
    """A time of day in a zone, once for each local date.

    A time that the spring clock change skips is due as much later as the clock jumped (02:30 becomes 03:30); one that the autumn
    change repeats is due in the first pass only.
    """

    at: time
    zone: tzinfo

    def next_after(self, epoch: int) -> int:
        """Given an instant, return the first due time strictly after it."""
        day = self._local_date(epoch) - timedelta(days=1)
        while (due := self._on(day)) <= epoch:
            day += timedelta(days=1)
        return due

    def last_until(self, epoch: int) -> int:
        """Given an instant, return the last due time at or before it."""
        day = self._local_date(epoch) + timedelta(days=1)
        while (due := self._on(day)) > epoch:
            day -= timedelta(days=1)
        return due

    def _local_date(self, epoch: int) -> date:
        return datetime.fromtimestamp(epoch, self.zone).date()

    def _on(self, day: date) -> int:
        return int(datetime.combine(day, self.at, self.zone).timestamp())


def missed(last_due: int | None, daily: DailyTime, now: int) -> int | None:
    """Given the due time that was last served (None: nothing is known of the past), return the newest one not served, or None."""
    due = daily.last_until(now)
    return due if last_due is not None and due > last_due else None
