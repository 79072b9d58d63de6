"""Calls about datastores: lists, space, namespaces, groups, snapshots, garbage collection (sections 2-9)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from zoneinfo import ZoneInfo

from simulator.answers import Answer
from simulator.calendar_events import EventError, following, parse
from simulator.pbs.answers import Row, forbidden, stream, success
from simulator.pbs.call import Call
from simulator.pbs.model import Datastore, Group
from simulator.pbs.privileges import AUDIT, BACKUP, BELOW, READ, Permissions, store_path
from simulator.pbs.rows import HONEST_LAST_BACKUP, group_row, snapshot_stream

REMOVABLE = (3, 3)
OBJECT_STORES = (4, 0)
JOBS_IN_GARBAGE = (3, 2)
GARBAGE_COUNTERS = (
    *("disk-bytes", "disk-chunks", "index-data-bytes", "index-file-count", "pending-bytes", "pending-chunks"),
    *("removed-bad", "removed-bytes", "removed-chunks", "still-bad"),
)
EMPTY_GARBAGE: Row = dict.fromkeys(GARBAGE_COUNTERS, 0) | {"upid": None}
HISTORY_STEP, HISTORY_LENGTH = 1800, 1440


def _sees(permissions: Permissions, store: str) -> tuple[bool, bool]:
    """Whether the caller sees a datastore's numbers, and whether he sees that it is there."""
    path = store_path(store)
    full = permissions.has(path, AUDIT, BACKUP)
    return full, full or permissions.below(path)


def _mount(call: Call) -> Row:
    row: Row = {"mount-status": "nonremovable"} if call.server.release >= REMOVABLE else {}
    return row | ({"backend-type": "filesystem"} if call.server.release >= OBJECT_STORES else {})


def datastores(call: Call) -> Answer:
    """The datastores the caller may know of; the comment only for those he may see (section 2)."""
    rows: list[Row] = []
    for store in call.server.datastores.values():
        full, listed = _sees(call.permissions, store.name)
        if listed:
            row: Row = {"comment": store.config.get("comment") if full else None, "store": store.name}
            if store.maintenance:
                row["maintenance"] = store.maintenance
            rows.append(row | _mount(call))
    return success(call.shuffled(rows))


def status(call: Call) -> Answer:
    """Space, and with `verbose` how many groups and snapshots the caller may see; zeros without the right (M10)."""
    path = store_path(call.needed("store"))
    full = call.permissions.has(path, AUDIT, BACKUP)
    if not full and not call.permissions.has(path, READ) and not call.permissions.below(path):
        raise forbidden()
    store = call.datastore()
    row: Row = (
        {"avail": store.avail, "total": store.total, "used": store.used}
        if full
        else dict.fromkeys(("avail", "total", "used"), 0)
    )
    if call.flag("verbose"):
        row["counts"] = _counts(call, store)
        if full:
            row["gc-status"] = EMPTY_GARBAGE | store.garbage
    return success(row | ({"backend-type": "filesystem"} if call.server.release >= OBJECT_STORES else {}))


def _counts(call: Call, store: Datastore) -> Row:
    counts: Row = {"ct": None, "host": None, "other": None, "vm": None}
    for namespace, there in store.namespaces.items():
        for group in visible_groups(call, store_path(store.name, namespace), there.values()):
            if not group.times:
                continue
            row = counts[group.kind] or {"groups": 0, "snapshots": 0}
            row["groups"] += 1
            row["snapshots"] += len(group.times)
            counts[group.kind] = row
            call.cost.walked(1 + len(group.times))
    return counts


def namespaces(call: Call) -> Answer:
    """The namespaces from `parent` down that the caller may see, itself included (section 4)."""
    name, parent = call.needed("store"), call.text("parent") or ""
    depth = call.number("max-depth", 7)
    path = store_path(name, parent)
    if not (call.permissions.has(path, *BELOW) or call.permissions.below(path)):
        raise forbidden()
    store = call.datastore()
    call.groups(store, parent)
    prefix = f"{parent}/" if parent else ""
    start = parent.count("/") + 1 if parent else 0
    rows = [
        {"ns": one}
        for one in store.namespaces
        if (one == parent or one.startswith(prefix))
        and (one.count("/") + 1 if one else 0) - start <= depth
        and call.permissions.has(store_path(name, one), *BELOW)
    ]
    call.cost.walked(len(store.namespaces))
    return success(call.shuffled(rows))


def visible_groups(call: Call, path: str, among: Iterable[Group]) -> list[Group]:
    """Those of the groups on a path that the caller may see: all with Audit, his own with Backup, none without either."""
    groups = [group for group in among if group.owner is not None]
    if call.permissions.has(path, AUDIT):
        return groups
    if call.permissions.has(path, BACKUP):
        return [group for group in groups if call.permissions.owns(group.owner)]
    return []


