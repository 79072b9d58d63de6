"""The command line as people and scripts use it: a process, its exit code, what it writes and where."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from rich.cells import cell_len

from exporter.cli import LIBRARIES, main
from exporter.command_table import COMMANDS
from exporter.terminal import PIPE_WIDTH
from report.version import VERSION
from tests.processes import COMMAND, Config, environment, restored_logging, write_config
from tests.processes import run as run_process
from tests.simulator_process import REPOSITORY, SimulatorHandle, running_simulator

NOWHERE = """\
pve:
  - {name: lab, hosts: "127.0.0.1:9", token_id: v@pve!t, token_secret: 0123-secret}
refresh: {attempts: 1}
"""


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorHandle]:
    with running_simulator("serve", "--guests", 20) as running:
        yield running


@pytest.fixture
def config(simulator: SimulatorHandle, tmp_path: Path) -> Config:
    return write_config(tmp_path, simulator)


class Ended(NamedTuple):
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Ended]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in this process, in an environment of its own: as in a pipe, and quicker."""

    def call(*arguments: object, env: Mapping[str, str] | None = None) -> Ended:
        with monkeypatch.context() as patched, restored_logging():
            patched.setattr(os, "environ", environment(env))
            code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return call


def in_terminal(*arguments: object, columns: int) -> str:
    """Run a command on a terminal of so many columns; return all that is shown, with its escape sequences."""
    controller, terminal = pty.openpty()
    command = [*COMMAND, *(str(argument) for argument in arguments)]
    env = environment({"COLUMNS": str(columns), "TERM": "xterm-256color"})
    process = subprocess.Popen(
        command, cwd=REPOSITORY, env=env, stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    shown = b""
    try:
        while select.select([controller], [], [], 60)[0]:
            try:
                part = os.read(controller, 65536)
            except OSError:  # the other side is closed
                break
            if not part:
                break
            shown += part
    finally:
        os.close(controller)
        process.kill() if process.poll() is None and not shown else None
        process.wait(60)
    return shown.decode()


def plain(shown: str) -> list[str]:
    """What is left on a terminal, without colours."""
    return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).replace("\r", "\n").splitlines()]


# --- help, versions, options


