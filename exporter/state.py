"""What must survive a restart: which daily report was last due and served (`state_dir/last_reports.json`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from exporter.files import write_atomically

FILE_NAME = "last_reports.json"


@dataclass(frozen=True, slots=True)
class LastReports:
    """The file's door. A file that is missing or does not read as it should means that nothing is known of the past."""

    folder: Path

    def read(self) -> Mapping[str, int]:
        """Return, by report name, the due time (epoch) that was last served."""
        try:
            entries = json.loads((self.folder / FILE_NAME).read_text(encoding="utf-8"))
            return {str(name): int(entry["due"]) for name, entry in entries.items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return {}

    def write(self, name: str, due: int) -> None:
        """Given a report's name and the due time it served (epoch), remember it; raise OutputError if that cannot be written."""
        entries = {**{known: {"due": at} for known, at in self.read().items()}, name: {"due": due}}
        write_atomically(self.folder / FILE_NAME, (json.dumps(entries, indent=2, sort_keys=True) + "\n").encode())
