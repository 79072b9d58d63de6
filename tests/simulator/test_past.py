"""The made-up past: what is on the storages and the backup servers is what the jobs, the prunes and the copies left."""

from __future__ import annotations

import http.client
import json
import re
import time
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from simulator.model import Cluster
from simulator.past.files import file_shelves
from simulator.past.runs import events
from simulator.past.servers import CLUSTER_TOKEN, make_servers
from simulator.past.streams import Streams
from simulator.pbs.model import Group, Server, Special
from simulator.pbs.rows import last_backup
from simulator.scenario.build import make_present, make_streams
from simulator.scenario.wanted import Plan, Target, Wanted
from simulator.selection import selected_vmids, truthy
from tests.simulator_process import running_simulator

TARGETS = tuple(Target(f"pbs{number}", "127.0.0.1", 8000 + number, "AA:BB") for number in (1, 2))
WANTED = Wanted(targets=TARGETS)
DRIFT = 3000
DAY = 86_400
ZONE = ZoneInfo(WANTED.zone)


@cache
def _world(wanted: Wanted = WANTED) -> tuple[Cluster, Streams, tuple[Server, ...], Plan]:
    cluster, runs, plan = make_present(wanted)
    streams = make_streams(cluster, runs, plan, wanted)
    return cluster, streams, tuple(make_servers(cluster, streams, runs, wanted, (3, 2, 4))), plan


def _own_groups(server: Server) -> list[Group]:
    """The groups that the cluster's jobs write."""
    cluster, _, _, _ = _world()
    groups = server.datastores["main"].namespaces["prod"].values()
    return [one for one in groups if one.owner == CLUSTER_TOKEN and int(one.identity) in cluster.guests]


def _events_of(cluster: Cluster, vmid: int, storage: str) -> set[int]:
    found: set[int] = set()
    for job in cluster.jobs:
        if job.get("storage") == storage and truthy(job.get("enabled", 1)) and vmid in selected_vmids(job, cluster):
            found |= set(events(str(job["schedule"]), WANTED.now - 61 * DAY, WANTED.now, ZONE))
    return found


def test_every_snapshot_lies_at_an_event_of_a_job_that_saves_the_guest() -> None:
    cluster, _, servers, _ = _world()
    groups = _own_groups(servers[0])
    assert len(groups) > 20
    for group in groups:
        expected = sorted(_events_of(cluster, int(group.identity), "pbs-main"))
        for instant in group.times:
            assert any(0 <= instant - event <= DRIFT for event in expected), (group.identity, instant)
            assert instant <= WANTED.now


def test_files_lie_at_events_too_and_are_named_in_the_nodes_zone() -> None:
    cluster, streams, _, _ = _world()
    keys = streams.keys("nas")
    assert keys
    for key in keys:
        expected = _events_of(cluster, key[3], "nas")
        for entry in streams.left(key):
            assert any(0 <= entry.time - event <= DRIFT for event in expected)
    for backup in _shelf():
        match = re.fullmatch(r"vzdump-(?:qemu|lxc)-\d+-(\d{4}_\d\d_\d\d-\d\d_\d\d_\d\d)\..*", backup[0])
        if match:
            local = datetime.strptime(match.group(1), "%Y_%m_%d-%H_%M_%S").replace(tzinfo=ZONE)
            assert int(local.timestamp()) == backup[1]


def _shelf() -> list[tuple[str, int]]:
    cluster, streams, _, _ = _world()
    return [(backup.name, backup.time) for backup in file_shelves(cluster, streams)["nas", ""].backups(True)]


def test_a_guest_that_no_job_saves_was_never_saved() -> None:
    cluster, streams, servers, plan = _world()
    uncovered = {vmid for vmids in plan.hard.values() for vmid in vmids}
    assert uncovered
    for server in servers:
        for store in server.datastores.values():
            for name in set(store.namespaces) & {"prod"}:
                saved = {int(one.identity) for one in store.namespaces[name].values() if one.times}
                assert not saved & uncovered
    for storage in cluster.storages:
        for node in ("", *cluster.by_node):
            assert not {key[3] for key in streams.keys(storage, node) if streams.left(key)} & uncovered


def test_the_newest_backup_agrees_with_the_task_lists() -> None:
    cluster, streams, _, _ = _world()
    told = 0
    for task in cluster.tasks:
        end = task.endtime or 0
        lines = task.lines() if task.kind == "vzdump" and end else []
        storage = next((line.rsplit("--storage ", 1)[1].split()[0] for line in lines if "--storage " in line), None)
        if storage not in {"pbs-main", "nas"}:
            continue
        for vmid in re.findall(r"Backup of VM (\d+) failed", "\n".join(lines)):
            guest = cluster.guests.get(int(vmid))
            if guest is None:
                continue
            told += 1
            made = [entry.time for entry, _ in streams.made((storage, "", guest.kind, int(vmid)))]
            assert not any(task.starttime <= instant <= end for instant in made)
    assert told


