"""From PVE's rows to facts: pure functions, one an endpoint. After this there is no row and no dict of theirs.

Each takes the rows of one answer and returns facts; a value that cannot be what it should be raises ValueError, which the
collector turns into a malformed answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from exporter.collect import pve_rows as rows
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
    StorageDefinition,
    StorageState,
    Task,
    VzdumpDefaults,
)

GUEST_TYPES = frozenset({"qemu", "lxc"})
_LIST = re.compile(r"[,;\s]+")
_CTIME = re.compile(r"(?:^|,)ctime=(\d+)")
# a storage entry without `content` takes what its plugin says (D1, J1)
_DEFAULT_CONTENT = {"pbs": "backup", "cephfs": "backup", "dir": "images,rootdir,vztmpl,iso,snippets"}
# pbs and the network file systems are shared whatever the entry says (D2)
_ALWAYS_SHARED = frozenset({"pbs", "nfs", "cifs", "cephfs"})

Keep = tuple[tuple[str, int], ...]


def boolean(value: rows.Scalar, default: bool = False) -> bool:
    """Given PVE's idea of a boolean, return ours: absent is the default; "", 0, "0" and false are false (B2)."""
    if value is None:
        return default
    return str(value).strip().lower() not in ("", "0", "false", "no", "off")


def optional_boolean(value: rows.Scalar) -> bool | None:
    """Given PVE's idea of a boolean, return ours, None where it is absent: absent is not false (A4)."""
    return None if value is None else boolean(value)


def integer(value: rows.Scalar) -> int | None:
    """Given a number or its text, return the integer, None where absent; raise ValueError for anything else."""
    return None if value is None or value == "" else int(float(value)) if isinstance(value, float) else int(value)


def text(value: rows.Scalar) -> str | None:
    """Given a scalar, return its text, None where it is absent or empty."""
    return None if value is None or value == "" else str(value)


def items(value: rows.Scalar) -> tuple[str, ...]:
    """Given a list in PVE's one-string form, return its parts."""
    return tuple(part for part in _LIST.split(str(value or "")) if part)


def keep_options(value: Mapping[str, rows.Scalar] | rows.Scalar, maxfiles: rows.Scalar = None) -> Keep | None:
    """Given prune-backups as object or property string (E5), or the older maxfiles (B2), return its positive options, sorted.

    An empty tuple means that everything is kept (E3); None that nothing was said.
    """
    if value is None or value == "":
        count = integer(maxfiles)
        return None if count is None else (("keep-last", count),) if count else ()
    pairs = value.items() if isinstance(value, Mapping) else (part.partition("=")[::2] for part in items(value))
    counts = ((key, integer(count) or 0) for key, count in pairs if key != "keep-all")
    return tuple(sorted((key, count) for key, count in counts if count > 0))


def parse_permissions(answer: rows.Permissions) -> Permissions:
    """Given the tree of paths and privileges, return it; the value of a privilege says whether it reaches below (A8)."""
    return Permissions({path: {name: boolean(value) for name, value in held.items()} for path, held in answer.items()})


def parse_nodes(answer: Sequence[rows.StatusRow]) -> tuple[Node, ...]:
    """Given /cluster/status, return the nodes by name."""
    nodes = (Node(row.name, optional_boolean(row.online)) for row in answer if row.type == "node")
    return tuple(sorted(nodes, key=lambda node: node.name))


def parse_inventory(answer: Sequence[rows.ResourceRow]) -> Inventory:
    """Given /cluster/resources, return guests by vmid, and the visible pools and nodes (A1–A7)."""
    guests = (_guest(row) for row in answer if row.type in GUEST_TYPES)
    return Inventory(
        guests=tuple(sorted(guests, key=lambda guest: guest.vmid)),
        pools=frozenset(str(row.pool) for row in answer if row.type == "pool" and row.pool is not None),
        nodes=frozenset(row.node for row in answer if row.type == "node" and row.node),
    )


def _guest(row: rows.ResourceRow) -> Guest:
    vmid = integer(row.vmid)
    if vmid is None or row.node is None:
        raise ValueError(f"{row.id} has no vmid or no node")
    return Guest(
        vmid=vmid,
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
    return tuple(_job(row) for row in answer)


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
        next_run=integer(row.next_run),
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
    return None if value is None else "enabled=1" in items(value)


def parse_included(answer: rows.IncludedRow) -> tuple[IncludedGuest, ...]:
    """Given a job's included_volumes, return its guests by vmid; duplicate ids give one guest (M1)."""
    guests: dict[int, IncludedGuest] = {}
    for row in answer.children:
        vmid = integer(row.id)
        if vmid is None:
            raise ValueError("a selected guest has no id")
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
    return frozenset(vmid for row in answer if (vmid := integer(row.vmid)) is not None)


def parse_pool(answer: Sequence[rows.PoolRow]) -> PoolLookup:
    """Given one pool, return its direct member guests (B10)."""
    members = (member for row in answer for member in row.members)
    return PoolLookup(
        frozenset(vmid for row in members if row.type in GUEST_TYPES and (vmid := integer(row.vmid)) is not None)
    )


def parse_storages(answer: Sequence[rows.StorageRow]) -> tuple[StorageDefinition, ...]:
    """Given /storage, return the entries by name."""
    return tuple(sorted((_storage(row) for row in answer), key=lambda storage: storage.storage))


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
        port=integer(row.port),
        datastore=text(row.datastore),
        namespace=text(row.namespace),
        username=text(row.username),
        path=text(row.path),
    )


def parse_storage_states(answer: Sequence[rows.StorageStateRow], node: str) -> tuple[StorageState, ...]:
    """Given a node's storages, return their state there by name; sizes mean nothing while a storage is not active (D3)."""
    return tuple(sorted((_storage_state(row, node) for row in answer), key=lambda state: state.storage))


def _storage_state(row: rows.StorageStateRow, node: str) -> StorageState:
    active = boolean(row.active)
    sizes = [integer(value) if active else None for value in (row.total, row.used, row.avail)]
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
        started = integer(row.starttime)
        if row.type != "vzdump" or started is None:
            continue
        task = Task(row.upid, row.node, started, integer(row.endtime), text(row.status), row.user, text(row.id) or "")
        if task.upid not in tasks or tasks[task.upid].ended_at is None:
            tasks[task.upid] = task
    return tuple(sorted(tasks.values(), key=lambda task: (-task.started_at, task.upid)))


def parse_guest_config(answer: rows.GuestConfigRow, fetched_at: int) -> GuestConfig:
    """Given a guest's configuration, return its notes and creation time (A10; containers have none)."""
    created = _CTIME.search(str(answer.meta or ""))
    return GuestConfig(
        fetched_at=fetched_at,
        created_at=int(created.group(1)) if created else None,
        notes=text(answer.description),
        template=boolean(answer.template),
        name=text(answer.name) or text(answer.hostname),
    )
