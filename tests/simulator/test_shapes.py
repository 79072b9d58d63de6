"""The scenario's answers have the keys of the recorded ones and the documented types, in the forms of each release."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.shared_data import recorded
from tests.simulator.client import Client
from tests.simulator.pve_schema import returns_of
from tests.simulator_process import SimulatorHandle, running_simulator

JOBS, JOB, JOB_FILE = "/cluster/backup", "/cluster/backup/{id}", "cluster__backup__job-"
# path template of the documentation, target in the scenario, a recording of such an answer
ENDPOINTS = [
    ("/version", "/version", "version"),
    ("/cluster/status", "/cluster/status", "cluster__status"),
    ("/cluster/resources", "/cluster/resources", "cluster__resources"),
    ("/cluster/tasks", "/cluster/tasks", "cluster__tasks"),
    (f"{JOB}/included_volumes", f"{JOBS}/backup-prod/included_volumes", f"{JOB_FILE}pve3-all__included_volumes"),
    (f"{JOB}/included_volumes", f"{JOBS}/backup-list/included_volumes", f"{JOB_FILE}vmidlist__included_volumes"),
    ("/cluster/backup-info/not-backed-up", "/cluster/backup-info/not-backed-up", "cluster__backup-info__not-backed-up"),
    (
        "/cluster/jobs/schedule-analyze",
        "/cluster/jobs/schedule-analyze?schedule=daily",
        "cluster__jobs__schedule-analyze@iterations=3@schedule=02:00@starttime=1795225000",
    ),
    ("/nodes", "/nodes", "nodes"),
    ("/storage", "/storage", None),
    ("/pools", "/pools", "pools"),
    ("/pools", "/pools?poolid=prod%2Fdb", "pools@poolid=prod%2Fdb"),
    ("/pools/{poolid}", "/pools/prod", "pools__prod"),
    ("/nodes/{node}/storage", "/nodes/pve1/storage", "nodes__pve1__storage"),
    ("/nodes/{node}/vzdump/defaults", "/nodes/pve1/vzdump/defaults", "nodes__pve1__vzdump__defaults"),
    ("/nodes/{node}/tasks", "/nodes/pve1/tasks?source=all", "nodes__pve1__tasks@source=all"),
    ("/nodes/{node}/time", "/nodes/pve1/time", None),
    ("/access/permissions", "/access/permissions?path=/", "access__permissions@path=%2F"),
]
# where the genuine answers are not what the documentation says (recorded): objects in place of property strings
UNDOCUMENTED = {"fleecing", "performance", "name"}


def _rows(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object in an answer with what it is: its type, or that of the list that holds it."""
    if isinstance(value, dict):
        yield str(value.get("type", "")), value
        for key, one in value.items():
            if isinstance(one, list):
                yield from ((f"{key}/{kind}".replace("/qemu", "").replace("/lxc", ""), row) for kind, row in _rows(one))
    elif isinstance(value, list):
        for one in value:
            yield from _rows(one)


def _keys(value: Any) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """For every kind of object the keys that occur, and those that always do."""
    some: dict[str, set[str]] = {}
    always: dict[str, set[str]] = {}
    for kind, row in _rows(value):
        some.setdefault(kind, set()).update(row)
        always.setdefault(kind, set(row)).intersection_update(row)
    return some, always


@pytest.mark.parametrize(("path", "target", "recording"), ENDPOINTS, ids=[row[1] for row in ENDPOINTS])
def test_an_answer_is_as_documented(simulator: SimulatorHandle, path: str, target: str, recording: str | None) -> None:
    with Client(simulator) as client:
        reply = client.get(target)
    assert (reply.status, reply.reason) == (200, "OK")
    problems = [
        error
        for error in returns_of(path).iter_errors(reply.data)
        if not UNDOCUMENTED.intersection(map(str, error.path))
    ]
    assert problems == []


@pytest.mark.parametrize(("path", "target", "recording"), ENDPOINTS, ids=[row[1] for row in ENDPOINTS])
def test_an_answer_has_the_recorded_keys(
    simulator: SimulatorHandle, path: str, target: str, recording: str | None
) -> None:
    if recording is None:
        return  # nothing recorded, or keys that depend on what kind of storage it is
    with Client(simulator) as client:
        some, always = _keys(client.get(target).data)
    document = json.loads(recorded("pve", "main", f"GET_{recording}.json").read_text())
    genuine_some, genuine_always = _keys(document["data"])
    for kind in some.keys() & genuine_some.keys():
        assert some[kind] <= genuine_some[kind]
        assert genuine_always[kind] - always[kind] <= {"name"}  # some guests have none


