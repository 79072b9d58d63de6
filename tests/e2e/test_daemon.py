"""The daemon as a process against a simulated cluster: readiness, signals, reloading, systemd, logs, the daily report."""

from __future__ import annotations

import io
import json
import re
import signal
import socket
import time
import urllib.error
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pypdf import PdfReader

from exporter.state import FILE_NAME, LastReports, Served
from tests.processes import Config, Daemon, daemon, run, serving, source_yaml, wait_for, write_config
from tests.simulator_process import SimulatorHandle, running_simulator

STOP_SECONDS = 5.0
SOON = "refresh: {interval: 10s, jitter: 0, attempts: 1}\n"


@pytest.fixture(scope="module")
def shared_simulator() -> Iterator[SimulatorHandle]:
    with running_simulator("serve", "--guests", 12) as running:
        yield running


@pytest.fixture
def simulator(shared_simulator: SimulatorHandle) -> Iterator[SimulatorHandle]:
    """The module's simulator, without faults before and after."""
    shared_simulator.set_faults({})
    yield shared_simulator
    shared_simulator.set_faults({})


@pytest.fixture
def config(simulator: SimulatorHandle, tmp_path: Path) -> Config:
    return write_config(tmp_path, simulator)


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Callable[[], list[str]]]:
    """A systemd that listens at `notify` in the test's folder; call it for what it has heard so far."""
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.setblocking(False)
        receiver.bind(str(tmp_path / "notify"))

        def listen() -> list[str]:
            while True:
                try:
                    heard.append(receiver.recv(4096).decode())
                except BlockingIOError:
                    return list(heard)

        yield listen


def reports(config: Config) -> list[Path]:
    return sorted(config.output.glob("*.pdf")) if config.output.is_dir() else []


# --- readiness


def _answers(running: Daemon) -> bool:
    try:
        return running.get("/-/healthy")[0] == 200
    except urllib.error.URLError:
        return False


def test_ready_means_that_the_first_refresh_is_done(simulator: SimulatorHandle, tmp_path: Path) -> None:
    simulator.set_faults({"/version": "timeout"})
    config = write_config(tmp_path, simulator, more="refresh: {deadline: 5s, attempts: 1}\n")
    with daemon("serve", "--config", config.path) as running:
        # the line that names the address may come a moment before the socket listens
        wait_for(lambda: _answers(running), "the server to answer")
        assert running.get("/-/ready")[0] == 503
        assert running.get("/-/healthy")[0] == 200
        assert running.get("/metrics")[0] == 200
        assert running.sample("vzcover_refresh_last_success_timestamp_seconds") is None

        simulator.set_faults({})
        running.wait_until_ready()
        assert running.sample("vzcover_refresh_last_success_timestamp_seconds") is not None
        assert running.end()[0] == 0


# --- ending


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_an_idle_daemon_at_once(number: signal.Signals, config: Config) -> None:
    with serving(config) as running:
        code, seconds = running.end(number)

    assert code == 0
    assert seconds < 3
    assert [line for line in running.lines if "level=info" not in line] == []


@pytest.mark.parametrize(
    ("path", "fault"), [("/version", "timeout"), ("/version", "drip-headers"), ("/nodes/*/tasks", "drip")]
)
def test_sigterm_ends_a_refresh_that_hangs(path: str, fault: str, simulator: SimulatorHandle, tmp_path: Path) -> None:
    simulator.set_faults({path: fault})
    simulator.clear_requests()
    with daemon("serve", "--config", write_config(tmp_path, simulator).path) as running:
        last = path.rpartition("/")[2]
        wait_for(lambda: any(asked.endswith(f"/{last}") for asked in simulator.requests()), "a request that hangs")
        code, seconds = running.end()

    assert code == 0
    assert seconds < STOP_SECONDS


def test_sigterm_ends_a_refresh_that_hangs_since_before_a_reload(simulator: SimulatorHandle, tmp_path: Path) -> None:
    simulator.set_faults({"/version": "timeout"})
    simulator.clear_requests()
    with daemon("serve", "--config", write_config(tmp_path, simulator).path) as running:
        wait_for(lambda: "GET /version" in simulator.requests(), "a request that hangs")
        running.send(signal.SIGHUP)
        running.wait_for_line("configuration reloaded")
        code, seconds = running.end()

    assert code == 0
    assert seconds < STOP_SECONDS


