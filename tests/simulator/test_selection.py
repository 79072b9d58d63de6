"""The simulated cluster selects what genuine PVE code selected over 136 random clusters (B4-B14, M1)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from simulator.answers import ApiError
from simulator.cases import cluster_from_case
from simulator.model import Cluster, Properties
from simulator.pve.backup_calls import included_guest
from simulator.pve.routes import Api
from simulator.selection import not_backed_up, selected_vmids
from tests.shared_data import recorded
from tests.simulator.client import Client
from tests.simulator.selection_table import CASES, TABLE
from tests.simulator_process import running_simulator


def _message(error: ApiError) -> dict[str, str]:
    return {"error": json.loads(error.answer.body)["message"]}


def _comparable(children: list[dict[str, Any]]) -> dict[str, Any]:
    """An answer's children in the form of the table."""
    return {
        str(child["id"]): {
            "type": child["type"],
            "volumes": {volume["id"].partition(":")[2]: volume["included"] for volume in child.get("children", [])},
        }
        for child in children
    }


def test_the_table_of_genuine_selections_is_there() -> None:
    recorded("cases", TABLE)
    assert len(CASES) == 136


def _included(cluster: Cluster, job: Properties) -> dict[str, Any]:
    try:
        children = [included_guest(cluster, vmid) for vmid in selected_vmids(job, cluster)]
    except ApiError as error:
        return {"error": _message(error)}
    return {"guests": _comparable(children)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["id"]))
def test_every_job_selects_the_genuine_guests_and_volumes(case: dict[str, Any]) -> None:
    cluster = cluster_from_case(case)
    assert {job["id"]: _included(cluster, job) for job in cluster.jobs} == case["included"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["id"]))
def test_not_backed_up_is_the_genuine_answer(case: dict[str, Any]) -> None:
    cluster = cluster_from_case(case)
    try:
        answer: dict[str, Any] = {"guests": sorted(not_backed_up(cluster, cluster.guests))}
    except ApiError as error:
        answer = {"error": _message(error)}
    assert answer == case["not_backed_up"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["id"]))
def test_the_jobs_of_a_case_are_listed_as_recorded(case: dict[str, Any]) -> None:
    cluster = cluster_from_case(case)
    token = cluster.tokens[0]
    answer = Api(cluster).answer(
        "GET", "/cluster/backup", f"PVEAPIToken={token.identity}={token.secret}", 1_795_227_919
    )
    listed = json.loads(answer.body)["data"]
    assert [{key: value for key, value in job.items() if key != "next-run"} for job in listed] == case["jobs"]


@pytest.mark.parametrize("identity", [0, 9, 28, 254])
def test_a_case_can_be_served(identity: int) -> None:
    case = next((case for case in CASES if case["id"] == identity), None)
    file = recorded("cases", TABLE)
    assert case is not None
    with running_simulator("serve", "--case", f"{file}#{identity}") as simulator, Client(simulator) as client:
        for job in case["jobs"]:
            reply = client.get(f"/cluster/backup/{job['id']}/included_volumes")
            expected = case["included"][job["id"]]
            if reply.status == 200:
                assert {"guests": _comparable(reply.data["children"])} == expected
            else:
                assert (reply.status, reply.document["message"]) == (500, expected["error"]["error"])
        reply = client.get("/cluster/backup-info/not-backed-up")
        if reply.status == 200:
            assert {"guests": sorted(row["vmid"] for row in reply.data)} == case["not_backed_up"]
        else:
            assert (reply.status, reply.reason) == (500, case["not_backed_up"]["error"]["error"].strip())