def test_jobs_have_documented_keys_and_recorded_types(simulator: SimulatorHandle) -> None:
    with Client(simulator) as client:
        jobs = client.get("/cluster/backup").data
    recordings = json.loads(recorded("pve", "main", "GET_cluster__backup.json").read_text())["data"]
    assert list(returns_of("/cluster/backup").iter_errors(jobs)) == []
    types = {key: {type(job[key]) for job in recordings if key in job} for job in recordings for key in job}
    for job in jobs:
        if "type" in job:
            assert {
                key: type(value) for key, value in job.items() if key in types and type(value) not in types[key]
            } == {}


def test_a_legacy_job_has_the_recorded_form(simulator: SimulatorHandle) -> None:
    file = recorded("pve", "scenario-legacy-vzdump-cron", "GET_cluster__backup.json")
    recordings = [job for job in json.loads(file.read_text())["data"] if "type" not in job]
    with Client(simulator) as client:
        jobs = client.get("/cluster/backup").data
    legacy = [job for job in jobs if "type" not in job]
    assert legacy == jobs[: len(legacy)]
    assert [job["enabled"] for job in legacy] == [job["enabled"] for job in recordings] == ["1", ""]
    assert {key for job in legacy for key in job} == {key for job in recordings for key in job}


def test_configurations_have_the_documented_types(simulator: SimulatorHandle) -> None:
    with Client(simulator) as client:
        for row in client.get("/cluster/resources?type=vm").data:
            reply = client.get(f"/nodes/{row['node']}/{row['type']}/{row['vmid']}/config")
            schema = returns_of(f"/nodes/{{node}}/{row['type']}/{{vmid}}/config")
            assert list(schema.iter_errors(reply.data)) == []


def test_task_states_and_logs_are_as_documented(simulator: SimulatorHandle) -> None:
    with Client(simulator) as client:
        for task in client.get("/nodes/pve1/tasks?typefilter=vzdump&source=all").data:
            path = f"/nodes/pve1/tasks/{task['upid']}"
            status = client.get(f"{path}/status").data
            log = client.get(f"{path}/log?limit=0")
            assert list(returns_of("/nodes/{node}/tasks/{upid}/status").iter_errors(status)) == []
            assert list(returns_of("/nodes/{node}/tasks/{upid}/log").iter_errors(log.data)) == []
            assert log.document["total"] == len(log.data)
            ended = task["status"] not in {"RUNNING", "unexpected status"}
            assert log.data[-1]["t"].startswith("TASK ") == ended


@pytest.mark.parametrize(
    ("release", "number", "memhost", "nested", "poolid_status"),
    [("9.1", "9.1.9", True, True, 200), ("8.4", "8.4.14", False, True, 200), ("7.4", "7.4-19", False, False, 400)],
)
def test_each_release_has_its_own_forms(
    release: str, number: str, memhost: bool, nested: bool, poolid_status: int
) -> None:
    with running_simulator("serve", "--pve-version", release) as simulator, Client(simulator) as client:
        assert client.get("/version").data["version"] == number
        guests = client.get("/cluster/resources?type=vm").data
        assert {("memhost" in row) for row in guests} == {memhost}
        pools = client.get("/pools").data
        assert any("/" in pool["poolid"] for pool in pools) is nested
        reply = client.get("/pools?poolid=prod")
        assert reply.status == poolid_status
        jobs = client.get("/cluster/backup").data
        assert any("maxfiles" in job for job in jobs) is (release == "7.4")
        assert any("fleecing" in job for job in jobs) is (release != "7.4")
        assert client.get("/pools/prod").data["members"]


def test_a_refused_parameter_is_named(simulator: SimulatorHandle) -> None:
    with Client(simulator) as client:
        for target, name in [
            ("/cluster/resources?type=pool", "type"),
            ("/nodes/pve1/tasks?limit=many", "limit"),
            ("/nodes/pve1/tasks?nonsense=1", "nonsense"),
            ("/cluster/jobs/schedule-analyze", "schedule"),
            ("/cluster/backup/no-such-job", "id"),
        ]:
            reply = client.get(target)
            assert (reply.status, reply.reason) == (400, "Parameter verification failed.")
            assert list(reply.document["errors"]) == [name]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_only_get_exists(simulator: SimulatorHandle, method: str) -> None:
    with Client(simulator) as client:
        reply = client.call(method, "/cluster/backup")
    assert (reply.status, reply.reason) == (501, f"Method '{method} /cluster/backup' not implemented")
