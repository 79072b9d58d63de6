"""Facts: what the APIs said, typed, with when, and what could not be seen. No opinions.

Every instant is an integer epoch in seconds, UTC. A `Reading` is what one collector knows: its last good value, when that was
read, how long it may be relied on, and why the last attempt failed. Absent is `None`; an empty tuple was seen to be empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic

from report.backups import BackupGroup, PbsFacts
from report.readings import CollectorRun as CollectorRun
from report.readings import Failure as Failure
from report.readings import Keep as Keep
from report.readings import Permissions as Permissions
from report.readings import Reading as Reading
from report.readings import T_co


@dataclass(frozen=True, slots=True)
class Guest:
    """A virtual machine (`qemu`) or container (`lxc`); name and template are None while no fresh status exists (A4)."""

    vmid: int
    guest_type: str
    node: str
    name: str | None = None
    pool: str | None = None
    tags: tuple[str, ...] = ()
    template: bool | None = None
    status: str | None = None
    lock: str | None = None


@dataclass(frozen=True, slots=True)
class ConfigVolume:
    """A disk or mount point of a guest as its configuration names it: key (`scsi0`, `rootfs`, `mp1`), volume and size where it says so.
    `saved`: whether a backup takes it in: disks unless marked otherwise, mount points only where they are marked (C3, C6).
    """

    key: str
    volume: str
    size_bytes: int | None = None
    saved: bool = True


@dataclass(frozen=True, slots=True)
class GuestConfig:
    """What only a guest's own configuration tells; `fetched_at` because the round is slow.

    `created_at`: A10. `volumes`: data volumes with their sizes (no CD drives, no unused ones: C2, C5; no EFI disk without OVMF, nothing
    that a container has from outside: C8). `parent_snapshot`: the snapshot that the guest's present state stems from; `vzdump` is a
    leftover of a backup.
    """

    fetched_at: int
    created_at: int | None = None
    notes: str | None = None
    template: bool | None = None
    name: str | None = None
    volumes: tuple[ConfigVolume, ...] = ()
    parent_snapshot: str | None = None


@dataclass(frozen=True, slots=True)
class Inventory:
    """`/cluster/resources`: guests, and the names of the pools and nodes that the token may see (A1, A3)."""

    guests: tuple[Guest, ...]
    pools: frozenset[str]
    nodes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Node:
    """A cluster member; `online` is None where only its name is known."""

    name: str
    online: bool | None = None


@dataclass(frozen=True, slots=True)
class PoolLookup:
    """The answer to asking for one pool by name: its guests, or None members when it does not exist (B24)."""

    members: frozenset[int] | None


@dataclass(frozen=True, slots=True)
class BackupJob:
    """A vzdump job as `/cluster/backup` tells it (B2). Lists of vmids stay text: taking them apart is the selection's work (B7).

    `keep` holds the job's own prune-backups options, None where it has none (E1). `next_run` is PVE's own figure (B3), not ours.
    """

    id: str
    enabled: bool = True
    schedule: str | None = None
    storage: str | None = None
    dumpdir: str | None = None
    node: str | None = None
    pool: str | None = None
    vmid: str | None = None
    all: bool = False
    exclude: str | None = None
    mode: str | None = None
    keep: Keep | None = None
    comment: str | None = None
    next_run: int | None = None
    legacy: bool = False
    repeat_missed: bool = False
    protected: bool | None = None
    remove: bool | None = None
    fleecing: bool | None = None


@dataclass(frozen=True, slots=True)
class StorageDefinition:
    """A storage.cfg entry (`/storage`): which content it takes, on which nodes (empty: all), whether it is switched off.

    `share`: what a network file system mounts from `server` (the export of NFS, the share of CIFS, the folder within it).
    `encryption_key`: of a PBS entry, the fingerprint of the key that it encrypts with, or "1" where PVE does not tell it (J1).
    """

    storage: str
    storage_type: str
    content: frozenset[str]
    nodes: frozenset[str] = frozenset()
    disabled: bool = False
    shared: bool = False
    keep: Keep | None = None
    server: str | None = None
    port: int | None = None
    datastore: str | None = None
    namespace: str | None = None
    username: str | None = None
    path: str | None = None
    fingerprint: str | None = None
    share: str | None = None
    encryption_key: str | None = None


@dataclass(frozen=True, slots=True)
class StorageState:
    """A storage as one node sees it (`/nodes/{node}/storage`, D3). Bytes; None where the node does not know."""

    storage: str
    node: str
    storage_type: str
    enabled: bool
    active: bool
    shared: bool
    total_bytes: int | None = None
    used_bytes: int | None = None
    available_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class VzdumpDefaults:
    """What a node's vzdump.conf gives a job that leaves an option unset (E2)."""

    storage: str | None = None
    dumpdir: str | None = None
    mode: str | None = None
    keep: Keep | None = None
    remove: bool | None = None


@dataclass(frozen=True, slots=True)
class IncludedVolume:
    """A volume of a selected guest and whether PVE saves it (section C); trust `included`, not `reason` (C3)."""

    key: str
    volume: str
    included: bool
    reason: str


