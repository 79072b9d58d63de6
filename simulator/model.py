"""What the simulated cluster consists of. Values are frozen; a `Cluster` is replaced whole when a job changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

Properties = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Node:
    """A node; `vzdump_conf` holds what its /etc/vzdump.conf sets (E2)."""

    name: str
    number: int
    address: str
    online: bool = True
    vzdump_conf: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Guest:
    """A guest; `config` is its configuration as the API shows it, without the digest.

    `earlier` are the keys that were different when its backups were made, None where there was none.
    """

    vmid: int
    kind: str  # qemu or lxc
    node: str
    config: Properties
    status: str = "running"
    hastate: str | None = None
    processors: int = 2
    memory: int = 2 << 30
    disk: int = 32 << 30
    earlier: Properties = field(default_factory=dict)

    def as_saved(self) -> Guest:
        """The guest as its backups have it."""
        return replace(self, config=_changed(self.config, self.earlier), earlier={}) if self.earlier else self

    @property
    def configured_name(self) -> str | None:
        """The name in the configuration; None where it has none (M3)."""
        name = self.config.get("name" if self.kind == "qemu" else "hostname")
        return None if name is None else str(name)

    @property
    def shown_name(self) -> str:
        """The name in lists, made up from the id where the configuration has none (M3)."""
        return self.configured_name or f"{'VM ' if self.kind == 'qemu' else 'CT'}{self.vmid}"


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool with its direct members only (B10); `vmids` may hold ids without a guest."""

    name: str
    comment: str | None = None
    vmids: tuple[int, ...] = ()
    storages: tuple[str, ...] = ()


class Probe(Protocol):
    """The backup server behind a storage entry, as it is now."""

    def refusal(self) -> str | None:
        """Why the entry cannot be activated, None if it can."""

    def works(self) -> bool:
        """Whether its datastore tells its state."""


@dataclass(frozen=True, slots=True)
class Storage:
    """A storage entry: its row in /storage without the digest, and how full it is; an inactive one is offline.

    Where there is a `probe`, it decides whether an active one can be reached.
    """

    name: str
    config: Properties
    active: bool = True
    total: int = 1_000_000_000_000
    used: int = 400_000_000_000
    probe: Probe | None = field(default=None, compare=False)

    @property
    def kind(self) -> str:
        return str(self.config["type"])

    @property
    def content(self) -> frozenset[str]:
        return frozenset(str(self.config.get("content", "")).split(","))

    @property
    def enabled(self) -> bool:
        return not self.config.get("disable")

    @property
    def shared(self) -> int:
        """1 for kinds that always are, else what the entry says (D2)."""
        return 1 if self.kind in {"pbs", "nfs", "cifs", "cephfs"} else int(self.config.get("shared", 0))

    @property
    def reachable(self) -> bool:
        return self.active and (self.probe is None or self.probe.works())

    def allowed_on(self, node: str) -> bool:
        nodes = self.config.get("nodes")
        return not nodes or node in str(nodes).split(",")


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup on a storage: what follows `STORAGE:backup/`, whose it is by its name, and what its row tells of it (D6).

    `kind` is qemu, lxc, openvz or unknown; `standard` is false for a renamed file (D7); `beside` holds further keys.
    """

    name: str
    form: str
    time: int
    kind: str
    vmid: int | None
    size: int = 4096
    standard: bool = True
    protected: bool = False
    notes: str | None = None
    beside: Properties = field(default_factory=dict)


class Shelf(Protocol):
    """Where a storage's backups are."""

    def backups(self, listing: bool) -> Sequence[Backup]:
        """All backups in no order, for the list (`listing`) or for a prune's dry run; raises ApiError if it cannot."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task; running while `endtime` is None; `lines` gives its log when asked."""

    upid: str
    node: str
    kind: str
    subject: str
    user: str
    pid: int
    pstart: int
    starttime: int
    endtime: int | None
    status: str | None
    lines: Callable[[], list[str]]


@dataclass(frozen=True, slots=True)
class Access:
    """One entry of the access list: who (user or full token id) has a role on a path, and whether it reaches deeper."""

    path: str
    subject: str
    role: str
    propagate: bool = True


@dataclass(frozen=True, slots=True)
class Token:
    """A token; with `separated` its rights are the intersection of its own and its user's (A8)."""

    identity: str  # USER@REALM!TOKENID
    secret: str
    separated: bool = False

    @property
    def user(self) -> str:
        return self.identity.partition("!")[0]


@dataclass(frozen=True)
class Cluster:
    """Everything the simulated API knows. `release` is (major, minor); jobs are as `GET /cluster/backup` shows them."""

    name: str
    release: tuple[int, int]
    zone: str
    nodes: tuple[Node, ...]
    guests: Mapping[int, Guest]
    pools: Mapping[str, Pool]
    storages: Mapping[str, Storage]
    jobs: tuple[Properties, ...]
    tasks: tuple[Task, ...] = ()
    access: tuple[Access, ...] = ()
    tokens: tuple[Token, ...] = ()
    # by storage and node; the node is "" for a shared storage (D2)
    backups: Mapping[tuple[str, str], Shelf] = field(default_factory=dict)
    # the ids of the backup servers behind storages (D12)
    identities: Mapping[str, str] = field(default_factory=dict)
    # what lies beside the storage configuration, by storage: secrets, and encryption keys as JSON (J1)
    passwords: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def pool_of(self) -> dict[int, str]:
        """vmid → pool; a second membership does not count (A7)."""
        found: dict[int, str] = {}
        for pool in self.pools.values():
            for vmid in pool.vmids:
                found.setdefault(vmid, pool.name)
        return found

    @cached_property
    def by_node(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def by_upid(self) -> dict[str, Task]:
        return {task.upid: task for task in self.tasks}

    def with_job(self, identity: str, changes: Properties) -> Cluster:
        """Given a job's id and keys to set (None removes), return the cluster with that change; KeyError if unknown."""
        if identity not in {job["id"] for job in self.jobs}:
            raise KeyError(identity)
        return replace(
            self,
            jobs=tuple(_changed(job, changes) if job["id"] == identity else job for job in self.jobs),
        )


def _changed(job: Properties, changes: Properties) -> Properties:
    return {key: value for key, value in {**job, **changes}.items() if value is not None}
