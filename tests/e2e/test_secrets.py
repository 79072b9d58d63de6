"""No secret of anybody is in anything that vzcover says: every output under several faults, also of a bug, is searched for all of them."""

from __future__ import annotations

import base64
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from exporter.state import LastReports, Served
from tests.e2e.outputs import (
    Outputs,
    called,
    of_commands,
    of_daemon,
    of_folder,
    of_processes,
    of_recording,
    write_whole_config,
)
from tests.exporter.raw_server import Exchange, answer, raw_server
from tests.processes import Config, Daemon, environment, serving, wait_for
from tests.simulator_process import REPOSITORY, SimulatorHandle, running_simulator

MORE = "log: {level: debug}\nrefresh: {interval: 10s, attempts: 1, deadline: 10s}\n"
# in turn, while the daemon runs; the first ones leave it without half of its answers, the last ones without any
FAULTS: tuple[Mapping[str, str], ...] = (
    {"/cluster/backup*": "403", "/admin/*": "500"},
    {"/cluster/resources*": "truncated", "/nodes/*": "html"},
    {"*": "gzip-garbage"},
    {"*": "reset"},
    {"*": "401"},
)
QUICK = ("status", "report as CSV", "doctor", "storages status")


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorHandle]:
    with running_simulator("serve", "--guests", 12, "--nodes", 2, "--pbs", 1) as running:
        yield running


@pytest.fixture(scope="module")
def secrets(simulator: SimulatorHandle) -> frozenset[str]:
    """Every secret that the simulated servers know, those of accounts that vzcover does not use too."""
    simulator.set_storage("pbs-main", {"password": "storage-password-1234"})
    stored = simulator.storages()
    keys = [part for key in stored["keys"].values() for part in re.findall(r"[A-Za-z0-9+/=]{24,}", key)]
    (server,) = simulator.pbs
    every = {*simulator.tokens.values(), *server.tokens.values(), *server.passwords.values()}
    every |= {*stored["passwords"].values(), *keys}
    assert len(every) > 8
    return frozenset(every)


@pytest.fixture
def config(simulator: SimulatorHandle, tmp_path: Path) -> Iterator[Config]:
    yield write_whole_config(tmp_path, simulator, MORE)
    inject(simulator, {})


def inject(simulator: SimulatorHandle, faults: Mapping[str, str]) -> None:
    for server in (simulator, *simulator.pbs):
        server.set_faults(faults)


def forms(secret: str) -> Iterator[str]:
    """A secret as it is, and as a URL, a header and JSON would carry it."""
    yield from (secret, quote(secret, safe=""), json.dumps(secret)[1:-1])
    yield base64.b64encode(secret.encode()).decode().rstrip("=")


def leaks(outputs: Outputs, secrets: Iterable[str]) -> list[str]:
    """Where a secret is; never which one."""
    wanted = [form for secret in secrets for form in forms(secret)]
    return [name for name, text in outputs.items() if any(form in text for form in wanted)]


def log_of(running: Daemon) -> Outputs:
    return {"log": "".join(running.lines), "standard output": "".join(running.output)}


def test_the_daemon_under_faults_tells_no_secret(
    simulator: SimulatorHandle, secrets: frozenset[str], config: Config
) -> None:
    LastReports(config.state).write("daily", Served(0))
    with serving(config) as running:
        wait_for(lambda: running.get("/report.pdf")[0] == 200, "the PDF")
        assert leaks(of_daemon(running) | of_processes(running), secrets) == []
        for number, faults in enumerate(FAULTS, 1):
            inject(simulator, faults)
            before = refreshed_at(running)
            running.send(signal.SIGHUP)
            running.wait_for_line("configuration reloaded", number)
            wait_for(lambda: refreshed_at(running) > before, f"a refresh with {faults}")  # noqa: B023 -- called at once
            assert leaks(of_daemon(running), secrets) == [], faults
        running.wait_for_line("source is down")
        running.end()

    assert leaks(log_of(running) | of_folder(config.output) | of_folder(config.state), secrets) == []


def refreshed_at(running: Daemon) -> float:
    return running.sample("vzcover_refresh_last_success_timestamp_seconds") or 0


def test_a_rotated_secret_is_not_told_either(
    simulator: SimulatorHandle, secrets: frozenset[str], config: Config
) -> None:
    wrong = "0000-wrong-secret-0000"
    with serving(config) as running:
        (config.path.parent / "lab.secret").write_text(wrong)
        running.send(signal.SIGHUP)
        running.wait_for_line("source is down")
        config.path.write_text(config.path.read_text() + f"token_secret: {config.secret}\n")
        running.send(signal.SIGHUP)
        running.wait_for_line("the new configuration is not usable")
        said = of_daemon(running)
        running.end()

    assert leaks(said | log_of(running), [*secrets, wrong]) == []


def test_no_command_tells_a_secret(secrets: frozenset[str], config: Config, tmp_path: Path) -> None:
    said = of_commands(config) | of_recording(config, tmp_path / "record") | of_folder(config.output)

    assert len(said) > 60
    assert leaks(said, secrets) == []