@dataclass(frozen=True, slots=True)
class IncludedGuest:
    """A guest in PVE's own `included_volumes`; type `unknown` is an id without guest (B13)."""

    vmid: int
    guest_type: str
    volumes: tuple[IncludedVolume, ...] = ()


@dataclass(frozen=True, slots=True)
class OracleAnswer(Generic[T_co]):
    """What PVE's own evaluation said: a value, or that it refused to answer because a job is broken (B12: HTTP 500)."""

    value: T_co | None
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A vzdump task (G1–G5); `ended_at` None while it runs. `subject` is the vmid if exactly one guest was in it, else empty."""

    upid: str
    node: str
    started_at: int
    ended_at: int | None
    status: str | None
    user: str
    subject: str


class GuestResult(StrEnum):
    """What became of a guest in a vzdump task, by the lines of its log (G8)."""

    OK = "ok"
    FAILED = "failed"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class GuestOutcome:
    """A guest in the log of a vzdump task (G7). `message`: the error of a failed one; `archive`: what was written, as the log names it
    (`vm/100/2026-…Z`, a file path); `started_at` and `duration_seconds` where the log tells them.
    """

    vmid: int
    result: GuestResult
    started_at: int | None = None
    duration_seconds: int | None = None
    message: str = ""
    archive: str | None = None


@dataclass(frozen=True, slots=True)
class TaskOutcome:
    """The log of a vzdump task that did not end OK, read once (G6–G8). `error`: the line that ended the whole task, "" if none did.

    `storage`, `selected`: of the command line in it; `selected` are the vmids it names but those that the log says live on other nodes,
    empty where it says `--all` or `--pool`.
    """

    guests: tuple[GuestOutcome, ...] = ()
    error: str = ""
    storage: str | None = None
    selected: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Restore:
    """A restore task that ended: `vmid` is what was written, `volume` the backup it came from as its log names it, None where the log
    does not tell or is gone, and of a restore that failed.

    `volume` is `STORAGE:backup/…` where the log says so (containers), else the backup's bare name: `vm/ID/TIME` of a PBS,
    `vzdump-qemu-….vma.zst` of a file. One whose log is still to be read is not listed.
    """

    upid: str
    node: str
    guest_type: str
    vmid: int
    started_at: int
    ended_at: int
    status: str
    volume: str | None = None


@dataclass(frozen=True, slots=True)
class Drill:
    """A restore drill that somebody reports in the drop folder: of which guest's backup (`backup_at`, epoch), when, and how it went."""

    pve: str
    vmid: int
    at: int
    ok: bool
    reported_by: str
    backup_at: int | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """Everything known of one PVE cluster, by its configured name. `failure` is set when the source as a whole could not be asked.

    `backups` are the groups on storages that are not PBS, by storage id; `backup_parts` what each node told of them, by (storage, node).
    `outcomes`: by UPID, what the logs of vzdump tasks said that did not end OK; `restores`: by node. What a task's log said does not
    age: `value` may be used at any time.
    """

    name: str
    attempted_at: int
    up: bool
    failure: Failure | None = None
    version: Reading[str] = field(default_factory=Reading)
    token_id: str = ""
    permissions: Reading[Permissions] = field(default_factory=Reading)
    inventory: Reading[Inventory] = field(default_factory=Reading)
    nodes: Reading[tuple[Node, ...]] = field(default_factory=Reading)
    pool_lookups: Mapping[str, Reading[PoolLookup]] = field(default_factory=dict)
    jobs: Reading[tuple[BackupJob, ...]] = field(default_factory=Reading)
    included: Mapping[str, Reading[OracleAnswer[tuple[IncludedGuest, ...]]]] = field(default_factory=dict)
    not_backed_up: Reading[OracleAnswer[frozenset[int]]] = field(default_factory=Reading)
    storages: Reading[tuple[StorageDefinition, ...]] = field(default_factory=Reading)
    storage_states: Mapping[str, Reading[tuple[StorageState, ...]]] = field(default_factory=dict)
    vzdump_defaults: Mapping[str, Reading[VzdumpDefaults]] = field(default_factory=dict)
    zones: Mapping[str, Reading[str]] = field(default_factory=dict)
    tasks: Mapping[str, Reading[tuple[Task, ...]]] = field(default_factory=dict)
    backups: Mapping[str, Reading[tuple[BackupGroup, ...]]] = field(default_factory=dict)
    backup_parts: Mapping[tuple[str, str], Reading[tuple[BackupGroup, ...]]] = field(default_factory=dict)
    outcomes: Mapping[str, Reading[TaskOutcome]] = field(default_factory=dict)
    restores: Mapping[str, Reading[tuple[Restore, ...]]] = field(default_factory=dict)
    configs: Mapping[int, GuestConfig] = field(default_factory=dict)
    collectors: tuple[CollectorRun, ...] = ()
    certificate_not_after: int | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything known of every source, as of one refresh. `drills`: what the drop folder holds; None where none is configured or it could
    not be read, `drill_problems` name the files that say nothing.
    """

    clusters: tuple[ClusterFacts, ...] = ()
    servers: tuple[PbsFacts, ...] = ()
    drills: tuple[Drill, ...] | None = None
    drill_problems: tuple[str, ...] = ()
