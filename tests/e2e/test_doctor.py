"""`vzcover doctor` as a process against a simulator: what it prints, and its exit codes; and what may be sent to a server at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.processes import Config, run, serving, write_config
from tests.simulator_process import Endpoint, SimulatorHandle, running_simulator


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorHandle]:
    with running_simulator("serve", "--guests", 12, "--nodes", 2, "--pbs", 1) as running:
        yield running


def with_server(folder: Path, simulator: SimulatorHandle, user: str = "auditor") -> Config:
    """A configuration of the cluster and of the backup server beside it."""
    server = simulator.pbs[0]
    token, secret = next(pair for pair in server.tokens.items() if pair[0].startswith(f"{user}@"))
    (folder / "vault.secret").write_text(secret)
    (folder / "vault.secret").chmod(0o600)
    more = (
        f'pbs:\n  - name: vault\n    hosts: ["{server.host}:{server.port}"]\n    token_id: "{token}"\n'
        f'    token_secret_file: vault.secret\n    tls: {{fingerprint: "{server.fingerprint}"}}\n'
    )
    return write_config(folder, simulator, more=more)


def findings(text: str, source: str) -> dict[tuple[str, str], dict[str, Any]]:
    """The findings of a source in the JSON, by check and subject."""
    (found,) = (each for each in json.loads(text)["sources"] if each["name"] == source)
    return {(each["check"], each["subject"]): each for each in found["findings"]}


def test_where_nothing_is_wrong_it_says_so_and_shows_the_fingerprints(
    simulator: SimulatorHandle, tmp_path: Path
) -> None:
    ended = run("doctor", "--config", with_server(tmp_path, simulator).path)

    assert (ended.returncode, ended.stderr) == (0, "")
    for endpoint in (simulator, simulator.pbs[0]):
        assert f'fingerprint: "{endpoint.fingerprint}"' in ended.stdout
    assert ended.stdout.endswith("Everything that was looked at is fine.\n")


def test_a_token_that_sees_little_gets_the_commands_that_help(simulator: SimulatorHandle, tmp_path: Path) -> None:
    ended = run("doctor", "--config", with_server(tmp_path, simulator, "backup").path, "--format", "json")

    assert (ended.returncode, ended.stderr) == (1, "")
    found = findings(ended.stdout, "vault")
    missing = [
        subject for (check, subject), each in found.items() if check == "privilege" and each["state"] == "failed"
    ]
    assert missing == ["Datastore.Audit on /datastore", "Sys.Audit on /system/tasks", "Remote.Audit on /remote"]
    assert found["privilege", missing[0]]["to_copy"] == [
        "proxmox-backup-manager acl update / Audit --auth-id backup@pbs",
        "proxmox-backup-manager acl update / Audit --auth-id 'backup@pbs!pve'",
    ]
    rights = found["rights", "backup@pbs!pve"]
    assert "Datastore.Backup on /datastore, Datastore.Prune on /datastore" in rights["detail"]
    assert {each["state"] for each in findings(ended.stdout, "lab").values()} == {"fine"}


def test_a_source_that_cannot_be_reached_is_exit_code_3(simulator: SimulatorHandle, tmp_path: Path) -> None:
    config = write_config(tmp_path, simulator)
    config.change(f"{simulator.host}:{simulator.port}", "127.0.0.1:1")

    ended = run("doctor", "--config", config.path)

    assert ended.returncode == 3
    assert "refuses the connection" in ended.stdout
    assert "not usable: lab" in ended.stdout


def test_a_wrong_secret_is_exit_code_3_and_is_not_printed(simulator: SimulatorHandle, tmp_path: Path) -> None:
    config = write_config(tmp_path, simulator, secret="wrong-0123456789")

    ended = run("doctor", "--config", config.path, "--format", "json")

    assert ended.returncode == 3
    assert findings(ended.stdout, "lab")["token", "auditor@pve!vzcover"]["state"] == "failed"
    assert "wrong-0123456789" not in ended.stdout + ended.stderr


def test_one_host_of_several_that_is_down_is_a_finding(simulator: SimulatorHandle, tmp_path: Path) -> None:
    config = write_config(tmp_path, simulator)
    address = f'"{simulator.host}:{simulator.port}"'
    config.change(address, f'{address}, "127.0.0.1:1"')

    ended = run("doctor", "--config", config.path, "--format", "json")

    assert ended.returncode == 1
    assert findings(ended.stdout, "lab")["connection", "127.0.0.1:1"]["state"] == "failed"


def test_a_secret_file_that_everybody_can_read_draws_a_warning(simulator: SimulatorHandle, tmp_path: Path) -> None:
    config = write_config(tmp_path, simulator)
    (tmp_path / "lab.secret").chmod(0o644)

    ended = run("doctor", "--config", config.path)

    assert "every user can read the secret in" in ended.stderr
    assert config.secret not in ended.stdout + ended.stderr


@pytest.mark.parametrize("command", [("report", "--format", "pdf,json,csv"), ("status",), ("doctor",)])
def test_a_command_sends_nothing_but_get(simulator: SimulatorHandle, tmp_path: Path, command: tuple[str, ...]) -> None:
    config = with_server(tmp_path, simulator)
    clear(simulator)

    run(*command, "--config", config.path)

    assert methods(simulator) == {"GET"}


def test_the_daemon_sends_nothing_but_get(simulator: SimulatorHandle, tmp_path: Path) -> None:
    config = with_server(tmp_path, simulator)
    clear(simulator)

    with serving(config) as running:
        assert running.get("/metrics")[0] == running.get("/")[0] == running.get("/api/v1/report")[0] == 200

    assert methods(simulator) == {"GET"}


def clear(simulator: SimulatorHandle) -> None:
    for endpoint in servers(simulator):
        endpoint.clear_requests()


def methods(simulator: SimulatorHandle) -> set[str]:
    """The methods of all requests since; each server was asked."""
    asked = [endpoint.requests() for endpoint in servers(simulator)]
    assert all(asked)
    return {request.partition(" ")[0] for requests in asked for request in requests}


def servers(simulator: SimulatorHandle) -> tuple[Endpoint, ...]:
    return (simulator, *simulator.pbs)
