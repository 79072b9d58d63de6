"""`python -m bench.days GUESTS DAYS`: a history of that size, made with the daemon's own code, then asked; what it costs, as JSON.

Two days are kept as reports; the others are copies of the second, moved on by SQL, so that they are as large and made in seconds.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from exporter.history.history import History
from exporter.history.reading import read_guest_days, read_totals
from report.findings import Finding, FindingCode
from report.model.guests import Protection, UsableBackup
from report.model.report import Report
from report.past import NOTHING, Past, only_verdicts, remember
from report.timeline import STRIP_DAYS, DayState, day_number
from tests import builders as a

DAY = 86_400
GIGA = 10**9
NODES, STORES = 20, 10


def main(guests: int, days: int) -> None:
    """Make the history, ask it, and print the costs: seconds and bytes."""
    costs: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="vzcover-bench-") as name:
        file = Path(name) / "history.db"
        last = _kept(file, guests, costs)
        first = day_number(a.NOW, a.report().policy.zone)
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            _copy(connection, first + 1, days - 2)
        today = first + days - 1
        costs["bytes"] = file.stat().st_size
        costs["guest"] = _seconds(lambda: read_guest_days(file, "lab/100", today, days))
        costs["totals"] = _seconds(lambda: read_totals(file, today, days))
        history = History(file, days - 1, lambda: None)
        costs["open"] = _seconds(lambda: history.open(a.NOW, today))
        # the day after, on which the oldest day goes
        after = replace(_report(guests, days, 1), created_at=a.NOW + days * DAY)
        costs["next_day"] = _seconds(lambda: history.keep(after, last, only_verdicts(last)))
        history.close()
    json.dump(costs, sys.stdout)


def _kept(file: Path, guests: int, costs: dict[str, float]) -> Past:
    history, last = History(file, 400, lambda: None), NOTHING
    for day, part in ((0, 0), (0, 1), (1, 0), (1, 1)):
        report = _report(guests, day, part)
        history.open(report.created_at, day_number(report.created_at, report.policy.zone))
        last = remember(report, last)
        costs["keep"] = _seconds(lambda report=report, last=last: history.keep(report, last, only_verdicts(last)))  # type: ignore[misc]
    history.close()
    return last


def _report(guests: int, day: int, part: int) -> Report:
    """Return a report in which every guest has a newer backup than in the one before, and some have a finding."""
    at = a.NOW + day * DAY + part * 10 * 3600
    late = Finding.of(FindingCode.BACKUP_LATE, newest=at, due=at, limit_seconds=93_600, jobs="nightly")
    judged = []
    for number in range(guests):
        newest, bad = at - number, number % 20 == day
        judged.append(
            a.backed_up_guest(
                100 + number,
                node=f"pve{number % NODES}",
                name=f"guest-{number}",
                newest_backup_at=newest,
                protection=Protection.AT_RISK if bad else Protection.PROTECTED,
                findings=(late,) if bad else (),
                days=(DayState.BACKUP,) * STRIP_DAYS,
                usable=UsableBackup(
                    "pbs1", "main", "", "vm", str(number), newest, size_bytes=32 * GIGA + newest % GIGA
                ),
            )
        )
    groups = [a.group_report(100 + number) for number in range(guests)]
    stores = [a.datastore_report(f"store{number}", used_bytes=10**12 + at) for number in range(STORES)]
    return a.report(judged, groups=groups, datastores=stores, created_at=at)


def _copy(connection: sqlite3.Connection, day: int, times: int) -> None:
    """Copy a day so many times, to the days after it."""
    connection.execute("BEGIN")
    for table, moved in (("guest_day", "newest"), ("cluster_day", ""), ("datastore_day", "used")):
        names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        for number in range(1, times + 1):
            values = [f"{name} + {number * DAY}" if name == moved else name for name in names]
            values[0] = str(day + number)
            connection.execute(f"INSERT INTO {table} SELECT {', '.join(values)} FROM {table} WHERE day = ?", (day,))
    connection.execute("COMMIT")


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
