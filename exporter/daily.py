"""The daily report: written once for each due time, from the same Report that scrapes see, across restarts and clock changes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from exporter.counters import Counters
from exporter.errors import OutputError, VzcoverError
from exporter.files import writable
from exporter.logs import event
from exporter.parts import Parts
from exporter.schedule import missed
from exporter.state import LastReports
from exporter.store import Store

LOGGER = logging.getLogger("vzcover")
DAILY = "daily"
# how often the clock is looked at; after a failure the report is tried again that much later
CHECK_SECONDS = 1.0
RETRY_SECONDS = 60.0


class DailyReports:
    """Writes reports in a thread of its own. `parts` gives those in force; `stopping` and `refreshed` are the daemon's.

    `started` is set when the first round is over: the report at the start is written, if `at_start` asked for one.
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
        self.started = threading.Event()
        self.last_at: int | None = None
        self.last_seconds: float | None = None

    def loop(self) -> None:
        """Write the report at its time until the daemon stops, and once at the start if one was missed while it was down."""
        state = self._open_state()
        if (pdf := self._parts().newest_pdf()) is not None:
            self._store.publish_pdf(pdf)
        while not self._refreshed.wait(CHECK_SECONDS):
            if self._stopping.is_set():
                return
        if self._at_start:
            self.write()
        self.started.set()
        last_due = state.read().get(DAILY) if state else None
        if last_due is None:
            # nothing is known of the past: nothing was missed
            last_due = self._parts().daily.last_until(int(self._clock()))
            self._remember(state, last_due)
        while not self._stopping.is_set():
            last_due = self._serve_due(state, last_due)
            self._stopping.wait(CHECK_SECONDS)

    def _serve_due(self, state: LastReports | None, last_due: int) -> int:
        """Write the report if one is due; return the due time that was last served."""
        parts = self._parts()
        due = missed(last_due, parts.daily, int(self._clock()))
        if due is None:
            return last_due
        if parts.config.report.enabled and not self.write():
            self._stopping.wait(RETRY_SECONDS)
            return last_due
        self._remember(state, due)
        return due

    def write(self) -> bool:
        """Write the files of the Report that scrapes see now, and remove old ones; say whether writing worked."""
        report, parts, started = self._store.current.report, self._parts(), time.monotonic()
        if report is None:
            return False
        now = int(self._clock())
        try:
            written = parts.write_report(report)
        except VzcoverError as error:
            self._counters.count_report_failure()
            event(LOGGER, logging.ERROR, "the daily report was not written", error=str(error))
            return False
        self.last_at, self.last_seconds = now, time.monotonic() - started
        for path in written:
            if path.suffix == ".pdf":
                self._store.publish_pdf(path)
        names = ", ".join(path.name for path in written)
        event(LOGGER, logging.INFO, "wrote the daily report", files=names, seconds=f"{self.last_seconds:.1f}")
        try:
            parts.remove_old(now)
        except OutputError as error:
            event(LOGGER, logging.WARNING, "an old report stays", error=str(error))
        return True

    def _open_state(self) -> LastReports | None:
        """Return the door to what survives a restart; None, with a warning, where nothing can be written."""
        folder = self._parts().config.state_dir
        if writable(folder):
            return LastReports(folder)
        warning = "state_dir is not writable: a report missed while down is not made up"
        event(LOGGER, logging.WARNING, warning, path=str(folder))
        return None

    def _remember(self, state: LastReports | None, due: int) -> None:
        if state is None:
            return
        try:
            state.write(DAILY, due)
        except OutputError as error:
            event(LOGGER, logging.WARNING, "cannot remember the last report", error=str(error))
