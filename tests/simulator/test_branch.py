"""The small cluster beside the first one: in order by itself, but for an entry that leads into the first one's namespace (D14)."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from simulator.model import Cluster
from simulator.past.branch import add_branch
from simulator.past.runs import events
from simulator.past.servers import CLUSTER_TOKEN, make_servers
from simulator.past.streams import Streams
from simulator.pbs.model import Group, Server
from simulator.pbs.privileges import AUDIT, BACKUP, Permissions, store_path
from simulator.scenario.branch import ACCOUNT, COPIED, NAMESPACE, OWN, Branch, make_branch
from simulator.scenario.build import make_present, make_streams
from simulator.scenario.wanted import Plan, Target, Wanted
from simulator.selection import not_backed_up
from tests.simulator.client import Client
from tests.simulator_process import REPOSITORY, running_simulator

TARGETS = tuple(Target(f"pbs{number}", "127.0.0.1", 8000 + number, "AA:BB") for number in (1, 2))
SIZES = [
    Wanted(targets=TARGETS, branch=True),
    Wanted(targets=TARGETS[:1], branch=True, guests=5, nodes=1),
    Wanted(targets=TARGETS, branch=True, guests=400, nodes=7, seed=3, release=(7, 4)),
]
DRIFT = 300
DAY = 86_400


@cache
def world(wanted: Wanted) -> tuple[Cluster, Branch, list[Server]]:
    """The first cluster, the branch, and the servers that they share."""
    cluster, streams, plan, servers = first(wanted)
    branch = make_branch(cluster, streams, plan, wanted)
    add_branch(servers, branch, wanted)
    return cluster, branch, servers


def first(wanted: Wanted) -> tuple[Cluster, Streams, Plan, list[Server]]:
    """The first cluster and its servers before there is a branch."""
    cluster, runs, plan = make_present(wanted)
    streams = make_streams(cluster, runs, plan, wanted)
    return cluster, streams, plan, make_servers(cluster, streams, runs, wanted, (3, 2, 4))


def shared_id(wanted: Wanted) -> int:
    cluster, branch, _ = world(wanted)
    (vmid,) = cluster.guests.keys() & branch.cluster.guests.keys()
    return vmid


def groups_of(server: Server, store: str, namespace: str) -> dict[tuple[str, str], Group]:
    return server.datastores[store].namespaces[namespace]


@pytest.mark.parametrize("wanted", SIZES, ids=lambda wanted: str(wanted.guests))
def test_one_id_is_in_both_clusters_and_of_one_kind(wanted: Wanted) -> None:
    cluster, branch, _ = world(wanted)
    vmid = shared_id(wanted)

    assert cluster.guests[vmid].kind == branch.cluster.guests[vmid].kind
    assert len(branch.cluster.guests) == 4
    assert not_backed_up(branch.cluster, branch.cluster.guests) == []


@pytest.mark.parametrize("wanted", SIZES, ids=lambda wanted: str(wanted.guests))
def test_the_group_of_that_id_holds_backups_of_both_and_each_cluster_prunes_them(wanted: Wanted) -> None:
    _, branch, (server, *_) = world(wanted)
    guest = branch.cluster.guests[shared_id(wanted)]
    group = groups_of(server, "main", "prod")["vm" if guest.kind == "qemu" else "ct", str(guest.vmid)]
    (schedule,) = (str(job["schedule"]) for job in branch.cluster.jobs if job["storage"] == COPIED)
    sundays = events(schedule, wanted.now - 61 * DAY, wanted.now, ZoneInfo(wanted.zone))

    assert group.owner == CLUSTER_TOKEN
    of_branch = [at for at in group.times if any(0 <= at - event <= DRIFT for event in sundays)]
    assert 0 < len(of_branch) < len(group.times)
    *_, (before, *_) = first(wanted)
    of_first = groups_of(before, "main", "prod")[group.key].times
    alone = branch.streams.left((COPIED, "", guest.kind, guest.vmid))
    assert len(group.times) < len(of_first) + len(alone)


def test_nothing_else_of_the_first_cluster_is_touched() -> None:
    wanted = SIZES[0]
    _, branch, with_it = world(wanted)
    *_, without = first(wanted)
    added = {str(vmid) for vmid in branch.cluster.guests}
    for server, before in zip(with_it, without, strict=True):
        for name, store in before.datastores.items():
            for namespace, groups in store.namespaces.items():
                now = groups_of(server, name, namespace)
                assert {key for key in now.keys() - groups.keys() if key[1] not in added} == set()
                for key, group in groups.items():
                    same = list(now[key].times) == list(group.times)
                    assert same or (namespace, key[1]) == ("prod", str(shared_id(wanted))), (name, namespace, key)


def test_its_own_entry_is_in_order() -> None:
    _, branch, (server, _) = world(SIZES[0])
    groups = groups_of(server, "main", NAMESPACE)
    rights = Permissions(server.access, ACCOUNT)

    assert {group.owner for group in groups.values()} == {ACCOUNT}
    assert {group.identity for group in groups.values()} == {str(vmid) for vmid in branch.cluster.guests}
    assert all(len(group.times) >= 7 for group in groups.values())
    assert rights.has(store_path("main", NAMESPACE), BACKUP)
    assert not rights.has(store_path("main", "prod"), AUDIT, BACKUP)
    own, copied = (branch.cluster.storages[name].config for name in (OWN, COPIED))
    assert (own["username"], own["namespace"]) == (ACCOUNT, NAMESPACE)
    assert (copied["username"], copied["namespace"]) == (CLUSTER_TOKEN, "prod")


def test_its_tasks_all_ended_well_at_any_hour() -> None:
    for hour in range(0, 24, 5):
        wanted = Wanted(targets=TARGETS, branch=True, guests=12, nodes=2, now=SIZES[0].now + hour * 3600)
        _, branch, _ = world(wanted)
        assert {task.status for task in branch.cluster.tasks} == {"OK"}
        assert len(branch.cluster.tasks) >= 14


def test_the_server_copies_what_the_branch_put_there_too() -> None:
    _, branch, (_, copy) = world(SIZES[0])
    assert {str(vmid) for vmid in branch.cluster.guests} <= {
        identity for _, identity in groups_of(copy, "copy", "prod")
    }


def test_it_is_served_beside_the_first_cluster_and_sees_its_backups_as_its_own() -> None:
    with running_simulator("serve", "--pbs", 1, "--branch", "--guests", 12, "--nodes", 2) as handle:
        (branch,) = handle.further
        assert branch.tokens.keys() == handle.tokens.keys()
        assert branch.token() != handle.token()
        answers = []
        for cluster, node in ((handle, "pve1"), (branch, "branch1")):
            with Client(cluster, user="root") as client:
                rows = client.get(f"/nodes/{node}/storage/pbs-main/content?content=backup").data
            answers.append({row["volid"] for row in rows})
    assert answers[0] == answers[1] != set()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [(("--branch",), "--branch needs --pbs"), (("--pbs", 1, "--branch", "--case", "x#1"), "nothing for --case")],
)
def test_what_it_needs_is_said(arguments: tuple[object, ...], complaint: str) -> None:
    with pytest.raises(RuntimeError, match=complaint), running_simulator("serve", *arguments):
        pass


def test_the_simulator_ends_when_its_starter_has_gone() -> None:
    command = [sys.executable, "-m", "simulator", "serve", "--guests", "5", "--end-with-stdin"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["url"]
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(10) == 0
