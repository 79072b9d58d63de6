"""What goes wrong in practice: one clear line with the remedy, the right exit code, nothing half-written."""

from __future__ import annotations

import re
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from exporter.cli import main
from tests.exporter.certificates import EXPIRED_ON, authority_pem, server_certificate
from tests.exporter.config_files import as_nobody
from tests.exporter.folders import small_disk
from tests.processes import Config, daemon, restored_logging, run, serving, wait_for, write_config
from tests.simulator_process import SimulatorHandle, running_simulator


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorHandle]:
    with running_simulator("serve", "--guests", 12) as running:
        yield running


@pytest.fixture
def config(simulator: SimulatorHandle, tmp_path: Path) -> Config:
    return write_config(tmp_path, simulator)


def complaint(*arguments: object, code: int) -> str:
    """Run a command that fails; return its one line on standard error. Nothing is printed besides, and nothing of Python shows."""
    ended = run(*arguments)

    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    return ended.stderr


@dataclass(frozen=True)
class BadConfig:
    """A configuration that cannot be used, and what is said of it behind the file's path."""

    name: str
    text: str
    said: str


SOURCE = 'pve: [{name: lab, hosts: "127.0.0.1:9", token_id: v@pve!t, token_secret: 0123-secret}]\n'
BAD_CONFIGS = (
    BadConfig("empty", "", r": the file is empty; config\.example\.yaml is a start"),
    BadConfig("only comments", "# nothing\n", r": the file is empty; config\.example\.yaml is a start"),
    BadConfig("a list", "- pve\n", r":1: expected a mapping that begins with `pve:`, found a list"),
    BadConfig("not YAML", "pve: [\n", r":\d: .+"),
    BadConfig("not text", "\x00\x01", r":1: .+"),
    BadConfig("a number for a list", "pve: 7\n", r":1: pve: expected a list .*"),
    BadConfig("no cluster", "pve: []\n", r":1: pve: an empty list; write at least one cluster"),
    BadConfig("a word for a duration", SOURCE + "refresh: {interval: soon}\n", r":2: refresh\.interval: .*soon.*"),
    BadConfig("a number for a time", SOURCE + "report: {at: 1350}\n", r":2: report\.at: .*1350.*"),
    BadConfig("an unknown zone", SOURCE + "report: {zone: Europe/Wien}\n", r":2: report\.zone: .*Europe/Wien.*"),
    BadConfig("an unknown key", SOURCE + "repport: {}\n", r":2: repport: .*report.*"),
    BadConfig("a key twice", SOURCE + "log: {}\nlog: {}\n", r":3: log: .+"),
)


@pytest.mark.parametrize("bad", BAD_CONFIGS, ids=lambda bad: bad.name)
def test_a_configuration_that_cannot_be_used(
    bad: BadConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(bad.text)
    path.chmod(0o600)
    with restored_logging():
        assert main(["check-config", "--config", str(path)]) == 2
    captured = capsys.readouterr()

    assert captured.out == ""
    assert re.fullmatch(rf"vzcover: {re.escape(str(path))}{bad.said}\n", captured.err)


@pytest.mark.parametrize("command", ["check-config", "status", "report", "serve"])
def test_every_command_refuses_such_a_configuration_and_leaves_nothing_behind(command: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("")
    line = complaint(command, "--config", path, code=2)

    assert line == f"vzcover: {path}: the file is empty; config.example.yaml is a start\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_configuration_that_is_missing_names_a_start(tmp_path: Path) -> None:
    line = complaint("status", "--config", tmp_path / "none.yaml", code=2)

    assert line.startswith(f"vzcover: {tmp_path}/none.yaml: ")
    assert "does not exist" in line
    assert line.endswith("(config.example.yaml is a start)\n")


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("pve: [{name: L!, hosts: [], token_id: x}]\nrefresh: {interval: soon}\ncolour: blue\n")
    path.chmod(0o600)
    ended = run("check-config", "--config", path)

    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) >= 5
    assert all(re.match(rf"vzcover: {re.escape(str(path))}:\d+: \S+: .+", line) for line in ended.stderr.splitlines())


# --- the secret


@pytest.mark.parametrize("kind", ["missing", "folder", "empty"])
def test_a_secret_file_that_cannot_be_used(kind: str, config: Config) -> None:
    secret = config.path.parent / "lab.secret"
    secret.unlink()
    if kind == "folder":
        secret.mkdir()
    elif kind == "empty":
        secret.write_text("")
    line = complaint("status", "--config", config.path, code=2)

    assert "pve[0].token_secret_file: " in line
    assert str(secret) in line or kind == "empty"


def test_a_secret_file_that_may_not_be_read(simulator: SimulatorHandle, capsys: pytest.CaptureFixture[str]) -> None:
    # in this process, which can give up root's rights for a moment: nobody may not even run root's Python
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        config = write_config(folder, simulator)
        config.path.chmod(0o644)
        with restored_logging():
            assert main(["check-config", "--config", str(config.path)]) == 0
            capsys.readouterr()
            (folder / "lab.secret").chmod(0o000)
            with as_nobody():
                code = main(["status", "--config", str(config.path)])
    captured = capsys.readouterr()

    assert (code, captured.out) == (2, "")
    assert re.fullmatch(r"vzcover: .*pve\[0\]\.token_secret_file: .*lab\.secret.*\n", captured.err)


# --- sources


@pytest.fixture(scope="module")
def expired(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SimulatorHandle, Path]]:
    """A simulator whose certificate expired, and the file of the authority that signed it."""
    folder = tmp_path_factory.mktemp("expired")
    made = server_certificate(until=EXPIRED_ON)
    for name, content in (("cert", made.certificate), ("key", made.key), ("authority", authority_pem())):
        (folder / f"{name}.pem").write_bytes(content)
    arguments = ("--certificate", folder / "cert.pem", "--key", folder / "key.pem")
    with running_simulator("serve", "--guests", 5, *arguments) as running:
        yield running, folder / "authority.pem"


