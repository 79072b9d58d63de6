"""Reports of consecutive days, as the daemon judges and keeps them; made by hand, so that a test says what is in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exporter.history.history import History
from exporter.memory import Memory
from report.facts import Facts
from report.model.guests import GuestReport
from report.model.report import Report
from report.policy import Policy
from tests import builders as a
from tests.report import estates as e

DAY = 86_400


@dataclass
class Failures:
    """Counts what a History counts."""

    count: int = 0

    def __call__(self) -> None:
        self.count += 1


@dataclass
class Keeper:
    """A history, and what is remembered beside it; a new one on the same file is a restart."""

    file: Path
    keep_days: int = 400
    failures: Failures = field(default_factory=Failures)

    def __post_init__(self) -> None:
        self.history = History(self.file, self.keep_days, self.failures)
        self.memory = Memory(self.history)

    def keep(self, report: Report) -> None:
        """Keep a report, as the daemon does after a refresh."""
        self.memory.recall(report.policy.zone, report.created_at)
        self.memory.keep(report)


def report_of(*guests: GuestReport, day: int = 0, at: int = a.NOW, **fields: Any) -> Report:
    """Return a report of these guests so many days after NOW."""
    return a.report(guests, created_at=at + day * DAY, **fields)


def estate_facts(*groups: Any, **fields: Any) -> Facts:
    """Return the facts of the ordinary estate with these groups in it."""
    return Facts((e.cluster(**fields),), (e.server(*groups),))


def memory(file: Path, failures: Failures | None = None) -> Memory:
    """Return a daemon's memory on a file; another one on the same file is a restart."""
    return Memory(History(file, 400, failures or Failures()))


__all__ = ["DAY", "Failures", "Keeper", "Policy", "estate_facts", "memory", "report_of"]