def test_help_names_every_command_and_exit_code() -> None:
    ended = run_process("--help")

    assert ended.returncode == 0
    assert ended.stderr == ""
    for command in COMMANDS:
        assert re.search(rf"^    {command.name} ", ended.stdout, re.MULTILINE)
    assert [int(code) for code in re.findall(r"^  (\d)  ", ended.stdout, re.MULTILINE)] == [0, 1, 2, 3, 4]
    assert "--generate-pdf" in ended.stdout
    assert "VZCOVER_CONFIG" in ended.stdout


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_each_command_has_help_of_its_own(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert f"usage: vzcover {command}" in capsys.readouterr().out


def test_a_command_does_not_wait_for_what_only_others_need() -> None:
    script = "import sys; from exporter.cli import main; main(['history', '--help']); print(sorted(sys.modules))"
    asked = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    loaded = asked.stdout.splitlines()[-1]
    assert "'exporter.history_command'" in loaded
    assert not {library for library in ("fpdf", "uvicorn", "requests", "xlsxwriter") if f"'{library}'" in loaded}


def test_version_prints_all_versions(run: Run) -> None:
    ended = run("--version")

    assert ended.returncode == 0
    lines = ended.stdout.splitlines()
    assert lines[0] == f"vzcover {VERSION}"
    assert lines[1].startswith("python 3.")
    assert [line.split()[0] for line in lines[2:]] == list(LIBRARIES)
    assert all(re.fullmatch(r"\S+ \d+(\.\d+)+\S*", line) for line in lines)


def test_every_library_that_runs_has_its_version_printed() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    needed = {re.split(r"[=<> ]", dependency)[0] for dependency in project["dependencies"]}

    assert needed - {"tzdata"} == set(LIBRARIES)


def test_without_a_command_the_help_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("usage: vzcover")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nonsense"], "invalid choice: 'nonsense'"),
        (["status", "--nonsense"], "unrecognized arguments: --nonsense"),
        (["status", "--str"], "unrecognized arguments: --str"),
        (["report", "--format", "xls"], "xls is not out of pdf, json, csv"),
        (["report", "--format", ","], "nothing is not out of pdf, json, csv"),
        (["report", "--fail-on", "sauvegarde_planifiee"], "sauvegarde_planifiee is not out of non_sauvegardee"),
        (["status", "--now", "today"], "today is not an instant in epoch seconds"),
        (["status", "--now", "1795234733000"], "give seconds, not milliseconds"),
        (["status", "--now", "²"], "² is not an instant"),
    ],
)
def test_a_bad_option_is_named(arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert complaint in capsys.readouterr().err


# --- check-config and where the configuration comes from


@pytest.mark.parametrize("flag", ["--config", "--config.file"])
def test_options_stand_before_or_behind_the_command(flag: str, config: Config, run: Run) -> None:
    for arguments in (
        (flag, config.path, "--now", 1_795_234_733, "check-config"),
        ("check-config", flag, config.path, "--now", 1_795_234_733),
        (f"{flag}={config.path}", "check-config"),
    ):
        ended = run(*arguments)

        assert (ended.returncode, ended.stderr) == (0, "")
        assert ended.stdout.splitlines()[-1].startswith(f"{config.path}: fine; SHA-256 of the settings ")


def test_check_config_says_when_each_report_is_due_and_what_each_channel_gets(
    simulator: SimulatorHandle, tmp_path: Path, run: Run
) -> None:
    mail = "mail: {host: mail.example.com, sender: a@example.com, to: b@example.com}"
    more = (
        "reports:\n  - {name: weekly, at: '07:00', days: mon, zone: Europe/Vienna, formats: csv, deliver: [boss]}\n"
        f"deliver:\n  - {{name: ops, {mail}}}\n  - {{name: boss, when: [], {mail}}}\n"
    )
    config = write_config(tmp_path, simulator, more=more, report="enabled: false")
    # a Saturday
    ended = run("check-config", "--config", config.path, "--now", 1_795_251_600)

    assert ended.stdout.splitlines()[1:5] == [
        "report daily: not enabled",
        f"report weekly: due Monday 2026-11-23 07:00 (Europe/Vienna), csv in {tmp_path}/reports/weekly",
        "deliver ops: daily",
        "deliver boss: weekly",
    ]


def test_report_makes_one_of_several_by_its_name(simulator: SimulatorHandle, tmp_path: Path, run: Run) -> None:
    more = "reports: [{name: few, match: {vmids: 100-104}, language: fr, formats: [json, csv]}]\n"
    config = write_config(tmp_path, simulator, more=more)
    ended = run("report", "--config", config.path, "--name", "few")
    one = run("report", "--config", config.path, "--name", "few", "--format", "json", "--output", "-")
    bundle = run("report", "--config", config.path, "--name", "few", "--bundle", tmp_path / "few.zip")
    wrong = run("report", "--config", config.path, "--name", "fw")

    assert (ended.returncode, {path.parent for path in map(Path, ended.stdout.split())}) == (
        0,
        {tmp_path / "reports/few"},
    )
    assert [Path(line).name.split("-")[:2] for line in ended.stdout.split()] == 3 * [["vzcover", "few"]]
    document = json.loads(one.stdout)
    assert {guest["vmid"] for guest in document["guests"]} <= set(range(100, 105))
    assert (document["scope"]["vmids"], document["language"]) == ([[100, 104]], "fr")
    assert document["summary"]["guests"] == len(document["guests"]) > 0
    with zipfile.ZipFile(tmp_path / "few.zip") as archive:
        assert json.loads(archive.read("report.json"))["scope"] == document["scope"]
    assert bundle.returncode == 0
    assert (wrong.returncode, "no report is called fw; did you mean few?" in wrong.stderr) == (2, True)


def test_the_configuration_is_named_by_the_environment_where_no_option_does(
    config: Config, tmp_path: Path, run: Run
) -> None:
    assert run("check-config", env={"VZCOVER_CONFIG": str(config.path)}).returncode == 0
    assert run("check-config", "--config", config.path, env={"VZCOVER_CONFIG": str(tmp_path / "no")}).returncode == 0
    assert run("check-config", env={"VZCOVER_CONFIG": str(tmp_path / "no")}).returncode == 2


def test_settings_may_come_from_the_environment_alone(simulator: SimulatorHandle, tmp_path: Path, run: Run) -> None:
    token, secret = next(pair for pair in simulator.tokens.items() if pair[0].startswith("auditor@"))
    env = {
        "VZCOVER__PVE__0__NAME": "lab",
        "VZCOVER__PVE__0__HOSTS": f"{simulator.host}:{simulator.port}",
        "VZCOVER__PVE__0__TOKEN_ID": token,
        "VZCOVER__PVE__0__TOKEN_SECRET": secret,
        "VZCOVER__PVE__0__TLS__FINGERPRINT": simulator.fingerprint,
        "VZCOVER__STATE_DIR": str(tmp_path),
    }
    ended = run("report", "--format", "json", env=env)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert Path(ended.stdout.strip()).parent == tmp_path / "reports"


def test_now_judges_as_of_that_instant(config: Config, run: Run) -> None:
    ended = run("--now", 1_700_000_000, "report", "--config", config.path, "--format", "json", "--output", "-")

    assert json.loads(ended.stdout)["generated_at"] == 1_700_000_000


# --- report


def test_a_report_is_written_and_its_files_are_named(config: Config) -> None:
    ended = run_process("report", "--config", config.path)

    assert (ended.returncode, ended.stderr) == (0, "")
    paths = [Path(line) for line in ended.stdout.splitlines()]
    assert [path.name.split(".", 1)[1] for path in paths] == ["pdf", "json", "csv", "groups.csv"]
    assert all(path.parent == config.output and path.stat().st_size for path in paths)


@pytest.mark.parametrize("order", [("--config", "F", "--generate-pdf"), ("--generate-pdf", "--config", "F")])
def test_the_older_flag_generate_pdf_writes_the_pdf(
    order: tuple[str, ...], config: Config, tmp_path: Path, run: Run
) -> None:
    arguments = [config.path if argument == "F" else argument for argument in order]
    ended = run(*arguments, "--output", tmp_path / "here")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert [path.suffix for path in (tmp_path / "here").iterdir()] == [".pdf"]


def test_the_older_flag_dump_report_data_prints_the_json(config: Config, run: Run) -> None:
    ended = run("--dump-report-data", "--config.file", config.path)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout)["schema_version"] == 1


