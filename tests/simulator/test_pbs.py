"""Backup servers over HTTPS: how they are reached, what an answer costs, and how a test changes their world (M9, M13)."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import proxmoxer
import pytest

from tests.simulator.conftest import NOW
from tests.simulator_process import PbsHandle, Place, SimulatorHandle, running_simulator

PROD = "/admin/datastore/main/groups?ns=prod"
NEW = Place("main", "dev", "vm", "4711")


@pytest.fixture(scope="module")
def world() -> Iterator[SimulatorHandle]:
    with running_simulator("serve", "--pbs", 2, "--now", NOW) as handle:
        yield handle


def get(
    server: PbsHandle, target: str, user: str = "auditor", authorization: str | None = None
) -> tuple[int, str, bytes]:
    connection = http.client.HTTPSConnection(server.host, server.port, context=server.context(), timeout=20)
    headers = {"Authorization": server.token(user) if authorization is None else authorization}
    connection.request("GET", f"/api2/json{target}", headers=headers)
    with connection.getresponse() as answer:
        found = answer.status, answer.reason, answer.read()
    connection.close()
    return found


def rows(server: PbsHandle, target: str, user: str = "auditor") -> list[dict[str, Any]]:
    status, _, body = get(server, target, user)
    assert status == 200, body
    found: list[dict[str, Any]] = json.loads(body)["data"]
    return found


def test_every_server_has_a_port_a_certificate_and_tokens_of_its_own(world: SimulatorHandle) -> None:
    assert len({world.port, *(server.port for server in world.pbs)}) == 3
    assert len({world.fingerprint, *(server.fingerprint for server in world.pbs)}) == 3
    assert [server.name for server in world.pbs] == ["pbs1", "pbs2"]
    for server in world.pbs:
        assert rows(server, "/admin/datastore")
    status, reason, body = get(world.pbs[0], "/version", authorization=world.pbs[1].token())
    assert (status, reason, body) == (401, "Unauthorized", b"authentication failed - invalid credentials.")


def test_without_the_option_there_is_none(simulator: SimulatorHandle) -> None:
    assert simulator.pbs == ()


@pytest.mark.parametrize("with_password", [True, False])
def test_proxmoxer_talks_to_it_with_a_token_and_with_a_password(world: SimulatorHandle, with_password: bool) -> None:
    server = world.pbs[0]
    identity, secret = next(iter(server.tokens.items()))
    user, _, token = identity.partition("!")
    login: dict[str, str] = {"password": server.passwords[user]}
    if not with_password:
        login = {"token_name": token, "token_value": secret}
    client = proxmoxer.ProxmoxAPI(
        server.host, port=server.port, user=user, verify_ssl=str(server.ca_file), service="PBS", **login
    )
    assert client.version.get()["version"] == "3.2"
    assert {row["store"] for row in client.admin.datastore.get()} > {"main"}
    with pytest.raises(proxmoxer.ResourceException, match="403"):
        client.nodes.get()


def test_a_wrong_password_and_other_methods_are_refused(world: SimulatorHandle) -> None:
    server = world.pbs[0]
    with pytest.raises(proxmoxer.AuthenticationError):
        proxmoxer.ProxmoxAPI(
            server.host, port=server.port, user="auditor@pbs", password="no",
            verify_ssl=str(server.ca_file), service="PBS",
        )  # fmt: skip
    connection = http.client.HTTPSConnection(server.host, server.port, context=server.context(), timeout=20)
    connection.request("DELETE", "/api2/json/admin/datastore/main", headers={"Authorization": server.token()})
    assert connection.getresponse().status == 404
    connection.close()


def test_refusals_are_late_only_when_asked_for() -> None:
    with running_simulator("serve", "--pbs", 1, "--now", NOW, "--pbs-delays", "on") as world:
        server = world.pbs[0]
        for target, user, least in (("/nodes", "auditor", 0.5), ("/version", None, 3.0), (PROD, "nobody", 0.0)):
            began = time.monotonic()
            status, _, _ = get(server, target, user or "auditor", None if user else "PBSAPIToken=x:y")
            assert status in {401, 403}
            assert least <= time.monotonic() - began < least + 0.4


def test_lists_come_in_an_order_that_changes_from_call_to_call(world: SimulatorHandle) -> None:
    for target in ("/admin/datastore", PROD, "/config/prune", "/admin/datastore/main/namespace"):
        orders = {json.dumps(rows(world.pbs[0], target)) for _ in range(8)}
        assert len(orders) > 1
        assert len({json.dumps(sorted(map(json.dumps, json.loads(one)))) for one in orders}) == 1
    times = [row["backup-time"] for row in rows(world.pbs[0], "/admin/datastore/main/snapshots?ns=cluster-b")]
    assert times != sorted(times)


def test_groups_open_no_manifest_and_snapshots_open_those_of_every_finished_one(world: SimulatorHandle) -> None:
    server = world.pbs[0]
    server.clear_cost()
    found = rows(server, PROD)
    rows(server, "/status/datastore-usage")
    get(server, "/admin/datastore/main/status?verbose=1")
    assert server.cost()["manifests_opened"] == 0
    everything = rows(server, "/admin/datastore/main/snapshots?ns=prod")
    assert len(everything) == sum(row["backup-count"] for row in found)
    finished = sum("size" in row for row in everything)
    assert server.cost()["manifests_opened"] == finished
    one = next(row for row in found if row["backup-id"] == "8998")
    rows(server, "/admin/datastore/main/snapshots?ns=prod&backup-type=vm&backup-id=8998")
    cost = server.cost()
    assert cost["manifests_opened"] == finished + one["backup-count"]
    assert cost["manifests_opened_by_group"]["main:prod:vm/8998"] == 2 * one["backup-count"]
    assert cost["calls"]["GET /admin/datastore/{store}/groups"] == 1
    server.clear_cost()
    assert server.cost()["calls"] == {}


def test_the_clusters_content_list_costs_the_server_what_its_own_does(world: SimulatorHandle) -> None:
    server = world.pbs[0]
    server.clear_cost()
    connection = http.client.HTTPSConnection(world.host, world.port, context=world.context(), timeout=20)
    for call in ("content?content=backup", f"prunebackups?prune-backups={quote('keep-all=1')}"):
        connection.request(
            "GET", f"/api2/json/nodes/pve1/storage/pbs-main/{call}", headers={"Authorization": world.token()}
        )
        answer = connection.getresponse()
        data = json.loads(answer.read())["data"]
        if call.startswith("content"):
            assert data == []  # D4: the auditor may not read them
            assert server.cost()["manifests_opened"] > 100
            server.clear_cost()
    assert server.cost()["manifests_opened"] == 0
    assert len(data) > 100
    connection.close()


def test_a_backup_begins_ends_is_verified_protected_pruned_and_forgotten(world: SimulatorHandle) -> None:
    server, group = world.pbs[0], "/admin/datastore/main/snapshots?ns=dev&backup-type=vm&backup-id=4711"
    upid = server.add_task("backup", "main:vm/4711", NOW - 30, user="backup@pbs!pve")
    server.put_snapshot(NEW, NOW - 30, finished=False)
    (snapshot,) = rows(server, group)
    assert snapshot["files"] == []
    assert "size" not in snapshot
    assert upid in {row["upid"] for row in rows(server, "/nodes/localhost/tasks?running=1")}
    server.end_task(upid, NOW - 5)
    assert upid not in {row["upid"] for row in rows(server, "/nodes/localhost/tasks?running=1")}
    server.put_snapshot(NEW, NOW - 30, finished=True, protected=True, verification="failed")
    server.put_snapshot(NEW, NOW - 86_430)
    found = {row["backup-time"]: row for row in rows(server, group)}
    assert found[NOW - 30]["protected"] is True
    assert found[NOW - 30]["verification"]["state"] == "failed"
    assert "verification" not in found[NOW - 86_430]
    server.prune(NEW, [NOW - 86_430])
    assert len(rows(server, group)) == 1
    server.set_group(NEW, note="one\ntwo")
    listed = {row["backup-id"]: row for row in rows(server, "/admin/datastore/main/groups?ns=dev")}
    assert listed["4711"]["comment"] == "one\n"
    server.set_group(NEW, owner=None)  # H4: its owner file cannot be read
    assert "4711" not in {row["backup-id"] for row in rows(server, "/admin/datastore/main/groups?ns=dev")}
    server.forget(NEW)
    assert rows(server, group) == []


def test_a_datastore_can_go_and_come_back(world: SimulatorHandle) -> None:
    server, groups = world.pbs[1], "/admin/datastore/copy/groups?ns=prod"
    server.set_datastore("copy", "lost")
    status, _, body = get(server, groups)
    assert (status, body[:46]) == (400, b"unable to open chunk store 'copy' at \"/data/co")
    assert "error" in rows(server, "/status/datastore-usage")[0]
    server.set_datastore("copy", "offline", "moving")
    assert get(server, groups)[2] == b"datastore 'copy' is in offline maintenance mode: moving"
    server.set_datastore("copy", "read-only")
    assert rows(server, groups)
    server.set_datastore("copy", "ok")
    server.set_datastore("away", "ok")
    assert {row["store"] for row in rows(server, "/admin/datastore")} == {"copy", "away"}
    server.set_datastore("away", "gone")
    assert get(server, "/admin/datastore/away/groups")[2] == b"no such datastore 'away'"


def test_a_datastore_can_be_filled_up_to_its_size(world: SimulatorHandle) -> None:
    server = world.pbs[1]
    server.set_datastore("copy", "ok", used=18_000_000_000_000)
    status = json.loads(get(server, "/admin/datastore/copy/status")[2])["data"]
    assert (status["total"], status["used"], status["avail"]) == (
        20_000_000_000_000,
        18_000_000_000_000,
        2_000_000_000_000,
    )
    with pytest.raises(urllib.error.HTTPError) as too_much:
        server.set_datastore("copy", "ok", used=20_000_000_000_001)
    too_much.value.close()
    server.set_datastore("copy", "ok", used=8_000_000_000_000)


def test_a_datastore_can_go_at_a_call_a_right_can_be_taken_and_manifests_can_be_slow(world: SimulatorHandle) -> None:
    server, place = world.pbs[0], Place("passing", "", "vm", "1")
    server.set_datastore("passing", "ok")
    server.put_snapshot(place, NOW - 60)
    server.set_speed(0.2)
    began = time.monotonic()
    assert len(rows(server, "/admin/datastore/passing/snapshots")) == 1
    server.set_speed(0)
    assert time.monotonic() - began >= 0.2
    server.set_access("/datastore/passing", "DatastoreBackup")
    assert rows(server, "/admin/datastore/passing/groups") == []
    server.set_access("/datastore/passing", "Audit")
    server.set_datastore("passing", "gone", at="snapshots")
    assert len(rows(server, "/admin/datastore/passing/groups")) == 1
    assert get(server, "/admin/datastore/passing/snapshots")[::2] == (400, b"no such datastore 'passing'")
    assert "passing" not in {row["store"] for row in rows(server, "/admin/datastore")}


def test_faults_of_a_server_are_its_own_and_in_its_forms(world: SimulatorHandle) -> None:
    first, second = world.pbs
    first.set_faults({"/version": "500:1", "/admin/datastore/*/groups": "truncated"})
    assert get(first, "/version")[:2] == (500, "Internal Server Error")
    assert get(second, "/version")[0] == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(get(first, PROD)[2])
    first.set_faults({"/admin/datastore/*/snapshots": "rows-missing"})
    complete = sum(row["backup-count"] for row in rows(first, PROD))
    assert len(rows(first, "/admin/datastore/main/snapshots?ns=prod")) < complete
    first.set_faults({})


def test_a_job_of_a_server_can_be_changed(world: SimulatorHandle) -> None:
    world.pbs[0].set_job("p-hosts", {"keep-last": 1, "disable": True})
    row = next(row for row in rows(world.pbs[0], "/admin/prune") if row["id"] == "p-hosts")
    assert (row["keep-last"], row["disable"]) == (1, True)
    assert "next-run" not in row
    world.pbs[0].set_job("p-hosts", {"keep-last": 3, "disable": None})


def test_an_owner_sees_his_own_groups_and_an_empty_list_where_he_has_none(world: SimulatorHandle) -> None:
    server = world.pbs[0]
    assert {row["backup-id"] for row in rows(server, "/admin/datastore/main/groups?ns=dev", "owner")} == {
        "900",
        "laptop",
    }
    assert rows(server, PROD, "owner") == []


def _with_release(release: str) -> Iterator[PbsHandle]:
    with running_simulator("serve", "--pbs", 2, "--now", NOW, "--pbs-version", release) as handle:
        yield handle.pbs[1]


def test_the_forms_of_2_4() -> None:
    for server in _with_release("2.4"):
        assert get(server, "/admin/gc")[0] == 404
        assert "store" not in json.loads(get(server, "/admin/datastore/copy/gc")[2])["data"]
        server.set_datastore("copy", "lost")
        assert rows(server, "/status/datastore-usage")[0]["total"] == -1


def test_the_forms_of_4_0() -> None:
    for server in _with_release("4.0"):
        assert json.loads(get(server, "/version")[2])["data"]["version"] == "4.0"
        assert rows(server, "/admin/datastore")[0]["backend-type"] == "filesystem"
        assert get(server, "/nodes/localhost/identity")[0] == 200
        pulled = {row["id"] for row in rows(server, "/admin/sync")}
        assert {row["id"] for row in rows(server, "/admin/sync?sync-direction=all")} == pulled | {"s-push"}
        place = Place("copy", "prod", "vm", "9999")
        server.put_snapshot(place, NOW - 900)
        server.put_snapshot(place, NOW - 100, finished=False)
        row = next(row for row in rows(server, "/admin/datastore/copy/groups?ns=prod") if row["backup-id"] == "9999")
        assert (row["backup-count"], row["last-backup"]) == (2, NOW - 900)  # H2
        server.prune(place, [NOW - 900, NOW - 100])
        row = next(row for row in rows(server, "/admin/datastore/copy/groups?ns=prod") if row["backup-id"] == "9999")
        assert (row["backup-count"], row["last-backup"]) == (0, 0)
