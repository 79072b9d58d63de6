"""A Report → the database: one transaction, and only what changed since the last one."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, field
from typing import TypeVar

from exporter.history.codes import (
    CODE_OF_COVERAGE,
    CODE_OF_PROTECTION,
    GUEST,
    POLICY,
    REPORT,
    guest_text,
    key_text,
    policy_text,
)
from exporter.history.database import transaction
from exporter.history.recall import COUNTS
from report.forecast import Usages
from report.model.guests import GuestReport
from report.model.report import Report
from report.past import NOTHING, GroupKey, GuestKey, Past, RememberedDays
from report.timeline import GONE, STRIP_DAYS, Counts, aligned, day_number
from report.trend import Totals

K = TypeVar("K", GuestKey, GroupKey)
V = TypeVar("V")
# coverage, protection, newest, actual, expected, size; findings, name, node as text
Row = tuple[int, int, int | None, int | None, int | None, int | None, str, str | None, str]
_VALUES = "coverage, protection, worst, newest, actual, expected, size, findings, name, node"
_ROW = f"""INSERT INTO guest_day (day, guest, {_VALUES}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (day, guest) DO UPDATE SET coverage = excluded.coverage, protection = excluded.protection,
    worst = max(coalesce(worst, 0), excluded.worst), newest = excluded.newest, actual = excluded.actual,
    expected = excluded.expected, size = excluded.size, findings = excluded.findings, name = excluded.name,
    node = excluded.node"""  # noqa: S608
_CELL = """INSERT INTO guest_day (day, guest, cell) VALUES (?, ?, ?)
    ON CONFLICT (day, guest) DO UPDATE SET cell = excluded.cell"""
_TOTAL = f"INSERT OR REPLACE INTO cluster_day (day, pve, {COUNTS}) VALUES (?, ?, {', '.join('?' * 10)})"  # noqa: S608
_USAGE = """INSERT INTO datastore_day VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (day, server, datastore) DO UPDATE SET used = excluded.used, total = excluded.total,
    lowest = min(lowest, excluded.lowest), highest = max(highest, excluded.highest)"""
_ENTRY = "INSERT OR REPLACE INTO remembered (past, kind, key, value) VALUES (?, ?, ?, ?)"
_FORGET = "DELETE FROM remembered WHERE past = ? AND kind = ? AND key = ?"
# so many days with a report stay, not so long a time: a clock that jumps ahead must not empty the history
_OLDEST = "SELECT day FROM cluster_day GROUP BY day ORDER BY day DESC LIMIT 1 OFFSET ?"


@dataclass(slots=True)
class Mirror:
    """What stands in the database, as far as it is needed to tell what changed; made anew whenever a write failed."""

    last: Past = NOTHING
    baseline: Past = NOTHING
    day: int | None = None
    rows: dict[GuestKey, Row] = field(default_factory=dict)
    words: dict[str, int] = field(default_factory=dict)
    guests: dict[GuestKey, int] = field(default_factory=dict)
    names: dict[GuestKey, str | None] = field(default_factory=dict)

    @staticmethod
    def of(connection: sqlite3.Connection, last: Past, baseline: Past) -> Mirror:
        """Given what was recalled from a database, return its mirror. Raises sqlite3.Error."""
        guests = list(connection.execute("SELECT id, pve, vmid, name FROM guest"))
        return Mirror(
            last,
            baseline,
            words={text: number for number, text in connection.execute("SELECT id, text FROM word")},
            guests={(pve, vmid): number for number, pve, vmid, _ in guests},
            names={(pve, vmid): name for _, pve, vmid, name in guests},
        )


def keep(connection: sqlite3.Connection, mirror: Mirror, report: Report, last: Past, baseline: Past, days: int) -> None:
    """Given a Report, what is remembered after it, and how many days with a report stay, write what the mirror lacks, and bring it up
    to date. Raises sqlite3.Error, with nothing written; the mirror is then of no use.
    """
    today = day_number(report.created_at, report.policy.zone)
    with transaction(connection):
        if mirror.day != today:
            _remove_old(connection, days)
            mirror.rows = {}
        _keep_guests(connection, mirror, report, today)
        _keep_cells(connection, mirror, last.days)
        _keep_totals(connection, mirror.last.trend, last.trend)
        _keep_usage(connection, mirror.last.usage, last.usage)
        _keep_past(connection, "last", mirror.last, last)
        if baseline is not mirror.baseline:
            _keep_past(connection, "baseline", mirror.baseline, baseline)
    mirror.day, mirror.last, mirror.baseline = today, last, baseline


def keep_baseline(connection: sqlite3.Connection, mirror: Mirror, baseline: Past) -> None:
    """Given what changes are told against from now on, write it, as `keep`."""
    with transaction(connection):
        _keep_past(connection, "baseline", mirror.baseline, baseline)
    mirror.baseline = baseline


def _remove_old(connection: sqlite3.Connection, days: int) -> None:
    oldest = connection.execute(_OLDEST, (days,)).fetchone()
    if oldest is not None:
        for table in ("guest_day", "cluster_day", "datastore_day"):
            connection.execute(f"DELETE FROM {table} WHERE day <= ?", oldest)  # noqa: S608


def _keep_guests(connection: sqlite3.Connection, mirror: Mirror, report: Report, today: int) -> None:
    """Write the verdicts of today that changed."""
    versions = _versions(report)
    changed = []
    for guest in report.guests:
        key = (guest.pve, guest.guest.vmid)
        row = _row(guest, *versions.get(key, (None, None)))
        if mirror.rows.get(key) != row:
            mirror.rows[key] = row
            changed.append((key, row))
    parameters = []
    for key, (coverage, protection, newest, actual, expected, size, *texts) in changed:
        words = (None if text is None else _word(connection, mirror, text) for text in texts)
        number = _guest(connection, mirror, key, texts[1])
        parameters.append((today, number, coverage, protection, protection, newest, actual, expected, size, *words))
    connection.executemany(_ROW, parameters)


def _row(guest: GuestReport, actual: int | None, expected: int | None) -> Row:
    return (
        CODE_OF_COVERAGE[guest.coverage],
        CODE_OF_PROTECTION[guest.protection],
        guest.newest_backup_at,
        actual,
        expected,
        guest.usable.size_bytes if guest.usable else None,
        " ".join(sorted({finding.code for finding in guest.findings if finding.lowers})),
        None if guest.guest.name is None else _storable(guest.guest.name),
        _storable(guest.guest.node),
    )


def _storable(text: str) -> str:
    """Return a name with half characters, which an API may send, as escapes: SQLite holds UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()


def _versions(report: Report) -> dict[GuestKey, tuple[int | None, int | None]]:
    """Return, by guest, the versions that are there and those that should be, over all its groups; None unless known of each."""
    found: dict[GuestKey, tuple[int | None, int | None]] = {}
    for group in report.groups:
        if group.pve is not None and group.vmid is not None:
            key = (group.pve, group.vmid)
            actual, expected = found.get(key, (0, 0))
            found[key] = (_sum(actual, group.actual), _sum(expected, group.expected))
    return found


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _keep_cells(connection: sqlite3.Connection, mirror: Mirror, days: RememberedDays) -> None:
    """Write what became known of the last days; what was known once stays."""
    before, parameters = mirror.last.days, []
    for key, codes in days.cells.items():
        held = before.cells.get(key)
        known = bytes(STRIP_DAYS) if held is None else aligned(held, before.first, days.first)
        if codes != known:
            number = _guest(connection, mirror, key, mirror.names.get(key))
            parameters += [
                (days.first + place, number, code)
                for place, (code, other) in enumerate(zip(codes, known, strict=True))
                if code not in (GONE, other)
            ]
    connection.executemany(_CELL, parameters)


def _keep_totals(connection: sqlite3.Connection, before: Totals, after: Totals) -> None:
    changed = (item for item in after.items() if before.get(item[0]) != item[1])
    connection.executemany(_TOTAL, [(*key, *_plain(counts)) for key, counts in changed])


def _plain(counts: Counts) -> tuple[int, ...]:
    return astuple(counts)


def _keep_usage(connection: sqlite3.Connection, before: Usages, after: Usages) -> None:
    for (server, datastore), points in after.items():
        known = frozenset(before.get((server, datastore), ()))
        for point in points:
            if point not in known:
                used, total = point.used_bytes, point.total_bytes
                connection.execute(_USAGE, (point.day, server, datastore, used, total, used, used))


def _keep_past(connection: sqlite3.Connection, name: str, before: Past, after: Past) -> None:
    changed = [(name, GUEST, key, text) for key, text in _changed(before.guests, after.guests, guest_text)]
    changed += [(name, POLICY, key, text) for key, text in _changed(before.policies, after.policies, policy_text)]
    if after.at is not None:
        changed.append((name, REPORT, "", json.dumps([after.at, sorted(after.inventories)])))
    connection.executemany(_ENTRY, changed)
    gone = [(name, GUEST, key_text(key)) for key in before.guests.keys() - after.guests.keys()]
    gone += [(name, POLICY, key_text(key)) for key in before.policies.keys() - after.policies.keys()]
    connection.executemany(_FORGET, gone)


def _guest(connection: sqlite3.Connection, mirror: Mirror, key: GuestKey, name: str | None) -> int:
    """Return the number of a guest, new ones entered, its newest name kept."""
    number = mirror.guests.get(key)
    if number is None:
        number = mirror.guests[key] = _inserted(
            connection, "INSERT INTO guest (pve, vmid, name) VALUES (?, ?, ?)", (*key, name)
        )
    elif name is not None and mirror.names.get(key) != name:
        connection.execute("UPDATE guest SET name = ? WHERE id = ?", (name, number))
    mirror.names[key] = name
    return number


def _word(connection: sqlite3.Connection, mirror: Mirror, text: str) -> int:
    number = mirror.words.get(text)
    if number is None:
        number = mirror.words[text] = _inserted(connection, "INSERT INTO word (text) VALUES (?)", (text,))
    return number


def _inserted(connection: sqlite3.Connection, statement: str, parameters: Iterable[object]) -> int:
    return int(connection.execute(statement, tuple(parameters)).lastrowid or 0)


def _changed(before: Mapping[K, V], after: Mapping[K, V], text_of: Callable[[V], str]) -> Iterator[tuple[str, str]]:
    """Yield, as text, each entry that is new or another one than before."""
    for key, value in after.items():
        held = before.get(key)
        if held is not value and held != value:
            yield key_text(key), text_of(value)