def test_an_expired_certificate(expired: tuple[SimulatorHandle, Path], tmp_path: Path) -> None:
    simulator, authority = expired
    config = write_config(tmp_path, simulator, tls=f"{{ca_file: {authority}}}")
    line = complaint("status", "--config", config.path, code=3)

    assert re.fullmatch(
        r"vzcover: pve lab: TLS failed on /version: .* expired on 2024-01-01 12:00 UTC; renew it.*\n", line
    )


def test_a_wrong_fingerprint(simulator: SimulatorHandle, tmp_path: Path) -> None:
    config = write_config(tmp_path, simulator, tls=f'{{fingerprint: "{":".join(["AA"] * 32)}"}}')
    line = complaint("status", "--config", config.path, code=3)

    assert "vzcover: pve lab: TLS failed on /version: " in line
    assert f"certificate fingerprint {simulator.fingerprint} presented, AA:AA:" in line
    assert "; if the certificate was renewed, compare with `pvenode cert info` there" in line


def test_a_certificate_that_nobody_known_signed(simulator: SimulatorHandle, tmp_path: Path) -> None:
    line = complaint("status", "--config", write_config(tmp_path, simulator, tls="{}").path, code=3)

    assert "not signed by a known authority" in line
    assert simulator.fingerprint in line


def test_a_wrong_secret(simulator: SimulatorHandle, tmp_path: Path) -> None:
    line = complaint("report", "--config", write_config(tmp_path, simulator, secret="wrong-secret").path, code=3)

    assert "vzcover: pve lab: 401 on /version: " in line
    assert "; check token_id and the token secret" in line
    assert "wrong-secret" not in line


def test_a_token_without_privileges_never_looks_green(simulator: SimulatorHandle, tmp_path: Path) -> None:
    config = write_config(tmp_path, simulator, user="nobody")
    line = complaint("status", "--config", config.path, code=1)
    assert re.fullmatch(r"vzcover: No guest is visible: .*VM\.Audit.* To do: pveum acl modify .*\n", line)

    with serving(config) as running:
        samples = running.samples()
        assert running.get("/-/ready")[0] == 200
    assert samples['vzcover_source_up{source="lab"}'] == 1
    assert [name for name in samples if name.startswith(("vzcover_guests", "vzcover_guest_"))] == []
    assert any(name.startswith("vzcover_permission_missing{") for name in samples)


# --- where files go


def test_an_output_folder_that_is_not_writable(config: Config) -> None:
    # the kernel's folder: not even root may write there
    line = complaint("report", "--config", config.path, "--output", "/proc/sys", code=4)

    assert re.fullmatch(
        r"vzcover: cannot write /proc/sys/vzcover-\d{8}T\d{6}Z\.pdf: .*; .*choose another folder.*\n", line
    )


def test_an_output_folder_that_is_a_file(config: Config) -> None:
    line = complaint("report", "--config", config.path, "--output", config.path, code=4)

    assert re.fullmatch(r"vzcover: cannot write .*: file exists; choose a folder, not a file\n", line)


def test_a_full_disk_leaves_no_half_written_report(config: Config) -> None:
    with small_disk(config.output, "32k") as folder:
        line = complaint("report", "--config", config.path, "--format", "csv,pdf", code=4)

        assert re.fullmatch(r"vzcover: cannot write .*\.pdf: no space left on device; free some space there.*\n", line)
        assert [path.suffix for path in folder.iterdir()] == [".csv", ".csv"]


def test_a_daemon_on_a_full_disk_goes_on_serving_and_counts(config: Config) -> None:
    config.change("output: reports", "output: reports, formats: [pdf]")
    config.change("state_dir: state", "state_dir: memory")
    (config.path.parent / "memory").mkdir()
    (config.path.parent / "memory" / "last_reports.json").write_text('{"daily": {"due": 0}}')
    with small_disk(config.output, "16k") as folder, serving(config) as running:
        line = running.wait_for_line("a report was not written")
        assert "no space left on device; free some space there" in line
        running.send(signal.SIGHUP)
        wait_for(lambda: running.sample("vzcover_report_failures_total") == 1, "the failure to be counted")
        assert running.get("/-/healthy")[0] == 200
        assert running.end()[0] == 0
        assert list(folder.iterdir()) == []


# --- ended in the middle


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_command_that_hangs_on_a_source_ends_on_a_signal(
    number: signal.Signals, code: int, simulator: SimulatorHandle, config: Config
) -> None:
    simulator.set_faults({"/version": "timeout"})
    simulator.clear_requests()
    try:
        with daemon("report", "--config", config.path) as running:
            wait_for(lambda: "GET /version" in simulator.requests(), "a request that hangs")
            ended, seconds = running.end(number)
    finally:
        simulator.set_faults({})

    assert (ended, running.lines) == (code, [])
    assert seconds < 5
    assert not config.output.exists()
