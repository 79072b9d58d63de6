"""`python -m bench.days GUESTS DAYS`: a history of that size, made with the daemon's own code, then asked and written; what that costs, as
JSON.

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
from pathlib import Path

from bench.questions import QUESTIONS, Asked, write_configuration
from exporter.history.history import History
from report.findings import Finding, FindingCode
from report.model.guests import Protection, UsableBackup
from report.model.report import Report
from report.past import NOTHING, Past, only_verdicts, remember
from report.timeline import STRIP_DAYS, DayState, day_number
from tests import builders as a

DAY = 86_400
GIGA = 10**9
NODES, STORES = 20, 10
# one guest in so many is not as it should be, each day others
BAD_ONE_IN = 20
ROUNDS = 2


def main(guests: int, days: int) -> None:
    """Make the history, ask it, write to it, and print bytes and seconds: of each answer the slowest of some."""
    with tempfile.TemporaryDirectory(prefix="vzcover-bench-") as name:
        file = Path(name) / "history.db"
        _keep_two(file, guests)
        first = day_number(a.NOW, a.report().policy.zone)
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            _copy(connection, first + 1, days - 2)
        size, last = file.stat().st_size, days - 1
        asked = Asked(file, write_configuration(file), first + last, days, _report(guests, last, 1))
        answers = {
            each.what: max(_seconds(lambda each=each: each.ask(asked)) for _ in range(ROUNDS))  # type: ignore[misc]
            for each in QUESTIONS
        }
        written = _written(History(file, days - 1, lambda: None), guests, days)
    json.dump({"bytes": size, "answers": answers, "written": written}, sys.stdout)


def _keep_two(file: Path, guests: int) -> None:
    history, last = History(file, 400, lambda: None), NOTHING
    for day, part in ((0, 0), (0, 1), (1, 0), (1, 1)):
        report = _report(guests, day, part)
        history.open(report.created_at, day_number(report.created_at, report.policy.zone))
        last = remember(report, last)
        history.keep(report, last, only_verdicts(last))
    history.close()


def _written(history: History, guests: int, days: int) -> dict[str, float]:
    """Go on with the day after, on which the oldest day goes, as the daemon does after a start."""
    costs: dict[str, float] = {}
    opened: list[tuple[Past, Past] | None] = []
    day, half = _report(guests, days, 0), _report(guests, days, 1)
    today = day_number(day.created_at, day.policy.zone)
    costs["opened at the start"] = _seconds(lambda: opened.append(history.open(day.created_at, today)))
    if not opened[0]:
        raise RuntimeError(f"the history cannot be opened: {history.failure}")
    last, baseline = opened[0]
    first = remember(day, last)
    costs["the first refresh of a day"] = _seconds(lambda: history.keep(day, first, baseline))
    second = remember(half, first)
    costs["a refresh in which every guest has a newer backup"] = _seconds(lambda: history.keep(half, second, baseline))
    if history.failure:
        raise RuntimeError(f"the history cannot be written: {history.failure}")
    history.close()
    return costs


def _report(guests: int, day: int, part: int) -> Report:
    """Return a report in which every guest has a newer backup than in the one before, and some have a finding."""
    at = a.NOW + day * DAY + part * 10 * 3600
    late = Finding.of(FindingCode.BACKUP_LATE, newest=at, due=at, limit_seconds=93_600, jobs="nightly")
    judged = []
    for number in range(guests):
        newest, bad = at - number, number % BAD_ONE_IN == day % BAD_ONE_IN
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