@pytest.mark.parametrize("faults", [FAULTS[1], FAULTS[4]], ids=str)
def test_no_command_tells_a_secret_under_faults(
    faults: Mapping[str, str], simulator: SimulatorHandle, secrets: frozenset[str], config: Config, tmp_path: Path
) -> None:
    inject(simulator, faults)

    said = of_commands(config, QUICK)
    _, out, err = called("record", tmp_path / "record", "--config", config.path)
    recorded = of_folder(tmp_path / "record") if (tmp_path / "record").exists() else {}
    assert leaks(said | {"record": out + err} | recorded, secrets) == []


def test_writing_entries_tells_no_secret(secrets: frozenset[str], config: Config, simulator: SimulatorHandle) -> None:
    code, out, err = called("storages", "apply", "--yes", "--skip-connectivity", "--config", config.path)
    simulator.remove_storage("vault-new")

    assert code in (0, 1), err
    assert "1 entry written" in out
    assert leaks({"apply": out, "errors": err} | of_folder(config.state), secrets) == []


def test_a_server_that_repeats_the_request_gets_no_secret_out(tmp_path: Path) -> None:
    secret = "0123456789-echoed"

    def echo(exchange: Exchange) -> None:
        exchange.say(
            answer(exchange.head.encode(), 502, f"bad {exchange.head.splitlines()[-1]} {secret}", "text/plain")
        )

    with raw_server(echo) as server:
        config = Config(tmp_path / "config.yaml", secret)
        config.path.write_text(
            f'pve: [{{name: lab, hosts: "127.0.0.1:{server.port}", token_id: a@pve!b, token_secret: "{secret}",'
            " tls: {verify: false}}]\nrefresh: {attempts: 1}\nweb: {listen: '127.0.0.1:0'}\nstate_dir: state\n"
            "log: {level: debug, format: json}\n"
        )
        config.path.chmod(0o600)
        said = of_commands(config, ("status", "doctor", "report"))
        with serving(config) as running:
            said |= of_daemon(running)
            running.wait_for_line("source is down")
    assert server.requests
    assert leaks(said | log_of(running) | of_folder(config.output), [secret]) == []


# --- bugs

BUG = """
import sys
from exporter.{module} import {owner}
from exporter.cli import main

def bug(*arguments, **named):
    raise RuntimeError("Invalid header value " + repr(b"PVEAPIToken=a@pve!b=" + {secret!r}.encode()))

{owner}.{method} = bug
sys.exit(main())
"""


@contextmanager
def with_a_bug(place: tuple[str, str, str], config: Config, *command: str) -> Iterator[Daemon]:
    """Run a command in which a function of ours fails with the secret in its message."""
    module, owner, method = place
    code = BUG.format(module=module, owner=owner, method=method, secret=config.secret)
    process = subprocess.Popen(
        [sys.executable, "-c", code, *command, "--config", str(config.path)],
        cwd=REPOSITORY,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    running = Daemon(process)
    try:
        yield running
    finally:
        process.kill() if process.poll() is None else None
        out, err = process.communicate()
        running.output += out.splitlines(keepends=True)
        running.lines += err.splitlines(keepends=True)


SAID = "RuntimeError: Invalid header value b'PVEAPIToken=a@pve!b=***'"


def test_the_traceback_of_a_bug_tells_no_secret(config: Config) -> None:
    with with_a_bug(("collect.gather", "Gatherer", "gather"), config, "report") as running:
        code = running.process.wait(60)

    said = "".join(running.lines)
    assert (code, SAID in said, "Traceback" in said) == (1, True, True), said
    assert leaks(log_of(running), [config.secret]) == []


def test_a_report_of_a_bug_tells_no_secret(config: Config) -> None:
    with with_a_bug(("client.source", "SourceClient", "get"), config, "report") as running:
        code = running.process.wait(60)

    assert (code, SAID in "".join(running.lines)) == (3, True)
    assert leaks(log_of(running) | of_folder(config.output), [config.secret]) == []


ASKED = ("/", "/metrics", "/api/v1/report", "/-/ready")


@pytest.mark.parametrize(
    "place",
    [
        ("collect.gather", "Gatherer", "gather"),
        ("client.source", "SourceClient", "get"),
        ("web.routes", "Pages", "ready"),
        ("reporting", "Reporting", "loop"),
    ],
    ids=lambda place: ".".join(place[1:]),
)
def test_what_the_daemon_logs_of_a_bug_tells_no_secret(place: tuple[str, str, str], config: Config) -> None:
    with with_a_bug(place, config, "serve") as running:
        assert running.process.stderr is not None
        said = Outputs()
        for line in running.process.stderr:
            running.lines.append(line)
            serves = bool(running.logged("listen="))
            if serves and ("listen=" in line or "RuntimeError" in line):
                said |= {f"{path} at {line}": running.get(path)[1].decode() for path in ASKED}
            if serves and running.logged("RuntimeError"):
                break
        running.process.terminate()

    assert "b'PVEAPIToken=a@pve!b=***'" in "".join(running.lines)
    assert leaks(log_of(running) | said, [config.secret]) == []
