"""The history as the daemon holds it: opened when it can be, read once, written after each refresh. It never raises: what fails is
counted, logged once, and told in `failure`.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from exporter.errors import HistoryError
from exporter.history.database import closed_on_failure, open_writable, read_from, set_aside, told
from exporter.history.keep import Mirror, keep, keep_baseline
from exporter.history.recall import recall
from exporter.logs import event
from report.model.report import Report
from report.past import Past

LOGGER = logging.getLogger("vzcover")


@dataclass(slots=True)
class History:
    """One file. `keep_days`: how many days with a report stay; `count_failure` is called for each failure. Its methods may be called
    from any thread. `failure`: why it cannot be used now, "" while it can.
    """

    file: Path
    keep_days: int
    count_failure: Callable[[], None]
    failure: str = ""
    _connection: sqlite3.Connection | None = None
    _mirror: Mirror = field(default_factory=Mirror)
    _logged: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def open(self, now: int, today: int) -> tuple[Past, Past] | None:
        """Given now (epoch) and the number of today, open the file unless it is open; return what was kept in it, the last Report's past
        and the one that changes are told against, when it was opened now; else None.
        """
        with self._lock:
            if self._connection is not None:
                return None
            try:
                self._open(today)
            except HistoryError as error:
                self._failed(error, now)
                return None
            self.failure = self._logged = ""
            return self._mirror.last, self._mirror.baseline

    def keep(self, report: Report, last: Past, baseline: Past) -> None:
        """Given a Report and what is remembered after it, write what changed."""
        self._write(report.created_at, lambda to: keep(to, self._mirror, report, last, baseline, self.keep_days))

    def keep_baseline(self, baseline: Past) -> None:
        """Given what changes are told against from now on, write it."""
        self._write(baseline.at or 0, lambda to: keep_baseline(to, self._mirror, baseline))

    def close(self) -> None:
        """Let go of the file; the next use opens it again."""
        with self._lock:
            self._close()

    def _open(self, today: int) -> None:
        connection = open_writable(self.file)
        with closed_on_failure(connection), read_from(self.file):
            last, baseline = recall(connection, "last", today), recall(connection, "baseline", today)
            self._mirror = Mirror.of(connection, last, baseline)
        self._connection = connection

    def _write(self, now: int, write: Callable[[sqlite3.Connection], None]) -> None:
        with self._lock:
            if self._connection is None:
                return
            try:
                with told(self.file):
                    write(self._connection)
            except HistoryError as error:
                self._failed(error, now)
            except Exception as error:  # a bug costs the history only
                LOGGER.exception("the history could not be written")
                self._failed(HistoryError(str(self.file), f"{type(error).__name__}: {error}"), now)

    def _failed(self, error: HistoryError, now: int) -> None:
        """Count a failure, log it unless it is the last one again, and let the next refresh begin anew; a corrupt file goes aside."""
        self._close()
        self.count_failure()
        self.failure = str(error)
        if error.corrupt:
            try:
                self.failure += f"; it is set aside as {set_aside(self.file, now).name}, and a new one is begun"
            except HistoryError as another:
                self.failure += f"; it cannot be set aside: {another.detail}"
        if self.failure != self._logged:
            event(LOGGER, logging.WARNING, "the history cannot be used", error=self.failure)
        self._logged = self.failure

    def _close(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
        self._connection, self._mirror = None, Mirror()
