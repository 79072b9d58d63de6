"""The one mutable cell: what the last refresh left behind, replaced whole.

One thread writes each of the two attributes, all others read; swapping a reference needs no lock.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from exporter.bodies import Exposition, LazyBody
from report.model.report import Report


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One refresh as everyone sees it: the Report, what a scrape gets, and what people get when they ask for it.

    Before the first refresh only the exposition is there.
    """

    exposition: Exposition
    report: Report | None = None
    json: LazyBody | None = None
    page: LazyBody | None = None


class Store:
    """Holds the current snapshot (written by the refresh thread) and the newest PDF's path (written by the report thread)."""

    def __init__(self, initial: Snapshot) -> None:
        self._current = initial
        self._latest_pdf: Path | None = None

    @property
    def current(self) -> Snapshot:
        """Return the latest snapshot, whole."""
        return self._current

    def replace(self, snapshot: Snapshot) -> None:
        """Given a new snapshot, show it from now on."""
        self._current = snapshot

    @property
    def latest_pdf(self) -> Path | None:
        """Return where the newest PDF lies, None if there is none yet; the file may have been removed since."""
        return self._latest_pdf

    def publish_pdf(self, path: Path) -> None:
        """Given a finished PDF, offer it from now on."""
        self._latest_pdf = path
