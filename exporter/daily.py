"""The daily report: written once for each due time, from the same Report that scrapes see, across restarts and clock changes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from exporter.counters import Counters
from exporter.errors import OutputError, VzcoverError
from exporter.files import writable
from exporter.interpreter import tidy
from exporter.logs import FIELDS, event
from exporter.parts import Parts
from exporter.schedule import DailyTime, missed
from exporter.state import LastReports, Served
from exporter.store import Store

LOGGER = logging.getLogger("vzcover")
DAILY = "daily"
# how often the clock is looked at; after a failure the report is tried again that much later
CHECK_SECONDS = 1.0
RETRY_SECONDS = 60.0


class DailyReports:
    """Writes reports in a thread of its own: `recall` first, then `loop`. `parts` gives those in force; `stopping` and `refreshed`
    are the daemon's.

    `started` is set when the report at the start is written, if `at_start` asked for one.
    `last_at` (epoch) and `last_seconds` tell of the last report that was written; None before one.
    """

    def __init__(
        self,
        parts: Callable[[], Parts],
        store: Store,
        counters: Counters,
        stopping: threading.Event,
        refreshed: threading.Event,
        *,
        at_start: bool,
        clock: Callable[[], float],
    ) -> None:
        self._parts = parts
        self._store = store
        self._counters = counters
        self._stopping = stopping
        self._refreshed = refreshed
        self._at_start = at_start
        self._clock = clock
        self._state: LastReports | None = None
        self._last_due = 0
        self._passed: int | None = None
        self._complaint = ""
        self.started = threading.Event()
        self.last_at: int | None = None
        self.last_seconds: float | None = None

    def loop(self) -> None:
        """Write the report at its time until the daemon stops, and once at the start if one was missed while it was down."""
        while not self._refreshed.wait(CHECK_SECONDS):
            if self._stopping.is_set():
                return
        if self._at_start:
            self.write()
        self.started.set()
        while not self._stopping.is_set():
            self._stopping.wait(self.check())

    def recall(self) -> None:
        """Read what is known of the past, before anything is shown or due."""
        if (pdf := self._parts().newest_pdf()) is not None:
            self._store.publish_pdf(pdf)
        self._state = self._open_state()
        served = self._state.read().get(DAILY) if self._state else None
        self.last_at = served.written_at if served else None
        if served is None:
            # nothing is known of the past: nothing was missed
            self._remember(self._parts().daily.last_until(int(self._clock())))
        else:
            self._last_due = served.due

    def check(self) -> float:
        """Write the report if one is due; return the seconds after which to look again."""
        parts, now = self._parts(), int(self._clock())
        due = missed(self._last_served(parts.daily, now), parts.daily, now)
        if due is not None:
            if parts.config.report.enabled and not self.write():
                return RETRY_SECONDS
            self._remember(due)
        return CHECK_SECONDS

    def _last_served(self, daily: DailyTime, now: int) -> int:
        """Return the due time that was last served.

        One that lies ahead was served by another clock. Which of the two clocks is wrong cannot be known; so nothing is made up,
        and the next due time that this clock passes is served.
        """
        if self._last_due <= daily.next_after(now):
            self._passed = None
            return self._last_due
        if self._passed is None:
            self._passed = daily.last_until(now)
        return self._passed

    def write(self) -> bool:
        """Write the files of the Report that scrapes see now, and remove old ones; say whether writing worked."""
        report, parts, started = self._store.current.report, self._parts(), time.monotonic()
        if report is None:
            return False
        now = int(self._clock())
        event(LOGGER, logging.DEBUG, "writing the daily report")
        try:
            written = parts.write_report(report)
        except VzcoverError as error:
            self._failed(str(error))
            return False
        except Exception as error:  # a bug must not end the thread: tomorrow's report may be written
            self._failed(f"{type(error).__name__}: {error}", bug=True)
            return False
        self.last_at, self.last_seconds, self._complaint = now, time.monotonic() - started, ""
        for path in written:
            if path.suffix == ".pdf":
                self._store.publish_pdf(path)
        names = ", ".join(path.name for path in written)
        event(LOGGER, logging.INFO, "wrote the daily report", files=names, seconds=f"{self.last_seconds:.1f}")
        tidy()
        try:
            parts.remove_old(now)
        except OutputError as error:
            event(LOGGER, logging.WARNING, "an old report stays", error=str(error))
        return True

    def _failed(self, complaint: str, bug: bool = False) -> None:
        """Count a report that was not written, and log it unless the last attempt failed the same way."""
        self._counters.count_report_failure()
        if complaint != self._complaint:
            message = "the daily report was not written; it is tried again every minute"
            fields = {} if bug else {"error": complaint}
            LOGGER.log(logging.ERROR, message, exc_info=bug, extra={FIELDS: fields})
        self._complaint = complaint

    def _open_state(self) -> LastReports | None:
        """Return the door to what survives a restart; None, with a warning, where nothing can be written."""
        folder = self._parts().config.state_dir
        if writable(folder):
            return LastReports(folder)
        warning = "state_dir is not writable: a report missed while down is not made up"
        event(LOGGER, logging.WARNING, warning, path=str(folder))
        return None

    def _remember(self, due: int) -> None:
        self._last_due, self._passed = due, None
        if self._state is None:
            return
        try:
            self._state.write(DAILY, Served(due, self.last_at))
        except OutputError as error:
            event(LOGGER, logging.WARNING, "cannot remember the last report", error=str(error))
