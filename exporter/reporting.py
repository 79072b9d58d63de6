"""The report thread: each configured report written once for each due time, from the Report that scrapes see, across restarts and clock
changes.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from exporter.counters import Counters
from exporter.errors import OutputError, VzcoverError
from exporter.files import writable
from exporter.interpreter import tidy
from exporter.logs import FIELDS, event
from exporter.metrics.own import ReportStatus
from exporter.parts import Parts
from exporter.reports import PlannedReport
from exporter.schedule import DueTimes, missed
from exporter.state import LastReports, Served
from exporter.store import Store

LOGGER = logging.getLogger("vzcover")
# how often the clock is looked at; after a failure a report is tried again that much later
CHECK_SECONDS = 1.0
RETRY_SECONDS = 60


@dataclass(slots=True)
class _Track:
    """Where a report is in time, as epochs: the due time it last served, when it was last written, and when it last failed since then.

    `last_seconds`: how long writing took; `complaint`: what the last failure said; `_passed`: the last due time that was behind this clock
    when it was found to lag behind the one that served.
    """

    last_due: int
    last_at: int | None = None
    last_seconds: float | None = None
    failed_at: int | None = None
    complaint: str = ""
    _passed: int | None = None

    def missed(self, times: DueTimes, now: int) -> int | None:
        """Return the newest due time that was not served, None if all were.

        A served one that lies ahead was served by another clock. Which of the two clocks is wrong cannot be known; so nothing is made up,
        and the next due time that this clock passes is served.
        """
        if self.last_due <= times.next_after(now):
            self._passed = None
            return missed(self.last_due, times, now)
        if self._passed is None:
            self._passed = times.last_until(now)
        return missed(self._passed, times, now)

    def serve(self, due: int) -> None:
        """Take a due time as served."""
        self.last_due, self._passed = due, None

    def rests(self, now: int) -> bool:
        """Say whether it failed so lately that it is not tried again yet."""
        return self.failed_at is not None and abs(now - self.failed_at) < RETRY_SECONDS


class Reporting:
    """Writes reports in a thread of its own: `recall` first, then `loop`. `parts` gives those in force; `stopping` and `refreshed`
    are the daemon's.

    `started` is set when the daily report at the start is written, if `at_start` asked for one.
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
        # replaced, never changed: another thread reads it
        self._tracks: Mapping[str, _Track] = {}
        self.started = threading.Event()

    def loop(self) -> None:
        """Write each report at its times until the daemon stops, and once at the start if one was missed while it was down."""
        while not self._refreshed.wait(CHECK_SECONDS):
            if self._stopping.is_set():
                return
        if self._at_start:
            self.write(self._parts().reports[0])
        self.started.set()
        while not self._stopping.is_set():
            self.check()
            self._stopping.wait(CHECK_SECONDS)

    def recall(self) -> None:
        """Read what is known of the past, before anything is shown or due."""
        parts = self._parts()
        if (pdf := parts.newest_pdf()) is not None:
            self._store.publish_pdf(pdf)
        self._state = self._open_state()
        known = self._state.read() if self._state else {}
        self._tracks = {name: _Track(served.due, served.written_at) for name, served in known.items()}
        self._follow(parts.reports, int(self._clock()))

    def statuses(self) -> Iterator[ReportStatus]:
        """Yield what metrics tell of each report, the daily one first."""
        tracks = self._tracks
        for planned in self._parts().reports:
            if (track := tracks.get(planned.name)) is not None:
                due = planned.due.next_after(track.last_due) if planned.enabled else None
                yield ReportStatus(planned.name, track.last_at, track.last_seconds, due)

    def check(self) -> None:
        """Write the reports that are due, one after the other; one that fails rests, and stops no other."""
        reports, now = self._parts().reports, int(self._clock())
        self._follow(reports, now)
        for planned in reports:
            track = self._tracks[planned.name]
            due = track.missed(planned.due, now)
            if due is None or track.rests(now) or self._stopping.is_set():
                continue
            if planned.enabled:
                self.write(planned, due)
            else:
                self._serve(track, due)

    def _follow(self, reports: Sequence[PlannedReport], now: int) -> None:
        """Begin with the reports that are new, of which nothing was missed, and forget those that are not configured any more."""
        for planned in reports:
            self._counters.know_report(planned.name)
        if {planned.name for planned in reports} == self._tracks.keys():
            return
        self._tracks = {
            planned.name: self._tracks.get(planned.name) or _Track(planned.due.last_until(now)) for planned in reports
        }
        self._remember()

    def write(self, planned: PlannedReport, due: int | None = None) -> bool:
        """Write the files of a report for a due time (None: at none) out of the Report that scrapes see now, and remove old ones; say
        whether writing worked.
        """
        report, parts, started = self._store.current.report, self._parts(), time.monotonic()
        if report is None:
            return False
        now, track = int(self._clock()), self._tracks[planned.name]
        event(LOGGER, logging.DEBUG, "writing a report", report=planned.name)
        try:
            written = parts.write_report(planned, report, due)
        except VzcoverError as error:
            self._failed(planned, str(error), now)
            return False
        except Exception as error:  # a bug must not end the thread: the next report may be written
            self._failed(planned, f"{type(error).__name__}: {error}", now, bug=True)
            return False
        track.last_at, track.last_seconds, track.failed_at, track.complaint = now, time.monotonic() - started, None, ""
        if due is not None:
            # before what takes time: a daemon that ends in between would make and send the report again
            self._serve(track, due)
        for path in written.paths:
            if path.suffix == ".pdf" and planned.is_daily:
                self._store.publish_pdf(path)
        names, seconds = ", ".join(path.name for path in written.paths), f"{track.last_seconds:.1f}"
        event(LOGGER, logging.INFO, "wrote a report", report=planned.name, files=names, seconds=seconds)
        tidy()
        try:
            parts.remove_old(planned, now)
        except OutputError as error:
            event(LOGGER, logging.WARNING, "an old report stays", report=planned.name, error=str(error))
        return True

    def _failed(self, planned: PlannedReport, complaint: str, now: int, bug: bool = False) -> None:
        """Count a report that was not written, and log it unless its last attempt failed the same way."""
        self._counters.count_report_failure(planned.name, daily=planned.is_daily)
        track = self._tracks[planned.name]
        if complaint != track.complaint:
            message = "a report was not written; it is tried again every minute"
            fields = {"report": planned.name} | ({} if bug else {"error": complaint})
            LOGGER.log(logging.ERROR, message, exc_info=bug, extra={FIELDS: fields})
        track.complaint, track.failed_at = complaint, now
        # what was written before it failed must not fill the disk, attempt by attempt
        with suppress(OutputError):
            self._parts().remove_old(planned, now)

    def _open_state(self) -> LastReports | None:
        """Return the door to what survives a restart; None, with a warning, where nothing can be written."""
        folder = self._parts().config.state_dir
        if writable(folder):
            return LastReports(folder)
        warning = "state_dir is not writable: a report missed while down is not made up"
        event(LOGGER, logging.WARNING, warning, path=str(folder))
        return None

    def _serve(self, track: _Track, due: int) -> None:
        track.serve(due)
        self._remember()

    def _remember(self) -> None:
        if self._state is None:
            return
        try:
            self._state.replace({name: Served(track.last_due, track.last_at) for name, track in self._tracks.items()})
        except OutputError as error:
            event(LOGGER, logging.WARNING, "cannot remember the last reports", error=str(error))