def test_a_policy_leaves_what_it_says_in_the_long_run() -> None:
    _, streams, _, _ = _world()
    counts = [
        len(streams.left(key))
        for key in streams.keys("pbs-main")
        if [part.job["id"] for part in streams.parts(key)] == ["backup-prod"]
        and streams.made(key)[0][0].time < WANTED.now - 55 * DAY
    ]
    # 14 days, 8 weeks of which about two lie in them, 12 months of which at most three exist and are covered in part
    assert counts
    assert all(18 <= count <= 23 for count in counts)


def test_every_special_case_is_there() -> None:
    _, _, servers, _ = _world()
    main = servers[0].datastores["main"]
    prod = main.namespaces["prod"].values()
    for group in prod:
        assert group.times  # brings the specials to light
    specials = [special for group in prod for special in group.special.values()]
    assert any(special.protected for special in specials)
    assert any(special.verification == "failed" for special in specials)
    assert {group.crypt_mode for group in prod} == {"none", "encrypt", "sign-only"}
    assert any(not group.verifications.upids for group in prod)
    assert {group.owner for group in prod} >= {CLUSTER_TOKEN, "backup@pbs!old-pve", "admin@pbs!manual"}
    assert main.group("dev", "host", "laptop").unfinished()
    assert main.group("", "host", "elsa").times[-1] == WANTED.now - 60
    assert any(task.endtime is None for task in servers[0].tasks)
    assert {group.identity for group in main.namespaces["cluster-b"].values()} <= {group.identity for group in prod}
    problems = {name: store.problem() for name, store in servers[0].datastores.items()}
    assert {name for name, problem in problems.items() if problem} == {"swap", "gone"}


def test_a_young_guest_has_the_backups_of_its_predecessor() -> None:
    cluster, streams, _, _ = _world()
    found = []
    for key in streams.keys("pbs-main") + streams.keys("nas"):
        match = re.search(r"ctime=(\d+)", str(cluster.guests[key[3]].config.get("meta", "")))
        left = streams.left(key)
        if match and left and left[0].time < int(match.group(1)):
            found.append(key[3])
    assert len(set(found)) == 1


def test_copies_are_what_the_last_syncs_found() -> None:
    _, _, (first, second), _ = _world()
    last_sync = max(task.starttime for task in second.tasks if task.kind == "syncjob")
    copied = second.datastores["copy"].namespaces["prod"]
    original = first.datastores["main"].namespaces["prod"]
    assert copied
    for key, group in copied.items():
        assert group.owner == "root@pam"
        assert all(instant < last_sync for instant in group.times)
        newest = [instant for instant in original[key].finished() if instant < last_sync]
        # the original may have lost since what the copy still has
        assert max(group.times, default=0) >= max(newest, default=0)


def test_the_same_seed_gives_the_same_past() -> None:
    def told() -> list[tuple[str, tuple[int, ...]]]:
        cluster, runs, plan = make_present(WANTED)
        streams = make_streams(cluster, runs, plan, WANTED)
        server = make_servers(cluster, streams, runs, WANTED, (3, 2, 4))[0]
        return [(one.identity, tuple(one.times)) for one in server.datastores["main"].namespaces["prod"].values()]

    assert told() == told()


def test_an_unfinished_snapshot_spoils_last_backup_until_4_0_17() -> None:
    times = tuple(range(DAY, 101 * DAY, DAY))
    spoiled = [
        Group("vm", str(vmid), "a@pbs!b", lambda: times, special={times[-1]: Special(finished=False)})
        for vmid in range(100, 200)
    ]
    assert {last_backup(group, (4, 0, 17)) for group in spoiled} == {times[-2]}
    told = [last_backup(group, (3, 2, 4)) for group in spoiled]
    assert sum(instant != times[-2] for instant in told) > 20
    assert any(instant is not None and instant < times[-30] for instant in told)
    whole = Group("vm", "100", "a@pbs!b", lambda: times)
    assert last_backup(whole, (3, 2, 4)) == times[-1]


@pytest.mark.parametrize(
    "size", [Wanted(guests=5, nodes=1, targets=TARGETS[:1]), Wanted(guests=300, nodes=5, targets=TARGETS)]
)
def test_any_size_has_a_past(size: Wanted) -> None:
    _, _, servers, _ = _world(size)
    for server in servers:
        for store in server.datastores.values():
            for groups in store.namespaces.values():
                for group in groups.values():
                    assert list(group.times) == sorted(set(group.times))


def test_a_thousand_groups_are_served_quickly_and_completely() -> None:
    began = time.monotonic()
    with running_simulator("serve", "--pbs", 1, "--groups", 1000, "--groups-times", 100, "--now", WANTED.now) as world:
        assert time.monotonic() - began < 10
        server = world.pbs[0]
        connection = http.client.HTTPSConnection(server.host, server.port, context=server.context(), timeout=20)
        found = {}
        for call in ("groups", "snapshots"):
            began = time.monotonic()
            connection.request(
                "GET", f"/api2/json/admin/datastore/bulk/{call}", headers={"Authorization": server.token()}
            )
            found[call] = json.loads(connection.getresponse().read())["data"]
            assert time.monotonic() - began < 10
        connection.close()
    assert len(found["groups"]) == 1000
    assert {row["backup-count"] for row in found["groups"]} == {100}
    assert len({(row["backup-id"], row["backup-time"]) for row in found["snapshots"]}) == 100_000
