"""What the daemon calls, and what each answer is for: the one table of the fault matrix. Which guests it costs is in `expected.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from simulator.faults import KINDS as SIMULATED

# the kinds of the matrix: refused connections to HTML with status 200 all tell nothing
FAILING = (
    "refused", "reset", "drip", "401", "403", "404", "500", "595", "596", "html", "truncated", "wrong-types", "gzip-garbage",
)  # fmt: skip
MISSING = ("empty", "rows-missing")
KINDS = (*FAILING, *MISSING)
assert set(KINDS) <= SIMULATED


@dataclass(frozen=True, slots=True)
class Called:
    """An endpoint that is asked of a source: `pattern` is what the simulator spoils, `facts` what it tells, `collectors` who must name it.

    `genuine`: by kind, what a genuine server whose state is that would say all the same, where nothing else contradicts it (law 3).
    `whole`: by kind, why the daemon knows all the same, so that no collector fails.
    """

    source: str
    path: str
    pattern: str
    facts: str
    collectors: frozenset[str]
    genuine: Mapping[str, str] = field(default_factory=dict)
    whole: Mapping[str, str] = field(default_factory=dict)
    world: str = ""

    @property
    def name(self) -> str:
        """Return how it is written in the table and in the ids of tests."""
        return f"{self.source} {self.path}"


def _pve(
    path: str,
    facts: str,
    *collectors: str,
    pattern: str = "",
    genuine: Mapping[str, str] | None = None,
    whole: Mapping[str, str] | None = None,
    world: str = "",
) -> Called:
    return Called("lab", path, pattern or path, facts, frozenset(collectors), genuine or {}, whole or {}, world)


def _pbs(
    path: str,
    facts: str,
    *collectors: str,
    source: str = "pbs1",
    pattern: str = "",
    genuine: Mapping[str, str] | None = None,
    whole: Mapping[str, str] | None = None,
) -> Called:
    return Called(source, path, pattern or path, facts, frozenset(collectors), genuine or {}, whole or {})


CALLED = (
    _pve("/version", "the version", "version"),
    _pve(
        "/access/permissions",
        "what the token may see: whether there may be storages and guests that are hidden",
        "permissions",
        genuine={"rows-missing": "the token has fewer rights than before; what they showed is believed no more"},
    ),
    _pve(
        "/cluster/resources",
        "guests with node, pool, tags; the names of pools and nodes",
        "inventory",
        genuine={
            "rows-missing": "guests that never were listed, as those of a node directory that is left over; "
            "a guest that was is held while PVE's own evaluation names it"
        },
    ),
    _pve("/cluster/status", "which nodes there are and whether they are online", "nodes"),
    _pve(
        "/cluster/backup",
        "the backup jobs",
        "jobs",
        genuine={"rows-missing": "jobs were deleted whose guests other jobs select too, even disabled ones"},
    ),
    _pve(
        "/cluster/backup/{id}/included_volumes",
        "PVE's word on the volumes that a job saves",
        "included_volumes",
        pattern="/cluster/backup/*/included_volumes",
    ),
    _pve(
        "/cluster/backup-info/not-backed-up", "PVE's word on guests without a job: a comparison only", "not_backed_up"
    ),
    _pve("/storage", "where storages lead, and what they take", "storages"),
    _pve("/cluster/tasks", "the newest tasks of all nodes: of nodes that do not answer", "cluster_tasks"),
    _pve(
        "/nodes/{node}/storage",
        "which storages are active on a node, so that it can be asked for their backups",
        "storage_states",
        "file_backups",
        pattern="/nodes/*/storage",
    ),
    _pve(
        "/nodes/{node}/storage/{storage}/prunebackups",
        "backups on storages that are no PBS",
        "file_backups",
        pattern="/nodes/*/storage/*/prunebackups",
        genuine={
            "empty": "the backups on file storages were deleted",
            "rows-missing": "some backups on file storages were deleted",
        },
    ),
    _pve(
        "/nodes/{node}/tasks?typefilter=vzdump",
        "how backups ran, and which run now",
        "tasks",
        pattern="/nodes/*/tasks?typefilter=vzdump*",
    ),
    _pve(
        "/nodes/{node}/tasks?typefilter=qmrestore",
        "restores of virtual machines",
        "restores",
        pattern="/nodes/*/tasks?typefilter=qmrestore*",
        genuine={"empty": "no virtual machine was restored", "rows-missing": "fewer restores"},
    ),
    _pve(
        "/nodes/{node}/tasks?typefilter=vzrestore",
        "restores of containers",
        "restores",
        pattern="/nodes/*/tasks?typefilter=vzrestore*",
        genuine={"empty": "no container was restored", "rows-missing": "fewer restores"},
    ),
    _pve(
        "/nodes/{node}/tasks/{upid}/log",
        "what became of each guest in a failed backup, and what was restored; read once",
        "task_logs",
        "restores",
        pattern="/nodes/*/tasks/*/log*",
    ),
    _pve(
        "/nodes/{node}/time",
        "the zone in which a node reads schedules; it does not age",
        "zones",
        pattern="/nodes/*/time",
    ),
    _pve(
        "/nodes/{node}/vzdump/defaults",
        "where jobs without a storage write",
        "vzdump_defaults",
        pattern="/nodes/*/vzdump/defaults",
        genuine={"empty": "a vzdump.conf without a storage, that PVE answers for with local"},
    ),
    _pve(
        "/nodes/{node}/qemu/{vmid}/config",
        "notes, creation time, disks of virtual machines; held until read again",
        "guest_configs",
        pattern="/nodes/*/qemu/*/config",
    ),
    _pve(
        "/nodes/{node}/lxc/{vmid}/config",
        "notes of containers; held until read again",
        "guest_configs",
        pattern="/nodes/*/lxc/*/config",
    ),
    _pve(
        "/pools",
        "a pool that a job names and that no guest shows: gone, or hidden",
        "pools",
        pattern="/pools*",
        whole=dict.fromkeys(
            ("truncated", "wrong-types", "empty", "rows-missing"), "that a pool is gone stands in the status line"
        ),
        world="--missing-pool",
    ),
    _pbs("/version", "the version", "version"),
    _pbs(
        "/access/permissions",
        "what the token may see: whether there may be groups that are hidden",
        "permissions",
        genuine={"rows-missing": "the token has fewer rights than before; what they showed is believed no more"},
    ),
    _pbs("/nodes/{node}/time", "zone and clock of the server", "zone", pattern="/nodes/*/time"),
    _pbs("/nodes/{node}/identity", "what names the installation", pattern="/nodes/*/identity"),
    _pbs("/admin/datastore", "the datastores and their maintenance", "datastores"),
    _pbs("/status/datastore-usage", "figures and errors of datastores: which nobody can read now", "datastore_usage"),
    _pbs(
        "/admin/datastore/{store}/namespace",
        "the namespaces of a datastore",
        "namespaces",
        pattern="/admin/datastore/*/namespace",
        genuine={"rows-missing": "namespaces were deleted"},
    ),
    _pbs(
        "/admin/datastore/{store}/groups",
        "the backup groups of a namespace",
        "groups",
        pattern="/admin/datastore/*/groups",
        genuine={"empty": "all groups were deleted", "rows-missing": "some groups were deleted"},
    ),
    _pbs(
        "/admin/datastore/{store}/snapshots",
        "the backups of a group: their times, sizes, verification, encryption",
        "snapshots",
        pattern="/admin/datastore/*/snapshots",
    ),
    _pbs(
        "/admin/gc",
        "garbage collections",
        "garbage_collections",
        whole={"404": "taken for a server older than 3.2, whose datastores are asked one by one"},
    ),
    _pbs("/config/prune", "prune jobs as configured", "prune_jobs"),
    _pbs("/admin/prune", "how prune jobs ran", "prune_jobs"),
    _pbs("/config/verify", "verify jobs as configured", "verify_jobs"),
    _pbs("/admin/verify", "how verify jobs ran", "verify_jobs"),
    _pbs("/config/sync", "sync jobs as configured", "sync_jobs", source="pbs2"),
    _pbs("/admin/sync", "how sync jobs ran", "sync_jobs", source="pbs2"),
    _pbs("/nodes/{node}/tasks", "which groups a verification or a prune touched", "tasks", pattern="/nodes/*/tasks"),
)