def test_sigterm_while_the_pdf_is_written_ends_in_time_without_a_half_written_file(tmp_path: Path) -> None:
    with running_simulator("serve", "--guests", 1500) as large:
        config = write_config(tmp_path, large, more="log: {level: debug}\n", report="formats: [pdf]")
        LastReports(config.state).write("daily", Served(0))
        with serving(config) as running:
            running.wait_for_line("writing a report")
            assert reports(config) == []
            code, seconds = running.end()

    assert code == 0
    assert seconds < STOP_SECONDS
    for path in config.output.iterdir() if config.output.exists() else ():
        assert path.suffix == ".pdf"
        assert PdfReader(path).pages


# --- reloading


def test_sighup_puts_a_new_configuration_in_force_and_keeps_what_is_known(
    simulator: SimulatorHandle, tmp_path: Path
) -> None:
    config = write_config(tmp_path, simulator, more=SOON)
    (tmp_path / "second.secret").write_text(config.secret)
    with serving(config) as running:
        before = running.samples()
        assert before["vzcover_config_last_reload_successful"] == 1
        simulator.set_faults({"*": "refused"})
        config.change("report:", source_yaml(simulator, "second") + "report:")
        running.send(signal.SIGHUP)
        running.wait_for_line('msg="source is down"', times=2)
        wait_for(lambda: 'vzcover_source_up{source="second"}' in running.samples(), "the second source")
        after = running.samples()

    assert after['vzcover_source_up{source="lab"}'] == 0
    guests = {name: value for name, value in before.items() if name.startswith("vzcover_guest_coverage{")}
    assert guests
    assert {name: after.get(name) for name in guests} == guests
    hashes = [name for name in (*before, *after) if name.startswith("vzcover_config_hash_info")]
    assert len(set(hashes)) == 2


def test_a_bad_configuration_leaves_the_old_one_in_force_and_says_so(config: Config) -> None:
    good = config.path.read_text()
    with serving(config) as running:
        served = running.sample('vzcover_source_up{source="lab"}')
        config.path.write_text(good + "colour: blue\nrefresh: soon\n")
        running.send(signal.SIGHUP)
        line = running.wait_for_line("the new configuration is not usable; the old one stays in force")
        wait_for(lambda: running.sample("vzcover_config_last_reload_successful") == 0, "the metric to say so")
        assert running.sample('vzcover_source_up{source="lab"}') == served == 1
        assert running.get("/-/ready")[0] == 200

        config.path.write_text(good)
        running.send(signal.SIGHUP)
        wait_for(lambda: running.sample("vzcover_config_last_reload_successful") == 1, "the metric to be good again")
        assert running.end()[0] == 0

    assert "config.yaml:" in line
    assert "colour" in line
    assert "refresh" in line


def test_settings_that_need_a_restart_are_named(config: Config) -> None:
    with serving(config) as running:
        config.change("state_dir: state", "state_dir: elsewhere\nlog: {format: json}")
        running.send(signal.SIGHUP)
        line = json.loads(running.wait_for_line("a changed setting needs a restart"))
        assert line["setting"] == "state_dir"
        assert json.loads(running.wait_for_line("configuration reloaded"))["level"] == "info"


# --- systemd


def test_systemd_hears_of_readiness_reloads_the_watchdog_and_the_end(
    config: Config, systemd: Callable[[], list[str]], tmp_path: Path
) -> None:
    env = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "500000"}
    with serving(config, env=env) as running:
        wait_for(lambda: "WATCHDOG=1" in systemd(), "the watchdog to be fed")
        wait_for(lambda: any(each.startswith("READY=1") for each in systemd()), "readiness")
        assert systemd().count(f"READY=1\nSTATUS=serving on {running.address}") == 1

        known = len(systemd())
        running.send(signal.SIGHUP)
        wait_for(lambda: any(each.startswith("READY=1") for each in systemd()[known:]), "the end of the reload")
        reload = [each for each in systemd()[known:] if each != "WATCHDOG=1"]
        assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d+", reload[0])
        assert reload[1] == "READY=1"

        assert running.end()[0] == 0
    assert systemd()[-1] == "STOPPING=1"


