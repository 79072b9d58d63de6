"""`python -m tests.exporter.history.killed FILE TIMES`: writers of a history that die with SIGKILL in the middle, one after the other.

Each is a fork that writes reports and kills itself after a random number of steps of SQLite's machine, or between statements; then the
file is looked at: whole, and holding exactly one report's state. Prints what was found as JSON.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from exporter.history.database import open_writable
from exporter.history.keep import Mirror, keep
from exporter.history.recall import recall
from report.past import only_verdicts, remember
from report.timeline import day_number
from tests import builders as a
from tests.exporter.history.estate import report_of

GUESTS = 60
# steps of the machine between two looks at whether to die, and looks that one report takes
STEPS, LOOKS = 40, 190


def main(file: Path, times: int) -> None:
    chance = random.Random(7)
    kills, written, broken = 0, 0, []
    for number in range(times):
        before, looks = _state(file), chance.randrange(1, 2 * LOOKS)
        child = os.fork()
        if child == 0:
            _write_and_die(file, number, looks)
        _, status = os.waitpid(child, 0)
        kills += os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        try:
            written += _state(file) != before
        except (AssertionError, sqlite3.Error) as error:
            broken.append(f"{number}: {error}")
    json.dump({"kills": kills, "written": written, "broken": broken}, sys.stdout)


def _write_and_die(file: Path, number: int, looks: int) -> None:
    """Write report after report; die at a look."""
    left = looks

    def look() -> int:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return 0

    connection = open_writable(file)
    last, baseline = (recall(connection, past, _today(a.NOW)) for past in ("last", "baseline"))
    mirror = Mirror.of(connection, last, baseline)
    connection.set_progress_handler(look, STEPS)
    at = a.NOW + number * 1000
    while True:
        at += 1
        guests = [a.backed_up_guest(100 + vmid, newest_backup_at=at, node=f"node{at}") for vmid in range(GUESTS)]
        report = report_of(*guests, at=at)
        last = remember(report, last)
        keep(connection, mirror, report, last, only_verdicts(last), 400)


def _state(file: Path) -> int | None:
    """Return the instant of the one report that the file holds; None before the first. Raises AssertionError where it is none."""
    if not file.exists():
        return None
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)], "not whole"
        if not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            return None
        row = connection.execute("SELECT value FROM remembered WHERE past = 'last' AND kind = 'report'").fetchone()
        at = None if row is None else int(json.loads(row[0])[0])
        if at is None:
            assert connection.execute("SELECT count(*) FROM guest_day").fetchone() == (0,), "days without a report"
            return None
        days = connection.execute("SELECT newest FROM guest_day WHERE day = ?", (_today(at),)).fetchall()
        assert days == [(at,)] * GUESTS, "days of several reports"
        return at


def _today(at: int) -> int:
    return day_number(at, a.report().policy.zone)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
