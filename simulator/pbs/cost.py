"""What a real server would have to do for the answers it gave (M13)."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Cost:
    """Counters since the last reset: manifests opened, by group and in all; directories read; calls per endpoint."""

    manifests: int = 0
    directories: int = 0
    groups: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def called(self, endpoint: str) -> None:
        with self.lock:
            self.calls[endpoint] += 1

    def walked(self, directories: int) -> None:
        with self.lock:
            self.directories += directories

    def opened(self, group: str, manifests: int) -> None:
        with self.lock:
            self.manifests += manifests
            self.groups[group] += manifests

    def clear(self) -> None:
        with self.lock:
            self.manifests = self.directories = 0
            self.groups.clear()
            self.calls.clear()

    def document(self) -> dict[str, object]:
        """As `/_simulator/cost` tells it; groups are named store:namespace:type/id."""
        with self.lock:
            return {
                "manifests_opened": self.manifests,
                "manifests_opened_by_group": dict(self.groups),
                "directories_read": self.directories,
                "calls": dict(self.calls),
            }
