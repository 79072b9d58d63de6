"""From PVE's rows to facts: pure functions, one an endpoint. After this there is no row and no dict of theirs.

Each takes the rows of one answer and returns facts, each thing once; a value that cannot be what it should be raises ValueError,
which the collector turns into a malformed answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from exporter.collect import pve_rows as rows
from exporter.collect.pve_values import (
    boolean,
    count,
    distinct,
    guest_id,
    instant,
    items,
    keep_options,
    optional_boolean,
    text,
)
from exporter.collect.pve_volumes import parse_volumes
from report.facts import (
    BackupJob,
    Guest,
    GuestConfig,
    IncludedGuest,
    IncludedVolume,
    Inventory,
    Node,
    Permissions,
    PoolLookup,
    Restore,
    StorageDefinition,
    StorageState,
    Task,
    VzdumpDefaults,
)

GUEST_TYPES = frozenset({"qemu", "lxc"})
# task type → type of the guest that it writes
RESTORE_TYPES = {"qmrestore": "qemu", "vzrestore": "lxc"}
_CTIME = re.compile(r"(?:^|,)ctime=([0-9]+)")
# a storage entry without `content` takes what its plugin says (D1, J1)
_DEFAULT_CONTENT = {"pbs": "backup", "cephfs": "backup", "dir": "images,rootdir,vztmpl,iso,snippets"}
# pbs and the network file systems are shared whatever the entry says (D2)
_ALWAYS_SHARED = frozenset({"pbs", "nfs", "cifs", "cephfs"})


def parse_permissions(answer: rows.Permissions) -> Permissions:
    """Given the tree of paths and privileges, return it; the value of a privilege says whether it reaches below (A8)."""
    return Permissions({path: {name: boolean(value) for name, value in held.items()} for path, held in answer.items()})


def parse_nodes(answer: Sequence[rows.StatusRow]) -> tuple[Node, ...]:
    """Given /cluster/status, return the nodes by name."""
    nodes = (Node(row.name, optional_boolean(row.online)) for row in answer if row.type == "node")
    if not (known := distinct(nodes, lambda node: node.name)):
        raise ValueError("a cluster without nodes")
    return known


def parse_inventory(answer: Sequence[rows.ResourceRow]) -> Inventory:
    """Given /cluster/resources, return guests by vmid, and the visible pools and nodes (A1–A7)."""
    guests = (_guest(row) for row in answer if row.type in GUEST_TYPES)
    nodes = frozenset(row.node for row in answer if row.type == "node" and row.node)
    if not nodes:
        # even a token without any privilege sees them
        raise ValueError("a cluster without nodes")
    return Inventory(
        guests=distinct(guests, lambda guest: guest.vmid),
        pools=frozenset(str(row.pool) for row in answer if row.type == "pool" and row.pool is not None),
        nodes=nodes,
    )


def _guest(row: rows.ResourceRow) -> Guest:
    if not row.node:
        raise ValueError(f"{row.id} has no node")
    return Guest(
        vmid=guest_id(row.vmid),
        guest_type=row.type,
        node=row.node,
        name=text(row.name),
        pool=text(row.pool),
        tags=items(row.tags),
        template=optional_boolean(row.template),
        status=row.status,
        lock=row.lock,
    )


def parse_jobs(answer: Sequence[rows.JobRow]) -> tuple[BackupJob, ...]:
    """Given /cluster/backup, return the jobs in PVE's order (B1, B2, M4, M5)."""
    return tuple({row.id: _job(row) for row in answer}.values())


def _job(row: rows.JobRow) -> BackupJob:
    exclude, pool, vmid = text(row.exclude), text(row.pool), text(row.vmid)
    return BackupJob(
        id=row.id,
        enabled=boolean(row.enabled, default=True),
        schedule=_schedule(row),
        storage=text(row.storage),
        dumpdir=text(row.dumpdir),
        node=text(row.node),
        pool=pool,
        vmid=vmid,
        all=boolean(row.all),
        exclude=exclude,
        mode=text(row.mode),
        keep=keep_options(row.prune_backups, row.maxfiles),
        comment=text(row.comment),
        next_run=instant(row.next_run),
        legacy=row.type is None,
        repeat_missed=boolean(row.repeat_missed),
        protected=optional_boolean(row.protected),
        remove=optional_boolean(row.remove),
        fleecing=_fleecing(row.fleecing),
    )


def _schedule(row: rows.JobRow) -> str | None:
    """Return the schedule, trimmed as PVE trims it (F1); the older starttime and dow become what the API makes of them (B2)."""
    if row.schedule is not None:
        return str(row.schedule).strip()
    start = text(row.starttime)
    if start is None:
        return None
    days = items(row.dow)
    return f"{','.join(days)} {start}" if 0 < len(days) < 7 else start


def _fleecing(value: Mapping[str, rows.Scalar] | rows.Scalar) -> bool | None:
    if isinstance(value, Mapping):
        return optional_boolean(value.get("enabled"))
    # `enabled` may go without its name
    options = [part.rpartition("=")[2] for part in items(value) if "=" not in part or part.startswith("enabled=")]
    return None if value is None else bool(options) and boolean(options[0])


def parse_included(answer: rows.IncludedRow) -> tuple[IncludedGuest, ...]:
    """Given a job's included_volumes, return its guests by vmid; duplicate ids give one guest (M1)."""
    guests: dict[int, IncludedGuest] = {}
    for row in answer.children:
        vmid = guest_id(row.id)
        volumes = tuple(
            IncludedVolume(
                volume.id.partition(":")[2],
                text(volume.name) or "",
                boolean(volume.included),
                text(volume.reason) or "",
            )
            for volume in row.children
        )
        guests[vmid] = IncludedGuest(vmid, row.type, volumes)
    return tuple(guests[vmid] for vmid in sorted(guests))


