"""What is remembered of a source from one refresh to the next: which collectors fail, so that it is logged once, and when a source that is
down is asked again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from exporter.logs import event
from report.readings import Failure

LOGGER = logging.getLogger("vzcover")
# a source that is down is asked at the next refresh, then after twice as long each time, but at least this often
BACKOFF_AT_MOST_SECONDS = 600


@dataclass(slots=True)
class Told:
    """The collectors of one source whose failure was logged."""

    failing: set[str] = field(default_factory=set)

    def tell(self, source: str, failures: Mapping[str, Failure]) -> None:
        """Given a source that answers and why collectors fail, log one line when one begins to, and one when it got all again.

        At the level of information: a command that prints one report says it there.
        """
        for collector in sorted(failures.keys() - self.failing):
            event(
                LOGGER,
                logging.INFO,
                "collector fails",
                source=source,
                collector=collector,
                error=failures[collector].message,
            )
        for collector in sorted(self.failing - failures.keys()):
            event(LOGGER, logging.INFO, "collector is back", source=source, collector=collector)
        self.failing = set(failures)


@dataclass(slots=True)
class Backoff:
    """When one source is asked. `down`: refreshes in a row in which it was asked and down; `asked_at`: the last one (epoch)."""

    period: int
    down: int = 0
    asked_at: int = 0

    @property
    def wait_seconds(self) -> int:
        """Return how long after it was last asked a source is asked again: its period, doubled for each further refresh it was down."""
        most = max(self.period, BACKOFF_AT_MOST_SECONDS)
        return min(most, self.period << min(max(0, self.down - 1), 16))

    def is_due(self, now: int) -> bool:
        """Given now (epoch), say whether the source is asked; refreshes come a little early or late. A clock that was set back asks."""
        passed = now - self.asked_at
        return self.down < 2 or passed < 0 or passed >= self.wait_seconds - self.period // 2

    def note(self, now: int, *, up: bool) -> None:
        """Given now and whether the source answered, remember it."""
        self.asked_at = now
        self.down = 0 if up else self.down + 1