def test_readiness_waits_for_the_first_refresh(
    simulator: SimulatorHandle, systemd: Callable[[], list[str]], tmp_path: Path
) -> None:
    simulator.set_faults({"/version": "timeout"})
    simulator.clear_requests()
    config = write_config(tmp_path, simulator)
    env = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "500000"}
    with daemon("serve", "--config", config.path, env=env) as running:
        wait_for(lambda: "GET /version" in simulator.requests(), "a request that hangs")
        wait_for(lambda: "WATCHDOG=1" in systemd(), "a sign of life meanwhile")
        assert set(systemd()) == {"WATCHDOG=1"}
        running.end()


# --- logs and secrets


@pytest.mark.parametrize("log_format", ["keyvalue", "json"])
def test_one_line_when_a_source_goes_and_one_when_it_returns(
    log_format: str, simulator: SimulatorHandle, tmp_path: Path
) -> None:
    config = write_config(tmp_path, simulator, more=f"{SOON}log: {{format: {log_format}}}\n")
    with serving(config) as running:

        def refresh() -> None:
            asked = 'vzcover_api_request_duration_seconds_count{source="lab"}'
            before = running.sample(asked)
            running.send(signal.SIGHUP)
            wait_for(lambda: running.sample(asked) != before, "a refresh")

        simulator.set_faults({"*": "401"})
        refresh()
        refresh()
        simulator.set_faults({})
        refresh()
        refresh()
        running.end()

    down, back = running.logged("source is down"), running.logged("source is back")
    assert (len(down), len(back)) == (1, 1)
    if log_format == "json":
        line = json.loads(down[0])
        assert (line["level"], line["source"]) == ("warning", "lab")
        assert line["error"].startswith("pve lab: 401 on /version")
        assert [json.loads(line)["level"] for line in running.lines]
    else:
        assert re.fullmatch(
            r'time=\S+ level=warning msg="source is down" source=lab error="pve lab: 401 .*"\n', down[0]
        )
        assert re.fullmatch(r'time=\S+ level=info msg="source is back" source=lab\n', back[0])


def test_the_secret_appears_nowhere(simulator: SimulatorHandle, tmp_path: Path) -> None:
    config = write_config(tmp_path, simulator, more="log: {level: debug}\n", report="formats: [pdf, json, csv]")
    LastReports(config.state).write("daily", Served(0))
    with serving(config) as running:
        wait_for(lambda: running.get("/report.pdf")[0] == 200, "the PDF")
        bodies = [running.get(path)[1] for path in ("/", "/metrics", "/api/v1/report")]
        bodies.append(running.get("/metrics", {"Accept": "application/openmetrics-text"})[1])
        pdf = PdfReader(io.BytesIO(running.get("/report.pdf")[1]))
        bodies.append("".join(page.extract_text() for page in pdf.pages).encode())
        simulator.set_faults({"*": "401"})
        config.path.write_text(config.path.read_text() + f"token_secret: {config.secret}\n")
        running.send(signal.SIGHUP)
        running.wait_for_line("the new configuration is not usable")
        running.wait_for_line("source is down")
        bodies += [running.get(path)[1] for path in ("/", "/metrics", "/api/v1/report")]
        running.end()
    bodies += [path.read_bytes() for folder in (config.output, config.state) for path in folder.iterdir()]
    bodies.append("".join(running.lines + running.output).encode())

    assert all(bodies)
    assert not [body[:100] for body in bodies if config.secret.encode() in body]


# --- the daily report


def test_a_missed_report_is_made_up_once_across_restarts(config: Config) -> None:
    two_days_ago = int(time.time()) - 2 * 86_400
    LastReports(config.state).write("daily", Served(two_days_ago))
    with serving(config) as running:
        running.wait_for_line("wrote a report")
        wait_for(lambda: LastReports(config.state).read()["daily"].due > two_days_ago, "it to be remembered")
        running.end()
    served = LastReports(config.state).read()["daily"]
    made = reports(config)
    with serving(config) as running:
        assert wait_for(lambda: running.get("/report.pdf")[0] == 200, "the PDF of before")
        wait_for(lambda: running.sample("vzcover_report_last_success_timestamp_seconds"), "its time")
        assert running.sample("vzcover_report_last_success_timestamp_seconds") == served.written_at
        running.end()

    assert len(made) == 1
    assert reports(config) == made
    assert running.logged("wrote a report") == []
    assert LastReports(config.state).read()["daily"] == served


