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
from simulator.past.roles import FINGERPRINT, NEW_FINGERPRINT
from simulator.past.runs import events
from simulator.past.servers import CLUSTER_TOKEN, make_servers
from simulator.past.streams import Key, Streams
from simulator.pbs.model import Group, Server, Special
from simulator.pbs.rows import last_backup, snapshot_row
from simulator.scenario.build import make_present, make_streams
from simulator.scenario.cast import OF_CASES
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
    known = cluster.guests.keys() - _saved_by_hand()
    return [one for one in groups if one.owner == CLUSTER_TOKEN and int(one.identity) in known]


def _saved_by_hand() -> set[int]:
    """The guests that no job saves, and that have backups all the same."""
    return {vmid for trouble, vmid in _world()[3].trouble.items() if trouble in OF_CASES}


def _group_of(server: Server, store: str, trouble: str) -> Group:
    """The group of the guest that has a trouble."""
    vmid = _world()[3].trouble[trouble]
    groups = server.datastores[store].namespaces["prod"].values()
    return next(group for group in groups if group.identity == str(vmid) and group.times)


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
    uncovered = {vmid for vmids in plan.hard.values() for vmid in vmids} - _saved_by_hand()
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
        # after a prune that was refused the backup is there all the same (E9)
        for vmid in re.findall(r"Backup of VM (\d+) failed - (?!error pruning)", "\n".join(lines)):
            guest = cluster.guests.get(int(vmid))
            if guest is None:
                continue
            told += 1
            made = [entry.time for entry, _ in streams.made((storage, "", guest.kind, int(vmid)))]
            assert not any(task.starttime <= instant <= end for instant in made)
    assert told


def test_keys_change_and_go_and_a_copy_has_the_same() -> None:
    _, _, servers, _ = _world()
    for server, store in zip(servers, ("main", "copy"), strict=True):
        found = set()
        for group in server.datastores[store].namespaces["prod"].values():
            times = [time for time in group.times if group.of(time).finished]
            keys = [snapshot_row(group, time).get("fingerprint", "") for time in times]
            found.add(tuple(dict.fromkeys(keys)))
        assert found - {()} == {("",), (FINGERPRINT,), (FINGERPRINT, ""), (FINGERPRINT, NEW_FINGERPRINT)}


def test_the_newest_backup_of_a_container_is_far_too_small() -> None:
    _, _, servers, _ = _world()
    ratios = []
    for group in _own_groups(servers[0]):
        sizes = [int(str(snapshot_row(group, time)["size"])) for time in group.times if group.of(time).finished]
        if group.kind == "ct" and len(sizes) > 2:
            ratios.append(sizes[-1] / sizes[-2])
    assert sum(ratio < 0.1 for ratio in ratios) == 1


def test_the_newest_run_of_the_sync_job_did_not_get_everything() -> None:
    _, _, servers, _ = _world()
    (job,) = [job for job in servers[1].jobs if job.config["id"] == "s-alone"]
    assert job.config["group-filter"] == [f"group:vm/{_world()[3].trouble['unsynced']}"]
    assert job.last["last-run-state"] == "WARNINGS: 1"
    (run,) = [task for task in servers[1].tasks if task.upid == job.last["last-run-upid"]]
    assert run.status == "WARNINGS: 1"


def test_a_policy_leaves_what_it_says_in_the_long_run() -> None:
    _, streams, _, plan = _world()
    counts = [
        len(streams.left(key))
        for key in streams.keys("pbs-main")
        if [part.job["id"] for part in streams.parts(key)] == ["backup-prod"]
        and streams.made(key)[0][0].time < WANTED.now - 55 * DAY
        and key[3] != plan.trouble["unpruned"]
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
    assert servers[0].datastores["archive"].maintenance == "read-only"


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
    _, _, (first, second), plan = _world()
    last_sync = max(task.starttime for task in second.tasks if task.kind == "syncjob")
    copied = second.datastores["copy"].namespaces["prod"]
    original = first.datastores["main"].namespaces["prod"]
    assert copied
    for key, group in copied.items():
        assert group.owner == "root@pam"
        assert all(instant < last_sync for instant in group.times)
        if key[1] == str(plan.trouble["unsynced"]):
            continue
        newest = [instant for instant in original[key].finished() if instant < last_sync]
        # the original may have lost since what the copy still has
        assert max(group.times, default=0) >= max(newest, default=0)


def test_single_groups_have_their_trouble() -> None:
    _, streams, (first, second), _ = _world()
    now = WANTED.now

    corrupt = _group_of(first, "main", "corrupt")
    states = [corrupt.of(time).verification for time in corrupt.times]
    assert states.count("failed") == 2
    assert states[-1] == "auto"
    spoiled = _group_of(first, "main", "spoiled")
    assert {spoiled.of(time).verification for time in spoiled.times} == {"failed"}
    for server, store in ((first, "main"), (second, "copy")):
        assert _group_of(server, store, "outdated").verifications.instants[-1] < now - 30 * DAY
    assert _group_of(second, "copy", "unsynced").times[-1] < now - 9 * DAY

    deleted = _group_of(first, "main", "deleted")
    (key,) = [one for one in streams.keys("pbs-main") if str(one[3]) == deleted.identity]
    assert len(streams.left(key)) - len(deleted.times) == 6
    jumped = _group_of(first, "main", "jumped")
    sizes = [int(str(snapshot_row(jumped, time)["size"])) for time in jumped.times if jumped.of(time).finished]
    assert sizes[-1] > 5 * max(sizes[:-1])


def test_where_the_prune_is_refused_the_backups_pile_up() -> None:
    _, streams, (first, _), _ = _world()
    group = _group_of(first, "main", "unpruned")
    others = [len(streams.left(key)) for key in streams.keys("pbs-main") if _is_prod_alone(streams, key)]
    assert len(group.times) > max(others) + 2


def _is_prod_alone(streams: Streams, key: Key) -> bool:
    jobs = [part.job["id"] for part in streams.parts(key)]
    return jobs == ["backup-prod"] and key[3] != _world()[3].trouble["unpruned"]


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