def parse_not_backed_up(answer: Sequence[rows.UncoveredRow]) -> frozenset[int]:
    """Given the list of guests in no job, return their vmids."""
    return frozenset(guest_id(row.vmid) for row in answer)


def parse_pool(answer: Sequence[rows.PoolRow]) -> PoolLookup:
    """Given one pool, return its direct member guests (B10)."""
    members = (member for row in answer for member in row.members)
    return PoolLookup(frozenset(guest_id(row.vmid) for row in members if row.type in GUEST_TYPES))


def parse_storages(answer: Sequence[rows.StorageRow]) -> tuple[StorageDefinition, ...]:
    """Given /storage, return the entries by name."""
    return distinct(map(_storage, answer), lambda storage: storage.storage)


def _storage(row: rows.StorageRow) -> StorageDefinition:
    content = row.content if row.content is not None else _DEFAULT_CONTENT.get(row.type, "")
    return StorageDefinition(
        storage=row.storage,
        storage_type=row.type,
        content=frozenset(items(content)),
        nodes=frozenset(items(row.nodes)),
        disabled=boolean(row.disable),
        shared=row.type in _ALWAYS_SHARED or boolean(row.shared),
        keep=keep_options(row.prune_backups, row.maxfiles),
        server=text(row.server),
        port=count(row.port),
        datastore=text(row.datastore),
        namespace=text(row.namespace),
        username=text(row.username),
        path=text(row.path),
        fingerprint=text(row.fingerprint),
        share="".join(text(part) or "" for part in (row.export, row.share, row.subdir)) or None,
        encryption_key=text(row.encryption_key),
    )


def parse_storage_states(answer: Sequence[rows.StorageStateRow], node: str) -> tuple[StorageState, ...]:
    """Given a node's storages, return their state there by name; sizes mean nothing while a storage is not active (D3)."""
    return distinct((_storage_state(row, node) for row in answer), lambda state: state.storage)


def _storage_state(row: rows.StorageStateRow, node: str) -> StorageState:
    active = boolean(row.active)
    sizes = [count(value) if active else None for value in (row.total, row.used, row.avail)]
    return StorageState(
        storage=row.storage,
        node=node,
        storage_type=row.type,
        enabled=boolean(row.enabled, default=True),
        active=active,
        shared=boolean(row.shared),
        total_bytes=sizes[0],
        used_bytes=sizes[1],
        available_bytes=sizes[2],
    )


def parse_vzdump_defaults(answer: rows.VzdumpDefaultsRow) -> VzdumpDefaults:
    """Given a node's vzdump defaults, return what a job without its own options would use there (E2)."""
    return VzdumpDefaults(
        storage=text(answer.storage),
        dumpdir=text(answer.dumpdir),
        mode=text(answer.mode),
        keep=keep_options(answer.prune_backups),
        remove=optional_boolean(answer.remove),
    )


def parse_tasks(answer: Iterable[rows.TaskRow]) -> tuple[Task, ...]:
    """Given a task list, return its vzdump tasks, the newest first (G2–G5); a task is listed once, ended if any row says so."""
    tasks: dict[str, Task] = {}
    for row in answer:
        started = instant(row.starttime)
        if row.type != "vzdump" or started is None:
            continue
        task = Task(row.upid, row.node, started, instant(row.endtime), text(row.status), row.user, text(row.id) or "")
        if task.upid not in tasks or tasks[task.upid].ended_at is None:
            tasks[task.upid] = task
    return tuple(sorted(tasks.values(), key=lambda task: (-task.started_at, task.upid)))


def parse_restores(answer: Iterable[rows.TaskRow]) -> tuple[Restore, ...]:
    """Given a task list, return its restores that ended, the newest first; what was restored is told by their logs only."""
    restores: dict[str, Restore] = {}
    for row in answer:
        started, ended, vmid = instant(row.starttime), instant(row.endtime), text(row.id) or ""
        guest_type = RESTORE_TYPES.get(row.type)
        if guest_type is None or started is None or ended is None or not (vmid.isdecimal() and len(vmid) < 10):
            continue
        restores[row.upid] = Restore(
            row.upid, row.node, guest_type, int(vmid), started, ended, text(row.status) or "unexpected status"
        )
    return tuple(sorted(restores.values(), key=lambda restore: (-restore.started_at, restore.upid)))


def parse_log(answer: Sequence[rows.LogRow]) -> list[str]:
    """Given the lines of a task's log, return their texts; raise ValueError where some are missing: even an empty file gives one (G6)."""
    numbers = [instant(row.n) for row in answer if row.n is not None]
    if not answer or numbers not in ([], list(range(1, len(answer) + 1))):
        raise ValueError(f"a log with {len(answer)} lines, and others missing")
    return [text(row.t) or "" for row in answer]


def parse_guest_config(answer: rows.GuestConfigRow, fetched_at: int) -> GuestConfig:
    """Given a guest's configuration, return its notes, creation time (A10; containers have none) and data volumes."""
    created = _CTIME.search(str(answer.meta or ""))
    return GuestConfig(
        fetched_at=fetched_at,
        created_at=instant(created.group(1)) if created else None,
        notes=text(answer.description),
        template=boolean(answer.template),
        name=text(answer.name) or text(answer.hostname),
        volumes=parse_volumes(answer),
        parent_snapshot=text(answer.parent),
    )
