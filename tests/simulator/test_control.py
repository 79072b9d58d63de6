"""The process: its ready line, its end, its controls, its arguments."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.error
from pathlib import Path

import pytest

from simulator.certificate import fingerprint, write_throwaway
from tests.simulator.client import Client
from tests.simulator.conftest import NOW
from tests.simulator_process import REPOSITORY, SimulatorHandle, running_simulator


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "simulator", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_ready_line_says_how_to_reach_and_trust_it(tmp_path: Path) -> None:
    ready_file = tmp_path / "ready.json"
    with running_simulator("serve", "--ready-file", ready_file) as simulator:
        ready = json.loads(ready_file.read_text())
        assert ready == {
            "url": f"https://127.0.0.1:{simulator.port}",
            "host": "127.0.0.1",
            "port": simulator.port,
            "fingerprint": fingerprint(simulator.ca_file),
            "ca_file": str(simulator.ca_file),
            "tokens": simulator.tokens,
        }
        assert len(ready["fingerprint"].split(":")) == 32
        with Client(simulator) as client:
            assert client.get("/version").status == 200
    assert [file.name for file in tmp_path.iterdir()] == ["ready.json"]


def test_a_certificate_of_ones_own_is_used(tmp_path: Path) -> None:
    certificate, key = write_throwaway(tmp_path)
    with running_simulator("serve", "--certificate", certificate, "--key", key) as simulator:
        assert (simulator.ca_file, simulator.fingerprint) == (certificate, fingerprint(certificate))
        with Client(simulator) as client:
            assert client.get("/version").status == 200


def test_the_key_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    _, key = write_throwaway(tmp_path)
    assert key.stat().st_mode & 0o077 == 0


def test_it_ends_with_code_0_and_leaves_no_folder() -> None:
    with running_simulator("serve") as simulator:
        folder = simulator.ca_file.parent
        assert simulator.stop() == 0
        assert not folder.exists()


def test_tokens_can_be_given() -> None:
    with running_simulator("serve", "--token", "me@pve!mine=s3cret=x") as simulator:
        assert simulator.tokens["me@pve!mine"] == "s3cret=x"
        with Client(simulator, authorization="PVEAPIToken=me@pve!mine=s3cret=x") as client:
            assert len(client.get("/cluster/resources?type=vm").data) == 60


def test_a_job_can_be_changed_while_it_runs(simulator: SimulatorHandle) -> None:
    with Client(simulator) as client:
        simulator.set_job("backup-prod", {"enabled": 0, "comment": None})
        job = client.get("/cluster/backup/backup-prod").data
        assert job["enabled"] == 0
        assert "comment" not in job
        simulator.set_job("backup-prod", {"pool": "gone"})
        assert client.get("/cluster/backup-info/not-backed-up").reason == "pool 'gone' does not exist"
        simulator.set_job("backup-prod", {"pool": "prod", "enabled": 1})
        assert client.get("/cluster/backup-info/not-backed-up").status == 200


def test_a_legacy_job_can_be_changed_by_its_id_with_a_colon(simulator: SimulatorHandle) -> None:
    with Client(simulator) as client:
        identity = client.get("/cluster/backup").data[1]["id"]
        simulator.set_job(identity, {"enabled": "1"})
        assert client.get(f"/cluster/backup/{identity}").data["enabled"] == "1"
        simulator.set_job(identity, {"enabled": ""})


def test_a_run_can_be_let_fail_and_the_next_one_leaves_a_backup() -> None:
    with running_simulator("serve", "--guests", 12, "--now", NOW) as simulator, Client(simulator, "root") as client:
        content = "/nodes/pve1/storage/nas/content?content=backup&vmid=117"
        before = {row["volid"] for row in client.get(content).data}
        assert before
        failed = simulator.add_run("backup-infra", "pve1", NOW - 300, {117: "io"})
        (task, *_) = client.get("/nodes/pve1/tasks?typefilter=vzdump&vmid=117").data
        lines = [row["t"] for row in client.get(f"/nodes/pve1/tasks/{failed}/log?limit=0").data]

        assert (task["upid"], task["status"], task["user"]) == (failed, "job errors", "root@pam")
        assert "INFO: Starting Backup of VM 117 (qemu)" in lines
        assert "ERROR: Backup of VM 117 failed - job failed with err -5 - Input/output error" in lines
        assert lines[-1] == "TASK ERROR: job errors"
        assert {row["volid"] for row in client.get(content).data} == before

        good = simulator.add_run("backup-infra", "pve1", NOW - 200)
        assert client.get(f"/nodes/pve1/tasks/{good}/status").data["exitstatus"] == "OK"
        (new,) = (row for row in client.get(content).data if row["volid"] not in before)
        assert new["ctime"] == NOW - 200


@pytest.mark.parametrize(
    ("job", "failures", "said"),
    [("nope", {}, "nope"), ("backup-infra", {100: "io"}, "100 io"), ("backup-infra", {117: "bored"}, "117 bored")],
)
def test_a_run_that_cannot_be_is_refused(job: str, failures: dict[int, str], said: str) -> None:
    with running_simulator("serve", "--guests", 12) as simulator, pytest.raises(urllib.error.HTTPError) as refused:
        simulator.add_run(job, "pve1", NOW, failures)
    assert said in refused.value.read().decode()
    refused.value.close()


def test_an_unknown_job_or_fault_is_refused(simulator: SimulatorHandle) -> None:
    with pytest.raises(urllib.error.HTTPError) as unknown_job:
        simulator.set_job("nope", {"enabled": 0})
    unknown_job.value.close()
    assert unknown_job.value.code == 404
    with pytest.raises(urllib.error.HTTPError) as unknown_fault:
        simulator.set_faults({"/version": "explode"})
    assert "explode" in unknown_fault.value.read().decode()
    unknown_fault.value.close()


def test_requests_are_counted_by_method_and_path(simulator: SimulatorHandle) -> None:
    simulator.clear_requests()
    with Client(simulator) as client:
        for target in ("/version", "/version", "/pools?poolid=prod", "/pools"):
            client.get(target)
        client.call("POST", "/version")
    assert simulator.requests() == {"GET /version": 2, "GET /pools": 2, "POST /version": 1}


def test_the_time_follows_now_and_the_zone(simulator: SimulatorHandle) -> None:
    with Client(simulator) as client:
        clock = client.get("/nodes/pve1/time").data
    assert 0 <= clock["time"] - 1_795_227_919 < 600
    assert clock["localtime"] - clock["time"] == 3600
    assert clock["timezone"] == "Europe/Vienna"


def test_a_dead_node_answers_595_and_its_guests_are_unknown() -> None:
    with running_simulator("serve", "--offline-node", "pve3") as simulator, Client(simulator) as client:
        reply = client.get("/nodes/pve3/storage")
        assert (reply.status, reply.body) == (595, b"")
        guests = [row for row in client.get("/cluster/resources?type=vm").data if row["node"] == "pve3"]
        assert {row["status"] for row in guests} == {"unknown"}
        assert all("name" not in row and "template" not in row and "maxmem" not in row for row in guests)
        stores = [row for row in client.get("/cluster/resources?type=storage").data if row["node"] == "pve3"]
        assert {row["status"] for row in stores} == {"unknown"}
        assert {row["name"]: row["online"] for row in client.get("/cluster/status").data[1:]} == {
            "pve1": 1, "pve2": 1, "pve3": 0,
        }  # fmt: skip


def test_a_missing_pool_turns_not_backed_up_into_a_500() -> None:
    with running_simulator("serve", "--missing-pool") as simulator, Client(simulator) as client:
        reply = client.get("/cluster/backup-info/not-backed-up")
        assert (reply.status, reply.reason) == (500, "pool 'gone' does not exist")
        assert client.get("/cluster/backup/of-missing-pool").status == 200


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["serve", "--fault", "/version=explode"], "unknown fault 'explode'"),
        (["serve", "--fault", "nonsense"], "is not KEY=VALUE"),
        (["serve", "--zone", "Mars/Base"], "Mars/Base"),
        (["serve", "--guests", "3"], "at least 5 guests"),
        (["serve", "--listen", "nowhere"], "is not HOST:PORT"),
        (["serve", "--case", "missing.json#1"], "missing.json"),
        (["replay", "no-such-folder"], "no-such-folder is no folder"),
    ],
)
def test_wrong_arguments_end_with_code_2_and_a_reason(arguments: list[str], message: str) -> None:
    ended = _run(*arguments)
    assert ended.returncode == 2
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_port_in_use_ends_with_code_2_and_a_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = _run("serve", "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert ended.returncode == 2
    assert "in use" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_simulator_that_cannot_start_is_told_with_its_reason() -> None:
    with pytest.raises(RuntimeError, match="at least 5 guests"), running_simulator("serve", "--guests", 1):
        pass
