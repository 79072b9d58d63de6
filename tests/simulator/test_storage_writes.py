"""Storage entries written over the API, rule by rule (J1-J10), and how a test disturbs whoever writes them.

Nothing of this was recorded: what is expected here is what the rulebook, the API schema and the genuine code say.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
import urllib.error
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest

from simulator.pve.storage_fields import CREATE, UPDATE
from tests.shared_data import recorded
from tests.simulator.conftest import NOW
from tests.simulator_process import ClusterHandle, SimulatorHandle, running_simulator

WRITER, ACCOUNT, DEADLINE = "vzcover-apply", "backup@pbs!pve", 10
FINGERPRINT = ":".join(["aB"] * 32)
CONFLICT = "update storage failed: detected modified configuration - file changed by other user? Try again."


@dataclass(frozen=True)
class Reply:
    """An answer as it came."""

    status: int
    reason: str
    document: Any

    @property
    def data(self) -> Any:
        return self.document["data"]

    @property
    def errors(self) -> dict[str, str]:
        found: dict[str, str] = self.document.get("errors", {})
        return found


def ask(cluster: ClusterHandle, method: str, target: str, user: str = WRITER, **fields: Any) -> Reply:
    """Call a cluster with form fields (`_` in their names stands for `-`), over a connection of its own."""
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    headers = {"Authorization": cluster.token(user), "Content-Type": "application/x-www-form-urlencoded"}
    connection = http.client.HTTPSConnection(cluster.host, cluster.port, context=cluster.context(), timeout=DEADLINE)
    try:
        connection.request(method, f"/api2/json{target}", urlencode(named) if named else None, headers)
        with connection.getresponse() as answer:
            text = answer.read()
            return Reply(answer.status, answer.reason, json.loads(text) if text else None)
    finally:
        connection.close()


def get(cluster: ClusterHandle, target: str, user: str = "auditor") -> Any:
    reply = ask(cluster, "GET", target, user)
    assert reply.status == 200, reply
    return reply.data


def entry(cluster: ClusterHandle, name: str) -> dict[str, Any] | None:
    """The row of an entry as the monitoring token sees it, None if there is none."""
    rows: dict[str, dict[str, Any]] = {row["storage"]: row for row in get(cluster, "/storage")}
    return rows.get(name)


def new(world: SimulatorHandle, **changes: object) -> dict[str, Any]:
    """The fields of an entry at the first backup server; None leaves one out."""
    server = world.pbs[0]
    fields: dict[str, Any] = {
        "type": "pbs",
        "storage": "fresh",
        "server": server.host,
        "port": server.port,
        "datastore": "main",
        "username": ACCOUNT,
        "password": server.tokens[ACCOUNT],
        "fingerprint": server.fingerprint,
    }
    return {key: value for key, value in (fields | changes).items() if value is not None}


@pytest.fixture(scope="module")
def running() -> Iterator[SimulatorHandle]:
    with running_simulator("serve", "--pbs", 2, "--clusters", 2, "--now", NOW) as handle:
        yield handle


@pytest.fixture
def world(running: SimulatorHandle) -> Iterator[SimulatorHandle]:
    """The simulators; entries are put back after each test."""
    before = running.storages()
    yield running
    running.clear_stop()
    after = running.storages()
    for name in after["storages"].keys() - before["storages"].keys():
        running.remove_storage(name)
    for name, config in before["storages"].items():
        if (config, before["passwords"].get(name)) == (after["storages"].get(name), after["passwords"].get(name)):
            continue
        gone = dict.fromkeys(after["storages"].get(name, {}).keys() - config.keys())
        running.set_storage(name, {**config, **gone, "password": before["passwords"].get(name)})


@pytest.fixture
def fresh(world: SimulatorHandle) -> ClusterHandle:
    """The first cluster, with an entry of the name `fresh`."""
    assert ask(world, "POST", "/storage", **new(world)).status == 200
    world.clear_journal()
    return world


# J1: fields and formats

REFUSED = [
    ("storage", "1st", "invalid format - storage ID '1st' contains illegal characters\n"),
    ("storage", "x", "invalid format - storage ID 'x' contains illegal characters\n"),
    ("storage", "ends-", "invalid format - storage ID 'ends-' contains illegal characters\n"),
    ("type", "tape", "value 'tape' does not have a value in the enumeration"),
    ("server", "not a name", "invalid format - value does not look like a valid server name or IP address\n"),
    ("port", "0", "value must have a minimum value of 1"),
    ("port", "65536", "value must have a maximum value of 65535"),
    ("port", "many", "type check ('integer') failed - got 'many'"),
    ("fingerprint", "ab:cd", "value does not match the regex pattern"),
    ("fingerprint", "", "value does not match the regex pattern"),
    ("disable", "maybe", "type check ('boolean') failed - got 'maybe'"),
    ("content", "backup,cheese", "invalid format - invalid content type 'cheese'\n"),
    ("nodes", "pve1,-", "invalid format - value does not look like a valid node name\n"),
    ("password", "x" * 257, "value may only be 256 characters long"),
    ("max-protected-backups", "-2", "value must have a minimum value of -1"),
    ("prune-backups", "keep-last=x", "type check ('integer') failed - got 'x'"),
    ("prune-backups", "keep-fortnightly=1", "property is not defined in schema"),
    ("prune-backups", "7", "value without key"),
    ("prune-backups", "keep-all=1,keep-last=1", "keep-all cannot be set together with other options."),
    ("description", "Primary", "property is not defined in schema and the schema does not allow additional properties"),
    ("delete", "port", "property is not defined in schema and the schema does not allow additional properties"),
    ("digest", "0", "property is not defined in schema and the schema does not allow additional properties"),
]


@pytest.mark.parametrize(("field", "value", "problem"), REFUSED)
def test_j1_a_wrong_field_is_named_in_a_400(world: SimulatorHandle, field: str, value: str, problem: str) -> None:
    reply = ask(world, "POST", "/storage", **new(world, **{field: value}))
    assert (reply.status, reply.reason) == (400, "Parameter verification failed.")
    assert list(reply.errors) == [field]
    assert problem in reply.errors[field]
    assert entry(world, "fresh") is None


def test_j1_all_wrong_fields_are_named_at_once(world: SimulatorHandle) -> None:
    reply = ask(world, "POST", "/storage", server="a b", port="0")
    assert reply.errors.keys() == {"storage", "type", "server", "port"}
    assert reply.errors["type"] == "property is missing and it is not optional"


def test_j1_the_known_fields_are_those_of_the_recorded_schema() -> None:
    rows = json.loads(recorded("pve", "api-schema-9.1.json").read_text())["endpoints"]
    schemas = {row["path"]: row["info"] for row in rows if row["path"].startswith("/storage")}
    created = schemas["/storage"]["POST"]["parameters"]["properties"]
    updated = schemas["/storage/{storage}"]["PUT"]["parameters"]["properties"]
    assert (CREATE.keys(), UPDATE.keys()) == (created.keys(), updated.keys())
    for mine, genuine in ((CREATE, created), (UPDATE, updated)):
        for name, row in mine.items():
            if name in {"port", "max-protected-backups"}:
                assert (row.lowest, row.highest) == (genuine[name].get("minimum"), genuine[name].get("maximum"))
            if name in {"password", "digest", "delete"}:
                assert row.longest == genuine[name]["maxLength"]


def test_j1_fields_are_shown_as_they_are_stored(world: SimulatorHandle) -> None:
    fields = new(
        world,
        disable="yes",
        fingerprint=FINGERPRINT,
        namespace="a/b",
        nodes="pve3,pve1",
        content="backup",
        **{"prune-backups": "keep-last=3,keep-daily=7", "max-protected-backups": "-1"},
    )
    assert ask(world, "POST", "/storage", **fields).status == 200
    row = entry(world, "fresh")
    assert row is not None
    assert sorted(row.pop("nodes").split(",")) == ["pve1", "pve3"]
    assert row.pop("digest") == world.storages()["digest"]
    assert row == {
        "storage": "fresh",
        "type": "pbs",
        "server": world.pbs[0].host,
        "port": world.pbs[0].port,
        "datastore": "main",
        "namespace": "a/b",
        "username": ACCOUNT,
        "fingerprint": FINGERPRINT,
        "content": "backup",
        "disable": 1,
        "shared": 1,
        "prune-backups": "keep-daily=7,keep-last=3",
        "max-protected-backups": -1,
    }


@pytest.mark.parametrize(
    ("content", "shown"), [("none", "none"), ("images,backup", "backup"), ("iso", "none"), (None, "backup")]
)
def test_j1_contents_that_such_a_storage_cannot_have_are_left_out(
    world: SimulatorHandle, content: str | None, shown: str
) -> None:
    assert ask(world, "POST", "/storage", **new(world, content=content)).status == 200
    row = entry(world, "fresh")
    assert row is not None
    assert row["content"] == shown


def test_j1_none_stands_alone(world: SimulatorHandle) -> None:
    reply = ask(world, "POST", "/storage", **new(world, content="none,backup"))
    assert (reply.status, reply.reason) == (500, "unable to combine 'none' with other content types")


# J2: reading


def test_j2_every_row_has_the_one_digest_and_no_secret(fresh: ClusterHandle) -> None:
    rows = get(fresh, "/storage")
    assert {row["digest"] for row in rows} == {fresh.storages()["digest"]}
    assert "fresh" in {row["storage"] for row in rows}
    assert {row["type"] for row in get(fresh, "/storage?type=pbs")} == {"pbs"}
    secrets = fresh.storages()["passwords"].values()
    assert not [secret for secret in secrets if secret in json.dumps(rows)]


def test_j2_one_entry_needs_allocate(fresh: ClusterHandle) -> None:
    reply = ask(fresh, "GET", "/storage/fresh", "auditor")
    assert (reply.status, reply.reason) == (403, "Permission check failed (/storage/fresh, Datastore.Allocate)")
    assert get(fresh, "/storage/fresh", WRITER) == entry(fresh, "fresh")


def test_an_unknown_type_is_refused(world: SimulatorHandle) -> None:
    assert list(ask(world, "GET", "/storage?type=tape").errors) == ["type"]


# J3: create


def test_j3_a_created_entry_is_answered_with_its_id(world: SimulatorHandle) -> None:
    digest = world.storages()["digest"]
    reply = ask(world, "POST", "/storage", **new(world))
    assert (reply.status, reply.reason) == (200, "OK")
    assert reply.data == {"storage": "fresh", "type": "pbs", "config": {}}
    assert world.storages()["digest"] != digest
    assert world.storages()["passwords"]["fresh"] == world.pbs[0].tokens[ACCOUNT]


def test_j3_a_user_with_a_password_will_do_and_is_root_by_default(world: SimulatorHandle) -> None:
    password = world.pbs[0].passwords["root@pam"]
    assert ask(world, "POST", "/storage", **new(world, username=None, password=password)).status == 200
    row = entry(world, "fresh")
    assert row is not None
    assert "username" not in row
    assert ask(world, "GET", "/nodes/pve1/storage/fresh/content", "root").status == 200


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"fingerprint": FINGERPRINT}, "error fetching datastores - fingerprint '{fingerprint}' not verified, abort!"),
        ({"fingerprint": None}, "error fetching datastores - fingerprint '{fingerprint}' not verified, abort!"),
        ({"password": "wrong"}, "error fetching datastores - 401 Unauthorized"),
        ({"password": None}, "error fetching datastores - 401 Unauthorized"),
        ({"username": "root@pam", "password": "wrong"}, "error fetching datastores - 401 Unauthorized"),
        ({"datastore": "lost+found"}, "Cannot find datastore 'lost+found', check permissions and existence!"),
        ({"username": "nobody@pbs!vzcover"}, "Cannot find datastore 'main', check permissions and existence!"),
    ],
)
def test_j3_an_entry_whose_server_refuses_is_not_stored(
    world: SimulatorHandle, changes: dict[str, Any], problem: str
) -> None:
    server, before = world.pbs[0], world.storages()
    if "username" in changes and "password" not in changes:
        changes = changes | {"password": server.tokens[str(changes["username"])]}
    reply = ask(world, "POST", "/storage", **new(world, **changes))
    expected = f"create storage failed: fresh: {problem.format(fingerprint=server.fingerprint)}"
    assert (reply.status, reply.reason) == (500, expected)
    assert reply.document["message"] == f"{expected}\n"
    assert world.storages() == before


def test_j3_nobody_listens_there(world: SimulatorHandle) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    reply = ask(world, "POST", "/storage", **new(world, port=port))
    assert reply.reason == (
        "create storage failed: fresh: error fetching datastores - "
        f"500 Can't connect to 127.0.0.1:{port} (Connection refused)"
    )
    assert entry(world, "fresh") is None


def test_j3_the_port_does_not_speak_tls(world: SimulatorHandle) -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain:
        port = plain.getsockname()[1]
        thread = threading.Thread(target=_answer_plainly, args=(plain,))
        thread.start()
        reply = ask(world, "POST", "/storage", **new(world, port=port))
        thread.join(DEADLINE)
    assert reply.reason.endswith(f"500 Can't connect to 127.0.0.1:{port} (SSL connect attempt failed)")


def _answer_plainly(listening: socket.socket) -> None:
    connection, _ = listening.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("where", [{"disable": 1}, {"nodes": "pve2,pve3"}])
def test_j3_what_this_node_does_not_use_is_not_checked(world: SimulatorHandle, where: dict[str, Any]) -> None:
    nowhere = {"server": "pbs.example.invalid", "password": None, "fingerprint": None, "datastore": "any"}
    assert ask(world, "POST", "/storage", **new(world, **nowhere, **where)).status == 200
    assert entry(world, "fresh") is not None


def test_j3_a_namespace_is_not_checked(world: SimulatorHandle) -> None:
    assert ask(world, "POST", "/storage", **new(world, namespace="no/such")).status == 200


def test_j3_an_id_is_taken_once(fresh: SimulatorHandle) -> None:
    before = fresh.storages()
    reply = ask(fresh, "POST", "/storage", **new(fresh))
    assert (reply.status, reply.reason) == (500, "create storage failed: storage ID 'fresh' already defined")
    assert fresh.storages() == before


@pytest.mark.parametrize("option", ["server", "datastore"])
def test_j3_server_and_datastore_are_needed(world: SimulatorHandle, option: str) -> None:
    reply = ask(world, "POST", "/storage", **new(world, **{option: None}))
    assert (reply.status, reply.reason) == (500, f"missing value for required option '{option}'")


def test_j3_an_option_of_another_type_is_unexpected(world: SimulatorHandle) -> None:
    reply = ask(world, "POST", "/storage", **new(world, path="/mnt"))
    assert (reply.status, reply.reason) == (500, "unexpected property 'path'")


def test_j3_a_made_key_is_told_once(world: SimulatorHandle) -> None:
    reply = ask(world, "POST", "/storage", **new(world, **{"encryption-key": "autogen"}))
    key = json.loads(reply.data["config"]["encryption-key"])
    row = entry(world, "fresh")
    assert row is not None
    assert row["encryption-key"] == key["fingerprint"]
    assert key["data"] not in json.dumps(get(world, "/storage"))
    assert world.storages()["keys"]["fresh"] == reply.data["config"]["encryption-key"]


def test_j3_a_key_that_is_none_is_refused(world: SimulatorHandle) -> None:
    reply = ask(world, "POST", "/storage", **new(world, **{"encryption-key": "{}"}))
    assert reply.status == 500
    assert reply.reason.endswith("Value does not seems like a valid, JSON formatted encryption key!")
    own = ask(world, "POST", "/storage", **new(world, **{"encryption-key": '{"data": "x"}'}))
    assert (own.status, world.storages()["storages"]["fresh"]["encryption-key"]) == (200, 1)


def test_j1_a_master_key_comes_with_an_encryption_key(world: SimulatorHandle) -> None:
    alone = ask(world, "POST", "/storage", **new(world, **{"master-pubkey": "AA=="}))
    assert alone.status == 500
    both = {"master-pubkey": "AA==", "encryption-key": "autogen"}
    assert ask(world, "POST", "/storage", **new(world, **both)).status == 200
    assert world.storages()["storages"]["fresh"]["master-pubkey"] == 1


# J4: update


def test_j4_only_what_is_sent_changes(fresh: ClusterHandle) -> None:
    before = fresh.storages()["storages"]["fresh"]
    reply = ask(fresh, "PUT", "/storage/fresh", namespace="prod", prune_backups="keep-last=1")
    assert (reply.status, reply.data) == (200, {"storage": "fresh", "type": "pbs", "config": {}})
    assert fresh.storages()["storages"]["fresh"] == {**before, "namespace": "prod", "prune-backups": "keep-last=1"}


def test_j4_the_digest_must_be_that_of_the_whole_file(fresh: ClusterHandle) -> None:
    digest = get(fresh, "/storage/fresh", WRITER)["digest"]
    fresh.set_storage("nas", {"nodes": "pve1"})
    before = fresh.storages()
    reply = ask(fresh, "PUT", "/storage/fresh", namespace="x", digest=digest)
    assert (reply.status, reply.reason) == (500, CONFLICT)
    assert reply.document["message"] == f"{CONFLICT}\n"
    assert fresh.storages() == before
    assert ask(fresh, "PUT", "/storage/fresh", namespace="x", digest=before["digest"]).status == 200
    assert fresh.storages()["digest"] != before["digest"]


def test_j4_without_a_digest_nothing_is_compared(fresh: ClusterHandle) -> None:
    fresh.set_storage("nas", {"nodes": "pve1"})
    assert ask(fresh, "PUT", "/storage/fresh", namespace="x").status == 200


def test_j4_an_update_connects_to_nothing(fresh: SimulatorHandle) -> None:
    fresh.pbs[0].clear_journal()
    assert ask(fresh, "PUT", "/storage/fresh", fingerprint=FINGERPRINT, password="wrong").status == 200
    assert fresh.pbs[0].journal() == []


def test_j4_a_secret_is_no_part_of_the_file(fresh: ClusterHandle) -> None:
    before = fresh.storages()
    assert ask(fresh, "PUT", "/storage/fresh", password="other").status == 200
    after = fresh.storages()
    assert (after["digest"], after["passwords"]["fresh"]) == (before["digest"], "other")


def test_j4_an_unknown_entry_is_told(world: SimulatorHandle) -> None:
    reply = ask(world, "PUT", "/storage/nope", namespace="x")
    assert (reply.status, reply.reason) == (500, "update storage failed: storage 'nope' does not exist")


# J5, J6, J7: what cannot be changed, deleted or cleared


def test_j5_a_server_cannot_be_set_even_to_what_it_is(fresh: SimulatorHandle) -> None:
    reply = ask(fresh, "PUT", "/storage/fresh", server=fresh.pbs[0].host)
    expected = "update storage failed: can't change value of fixed parameter 'server'"
    assert (reply.status, reply.reason) == (500, expected)


@pytest.mark.parametrize("option", ["datastore", "type"])
def test_j5_datastore_and_type_are_not_in_the_schema(fresh: ClusterHandle, option: str) -> None:
    reply = ask(fresh, "PUT", "/storage/fresh", **{option: "main"})
    assert (reply.status, list(reply.errors)) == (400, [option])


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"delete": "cheese"}, "no such option 'cheese'"),
        ({"delete": "type"}, "no such option 'type'"),
        ({"delete": "server"}, "unable to delete required option 'server'"),
        ({"delete": "port,datastore"}, "unable to delete required option 'datastore'"),
        ({"delete": "port", "port": 8007}, "cannot set and delete property 'port' at the same time!"),
        ({"delete": "password", "password": "x"}, "cannot set and delete property 'password' at the same time!"),
    ],
)
def test_j6_some_deletions_are_refused(fresh: ClusterHandle, fields: Mapping[str, Any], problem: str) -> None:
    before = fresh.storages()
    reply = ask(fresh, "PUT", "/storage/fresh", **fields)
    assert (reply.status, reply.reason) == (500, f"update storage failed: {problem}")
    assert fresh.storages() == before


def test_j6_options_are_deleted_while_others_are_set(fresh: ClusterHandle) -> None:
    fresh.set_storage("fresh", {"namespace": "a", "nodes": "pve1"})
    assert ask(fresh, "PUT", "/storage/fresh", delete="namespace, nodes", prune_backups="keep-all=1").status == 200
    config = fresh.storages()["storages"]["fresh"]
    assert not {"namespace", "nodes"} & config.keys()
    assert config["prune-backups"] == "keep-all=1"


def test_j6_deleting_what_is_not_set_is_no_error(fresh: ClusterHandle) -> None:
    before = fresh.storages()
    assert ask(fresh, "PUT", "/storage/fresh", delete="namespace").status == 200
    assert fresh.storages() == before


def test_j6_deleting_secrets_removes_them(world: SimulatorHandle) -> None:
    assert ask(world, "POST", "/storage", **new(world, **{"encryption-key": "autogen"})).status == 200
    assert ask(world, "PUT", "/storage/fresh", delete="encryption-key,password").status == 200
    stored = world.storages()
    assert "fresh" not in {**stored["keys"], **stored["passwords"]}
    assert "encryption-key" not in stored["storages"]["fresh"]


def test_j7_an_empty_fingerprint_clears_nothing(fresh: ClusterHandle) -> None:
    reply = ask(fresh, "PUT", "/storage/fresh", fingerprint="")
    assert (reply.status, list(reply.errors)) == (400, ["fingerprint"])
    assert ask(fresh, "PUT", "/storage/fresh", delete="fingerprint").status == 200
    assert "fingerprint" not in fresh.storages()["storages"]["fresh"]


# J8: enabled and active


def _states(cluster: ClusterHandle, name: str) -> dict[str, tuple[int, int]]:
    """Enabled and active on each node."""
    nodes = [row["node"] for row in get(cluster, "/nodes")]
    rows = {node: get(cluster, f"/nodes/{node}/storage?storage={name}")[0] for node in sorted(nodes)}
    return {node: (row["enabled"], row["active"]) for node, row in rows.items()}


def _resources(cluster: ClusterHandle, name: str) -> list[str]:
    rows = get(cluster, "/cluster/resources?type=storage")
    return [row["status"] for row in rows if row["storage"] == name]


@pytest.mark.parametrize("back", [{"disable": 0}, {"delete": "disable"}])
def test_j8_a_disabled_entry_vanishes_from_the_resources_and_its_jobs_stay(
    world: SimulatorHandle, back: dict[str, Any]
) -> None:
    jobs = get(world, "/cluster/backup")
    assert _resources(world, "pbs-main") == ["available"] * 3
    assert ask(world, "PUT", "/storage/pbs-main", disable=1).status == 200
    assert _resources(world, "pbs-main") == []
    assert _states(world, "pbs-main") == dict.fromkeys(("pve1", "pve2", "pve3"), (0, 0))
    assert get(world, "/cluster/backup") == jobs
    assert ask(world, "PUT", "/storage/pbs-main", **back).status == 200
    assert _resources(world, "pbs-main") == ["available"] * 3


def test_a_new_entry_is_active_where_it_is_allowed_and_shows_what_is_there(world: SimulatorHandle) -> None:
    assert ask(world, "POST", "/storage", **new(world, nodes="pve1", namespace="prod")).status == 200
    assert _states(world, "fresh") == {"pve1": (1, 1), "pve2": (0, 0), "pve3": (0, 0)}
    backups, same = (
        get(world, f"/nodes/pve1/storage/{name}/content?content=backup", "root") for name in ("fresh", "pbs-main")
    )
    assert len(backups) == len(same) > 0
    assert get(world, "/nodes/pve1/storage/fresh/identity") == get(world, "/nodes/pve1/storage/pbs-main/identity")


@pytest.mark.parametrize("changes", [{"fingerprint": FINGERPRINT}, {"password": "wrong"}, {"port": 1}])
def test_an_entry_that_cannot_connect_is_not_active(fresh: ClusterHandle, changes: dict[str, Any]) -> None:
    assert ask(fresh, "PUT", "/storage/fresh", **changes).status == 200
    assert _states(fresh, "fresh")["pve1"] == (1, 0)
    assert _resources(fresh, "fresh") == ["unknown"] * 3
    assert ask(fresh, "GET", "/nodes/pve1/storage/fresh/content", "auditor").status == 500


def test_an_entry_is_active_as_long_as_its_datastore_is_there(fresh: SimulatorHandle) -> None:
    assert ask(fresh, "POST", "/storage", **new(fresh, storage="little", datastore="empty")).status == 200
    assert _states(fresh, "little")["pve1"] == (1, 1)
    fresh.pbs[0].set_datastore("empty", "offline")
    assert _states(fresh, "little")["pve1"] == (1, 0)
    fresh.pbs[0].set_datastore("empty", "ok")
    assert _states(fresh, "little")["pve1"] == (1, 1)


# J9, J10


def test_j9_a_deleted_entry_takes_its_secrets_and_pool_membership_and_leaves_the_jobs() -> None:
    with running_simulator("serve", "--pbs", 1, "--guests", 20, "--now", NOW) as world:
        jobs = get(world, "/cluster/backup")
        assert "pbs-main" in json.dumps(get(world, "/pools?poolid=prod"))
        assert [row["storage"] for row in get(world, "/storage", "limited")] == ["pbs-main"]
        reply = ask(world, "DELETE", "/storage/pbs-main")
        assert (reply.status, reply.document) == (200, {"data": None})
        assert "pbs-main" not in {**world.storages()["storages"], **world.storages()["passwords"]}
        assert "pbs-main" not in json.dumps(get(world, "/pools?poolid=prod"))
        assert get(world, "/cluster/backup") == jobs
        assert ask(world, "POST", "/storage", **new(world, storage="pbs-main")).status == 200
        assert get(world, "/storage", "limited") == []  # its access entry went with it
        again = ask(world, "DELETE", "/storage/gone")
        assert again.reason == "delete storage failed: storage 'gone' does not exist"


def test_j10_a_probe_lists_the_datastores_that_the_account_sees(world: SimulatorHandle) -> None:
    fields = {key: value for key, value in new(world).items() if key not in {"type", "storage", "datastore"}}
    found = get(world, f"/nodes/pve1/scan/pbs?{urlencode(fields)}", WRITER)
    assert {"store": "empty"} in found
    assert ask(world, "GET", f"/nodes/pve1/scan/pbs?{urlencode(fields)}", "auditor").status == 403
    wrong = ask(world, "GET", f"/nodes/pve1/scan/pbs?{urlencode(fields | {'password': 'x'})}")
    assert (wrong.status, wrong.reason) == (500, "error fetching datastores - 401 Unauthorized")


# Who may write, several clusters, several writers, connections that end


@pytest.mark.parametrize(
    ("method", "target"), [("POST", "/storage"), ("PUT", "/storage/pbs-main"), ("DELETE", "/storage/pbs-main")]
)
@pytest.mark.parametrize("user", ["auditor", "limited", "nobody"])
def test_writing_needs_allocate_on_all_storages(world: SimulatorHandle, method: str, target: str, user: str) -> None:
    before = world.storages()
    reply = ask(world, method, target, user, port=0)
    assert (reply.status, reply.reason) == (403, "Permission check failed (/storage, Datastore.Allocate)")
    assert world.storages() == before


@pytest.mark.parametrize("user", [WRITER, "root"])
def test_the_write_token_and_root_may_write(world: SimulatorHandle, user: str) -> None:
    assert ask(world, "POST", "/storage", user, **new(world)).status == 200
    assert ask(world, "PUT", "/storage/fresh", user, disable=1).status == 200
    assert ask(world, "DELETE", "/storage/fresh", user).status == 200


def test_the_write_token_may_do_nothing_else(world: SimulatorHandle) -> None:
    assert ask(world, "GET", "/cluster/backup").status == 403
    assert get(world, "/cluster/resources?type=vm", WRITER) == []


def test_clusters_share_the_backup_servers_and_nothing_else(world: SimulatorHandle) -> None:
    (second,) = world.further
    mine, other = ({row["storage"]: row for row in get(one, "/storage?type=pbs")} for one in (world, second))
    assert mine.keys() == {"pbs-main", "pbs-offsite", "pbs-main-too"}
    assert other.keys() == {"pbs-main", "pbs-offsite"}
    assert (mine["pbs-main"]["namespace"], other["pbs-main"]["namespace"]) == ("prod", "cluster-b")
    assert mine["pbs-main"]["port"] == other["pbs-main"]["port"] == world.pbs[0].port
    assert {row["node"] for row in get(second, "/nodes")} == {"b1", "b2"}
    assert _states(second, "pbs-main") == {"b1": (1, 1), "b2": (1, 1)}
    assert ask(second, "PUT", "/storage/pbs-main", namespace="prod").status == 200
    assert entry(world, "pbs-main") == mine["pbs-main"]
    assert second.fingerprint != world.fingerprint
    assert ask(second, "PUT", "/storage/pbs-main", namespace="cluster-b").status == 200


def test_an_edit_can_come_just_before_a_write(fresh: ClusterHandle) -> None:
    digest = fresh.storages()["digest"]
    fresh.edit_before_write("fresh", {"namespace": "theirs"}, write=2)
    assert get(fresh, "/storage")[0]["digest"] == digest
    assert ask(fresh, "PUT", "/storage/fresh", port=8007, digest=digest).status == 200
    digest = fresh.storages()["digest"]
    reply = ask(fresh, "PUT", "/storage/fresh", namespace="mine", digest=digest)
    assert (reply.status, reply.reason) == (500, CONFLICT)
    assert fresh.storages()["storages"]["fresh"]["namespace"] == "theirs"


def test_an_entry_can_vanish_or_appear_just_before_a_write(fresh: SimulatorHandle) -> None:
    fresh.edit_before_write("fresh", None)
    assert ask(fresh, "PUT", "/storage/fresh", namespace="x").reason.endswith("storage 'fresh' does not exist")
    fresh.edit_before_write("fresh", {"type": "pbs", "server": "192.0.2.1", "datastore": "theirs"})
    assert ask(fresh, "POST", "/storage", **new(fresh)).reason.endswith("storage ID 'fresh' already defined")


def test_an_edit_or_a_stop_that_cannot_be_is_refused(world: SimulatorHandle) -> None:
    attempts: list[tuple[Callable[[], None], int]] = [
        (lambda: world.set_storage("nope", {"nodes": "pve1"}), 404),
        (lambda: world.remove_storage("nope"), 404),
        (lambda: world.edit_before_write("nas", None, write=0), 400),
        (lambda: world.stop_at(0), 400),
        (lambda: world.stop_at(1, "explode"), 400),
    ]
    for attempt, status in attempts:
        with pytest.raises(urllib.error.HTTPError) as refused:
            attempt()
        refused.value.close()
        assert refused.value.code == status


@pytest.mark.parametrize("arguments", [("--clusters", 0), ("--clusters", 2, "--case", "any.json#1")])
def test_a_wrong_number_of_clusters_is_refused(arguments: tuple[object, ...]) -> None:
    with pytest.raises(RuntimeError, match="--clusters must be 1 to 9"), running_simulator("serve", *arguments):
        pass


def _broken(cluster: ClusterHandle, method: str, target: str, **fields: Any) -> bool:
    try:
        ask(cluster, method, target, **fields)
    except (ConnectionError, http.client.HTTPException):
        return True
    return False


@pytest.mark.parametrize("done", [False, True])
def test_a_connection_can_end_at_a_request_before_or_after_it_is_carried_out(fresh: ClusterHandle, done: bool) -> None:
    fresh.stop_at(2, done=done, method="PUT")
    outcomes = [_broken(fresh, "PUT", "/storage/fresh", namespace=name) for name in ("one", "two")]
    assert outcomes == [False, True]
    assert fresh.storages()["storages"]["fresh"]["namespace"] == ("two" if done else "one")
    assert not _broken(fresh, "PUT", "/storage/fresh", namespace="three")
    assert [row["status"] for row in fresh.writes()] == [200, None, 200]


def test_a_server_can_be_dead_from_a_request_on(fresh: ClusterHandle) -> None:
    fresh.stop_at(1, "dead", done=True, method="writes")
    assert not _broken(fresh, "GET", "/storage")
    assert _broken(fresh, "PUT", "/storage/fresh", namespace="one")
    assert _broken(fresh, "PUT", "/storage/fresh", namespace="two")
    assert _broken(fresh, "GET", "/storage")
    fresh.clear_stop()
    assert fresh.storages()["storages"]["fresh"]["namespace"] == "one"


def test_a_request_can_be_left_hanging_until_its_client_goes(fresh: ClusterHandle) -> None:
    fresh.stop_at(1, "hang", method="PUT")
    caller = threading.Thread(target=_broken, args=(fresh, "PUT", "/storage/fresh"), kwargs={"namespace": "x"})
    caller.daemon = True
    caller.start()
    until = time.monotonic() + DEADLINE
    while not fresh.writes():
        assert time.monotonic() < until
    assert fresh.writes()[0]["status"] is None
    assert not _broken(fresh, "GET", "/storage")


def test_every_request_stands_in_the_journal_with_what_was_sent(fresh: ClusterHandle) -> None:
    ask(fresh, "GET", "/storage?type=pbs", "auditor")
    ask(fresh, "PUT", "/storage/fresh", namespace="a", delete="port")
    ask(fresh, "DELETE", "/storage/fresh", "auditor")
    rows = [tuple(row[key] for key in ("number", "method", "path", "token", "status")) for row in fresh.journal()]
    assert rows == [
        (1, "GET", "/storage", "auditor@pve!vzcover", 200),
        (2, "PUT", "/storage/fresh", "vzcover-apply@pve!storages", 200),
        (3, "DELETE", "/storage/fresh", "auditor@pve!vzcover", 403),
    ]
    assert [row["fields"] for row in fresh.writes()] == [{"namespace": "a", "delete": "port"}, {}]