def test_a_first_start_makes_nothing_up_and_remembers_what_was_due(simulator: SimulatorHandle, tmp_path: Path) -> None:
    minute = (datetime.now(UTC) + timedelta(minutes=3)).strftime("%H:%M")
    config = write_config(tmp_path, simulator, report=f'at: "{minute}", zone: UTC, formats: [csv]')
    with serving(config) as running:
        wait_for(lambda: (config.state / FILE_NAME).exists(), "the state")
        running.end()
    due = LastReports(config.state).read()["daily"].due

    assert datetime.fromtimestamp(due, UTC).strftime("%H:%M") == minute
    assert due <= time.time()
    assert not config.output.exists()


def test_each_report_with_bundles_has_a_chain_with_one_for_each_due_time_across_kills(
    simulator: SimulatorHandle, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    first, second = (f'at: "{now - timedelta(hours=hours):%H:%M}"' for hours in (2, 1))
    more = "reports: [{name: few, match: {vmids: 100-104}, formats: [csv, bundle], output: reports}]\n"
    config = write_config(tmp_path, simulator, more=more, report=f"{first}, zone: UTC, formats: [json, bundle]")
    state, names = LastReports(config.state), ("daily", "few")
    forgotten = {name: Served(int(now.timestamp()) - 2 * 86_400) for name in names}

    def bundles() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in config.output.glob("*.zip")}

    def serve(number: signal.Signals) -> dict[str, float]:
        with serving(config) as running:
            running.wait_for_line("wrote a report", times=2)
            wait_for(lambda: all(served.written_at for served in state.read().values()), "them to be remembered")
            samples = running.samples()
            running.end(number)
        return samples

    state.replace(forgotten)
    serve(signal.SIGKILL)
    made = bundles()
    # as if it had been killed before it could remember
    state.replace(forgotten)
    serve(signal.SIGTERM)
    assert bundles() == made
    config.change(first, second)
    samples = serve(signal.SIGTERM)
    checked = run("verify-bundle", config.output)

    assert len(made) == 2
    assert len(bundles()) == 4
    assert made.items() <= bundles().items()
    assert all(samples[f'vzcover_scheduled_report_failures_total{{report="{name}"}}'] == 0 for name in names)
    assert (checked.returncode, checked.stderr) == (0, "")
    lines = [line.split(":")[1].split(";")[0].strip() for line in checked.stdout.splitlines()]
    assert lines == 2 * ["2 bundles", "fine", "fine"]
    assert [line for line in checked.stdout.splitlines() if line.startswith("chain")] == [
        f"chain of {name}: 2 bundles" for name in names
    ]


@pytest.mark.parametrize("kind", ["file", "missing parent"])
def test_a_state_folder_that_cannot_be_made_is_a_warning(kind: str, config: Config, tmp_path: Path) -> None:
    (tmp_path / "occupied").write_text("")
    config.change("state_dir: state", f"state_dir: occupied{'' if kind == 'file' else '/below'}")
    with serving(config) as running:
        line = running.wait_for_line("state_dir is not writable")
        assert running.end()[0] == 0

    assert "level=warning" in line
    assert "a report missed while down is not made up" in line


# --- starting badly


def test_a_port_in_use_is_one_line_and_exit_code_2(config: Config) -> None:
    with serving(config) as running:
        config.change("127.0.0.1:0", running.address)
        with daemon("serve", "--config", config.path) as second:
            assert second.process.wait(20) == 2
            wait_for(lambda: second.lines, "a line")

    assert len(second.lines) == 1
    assert re.fullmatch(
        r"vzcover: .*web\.listen: cannot listen on 127\.0\.0\.1:\d+: the port is in use; stop .*\n", second.lines[0]
    )
