"""Database → days of one guest, and of all guests together, for whoever asks for them. Raises HistoryError."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from exporter.errors import HistoryError
from exporter.history.codes import COVERAGES, PROTECTIONS, instant, text, whole
from exporter.history.database import open_readable, read_from, there
from exporter.history.recall import recall, totals
from report.model.guests import Coverage, Protection
from report.past import NOTHING, GuestKey, Past
from report.timeline import BACKUP, STATES, DayState, TrendDay, date_of
from report.trend import trend

# guests named where several are meant
SEVERAL = 5
_DAYS = """WITH RECURSIVE d (day) AS (SELECT :after + 1 UNION ALL SELECT day + 1 FROM d WHERE day < :today)
    SELECT g.day, g.coverage, g.protection, g.worst, g.newest, g.actual, g.expected, g.size, findings.text, name.text, node.text,
    g.cell
    FROM d
    CROSS JOIN guest_day AS g ON g.day = d.day AND g.guest = :guest
    LEFT JOIN word AS findings ON findings.id = g.findings
    LEFT JOIN word AS name ON name.id = g.name
    LEFT JOIN word AS node ON node.id = g.node
    ORDER BY g.day"""
_GUESTS = "SELECT id, pve, vmid FROM guest WHERE vmid = :vmid AND (:pve IS NULL OR pve = :pve) ORDER BY pve"
_GUESTS_BY_NAME = "SELECT id, pve, vmid FROM guest WHERE name = :name ORDER BY pve, vmid"


@dataclass(frozen=True, slots=True)
class GuestDay:
    """A day of a guest as it was last judged on it. `worst`: its worst protection of the day; `findings`: codes of those that lowered it;
    `backups`: what became of its backups on that day, as known by now. Instants are epochs, None is not known.
    """

    day: date
    coverage: Coverage | None
    protection: Protection | None
    worst: Protection | None
    newest: int | None
    actual: int | None
    expected: int | None
    size: int | None
    findings: tuple[str, ...]
    name: str | None
    node: str | None
    backups: DayState


def read_guest_days(file: Path, guest: str, today: int, days: int) -> tuple[GuestKey, tuple[GuestDay, ...]]:
    """Given the file, a guest as people name it (`lab/104`, `104`, `web-1`), the number of today and how many days, return which guest it
    is, and its days that are there, oldest first.
    """
    with closing(open_readable(file)) as connection, read_from(file):
        number, key = _find(connection, file, guest)
        rows = connection.execute(_DAYS, {"after": today - days, "today": today, "guest": number})
        return key, tuple(_guest_day(*row) for row in rows)


def read_totals(file: Path, today: int, days: int) -> tuple[TrendDay, ...]:
    """Given the file, the number of today and how many days, return the counts of each day that is there, oldest first."""
    with closing(open_readable(file)) as connection, read_from(file):
        return trend(totals(connection, today, days))


def read_past(file: Path, today: int) -> tuple[Past, Past]:
    """Given the file and the number of today, return the last Report's past, and the one that changes are told against, for a command
    that judges once: nothing where there is no file, the failure in it where it cannot be read.
    """
    try:
        if not there(file):
            return NOTHING, NOTHING
        with closing(open_readable(file)) as connection, read_from(file):
            return recall(connection, "last", today), recall(connection, "baseline", today)
    except HistoryError as error:
        return Past(failure=str(error)), NOTHING


def _find(connection: sqlite3.Connection, file: Path, guest: str) -> tuple[int, GuestKey]:
    pve, slash, vmid = guest.rpartition("/")
    number = int(vmid) if vmid.isascii() and vmid.isdigit() else None
    wanted = {"pve": pve if slash else None, "vmid": number, "name": guest}
    found = connection.execute(_GUESTS if number is not None else _GUESTS_BY_NAME, wanted).fetchall()
    if not found:
        raise HistoryError(str(file), f"no guest {guest} in it", "name it as CLUSTER/VMID, VMID or by its name")
    if len(found) > 1:
        several = ", ".join(f"{pve}/{vmid}" for _, pve, vmid in found[:SEVERAL])
        raise HistoryError(str(file), f"{guest} may be {several}", "name it as CLUSTER/VMID")
    row, cluster, guest_id = found[0]
    return row, (cluster, guest_id)


def _guest_day(
    day: int,
    coverage: int | None,
    protection: int | None,
    worst: int | None,
    newest: int | None,
    actual: int | None,
    expected: int | None,
    size: int | None,
    findings: str | None,
    name: str | None,
    node: str | None,
    cell: int,
) -> GuestDay:
    return GuestDay(
        day=date_of(day),
        coverage=None if coverage is None else COVERAGES[whole(coverage, len(COVERAGES) - 1)],
        protection=_protection(protection),
        worst=_protection(worst),
        newest=None if newest is None else instant(newest),
        actual=None if actual is None else whole(actual),
        expected=None if expected is None else whole(expected),
        size=None if size is None else whole(size),
        findings=tuple((findings or "").split()),
        name=None if name is None else text(name),
        node=None if node is None else text(node),
        backups=STATES[whole(cell, BACKUP)],
    )


def _protection(code: int | None) -> Protection | None:
    return None if code is None else PROTECTIONS[whole(code, len(PROTECTIONS) - 1)]
