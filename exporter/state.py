"""What must survive a restart: which due time of each report was last served (`state_dir/last_reports.json`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from exporter.files import write_atomically

FILE_NAME = "last_reports.json"


@dataclass(frozen=True, slots=True)
class Served:
    """What is remembered of a report, as epochs: the due time it last served, and when it was last written (None: never)."""

    due: int
    written_at: int | None = None


@dataclass(frozen=True, slots=True)
class LastReports:
    """The file's door. A file that is missing or does not read as it should means that nothing is known of the past."""

    folder: Path

    def read(self) -> Mapping[str, Served]:
        """Return, by report name, what is remembered."""
        try:
            entries = json.loads((self.folder / FILE_NAME).read_text(encoding="utf-8"))
            return {str(name): _served(entry) for name, entry in entries.items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
            return {}

    def write(self, name: str, served: Served) -> None:
        """Given a report's name and what to remember of it, write that beside what is there; raise OutputError if it cannot be written."""
        self.replace({**self.read(), name: served})

    def replace(self, remembered: Mapping[str, Served]) -> None:
        """Given all that is to be remembered, by report name, write that and forget the rest; raise OutputError if it cannot be written."""
        entries = {name: {"due": each.due, "written_at": each.written_at} for name, each in remembered.items()}
        write_atomically(self.folder / FILE_NAME, (json.dumps(entries, indent=2, sort_keys=True) + "\n").encode())


def _served(entry: Mapping[str, object]) -> Served:
    due, written_at = entry["due"], entry.get("written_at")
    if not isinstance(due, int) or not isinstance(written_at, int | None):
        raise TypeError
    return Served(due, written_at)
