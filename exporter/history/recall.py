"""Database → what the next Report is judged with: the last verdicts, what changes are told against, days, trend, usage."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import fields, replace
from typing import TypeVar

from exporter.history.codes import (
    GUEST,
    POLICY,
    REPORT,
    group_key,
    guest_key,
    instant,
    read_guest,
    read_policy,
    text,
    whole,
)
from report.forecast import Usages
from report.past import NOTHING, GuestKey, Past, RememberedDays
from report.timeline import BACKUP, STRIP_DAYS, TREND_DAYS, Counts, Usage

K = TypeVar("K")
V = TypeVar("V")
COUNTS = ", ".join(field.name for field in fields(Counts))


def recall(connection: sqlite3.Connection, past: str, today: int) -> Past:
    """Given which past ("last" or "baseline") and the number of today, return it; NOTHING where none was kept.

    Raises sqlite3.Error, and anything for damaged values. An entry that does not read (of a version that knew other states) is left out.
    """
    row = connection.execute(
        "SELECT value FROM remembered WHERE past = ? AND kind = ? AND key = ''", (past, REPORT)
    ).fetchone()
    if row is None:
        return NOTHING
    at, inventories = json.loads(row[0])
    found = Past(
        at=instant(at),
        guests=_entries(connection, past, GUEST, guest_key, read_guest),
        policies=_entries(connection, past, POLICY, group_key, read_policy),
        inventories=frozenset(map(text, inventories)),
    )
    if past != "last":
        return found
    return replace(
        found, days=remembered_days(connection, today), trend=totals(connection, today), usage=usages(connection, today)
    )


def totals(connection: sqlite3.Connection, today: int, days: int = TREND_DAYS) -> dict[tuple[int, str], Counts]:
    """Given the number of today, return the counts of so many days that end with it, by day and cluster. Raises as `recall`."""
    rows = connection.execute(
        f"SELECT day, pve, {COUNTS} FROM cluster_day WHERE day > ? AND day <= ? ORDER BY day, pve",  # noqa: S608
        (today - days, today),
    )
    return {(whole(day), text(pve)): Counts(*map(whole, counts)) for day, pve, *counts in rows}


def remembered_days(connection: sqlite3.Connection, today: int) -> RememberedDays:
    """Given the number of today, return the 28 days of every guest that end with it. Raises as `recall`."""
    first = today - STRIP_DAYS + 1
    guests: dict[int, GuestKey] = {
        number: (text(pve), whole(vmid)) for number, pve, vmid in connection.execute("SELECT id, pve, vmid FROM guest")
    }
    cells: dict[int, bytearray] = {}
    rows = connection.execute(
        "SELECT day, guest, cell FROM guest_day WHERE day >= ? AND day <= ? AND cell <> 0", (first, today)
    )
    for day, guest, cell in rows:
        if guest not in cells:
            cells[guest] = bytearray(STRIP_DAYS)
        cells[guest][whole(day) - first] = whole(cell, BACKUP)
    return RememberedDays(first, {guests[guest]: bytes(held) for guest, held in cells.items()})


def usages(connection: sqlite3.Connection, today: int) -> Usages:
    """Given the number of today, return how full each datastore was on the 90 days that end with it. Raises as `recall`."""
    found: dict[tuple[str, str], tuple[Usage, ...]] = {}
    rows = connection.execute(
        "SELECT server, datastore, day, used, total FROM datastore_day WHERE day > ? AND day <= ? ORDER BY day",
        (today - TREND_DAYS, today),
    )
    for server, datastore, day, used, total in rows:
        key = (text(server), text(datastore))
        found[key] = (*found.get(key, ()), Usage(whole(day), whole(used), whole(total)))
    return found


def _entries(
    connection: sqlite3.Connection, past: str, kind: str, key_of: Callable[[str], K], read: Callable[[str], V]
) -> dict[K, V]:
    found: dict[K, V] = {}
    for key, value in connection.execute("SELECT key, value FROM remembered WHERE past = ? AND kind = ?", (past, kind)):
        try:
            found[key_of(key)] = read(value)
        except (ValueError, TypeError):
            continue
    return found
