"""`vzcover demo`, the first thing that people run: all files, all addresses, and nothing left behind."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families
from pypdf import PdfReader

from report.findings import FindingCode
from tests.processes import daemon, run, wait_for
from tests.tools import require

SMALL = ("--guests", 12, "--nodes", 2)
# those of the small cluster, and of the large one
GUESTS = 12 + 4


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_once_writes_every_file_and_ends(tmp_path: Path) -> None:
    ended = run("demo", "--once", "--output", tmp_path / "demo", *SMALL)

    assert (ended.returncode, ended.stderr) == (0, "")
    named = [Path(line) for line in ended.stdout.splitlines() if line.startswith("/")]
    assert [path.suffix for path in named] == [
        ".pdf",
        ".json",
        ".csv",
        ".csv",
        ".html",
        ".xlsx",
        ".prom",
        ".openmetrics",
    ]
    pdf, data, table, groups, page, workbook, text, openmetrics = named
    guests = json.loads(data.read_text())["guests"]
    assert len(guests) == len(list(csv.DictReader(table.read_text().splitlines()))) == GUESTS
    assert len(json.loads(data.read_text())["groups"]) == len(list(csv.DictReader(groups.read_text().splitlines())))
    assert PdfReader(pdf).pages
    assert "</html>" in page.read_text()
    assert workbook.read_bytes().startswith(b"PK")
    for path, parse in ((text, text_string_to_metric_families), (openmetrics, openmetrics_families)):
        families = {family.name: family for family in parse(path.read_text())}
        assert len(families["vzcover_guest_info"].samples) == GUESTS
        assert families["vzcover_api_requests"].samples
    assert (tmp_path / "demo" / "lab.secret").stat().st_mode & 0o777 == 0o600
    assert "are in an active backup job" in " ".join(ended.stdout.split())


def test_every_finding_is_shown_on_a_few_guests(tmp_path: Path) -> None:
    assert run("demo", "--once", "--output", tmp_path).returncode == 0
    (path,) = tmp_path.glob("vzcover-*.json")
    report = json.loads(path.read_text())
    of_guests = [{one["code"] for one in guest["findings"]} for guest in report["guests"]]
    shown = set().union(*of_guests, (one["code"] for one in report["findings"]))

    assert shown == {str(code) for code in FindingCode}
    verdicts = Counter(guest["protection"] for guest in report["guests"])
    assert verdicts["protected"] > verdicts["at_risk"] > verdicts["unprotected"] > 0
    assert not {issue["code"] for issue in report["issues"]} & {"coverage_disagreement", "collector_failed"}


def test_two_clusters_share_a_namespace_and_only_the_guest_of_both_is_in_doubt(tmp_path: Path) -> None:
    assert run("demo", "--once", "--output", tmp_path).returncode == 0
    (path,) = tmp_path.glob("vzcover-*.json")
    report = json.loads(path.read_text())
    guests = {(guest["pve"], guest["vmid"]): guest for guest in report["guests"]}
    (vmid,) = {vmid for pve, vmid in guests if pve == "branch"} & {vmid for pve, vmid in guests if pve == "lab"}
    in_doubt = {
        key for key, guest in guests.items() if "backups_ambiguous" in {one["code"] for one in guest["findings"]}
    }
    (shared,) = (one for one in report["findings"] if one["code"] == "namespace_shared")

    assert in_doubt == {("branch", vmid), ("lab", vmid)}
    assert (guests["lab", vmid]["protection"], guests["lab", vmid]["restore_command"]) == ("unknown", "")
    assert "pbs-branch:backup/" in guests["branch", vmid]["restore_command"]
    others = {guest["protection"] for (pve, own), guest in guests.items() if pve == "branch" and own != vmid}
    assert (guests["branch", vmid]["protection"], others) == ("unknown", {"protected"})
    assert shared["source"] == "pbs1"
    assert "pbs1/main/prod: branch/pbs-main, lab/pbs-main" in shared["text"]


def test_once_in_french(tmp_path: Path) -> None:
    ended = run("demo", "--once", "--output", tmp_path, "--language", "fr", *SMALL)

    assert ended.returncode == 0
    assert "sauvegarde" in ended.stdout


def test_promtool_finds_nothing_to_say_about_the_metrics(tmp_path: Path) -> None:
    promtool = require("promtool")
    run("demo", "--once", "--output", tmp_path, "--guests", 40)
    with (tmp_path / "metrics.prom").open() as metrics:
        checked = subprocess.run(
            [promtool, "check", "metrics"], stdin=metrics, capture_output=True, text=True, check=False
        )

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_everything_is_and_leaves_nothing_behind(number: signal.Signals) -> None:
    with daemon("demo", *SMALL) as running:
        wait_for(lambda: any(line.startswith("Ctrl-C") for line in running.output), "the addresses")
        told = dict(line.split(": ", 1) for line in running.output if ": " in line and not line.startswith(" "))
        told = {name: value.strip() for name, value in told.items()}
        for name in ("page", "metrics", "JSON"):
            assert told[name].startswith(f"http://{running.address}/")
            assert running.get("/" + told[name].split("/", 3)[3])[0] == 200
        assert Path(told["PDF"]).read_bytes().startswith(b"%PDF-")
        assert Path(told["configuration"]).is_file()
        simulators = children(running.process.pid)
        code, seconds = running.end(number)

    assert len(simulators) == 1
    assert (code, seconds < 5) == (0, True)
    assert not alive(simulators[0])
    assert not Path(told["configuration"]).parent.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_it_starts_leaves_nothing_behind(number: signal.Signals) -> None:
    with daemon("demo", *SMALL) as running:
        (simulator,) = wait_for(lambda: children(running.process.pid), "the simulator to be started")
        code, seconds = running.end(number)

    assert (code, seconds < 5) == (128 + number, True)
    wait_for(lambda: not alive(simulator), "the simulator to be gone")


def test_the_simulator_ends_with_a_demo_that_is_killed() -> None:
    with daemon("demo", *SMALL) as running:
        wait_for(lambda: any(line.startswith("Ctrl-C") for line in running.output), "the addresses")
        (simulator,) = children(running.process.pid)
        assert running.end(signal.SIGKILL)[0] == -signal.SIGKILL
        wait_for(lambda: not alive(simulator), "the simulator to be gone")


def test_a_size_that_the_simulator_refuses_is_an_error() -> None:
    ended = run("demo", "--once", "--guests", 0)

    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("vzcover: the simulator did not start")
    assert "Traceback" not in ended.stderr


def test_a_folder_that_is_not_one_is_exit_code_4(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = run("demo", "--once", "--output", tmp_path / "file", *SMALL)

    assert (ended.returncode, ended.stdout) == (4, "")
    assert ended.stderr.endswith("choose a folder, not a file\n")
