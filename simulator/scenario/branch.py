"""A small second cluster whose backups are in order, but for a storage entry copied from the first one, account and namespace too (D14)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count, islice
from random import Random

from simulator.model import Cluster, Guest, Node, Pool, Properties, Storage
from simulator.past.runs import DAY, make_parts
from simulator.past.streams import Streams
from simulator.scenario.access import make_access, make_tokens
from simulator.scenario.history import ALWAYS_GOOD, job_tasks
from simulator.scenario.logs import Run
from simulator.scenario.storages import TERABYTE
from simulator.scenario.wanted import Plan, Wanted

NAME, NAMESPACE, ACCOUNT = "branch", "branch", "backup@pbs!branch"
OWN, COPIED, CUT_OFF = "pbs-branch", "pbs-main", "pbs-branch-line2"
NODES = ("branch1", "branch2")
# its other guests have ids from here on that the first cluster does not have
OWN_VMIDS_FROM = 301
SEED_APART = 100


@dataclass(frozen=True, slots=True)
class Branch:
    """The cluster, the runs that its tasks tell of, and what became of its backups."""

    cluster: Cluster
    runs: tuple[Run, ...]
    streams: Streams


def make_branch(first: Cluster, streams: Streams, plan: Plan, wanted: Wanted) -> Branch:
    """Given the first cluster, what became of its backups, and its plan, return the branch; one guest of each has the same id, and from now
    on `streams` tell of the backups of both where they mix.
    """
    guests = _guests(first, first.guests[_shared_id(streams, plan, wanted)], wanted)
    cluster = Cluster(
        name=NAME,
        release=wanted.release,
        zone=wanted.zone,
        nodes=tuple(Node(name, number, f"198.51.100.{number}") for number, name in enumerate(NODES, 1)),
        guests=guests,
        pools={"shop": Pool("shop", "Tills", tuple(sorted(guests)[1:3]))},
        storages=_storages(first, wanted),
        jobs=JOBS,
        access=make_access(),
        tokens=make_tokens(wanted.seed + SEED_APART),
    )
    told = job_tasks(cluster, {}, wanted.now, Random(wanted.seed), ALWAYS_GOOD)
    runs = tuple(run for _, run in told)
    parts = make_parts(cluster, runs, wanted.now, wanted.history_days, wanted.seed)
    own = Streams(cluster, parts)
    streams.mix_with(own, COPIED)
    return Branch(replace(cluster, tasks=tuple(task for task, _ in told)), runs, own)


JOBS: tuple[Properties, ...] = (
    {
        "id": "nightly",
        "type": "vzdump",
        "enabled": 1,
        "schedule": "20:15",
        "all": 1,
        "storage": OWN,
        "mode": "snapshot",
        "comment": "Every night → our namespace at head office",
    },
    {
        # at the minute of the nightly one, which keeps its guests recent whatever becomes of this
        "id": "sunday-copy",
        "type": "vzdump",
        "enabled": 1,
        "schedule": "sun 20:15",
        "all": 1,
        "storage": COPIED,
        "mode": "snapshot",
        "comment": "Sundays once more → entry as in storage.cfg of head office",
    },
    {
        # at that minute too; a second line was never put in order (B28), and nobody notices before the end of the year
        "id": "year-end",
        "type": "vzdump",
        "enabled": 1,
        "schedule": "*-12-31 20:15",
        "pool": "shop",
        "storage": CUT_OFF,
        "mode": "snapshot",
        "comment": "Tills once more at the end of the year, by the second line",
    },
)


def _shared_id(streams: Streams, plan: Plan, wanted: Wanted) -> int:
    """A guest of the first cluster that fares well: a web server on the second node, or whatever a small cluster has."""
    troubled = set(plan.trouble.values())
    saved = [key[3] for key in streams.keys(COPIED) if key[3] not in troubled]
    second, pool = wanted.node_names[1:2], wanted.pool("prod/web")
    web = [vmid for vmid in saved if plan.node_of[vmid] in second and plan.pool_of.get(vmid) == pool]
    return (web or saved)[-1]


def _guests(first: Cluster, twin: Guest, wanted: Wanted) -> dict[int, Guest]:
    vmids = [twin.vmid, *islice((vmid for vmid in count(OWN_VMIDS_FROM) if vmid not in first.guests), 3)]
    rows = (("office01", twin.kind), ("till01", "qemu"), ("till02", "qemu"), ("door01", "lxc"))
    return {
        vmid: Guest(
            vmid, kind, NODES[number % len(NODES)], _config(vmid, kind, name, wanted.now - (400 + number) * DAY)
        )
        for number, (vmid, (name, kind)) in enumerate(zip(vmids, rows, strict=True))
    }


def _config(vmid: int, kind: str, name: str, created: int) -> Properties:
    if kind == "lxc":
        return {"hostname": name, "memory": 1024, "ostype": "debian", "rootfs": f"local-lvm:vm-{vmid}-disk-0,size=8G"}
    return {
        "name": name,
        "memory": "4096",
        "meta": f"creation-qemu=9.0.2,ctime={created}",
        "ostype": "l26",
        "scsi0": f"local-lvm:vm-{vmid}-disk-0,iothread=1,size=32G",
    }


def _storages(first: Cluster, wanted: Wanted) -> Mapping[str, Storage]:
    """An entry with an account and a namespace of its own, one that leads there too and is not active, the other cluster's as it is."""
    copied = first.storages[COPIED]
    own = {**copied.config, "namespace": NAMESPACE, "username": ACCOUNT, "prune-backups": "keep-daily=7,keep-weekly=4"}
    found = (
        Storage("local", {"type": "dir", "path": "/var/lib/vz", "content": "iso,vztmpl,backup"}),
        Storage("local-lvm", {"type": "lvmthin", "vgname": "pve", "thinpool": "data", "content": "rootdir,images"}),
        Storage(OWN, own, used=8 * TERABYTE, total=20 * TERABYTE),
        Storage(CUT_OFF, own, active=False),
        copied,
    )
    return {storage.name: storage for storage in found}