@pytest.mark.parametrize("text_format", ["json", "csv"])
def test_standard_output_holds_one_text_and_nothing_else(text_format: str, config: Config, run: Run) -> None:
    ended = run("report", "--config", config.path, "--format", text_format, "--output", "-")

    assert (ended.returncode, ended.stderr) == (0, "")
    if text_format == "json":
        assert json.loads(ended.stdout)["summary"]["guests"] == 20
    else:
        assert len(ended.stdout.splitlines()) == 21
    assert not config.output.exists()


def test_the_page_of_a_report_goes_to_standard_output(config: Config, run: Run) -> None:
    ended = run("report", "--config", config.path, "--format", "html", "--output", "-")

    assert ended.returncode == 0
    assert ended.stdout.startswith("<!DOCTYPE html>")


def test_bundles_of_two_days_are_a_chain(config: Config, tmp_path: Path, run: Run) -> None:
    days = [1_795_234_733, 1_795_321_133]
    written = [run("--now", now, "report", "--config", config.path, "--bundle") for now in days]

    assert [(ended.returncode, ended.stderr) for ended in written] == [(0, "")] * 2
    paths = [Path(ended.stdout.strip()) for ended in written]
    assert paths == sorted(config.output.iterdir())
    checked = run("verify-bundle", config.output)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert f"{paths[1].name}: fine; follows {paths[0].name}" in checked.stdout

    folder = tmp_path / "elsewhere" / "day"
    ended = run("--now", days[1], "report", "--config", config.path, "--bundle", folder, "--previous", paths[0])
    assert (ended.returncode, ended.stdout) == (0, f"{folder}\n")
    assert run("verify-bundle", paths[0], folder).returncode == 0
    assert run("verify-bundle", folder, paths[0]).returncode == 1


