"""Loaded with the recorded cluster, the simulator answers what the genuine API answered, token by token.

Left out of the comparison: order of rows, figures that were measured (disk use of the recording machine, node figures),
digests, and storages' per-node state, which the model holds once per storage.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from simulator.answers import Answer
from simulator.pve.routes import Api
from tests.shared_data import SHARED_DATA, recorded
from tests.simulator.recorded_cluster import FOLDERS, recorded_cluster

SERVED = (
    "/version",
    "/cluster/",
    "/access/permissions",
    "/storage",
    "/pools",
    "/nodes",
    "/no/such/path",
)
# calls that the simulator does not have
NOT_SERVED = (
    "/cluster/config", "/cluster/ha", "/cluster/log", "/cluster/metrics", "/cluster/nextid", "/cluster/options",
    "/cluster/replication", "/cluster/jobs/realm-sync",
)  # fmt: skip
NOT_SERVED_OF_NODE = ("config", "lxc", "qemu", "network", "replication", "status")
NOT_SERVED_OF_GUEST = ("pending", "snapshot", "status", "")
UNSTABLE = {
    "digest", "used", "avail", "total", "used_fraction", "disk", "maxdisk", "cpu", "mem", "uptime", "active", "status",
    "ssl_fingerprint",
}  # fmt: skip
MEASURED_PATHS = ("/cluster/resources", "/nodes", "/pools")


def _is_served(path: str) -> bool:
    parts = path.split("/")
    if path in {"/cluster", "/cluster/jobs"} or path.startswith(NOT_SERVED) or not path.startswith(SERVED):
        return False
    if parts[1] != "nodes" or len(parts) == 2:
        return True
    if len(parts) == 3 or (len(parts) == 4 and parts[3] in NOT_SERVED_OF_NODE):
        return False
    if parts[3] == "storage":
        return len(parts) == 4
    if parts[3] in {"qemu", "lxc"}:
        return len(parts) == 6 and parts[5] == "config"
    return True


def _recordings() -> Iterator[Any]:
    for token, folder in FOLDERS.items():
        index_file = SHARED_DATA / "pve" / folder / "INDEX.json"
        if not index_file.exists():
            continue
        for name, row in json.loads(index_file.read_text()).items():
            path = row["path"].removeprefix("/api2/json")
            foreign = "format" in row["query"] or (path.endswith("config") and row["query"])
            # what the administrator has is a long list that nobody here looks at
            foreign = foreign or (path == "/access/permissions" and ("userid" in row["query"] or folder == "main"))
            # the other tokens' calls were recorded later, when there were more tasks; what they may not see stays
            later = "tasks" in path and folder != "main" and not _shows_nothing(folder, name, row)
            if _is_served(path) and not foreign and not later:
                yield pytest.param(token, folder, name, row, id=f"{folder}/{name}")


def _shows_nothing(folder: str, name: str, row: dict[str, Any]) -> bool:
    body = (SHARED_DATA / "pve" / folder / f"{name}.json").read_bytes()
    return row["status"] != 200 or bool(json.loads(body) == {"data": []})


def _sortable(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _stable(value: Any, unstable: frozenset[str]) -> Any:
    """Rows in one order, without what was measured; comma lists in one order."""
    if isinstance(value, dict):
        return {key: _stable(one, unstable) for key, one in value.items() if key not in unstable}
    if isinstance(value, list):
        return sorted((_stable(one, unstable) for one in value), key=_sortable)
    if isinstance(value, str) and "," in value and " " not in value:
        return ",".join(sorted(value.split(",")))
    return value


def _comparable(path: str, status: int, reason: str, body: bytes) -> Any:
    if not body:
        return status, reason, None
    measured = path.startswith(MEASURED_PATHS) and "/tasks" not in path
    # the logs behind some recorded states were written by hand and lack the line that tells how it ended
    unstable = frozenset(UNSTABLE if measured else {"digest", "exitstatus"})
    if path.endswith("schedule-analyze") and status == 400:
        return status, reason, None  # the text of the genuine parser
    return status, reason, _stable(json.loads(body), unstable)


def _answer(token: str, row: dict[str, Any]) -> Answer:
    cluster = recorded_cluster()
    secret = next(one.secret for one in cluster.tokens if one.identity == token)
    target = row["path"].removeprefix("/api2/json")
    if row["query"]:
        target += "?" + urlencode(row["query"])
    now = int(recorded("pve", "main", "RECORDED_AT_EPOCH").read_text()) + 86_400  # the recording holds tasks of "later"
    return Api(cluster).answer("GET", target, f"PVEAPIToken={token}={secret}", now)


def _without_next_run(document: Any) -> Any:
    """The next run depends on the second of the recording and is compared in a test of its own."""
    status, reason, body = document
    if isinstance(body, dict) and isinstance(body.get("data"), list):
        rows = [
            {key: value for key, value in row.items() if key != "next-run"} if isinstance(row, dict) else row
            for row in body["data"]
        ]
        body = body | {"data": rows}
    return status, reason, body


@pytest.mark.parametrize(("token", "folder", "name", "row"), list(_recordings()))
def test_the_answer_is_the_recorded_one(token: str, folder: str, name: str, row: dict[str, Any]) -> None:
    path = row["path"].removeprefix("/api2/json")
    body = recorded("pve", folder, f"{name}.json").read_bytes()
    answer = _answer(token, row)
    expected = _comparable(path, row["status"], row["reason"], body)
    got = _comparable(path, answer.status, answer.reason, answer.body)
    assert _without_next_run(got) == _without_next_run(expected)
    assert answer.content_type == row["content_type"]


def test_the_next_runs_are_the_recorded_ones() -> None:
    now = int(recorded("pve", "main", "RECORDED_AT_EPOCH").read_text())
    answer = Api(recorded_cluster()).answer("GET", "/cluster/backup", "PVEAPIToken=root@pam!full=r", now)
    expected = json.loads(recorded("pve", "main", "GET_cluster__backup.json").read_text())["data"]
    assert {job["id"]: job.get("next-run") for job in json.loads(answer.body)["data"]} == {
        job["id"]: job.get("next-run") for job in expected
    }


@pytest.mark.parametrize(
    ("file", "authorization"), [("none.http", None), ("bad.http", "PVEAPIToken=root@pam!full=wrong")]
)
def test_without_a_good_token_the_answer_is_a_bare_401(file: str, authorization: str | None) -> None:
    first_line = recorded("pve", "unauthenticated", file).read_text().splitlines()[0]
    answer = Api(recorded_cluster()).answer("GET", "/version", authorization, 0)
    assert f"HTTP/1.1 {answer.status} {answer.reason}" == first_line
    assert (answer.body, answer.content_type, answer.close) == (b"", None, True)