def _asked_groups(call: Call, kind: str | None = None, identity: str | None = None) -> list[Group]:
    """The visible groups, of one type or one id if those are given, in an order of their own; one alone costs no walk."""
    store_name, namespace = call.needed("store"), call.text("ns") or ""
    path = store_path(store_name, namespace)
    if not call.permissions.has(path, AUDIT, BACKUP):
        raise forbidden(f" - missing Datastore.Audit|Datastore.Backup on {path}")
    groups = call.groups(call.datastore(), namespace)
    if kind and identity:
        there = [groups[kind, identity]] if (kind, identity) in groups else []
    else:
        there = [one for one in groups.values() if kind in {None, one.kind} and identity in {None, one.identity}]
    return call.shuffled(visible_groups(call, path, there))


def groups(call: Call) -> Answer:
    """The groups of one namespace; empty ones only from 4.0.17 on (H2). No manifest is opened."""
    shown = [group for group in _asked_groups(call) if group.times or call.server.release >= HONEST_LAST_BACKUP]
    call.cost.walked(sum(1 + len(group.times) for group in shown))
    return success([group_row(group, call.server.release) for group in shown])


def snapshots(call: Call) -> Answer:
    """The snapshots of one namespace, of one type or one id; every manifest of them is opened (M13)."""
    kind, identity = call.text("backup-type"), call.text("backup-id")
    chosen = _asked_groups(call, kind, identity)
    for group in chosen:
        count_manifests(call, group, call.needed("store"), call.text("ns") or "")
    return stream(snapshot_stream(chosen, call.random))


def count_manifests(call: Call, group: Group, store: str, namespace: str) -> None:
    unfinished = sum(not special.finished for special in group.special.values())
    call.cost.walked(1 + len(group.times))
    call.cost.opened(f"{store}:{namespace}:{group.kind}/{group.identity}", len(group.times) - unfinished)


def garbage(call: Call) -> Answer:
    return success(_garbage_row(call, call.datastore()))


def _garbage_row(call: Call, store: Datastore) -> Row:
    row = EMPTY_GARBAGE | store.garbage
    if call.server.release < JOBS_IN_GARBAGE:
        return row
    row |= {"store": store.name, **store.garbage_run}
    schedule = store.config.get("gc-schedule")
    if schedule:
        row["schedule"] = schedule
        found = next_run(call, str(schedule), store.garbage_run.get("last-run-endtime", call.now))
        row |= {} if found is None else {"next-run": found}
    return row


def next_run(call: Call, schedule: str, last: int) -> int | None:
    """The next event after the last run, in the server's zone; it may lie in the past (H8)."""
    try:
        return following(parse(schedule), last, ZoneInfo(call.server.zone))
    except EventError:
        return None


def garbage_list(call: Call) -> Answer:
    """All garbage collections: broken datastores are missing, and fewer rights are enough than for one (M10)."""
    wanted = call.text("store")
    rows = [
        _garbage_row(call, store)
        for store in call.server.datastores.values()
        if wanted in {None, store.name} and _sees(call.permissions, store.name)[1] and store.problem() is None
    ]
    return success(call.shuffled(rows))


def usage(call: Call) -> Answer:
    """The one call in which broken datastores appear with their error (section 8)."""
    rows: list[Row] = []
    for store in call.server.datastores.values():
        full, listed = _sees(call.permissions, store.name)
        if full:
            rows.append(_usage_row(call, store))
        elif listed:
            rows.append({"store": store.name, **_without_numbers(call)} | _mount(call))
    return success(call.shuffled(rows))


def _without_numbers(call: Call) -> Row:
    return {"total": -1, "used": -1, "avail": -1} if call.server.release < JOBS_IN_GARBAGE else {}


def _usage_row(call: Call, store: Datastore) -> Row:
    problem = store.problem()
    if problem is not None:
        return {"error": problem, "store": store.name, **_without_numbers(call)} | _mount(call)
    start = call.now - call.now % HISTORY_STEP - HISTORY_STEP * (HISTORY_LENGTH - 1)
    missing: list[float | None] = [None] * (HISTORY_LENGTH - len(store.history))
    row: Row = {
        "avail": store.avail,
        "gc-status": EMPTY_GARBAGE | store.garbage,
        "history": [*missing, *store.history][-HISTORY_LENGTH:],
        "history-delta": HISTORY_STEP,
        "history-start": start,
        "store": store.name,
        "total": store.total,
        "used": store.used,
    }
    if store.estimated_full is not None:
        row["estimated-full-date"] = store.estimated_full
    return row | _mount(call)


def _config_row(store: Datastore) -> Row:
    row: Row = {**store.config, "name": store.name, "path": store.path}
    return row | ({"maintenance-mode": store.maintenance} if store.maintenance else {})


def digest(rows: object) -> str:
    """A digest that changes with the configuration."""
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def config_list(call: Call) -> Answer:
    """The configurations of the datastores that the caller may audit."""
    rows = [_config_row(store) for store in call.server.datastores.values()]
    seen = [row for row in rows if call.permissions.has(store_path(row["name"]), AUDIT)]
    return success(call.shuffled(seen), digest=digest(rows))


def config(call: Call) -> Answer:
    """One configuration; a broken datastore has one too."""
    name = call.needed("store")
    if name not in call.server.datastores:
        call.datastore()
    rows = [_config_row(store) for store in call.server.datastores.values()]
    return success(next(row for row in rows if row["name"] == name), digest=digest(rows))