def test_a_report_with_bundles_is_written_as_the_daemon_does_and_by_hand_beside_it(config: Config, run: Run) -> None:
    days = [1_795_234_733, 1_795_321_133]
    config.change("report: {", "report: {formats: [csv, bundle], ")
    written = [run("--now", now, "report", "--config", config.path).stdout.splitlines() for now in days]
    by_hand = run("--now", days[1], "report", "--config", config.path, "--bundle")
    again = run("--now", days[1], "report", "--config", config.path, "--format", "bundle")
    checked = run("verify-bundle", config.output)

    assert [Path(path).name.partition(".")[2] for path in written[0]] == ["csv", "groups.csv", "zip"]
    assert (again.returncode, "a bundle is never written over" in again.stderr) == (4, True)
    first, second = (Path(paths[-1]).name for paths in written)
    heads = [line.partition("; SHA-256")[0] for line in checked.stdout.splitlines()]
    assert (checked.returncode, heads) == (
        0,
        [
            "chain of daily: 2 bundles",
            f"{first}: fine; the first of its chain",
            f"{second}: fine; follows {first}",
            "chain of daily, by hand: 1 bundle",
            f"{Path(by_hand.stdout.strip()).name}: fine; the first of its chain",
        ],
    )


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--bundle", "--format", "pdf"), 2, "--bundle: holds PDF, HTML, JSON and CSV as files"),
        (("--bundle", "--output", "-"), 2, "--bundle: holds PDF, HTML, JSON and CSV as files"),
        (("--previous", "x.zip"), 2, "--previous: is for --bundle only"),
        (("--bundle", "--previous", "/nowhere/x.zip"), 2, "cannot read the bundle /nowhere/x.zip: no such file"),
        (("--bundle", "/"), 4, "cannot write /: the folder is not empty"),
    ],
)
def test_a_bundle_that_cannot_work_is_refused_before_a_source_is_asked(
    arguments: tuple[str, ...], code: int, message: str, tmp_path: Path, run: Run
) -> None:
    (tmp_path / "config.yaml").write_text(NOWHERE)
    ended = run("report", "--config", tmp_path / "config.yaml", *arguments)

    assert (ended.returncode, ended.stdout) == (code, "")
    assert message in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("formats", [[], ["--format", "pdf"], ["--format", "json,csv"]])
def test_standard_output_takes_one_text_format_only(formats: list[str], config: Config, run: Run) -> None:
    ended = run("report", "--config", config.path, *formats, "--output", "-")

    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr == (
        "vzcover: command line: --output -: needs one text format: --format json or --format csv or --format html\n"
    )


def test_json_is_utf_8_whatever_the_terminal_is(config: Config, run: Run) -> None:
    for arguments in (("report", "--format", "json", "--output", "-"), ("status", "--json")):
        ended = subprocess.run(
            [*COMMAND, *arguments, "--config", config.path],
            cwd=REPOSITORY,
            env=environment({"PYTHONIOENCODING": "latin-1"}),
            capture_output=True,
            check=False,
        )
        assert json.loads(ended.stdout.decode("utf-8"))["schema_version"] == 1


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ("non_sauvegardee", 1),
        ("indetermine", 0),
        ("unprotected,at_risk", 1),
        ("indetermine,non_sauvegardee", 1),
        ("unknown", 1),
    ],
)
def test_a_report_fails_on_the_states_that_are_named(states: str, code: int, config: Config, run: Run) -> None:
    ended = run("report", "--config", config.path, "--format", "json", "--fail-on", states)

    assert (ended.returncode, ended.stderr) == (code, "")
    assert list(config.output.iterdir())


def test_a_report_without_visible_guests_is_written_and_says_so_in_one_line(
    simulator: SimulatorHandle, tmp_path: Path, run: Run
) -> None:
    config = write_config(tmp_path, simulator, user="nobody")
    ended = run("report", "--config", config.path, "--format", "json")

    assert ended.returncode == 0
    assert re.fullmatch(r"vzcover: No guest is visible: .*VM\.Audit.*pveum acl modify.*\n", ended.stderr)
    assert json.loads(next(config.output.iterdir()).read_text())["summary"]["guests"] == 0


def test_guests_that_may_be_hidden_are_told_in_one_line(simulator: SimulatorHandle, tmp_path: Path, run: Run) -> None:
    ended = run("report", "--config", write_config(tmp_path, simulator, user="limited").path, "--format", "json")

    assert ended.returncode == 0
    assert re.fullmatch(r"vzcover: .*VM\.Audit.*\n", ended.stderr)


def test_with_no_source_in_reach_the_report_is_written_and_says_so(tmp_path: Path, run: Run) -> None:
    (tmp_path / "config.yaml").write_text(NOWHERE + "state_dir: state\n")
    (tmp_path / "config.yaml").chmod(0o600)
    ended = run("report", "--config", tmp_path / "config.yaml", "--format", "json")

    assert ended.returncode == 3
    assert re.fullmatch(
        r"vzcover: pve lab: no connection on /version: 127\.0\.0\.1:9: connection refused; .*\n", ended.stderr
    )
    written = json.loads(Path(ended.stdout.strip()).read_text())
    assert [source["up"] for source in written["sources"]] == [False]


def test_a_report_that_cannot_be_written_is_exit_code_4(config: Config, run: Run) -> None:
    ended = run("report", "--config", config.path, "--format", "json", "--output", config.path)

    assert (ended.returncode, ended.stdout) == (4, "")
    assert re.fullmatch(r"vzcover: cannot write .*: file exists; choose a folder, not a file\n", ended.stderr)


# --- status


