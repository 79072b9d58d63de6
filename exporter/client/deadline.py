"""An instant after which a refresh must not wait any more; one is shared by all calls of a refresh."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """`at_monotonic` in seconds of the same monotonic clock that `monotonic` reads."""

    at_monotonic: float
    monotonic: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> Deadline:
        """Given seconds from now, return that deadline."""
        return cls(monotonic() + seconds, monotonic)

    def within(self, seconds: float | None) -> Deadline:
        """Given seconds from now (None: any), return the deadline that comes first."""
        return self if seconds is None else Deadline(min(self.at_monotonic, self.monotonic() + seconds), self.monotonic)

    def remaining(self) -> float:
        """Return the seconds left, 0.0 once it has passed."""
        return max(0.0, self.at_monotonic - self.monotonic())

    @property
    def passed(self) -> bool:
        """Whether nothing is left."""
        return self.remaining() <= 0.0
