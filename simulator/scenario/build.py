"""The scenario put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random

from simulator.model import Cluster, Guest, Node, Pool
from simulator.past.files import file_shelves
from simulator.past.runs import make_parts
from simulator.past.streams import Streams, created
from simulator.scenario.access import make_access, make_tokens
from simulator.scenario.guests import make_guests
from simulator.scenario.history import make_tasks
from simulator.scenario.jobs import REMOVED_VMID, make_jobs
from simulator.scenario.logs import Run
from simulator.scenario.names import COMMENT_OF_POOL
from simulator.scenario.plan import make_plan
from simulator.scenario.storages import make_storages
from simulator.scenario.wanted import SMALLEST, Plan, Wanted

# so long ago somebody took away the right to prune one guest's backups
REFUSED_DAYS = 25
POOLS = ("empty", "infra", "lab", "moved", "prod", "prod/db", "prod/db/archive", "prod/web", "templates")


def scenario(wanted: Wanted) -> Cluster:
    """Given what is wanted, return the cluster: the same for the same; raises ValueError for an impossible wish."""
    cluster, runs, plan = make_present(wanted)
    return replace(cluster, backups=file_shelves(cluster, make_streams(cluster, runs, plan, wanted)))


def make_present(wanted: Wanted) -> tuple[Cluster, tuple[Run, ...], Plan]:
    """Given what is wanted, return the cluster without backups, the runs its tasks tell of, and every guest's part."""
    if wanted.guests < SMALLEST or wanted.nodes < 1:
        raise ValueError(f"a scenario needs at least {SMALLEST} guests and 1 node")
    if wanted.offline_node is not None and wanted.offline_node not in wanted.node_names:
        raise ValueError(f"there is no node {wanted.offline_node!r}: {', '.join(wanted.node_names)}")
    random = Random(f"{wanted.seed}/{wanted.guests}/{wanted.nodes}")
    plan = make_plan(wanted, random)
    cluster = Cluster(
        name=wanted.name,
        release=wanted.release,
        zone=wanted.zone,
        nodes=_nodes(wanted),
        guests=make_guests(wanted, plan, random),
        pools=_pools(wanted, plan),
        storages=make_storages(wanted),
        jobs=make_jobs(wanted, plan),
        access=make_access(),
        tokens=make_tokens(wanted.seed),
    )
    tasks, runs = make_tasks(cluster, plan.trouble, wanted.now, random)
    return replace(cluster, tasks=tasks, guests=_locked(cluster, runs)), runs, plan


def _locked(cluster: Cluster, runs: Sequence[Run]) -> Mapping[int, Guest]:
    """The guests, those that are being saved with the lock of that (A6)."""
    saved = {run.stopped for run in runs if run.status is None}
    return {
        vmid: replace(guest, config={**guest.config, "lock": "backup"}) if vmid in saved else guest
        for vmid, guest in cluster.guests.items()
    }


def make_streams(cluster: Cluster, runs: Sequence[Run], plan: Plan, wanted: Wanted) -> Streams:
    """What became of the backups of the past; one young guest has those of a predecessor too (D16)."""
    parts = make_parts(cluster, runs, wanted.now, wanted.history_days, wanted.seed)
    born = {vmid: created(cluster, vmid) for vmid in plan.ordinary}
    young = [vmid for vmid, instant in born.items() if instant > wanted.now - 50 * 86_400]
    refused = {plan.trouble["unpruned"]: wanted.now - REFUSED_DAYS * 86_400} if "unpruned" in plan.trouble else {}
    return Streams(cluster, parts, frozenset(young[:1]), refused, plan.trouble)


def _nodes(wanted: Wanted) -> tuple[Node, ...]:
    return tuple(
        Node(
            name=name,
            number=number,
            address=f"192.0.2.{number % 250 + 1}",
            online=name != wanted.offline_node,
            # the second node has settings of its own in vzdump.conf (E2)
            vzdump_conf={"mode": "suspend", "prune-backups": "keep-last=2"} if number == 2 else {},
        )
        for number, name in enumerate(wanted.node_names, 1)
    )


def _pools(wanted: Wanted, plan: Plan) -> dict[str, Pool]:
    members: dict[str, list[int]] = {wanted.pool(name): [] for name in POOLS}
    for vmid, name in plan.pool_of.items():
        members[name].append(vmid)
    members["moved"].append(REMOVED_VMID)
    return {
        wanted.pool(name): Pool(
            name=wanted.pool(name),
            comment=COMMENT_OF_POOL[name.rpartition("/")[2]],
            vmids=tuple(sorted(members[wanted.pool(name)])),
            storages=("pbs-main",) if name == "prod" else (),
        )
        for name in POOLS
    }