def test_status_exits_1_on_a_guest_without_a_job_and_shows_it(config: Config, run: Run) -> None:
    ended = run("status", "--config", config.path)

    assert (ended.returncode, ended.stderr) == (1, "")
    assert "no backup planned" in ended.stdout


def test_status_as_json_is_the_report(config: Config, run: Run) -> None:
    ended = run("status", "--config", config.path, "--json")

    assert (ended.returncode, ended.stderr) == (1, "")
    assert json.loads(ended.stdout)["summary"]["coverage"]["non_sauvegardee"] > 0


@pytest.fixture(scope="module")
def undecided() -> Iterator[SimulatorHandle]:
    """A cluster whose jobs cannot be read."""
    with running_simulator("serve", "--guests", 5, "--fault", "/cluster/backup=500") as running:
        yield running


def test_status_exits_1_on_an_undecided_guest_only_if_it_is_strict(
    undecided: SimulatorHandle, tmp_path: Path, run: Run
) -> None:
    config = write_config(tmp_path, undecided)
    lax, strict = (run("status", "--json", *more, "--config", config.path) for more in ((), ("--strict",)))

    assert set(json.loads(lax.stdout)["summary"]["coverage"].items()) >= {("non_sauvegardee", 0)}
    assert json.loads(lax.stdout)["summary"]["coverage"]["indetermine"] > 0
    assert (lax.returncode, strict.returncode) == (0, 1)


def test_status_without_visible_guests_is_not_fine(simulator: SimulatorHandle, tmp_path: Path, run: Run) -> None:
    ended = run("status", "--config", write_config(tmp_path, simulator, user="nobody").path)

    assert ended.returncode == 1
    assert re.fullmatch(r"vzcover: No guest is visible: .*\n", ended.stderr)
    assert "No guest is visible" in ended.stdout


def test_status_with_a_wrong_secret_is_exit_code_3(simulator: SimulatorHandle, tmp_path: Path, run: Run) -> None:
    ended = run("status", "--config", write_config(tmp_path, simulator, secret="wrong-secret").path)

    assert ended.returncode == 3
    assert re.fullmatch(r"vzcover: pve lab: 401 on /version: .*check token_id and the token secret.*\n", ended.stderr)
    assert "wrong-secret" not in ended.stdout + ended.stderr


# --- how it looks


def test_in_a_pipe_lines_are_short_and_bare(config: Config) -> None:
    ended = run_process("status", "--config", config.path)

    assert "\x1b" not in ended.stdout
    assert all(cell_len(line) <= PIPE_WIDTH and line == line.rstrip() for line in ended.stdout.splitlines())
    assert "lab/100" in ended.stdout


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_on_a_terminal_every_line_fits_and_progress_is_shown(columns: int, config: Config) -> None:
    shown = in_terminal("status", "--config", config.path, columns=columns)

    assert "reading the sources" in shown
    assert "\x1b[31m✗" in shown
    lines = plain(shown)
    assert all(cell_len(line) <= columns for line in lines)
    assert any("→ " in line for line in lines)
    assert any(line.startswith("✗") for line in lines)
    # a narrow one gets a paragraph for each guest, a wide one a table
    assert any("What to do" in line for line in lines) == (columns == 200)


def test_progress_is_not_shown_in_a_pipe(config: Config, run: Run) -> None:
    ended = run("report", "--config", config.path, "--format", "json")

    assert ended.stderr == ""


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["status"], ["report", "--format", "json", "--output", "-"]]
)
def test_a_reader_that_goes_away_is_no_error(arguments: list[str], config: Config, run: Run) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    options = [] if arguments[0].startswith("--") else ["--config", str(config.path)]
    with os.fdopen(writing, "wb") as closed:
        ended = subprocess.run(
            [*COMMAND, *arguments, *options],
            cwd=REPOSITORY,
            env=environment(),
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("arguments", [["--version"], ["status"], ["report", "--format", "json", "--output", "-"]])
def test_a_standard_output_that_is_full_is_exit_code_4(arguments: list[str], config: Config, run: Run) -> None:
    options = [] if arguments[0].startswith("--") else ["--config", str(config.path)]
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [*COMMAND, *arguments, *options],
            cwd=REPOSITORY,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert (ended.returncode, ended.stderr) == (4, "vzcover: cannot write standard output: no space left on device\n")


def test_a_terminal_without_unicode_gets_the_table_all_the_same(config: Config) -> None:
    ended = run_process("status", "--config", config.path, env={"PYTHONIOENCODING": "ascii"})

    assert (ended.returncode, ended.stderr) == (1, "")
    assert "no backup planned" in ended.stdout
