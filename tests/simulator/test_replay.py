"""Replay: recordings come back as recorded, laid one over the other, in both formats."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from simulator.recordings import RecordingError, read_layer, request_of
from simulator.replay import Replay
from tests.shared_data import SHARED_DATA, recorded
from tests.simulator.client import Client
from tests.simulator_process import SimulatorHandle, running_simulator

PVE = SHARED_DATA / "pve"
SCENARIOS = sorted(folder.name for folder in PVE.glob("scenario-*"))
PBS_FOLDERS = sorted(folder.name for folder in (SHARED_DATA / "pbs" / "recordings").glob("*") if folder.is_dir())
EPOCH = 1_795_227_919


@pytest.fixture(scope="module")
def main() -> Iterator[SimulatorHandle]:
    with running_simulator("replay", recorded("pve", "main")) as handle:
        yield handle


def _replay(*folders: Path) -> tuple[Replay, list[str]]:
    missing: list[str] = []
    return Replay(folders, "Europe/Vienna", missing.append), missing


def _index(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "INDEX.json").read_text())
    return document


def test_main_comes_back_over_https_as_recorded(main: SimulatorHandle) -> None:
    folder = recorded("pve", "main")
    with Client(main, authorization="PVEAPIToken=any@pam!one=x") as client:
        for name, row in _index(folder).items():
            target = quote(row["path"].removeprefix("/api2/json"), safe="/:!@")
            if row["query"]:
                target += "?" + urlencode(dict(reversed(row["query"].items())))
            reply = client.get(target)
            assert (reply.status, reply.reason) == (row["status"], row["reason"])
            assert reply.body == (folder / f"{name}.json").read_bytes()
            assert reply.headers["Content-Type"] == row["content_type"]
    assert main.stderr_lines == []


def test_the_order_and_encoding_of_a_query_do_not_matter() -> None:
    asked = request_of("GET", "/nodes/pve1/tasks?limit=500&source=all&typefilter=vzdump")
    assert request_of("GET", "/nodes/pve1/tasks?typefilter=%76zdump&source=all&limit=500") == asked
    assert request_of("GET", "/pools?poolid=prod/db") == request_of("GET", "/pools?poolid=prod%2Fdb")
    assert request_of("GET", "/cluster/backup/a%3A1") == request_of("GET", "/cluster/backup/a:1")
    assert request_of("GET", "/x?verbose=true") == request_of("GET", "/x?verbose=1")
    assert request_of("GET", "/x?a=1") != request_of("GET", "/x")


def test_an_unknown_request_answers_501_and_is_told() -> None:
    with running_simulator("replay", recorded("pve", "main")) as simulator:
        with Client(simulator, authorization="") as client:
            reply = client.get("/nodes/pve1/tasks?limit=7")
        assert (reply.status, reply.reason) == (501, "not recorded")
        simulator.stop()
    assert simulator.stderr_lines == ["not recorded: GET /nodes/pve1/tasks?limit=7\n"]


def test_the_clock_stands_at_the_time_of_the_recording(main: SimulatorHandle) -> None:
    with Client(main, authorization="") as client:
        for node in ("pve1", "pve2", "pve3"):
            assert client.get(f"/nodes/{node}/time").data == {
                "timezone": "UTC", "time": EPOCH, "localtime": EPOCH,
            }  # fmt: skip
        assert client.get("/nodes/pve9/time").status == 501


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_lies_over_main(name: str) -> None:
    upper, base = recorded("pve", name), recorded("pve", "main")
    replay, missing = _replay(upper, base)
    assert replay.recorded_at == EPOCH
    for request, answer in read_layer(upper).answers.items():
        assert replay.answer("GET", _target(request.path, request.query), None, EPOCH) == answer
    jobs = json.loads(replay.answer("GET", "/cluster/backup", None, EPOCH).body)["data"]
    kept = {job["id"] for job in jobs}
    for job in json.loads((base / "GET_cluster__backup.json").read_text())["data"]:
        for tail in ("", "/included_volumes"):
            answer = replay.answer("GET", f"/cluster/backup/{job['id']}{tail}", None, EPOCH)
            assert (answer.status == 200) is (job["id"] in kept)
            if answer.status != 200:
                assert json.loads(answer.body)["errors"] == {"id": f"No such job '{job['id']}'"}
    assert replay.answer("GET", "/version", None, EPOCH).status == 200
    assert missing == []


def _target(path: str, query: frozenset[tuple[str, str]]) -> str:
    return quote(path, safe="/:!@") + (f"?{urlencode(sorted(query))}" if query else "")


def test_a_folder_without_index_is_read_by_its_file_names() -> None:
    replay, _ = _replay(recorded("pve", "scenario-no-quorum"), recorded("pve", "main"))
    (cluster, *_) = json.loads(replay.answer("GET", "/cluster/status", None, EPOCH).body)["data"]
    assert cluster["quorate"] == 0


def test_a_dead_node_was_recorded_with_595() -> None:
    replay, _ = _replay(recorded("pve", "scenario-pve3-offline"), recorded("pve", "main"))
    answer = replay.answer("GET", "/nodes/pve3/storage", None, EPOCH)
    assert (answer.status, answer.reason, answer.content_type) == (595, "Connection refused", None)


@pytest.mark.parametrize("folder", ["token-ro", "token-limited", "token-noacl"])
def test_weaker_tokens_have_folders_of_their_own(folder: str) -> None:
    replay, _ = _replay(recorded("pve", folder))
    for row in _index(recorded("pve", folder)).values():
        target = _target(
            row["path"].removeprefix("/api2/json"), frozenset((k, str(v)) for k, v in row["query"].items())
        )
        answer = replay.answer("GET", target, None, EPOCH)
        assert (answer.status, answer.reason) == (row["status"], row["reason"])


@pytest.mark.parametrize("name", PBS_FOLDERS)
def test_a_backup_server_comes_back_as_recorded(name: str) -> None:
    folder = recorded("pbs", "recordings", name)
    replay, _ = _replay(folder)
    documents: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
    for file in sorted(folder.glob("*.json")):
        document = json.loads(file.read_text())
        asked = document["request"]
        pairs = urlencode({key: str(value) for key, value in (asked["params"] or {}).items()})
        target = asked["path"].removeprefix("/api2/json") + (f"?{pairs}" if pairs else "")
        documents.setdefault((asked["method"], target), []).append(
            (document["status"], document["reason"], document["body"])
        )
    for (method, target), recordings in documents.items():
        answer = replay.answer(method, target, None, EPOCH)
        bodies = {answer.body.decode(), None if not answer.body else ""}
        found = [one for one in recordings if one[:2] == (answer.status, answer.reason)]
        assert any(one[2] in bodies if isinstance(one[2], str) else one[2] == json.loads(answer.body) for one in found)


def test_a_backup_server_is_served_over_https() -> None:
    folder, token = recorded("pbs", "recordings", "05-full"), "PBSAPIToken=root@pam!all:x"
    with running_simulator("replay", folder) as simulator, Client(simulator, authorization=token) as client:
        reply = client.get("/access/permissions")
    assert reply.status == 200
    assert reply.data["/"]["Datastore.Audit"] is True


def test_an_empty_or_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="holds no recorded answer"):
        read_layer(tmp_path)
    with pytest.raises(RecordingError, match="is no folder"):
        read_layer(tmp_path / "none")


def test_a_replay_cannot_be_changed(main: SimulatorHandle) -> None:
    replay, _ = _replay(recorded("pve", "main"))
    with pytest.raises(ValueError, match="cannot change"):
        replay.change_job("job-dup", {"enabled": 0})


def test_faults_hit_replayed_answers_too() -> None:
    arguments = ("replay", recorded("pve", "main"), "--fault", "/version=500:1")
    with running_simulator(*arguments) as simulator, Client(simulator, authorization="") as client:
        assert [client.get("/version").status for _ in range(2)] == [500, 200]
