"""What users ask of a history, each as vzcover answers it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from exporter.history.database import open_readable
from exporter.history.reading import read_guest_days, read_totals
from exporter.history.recall import recall, remembered_days, usages
from report.changes import find_changes
from report.forecast import forecast
from report.model.report import Report
from report.past import remember
from report.timeline import TREND_DAYS
from tests.simulator_process import REPOSITORY

GUEST = "lab/100"
CONFIGURATION = """\
pve:
  - {{name: lab, hosts: [127.0.0.1], token_id: bench@pve!bench, token_secret: 00000000-0000-0000-0000-000000000000}}
state_dir: {folder}
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A history to ask: its file, a configuration that names it, the number of its last day and how many it has, and the Report to compare
    with it.
    """

    file: Path
    config: Path
    today: int
    days: int
    report: Report


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, in words, and what answers it; an answer of nothing is a RuntimeError."""

    what: str
    answer: Callable[[Asked], object]

    def ask(self, asked: Asked) -> None:
        """Let it be answered."""
        if not self.answer(asked):
            raise RuntimeError(f"the history has no answer to: {self.what}")


def _guest(asked: Asked) -> object:
    return read_guest_days(asked.file, GUEST, asked.today, asked.days)[1]


def _command(asked: Asked) -> object:
    """Run the command, with all that a start of it costs."""
    command = [sys.executable, "-m", "exporter", "history", GUEST, "--config", str(asked.config)]
    command += ["--days", str(asked.days), "--now", str(asked.report.created_at)]
    return subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE).stdout


def _changes(asked: Asked) -> object:
    report, known = asked.report, remember(asked.report).inventories
    with closing(open_readable(asked.file)) as connection:
        baseline = recall(connection, "baseline", asked.today)
    return find_changes(baseline, report.guests, report.jobs, report.groups, known)


def _strips(asked: Asked) -> object:
    with closing(open_readable(asked.file)) as connection:
        return remembered_days(connection, asked.today).cells


def _trend(asked: Asked) -> object:
    return read_totals(asked.file, asked.today, TREND_DAYS)


def _forecast(asked: Asked) -> object:
    with closing(open_readable(asked.file)) as connection:
        found = usages(connection, asked.today)
    return all(forecast(points, asked.today, asked.report.created_at) for points in found.values()) and found


QUESTIONS = (
    Question("the year of a guest", _guest),
    Question("`vzcover history GUEST`, its start included", _command),
    Question("changes since yesterday", _changes),
    Question("28 days of every guest", _strips),
    Question("trend of 90 days", _trend),
    Question("forecast of every datastore", _forecast),
)


def write_configuration(history: Path) -> Path:
    """Given the file of a history, write a configuration beside it that names its folder; return the path."""
    path = history.with_name("config.yaml")
    path.write_text(CONFIGURATION.format(folder=history.parent), encoding="utf-8")
    path.chmod(0o600)
    return path
