"""Where one answer of a PVE cluster contradicts another one of the same refresh: rows are missing that exist. Pure.

An answer with rows missing looks like the truth: guests, jobs or storages that are gone. What another answer shows to exist is not gone;
then the incomplete answer counts as failed, and what is held stays. Only answers of this refresh are compared.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from exporter.errors import FailureReason
from report.agreement import NO_GUEST
from report.facts import (
    BackupJob,
    IncludedGuest,
    Inventory,
    OracleAnswer,
    PoolLookup,
    StorageDefinition,
    StorageState,
    Task,
)
from report.readings import Failure, Permissions, Reading
from report.selection import Selection, select_guests

NAMED_AT_MOST = 5

Included = Mapping[str, Reading[OracleAnswer[tuple[IncludedGuest, ...]]]]
Uncovered = Reading[OracleAnswer[frozenset[int]]]


def is_of(reading: Reading[Any], now: int) -> bool:
    """Given a reading and now, say whether it is an answer of this refresh."""
    return reading.failure is None and reading.fetched_at == now and reading.value is not None


def incomplete(label: str, endpoint: str, what: str, missing: Collection[object], witness: str) -> Failure:
    """Given how people see the source, an endpoint, what it lists, what is missing there, and who shows that, return the failure."""
    names = sorted(str(each) for each in missing)
    named = ", ".join(names[:NAMED_AT_MOST]) + (
        f" and {len(names) - NAMED_AT_MOST} more" if len(names) > NAMED_AT_MOST else ""
    )
    return Failure(FailureReason.MALFORMED, endpoint, f"{label}: {endpoint} lacks {what} that {witness} shows: {named}")


def hidden_guests(inventory: Reading[Inventory], included: Included, uncovered: Uncovered, now: int) -> frozenset[int]:
    """Return the vmids of guests that PVE's own answers name and the inventory lacks (B11, B13); the token must see all guests."""
    if not is_of(inventory, now) or inventory.value is None:
        return frozenset()
    named = {
        guest.vmid
        for reading in included.values()
        if is_of(reading, now) and reading.value and reading.value.value
        for guest in reading.value.value
        if guest.guest_type != NO_GUEST
    }
    if is_of(uncovered, now) and uncovered.value and uncovered.value.value:
        named |= uncovered.value.value
    return frozenset(named - {guest.vmid for guest in inventory.value.guests})


def selections(
    jobs: Reading[tuple[BackupJob, ...]],
    inventory: Reading[Inventory],
    lookups: Mapping[str, Reading[PoolLookup]],
    now: int,
) -> dict[str, Selection] | None:
    """Return what each job selects, None where that is not known for certain: of answers of this refresh, all pools seen."""
    if not is_of(jobs, now) or not is_of(inventory, now) or inventory.value is None:
        return None
    pools: dict[str, set[int]] = {pool: set() for pool in inventory.value.pools}
    for guest in inventory.value.guests:
        if guest.pool:
            pools.setdefault(guest.pool, set()).add(guest.vmid)
    for pool, reading in lookups.items():
        if reading.value is None or (members := reading.value.members) is None:
            return None
        pools.setdefault(pool, set(members))
    known = {pool: frozenset(members) for pool, members in pools.items()}
    return {job.id: select_guests(job, inventory.value.guests, known) for job in jobs.value or ()}


def covered_by_no_job(
    selected: Mapping[str, Selection] | None, inventory: Reading[Inventory], uncovered: Uncovered, now: int
) -> frozenset[int]:
    """Return the vmids of guests that no listed job selects and that PVE does not count as not backed up: a job is missing, or a row of
    PVE's answer (B11).
    """
    if selected is None or inventory.value is None or not is_of(uncovered, now):
        return frozenset()
    if uncovered.value is None or uncovered.value.value is None or any(each.broken for each in selected.values()):
        return frozenset()
    by_jobs = frozenset().union(*(each.guests for each in selected.values()))
    return frozenset(guest.vmid for guest in inventory.value.guests) - by_jobs - uncovered.value.value


def unlisted_volumes(
    selected: Mapping[str, Selection] | None, included: Included, now: int
) -> dict[str, frozenset[int]]:
    """Return by job the guests that it selects and whose volumes PVE's answer lacks (B13)."""
    found = {}
    for job, selection in (selected or {}).items():
        reading = included.get(job)
        if reading is None or not is_of(reading, now) or reading.value is None or reading.value.value is None:
            continue
        missing = selection.guests - {guest.vmid for guest in reading.value.value}
        if missing:
            found[job] = missing
    return found


def unlisted_storages(
    storages: Reading[tuple[StorageDefinition, ...]],
    states: Mapping[str, Reading[tuple[StorageState, ...]]],
    now: int,
) -> frozenset[str]:
    """Return the storages that a node tells of and the list of storages lacks: both show what the token may see (H.1)."""
    if not is_of(storages, now):
        return frozenset()
    told = {state.storage for reading in states.values() if is_of(reading, now) for state in reading.value or ()}
    return frozenset(told - {storage.storage for storage in storages.value or ()})


def unlisted_tasks(
    node: str, tasks: Reading[tuple[Task, ...]], recent: Reading[tuple[Task, ...]], now: int
) -> frozenset[str]:
    """Return the UPIDs of ended tasks of a node that the cluster's list has and the node's own lacks, though not for their age (G3)."""
    if not is_of(tasks, now) or not is_of(recent, now):
        return frozenset()
    own = {task.upid for task in tasks.value or ()}
    oldest = min((task.started_at for task in tasks.value or ()), default=0)
    return frozenset(
        task.upid
        for task in recent.value or ()
        if task.node == node and task.ended_at is not None and task.started_at >= oldest and task.upid not in own
    )


def without_any(permissions: Reading[Permissions], seen: Sequence[object], now: int) -> bool:
    """Say whether the token is said to have no right at all, though it sees what needs one (A8)."""
    return is_of(permissions, now) and permissions.value is not None and not permissions.value.paths and bool(seen)
