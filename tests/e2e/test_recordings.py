"""The whole way against genuine answers: replayed over HTTPS, read by the real collector, judged, compared with what PVE said itself.

The truth is read here from the recorded files, past everything of ours.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jsonschema
import pytest

from exporter.cli import main
from exporter.counters import Counters
from exporter.metrics.exposition import render_exposition
from exporter.metrics.own import SelfStatus
from report.facts import ClusterFacts
from report.model.guests import Coverage
from report.model.jobs import JobState
from report.model.report import Report
from report.model.sources import IssueCode
from tests.exporter.clients import SECRET, TOKEN
from tests.exporter.collecting import collector_of, coverage_of, guests_of, judge, other_issues, refresh
from tests.shared_data import SHARED_DATA, recorded
from tests.simulator_process import REPOSITORY, SimulatorHandle, running_simulator

EPOCH = 1_795_227_919
SCENARIOS = sorted(folder.name for folder in (SHARED_DATA / "pve").glob("scenario-*")) or ["scenario-all"]
# guests of these scenarios exist in their own configuration files and not in main's list of resources
GUESTS_NOT_RECORDED = {
    "scenario-orphan-node-dir": {"job-all": frozenset({900})},
    "scenario-weird-guest-configs": {"a": frozenset(range(900, 906))},
}
# metrics that must say nothing rather than zero
COUNTS = {"vzcover_guests", "vzcover_coverage_disagreements"}
BROKEN_POOL = {"job-pool-missing"}
MAIN_COVERAGE = {Coverage.PLANNED: 26, Coverage.NOT_PLANNED: 15, Coverage.UNDECIDED: 0}


@dataclass(frozen=True)
class Observation:
    """What one replay led to: facts, report, and the requests that nobody had recorded."""

    facts: ClusterFacts
    report: Report
    not_recorded: list[str]


@dataclass(frozen=True)
class Truth:
    """What PVE itself said in a recording: its jobs, the guests of each (None: it refused), and those not backed up."""

    jobs: list[dict[str, Any]]
    selected: Mapping[str, frozenset[int] | None]
    unknown: Mapping[str, frozenset[int]]
    not_backed_up: frozenset[int] | None


def layers_of(name: str) -> tuple[Path, ...]:
    """Given a folder's name, return it and what it lies over: scenarios hold only what differs from main, addenda only some calls."""
    whole = name == "main" or name.startswith("token-")
    addenda = f"addenda-{name}" if name in ("token-ro", "token-limited") else "addenda"
    layers = (name, addenda) if whole else (name, "addenda", "main")
    return tuple(recorded("pve", layer) for layer in dict.fromkeys(layers))


def task_layer(name: str, folder: Path) -> Path:
    """Given a folder's name and a new folder, write there what was recorded with another query, or not at all: the whole logs of
    tasks (the recordings ask without `limit`, and are all shorter than a page), and nodes' restores, of which there were none.
    """
    folder.mkdir()
    rows = {}
    for layer in reversed([one for one in layers_of(name) if (one / "INDEX.json").is_file()]):
        for file, row in json.loads((layer / "INDEX.json").read_text()).items():
            if row["path"].endswith("/log") and not row["query"]:
                rows[row["path"]] = (row, json.loads((layer / f"{file}.json").read_bytes() or b"null"))
            if row["query"].get("typefilter") == "vzdump" and row["path"].endswith("/tasks"):
                for task_type in ("qmrestore", "vzrestore"):
                    query = {"typefilter": task_type, "limit": "100"}
                    rows[f"{row['path']} {task_type}"] = (row | {"query": query}, {"data": []})
    for number, (row, body) in enumerate(rows.values()):
        query = row["query"] or {"start": "0", "limit": "0"}
        document = {
            "request": {"method": "GET", "path": row["path"], "params": query},
            **{key: row[key] for key in ("status", "reason", "content_type")},
            "body": body,
        }
        (folder / f"{number}.json").write_text(json.dumps(document))
    return folder


@cache
def observe(name: str, *arguments: str) -> Observation:
    """Given a folder's name and further arguments of the replay, refresh once."""
    with (
        TemporaryDirectory() as folder,
        running_simulator(
            "replay", *layers_of(name), task_layer(name, Path(folder, "tasks")), "--now", EPOCH, *arguments
        ) as simulator,
    ):
        with collector_of(simulator) as collector:
            facts = refresh(collector, None, EPOCH)
        simulator.stop()
    not_recorded = sorted({line for line in simulator.stderr_lines if line.startswith("not recorded")})
    return Observation(facts, judge(facts, EPOCH), not_recorded)


def report_command(folder: Path, simulator: SimulatorHandle) -> list[str]:
    """Given a folder to write a configuration to and a replay, return the arguments that print its JSON report."""
    config = folder / "config.yaml"
    config.touch(0o600)
    config.write_text(
        f"""
pve:
  - name: lab
    hosts: ["{simulator.host}:{simulator.port}"]
    token_id: {TOKEN}
    token_secret: {SECRET}
    tls:
      ca_file: {simulator.ca_file}
"""
    )
    return ["report", "--config", str(config), "--format", "json", "--output", "-", "--now", str(EPOCH)]


def document_of(layers: tuple[Path, ...], name: str) -> Any:
    """Given folders and a file's name, return its `data` from the first that has it, None for an answer other than 200."""
    folder = next(folder for folder in layers if (folder / f"{name}.json").is_file())
    index = folder / "INDEX.json"
    if index.is_file() and json.loads(index.read_text())[name]["status"] != 200:
        return None
    return json.loads((folder / f"{name}.json").read_text())["data"]


def truth_of(name: str) -> Truth:
    """Given a folder's name, return what PVE said, straight from the files."""
    layers = layers_of(name)
    jobs = document_of(layers, "GET_cluster__backup")
    selected: dict[str, frozenset[int] | None] = {}
    unknown: dict[str, frozenset[int]] = {}
    for job in jobs:
        answer = document_of(layers, f"GET_cluster__backup__{job['id']}__included_volumes")
        children = answer["children"] if answer is not None else []
        ghosts = frozenset(int(child["id"]) for child in children if child["type"] == "unknown")
        everyone = frozenset(int(child["id"]) for child in children)
        selected[job["id"]] = None if answer is None else everyone - ghosts
        unknown[job["id"]] = ghosts
    uncovered = document_of(layers, "GET_cluster__backup-info__not-backed-up")
    vmids = None if uncovered is None else frozenset(int(row["vmid"]) for row in uncovered)
    return Truth(jobs, selected, unknown, vmids)


@pytest.fixture(params=["main", *SCENARIOS, "token-ro"])
def name(request: pytest.FixtureRequest) -> str:
    recorded("pve", "main")
    return str(request.param)


# what PVE said itself


def test_every_request_of_ours_was_recorded(name: str) -> None:
    assert observe(name).not_recorded == []


def test_each_job_selects_the_guests_that_pve_selected(name: str) -> None:
    truth, missing = truth_of(name), GUESTS_NOT_RECORDED.get(name, {})
    report = observe(name).report
    assert {job.job.id for job in report.jobs} == {job["id"] for job in truth.jobs}
    for job in report.jobs:
        identity = job.job.id
        theirs = truth.selected[identity]
        if theirs is None:
            assert identity in BROKEN_POOL
            assert (job.guests, job.state) == ((), JobState.BROKEN)
            continue
        absent = missing.get(identity, frozenset())
        assert frozenset(job.guests) == theirs - absent, identity
        # an id whose guest main's inventory lacks is a dead one to us, if the job names it at all
        named = absent if job.job.vmid else frozenset()
        assert frozenset(job.unknown_ids) == truth.unknown[identity] | named, identity


def test_the_prediction_equals_pves_own_list_of_guests_not_backed_up(name: str) -> None:
    truth, report = truth_of(name), observe(name).report
    everyone = frozenset(guests_of(report))
    selected = frozenset(vmid for job in report.jobs for vmid in job.guests)
    if truth.not_backed_up is None:
        assert name == "scenario-missing-pool"
    else:
        assert everyone - selected == truth.not_backed_up
    (source,) = report.sources
    missing = GUESTS_NOT_RECORDED.get(name, {})
    assert source.coverage_disagreements == sum(len(vmids) for vmids in missing.values())
    differences = [issue for issue in report.issues if issue.code is IssueCode.COVERAGE_DISAGREEMENT]
    assert {issue.subject: frozenset(issue.guests) for issue in differences} == missing
    codes = {issue.code for issue in report.issues}
    assert not codes & {IssueCode.ORACLE_REFUSED, IssueCode.ORACLE_SILENT, IssueCode.COLLECTOR_FAILED}


def test_the_next_run_of_each_active_job_is_the_recorded_one(name: str) -> None:
    theirs = {job["id"]: job.get("next-run") for job in truth_of(name).jobs if job.get("type")}
    active = [job for job in observe(name).report.jobs if job.state is JobState.ACTIVE and not job.job.legacy]
    assert [(job.job.id, job.next_run_at) for job in active] == [(job.job.id, theirs[job.job.id]) for job in active]


def test_a_job_without_a_recorded_next_run_is_never_active(name: str) -> None:
    never = {job["id"] for job in truth_of(name).jobs if job.get("type") and "next-run" not in job}
    states = {job.job.id: job.state for job in observe(name).report.jobs}
    assert {states[identity] for identity in never} <= {JobState.BROKEN, JobState.PAUSED}
    if name == "scenario-never-again-schedule":
        assert never == {"job-feb30", "job-past"}


def test_a_guest_is_planned_exactly_if_an_active_job_is_recorded_to_hold_it(name: str) -> None:
    truth, report = truth_of(name), observe(name).report
    active = [job.job.id for job in report.jobs if job.state is JobState.ACTIVE]
    held = frozenset(vmid for identity in active for vmid in truth.selected[identity] or ())
    for vmid, guest in guests_of(report).items():
        if guest.coverage is not Coverage.UNDECIDED:
            assert (guest.coverage is Coverage.PLANNED) is (vmid in held), vmid


def test_the_json_report_is_valid_and_stands_alone_on_standard_output(
    name: str, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    with running_simulator("replay", *layers_of(name)) as simulator:
        assert main(report_command(tmp_path, simulator)) == 0
    written = capsysbinary.readouterr()
    assert written.err == b""
    document = json.loads(written.out)
    jsonschema.validate(document, json.loads((REPOSITORY / "docs" / "report.schema.json").read_text()))
    report = observe(name).report
    assert document["generated_at"] == EPOCH
    assert {guest["vmid"]: guest["coverage"] for guest in document["guests"]} == coverage_of(report)
    assert {job["id"]: tuple(job["guests"]) for job in document["jobs"]} == {
        job.job.id: job.guests for job in report.jobs
    }


def test_the_command_itself_prints_nothing_but_json(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("VZCOVER_")}
    with running_simulator("replay", *layers_of("main")) as simulator:
        ended = subprocess.run(
            [sys.executable, "-m", "exporter", *report_command(tmp_path, simulator)],
            cwd=REPOSITORY,
            env=environment,
            capture_output=True,
            timeout=60,
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert len(json.loads(ended.stdout)["guests"]) == 41


# main, word by word


def test_main_has_the_hard_cases() -> None:
    report = observe("main").report
    assert dict(report.summary.coverage) == MAIN_COVERAGE
    states = {job.job.id: (job.state, [reason.code for reason in job.reasons]) for job in report.jobs}
    assert {identity: (state.value, *codes) for identity, (state, codes) in states.items()} == {
        "job-all0-vmid": ("active",),
        "job-disabled": ("paused", "job_disabled"),
        "job-dup": ("active",),
        "job-empty-pool": ("active", "selects_no_guest"),
        "job-exclude-only": ("active", "selects_no_guest", "exclude_ignored"),
        "job-ghost-storage": ("broken", "storage_not_defined"),
        "job-node-gone": ("broken", "job_node_unknown", "selects_no_guest"),
        "job-node-mismatch": ("active",),
        "job-noenabled-key": ("active",),
        "job-noselection": ("active", "selects_no_guest"),
        "job-nostorage": ("active",),
        "job-pool-and-vmid": ("active",),
        "job-pool-prod": ("active",),
        "job-pool-prod-db": ("active",),
        "job-pool-stale": ("active",),
        "job-pve3-all": ("active",),
        "job-vmid-and-exclude": ("active", "exclude_ignored"),
        "job-vmidlist": ("active", "selects_unknown_ids"),
    }


def test_names_and_notes_of_genuine_guests_are_read() -> None:
    observed = observe("main")
    guests = guests_of(observed.report)
    assert guests[204].guest.name == "CT204"  # M3: a container without a host name
    assert guests[104].guest.template is True
    assert guests[1_000_000].guest.name == "sevendigit"
    for vmid, guest in guests.items():
        answer = json.loads(
            (
                recorded("pve", "main")
                / f"GET_nodes__{guest.guest.node}__{guest.guest.guest_type}__{vmid}__config.json"
            ).read_text()
        )["data"]
        assert guest.notes == (answer.get("description") or None)
        assert (guest.created_at is not None) is ("ctime=" in str(answer.get("meta"))), vmid


# later recordings of the same cluster, and parts of it away


def test_the_addenda_change_nothing() -> None:
    later, main = observe("addenda"), observe("main")
    assert later.not_recorded == []
    assert coverage_of(later.report) == coverage_of(main.report)
    values = {node: reading.value for node, reading in later.facts.vzdump_defaults.items()}
    for node, value in values.items():
        recorded_defaults = document_of(layers_of("addenda"), f"GET_nodes__{node}__vzdump__defaults")
        assert value is not None
        assert (value.storage, value.mode, value.dumpdir) == (
            recorded_defaults.get("storage"), recorded_defaults.get("mode"), recorded_defaults.get("dumpdir"),
        )  # fmt: skip
    assert values == {node: reading.value for node, reading in main.facts.vzdump_defaults.items()}


def test_a_node_that_is_away_changes_no_coverage() -> None:
    """Case 14; the names of its guests are gone from the list (A4) and come from their configurations only if they were read."""
    away, main = observe("scenario-pve3-offline"), observe("main")
    assert coverage_of(away.report) == coverage_of(main.report)
    there = tuple(sorted(vmid for vmid, guest in guests_of(main.report).items() if guest.guest.node == "pve3"))
    (issue,) = other_issues(away.report)
    assert (issue.code, issue.subject, issue.guests) == (IssueCode.NODE_OFFLINE, "pve3", there)
    guests = guests_of(away.report)
    assert {guests[vmid].guest.template for vmid in there} == {None}
    assert {guests[vmid].demanded for vmid in there} == {True}


def test_without_quorum_only_what_rests_on_nodes_never_read_is_undecided() -> None:
    lost, main = observe("scenario-no-quorum"), observe("main")
    now, before = guests_of(lost.report), guests_of(main.report)
    changed = {vmid: now[vmid] for vmid in before if now[vmid].coverage is not before[vmid].coverage}
    # job-nostorage takes its storage from the vzdump.conf of pve2, which was never read
    (guest,) = changed.values()
    assert (guest.guest.vmid, guest.coverage) == (212, Coverage.UNDECIDED)
    assert guest.reasons[0].code.value == "vzdump_defaults_not_visible"
    assert {(issue.code, issue.subject) for issue in other_issues(lost.report)} == {
        (IssueCode.NODE_OFFLINE, "pve2"),
        (IssueCode.NODE_OFFLINE, "pve3"),
    }


# weaker tokens (A8)


def test_the_auditor_sees_what_root_sees() -> None:
    auditor, root = observe("token-ro"), observe("main")
    assert coverage_of(auditor.report) == coverage_of(root.report)
    assert auditor.report.sources[0].missing_privileges == ()
    assert other_issues(auditor.report) == []


def test_a_token_that_sees_some_guests_never_flips_a_verdict() -> None:
    limited, main = observe("token-limited").report, guests_of(observe("main").report)
    guests = guests_of(limited)
    assert sorted(guests) == [100, 101, 102, 120, 200, 201, 210, 211, 213]
    for vmid, guest in guests.items():
        assert guest.coverage in (Coverage.UNDECIDED, main[vmid].coverage), vmid
    undecided = {
        vmid: {reason.code.value for reason in guest.reasons} - {"pbs_not_configured", "store_not_read"}
        for vmid, guest in guests.items()
        if guest.coverage is Coverage.UNDECIDED
    }
    assert undecided == {
        101: {"storage_not_visible"},
        120: {"storage_not_visible"},
        201: {"storage_not_visible"},
        213: {"pool_not_visible"},
    }


def test_a_token_that_sees_some_guests_is_told_what_it_lacks() -> None:
    report = observe("token-limited").report
    (source,) = report.sources
    assert {(missing.privilege, missing.path) for missing in source.missing_privileges} == {
        ("VM.Audit", "/vms"), ("Sys.Audit", "/nodes"), ("Datastore.Audit", "/storage"), ("Pool.Audit", "/pool"),
    }  # fmt: skip
    issues = {(issue.code, issue.subject): issue.guests for issue in report.issues}
    assert issues[IssueCode.PARTIAL_VIEW, "/vms"] == ()
    assert issues[IssueCode.PERMISSION_MISSING, "/storage"] == (101, 120, 201)
    assert issues[IssueCode.PERMISSION_MISSING, "/pool"] == (213,)
    assert source.coverage_disagreements == 0


def test_a_token_without_privileges_shows_no_green_zero() -> None:
    report = observe("token-noacl").report
    (source,) = report.sources
    assert (source.up, source.inventory_known, source.coverage_disagreements) == (True, False, None)
    assert {missing.privilege for missing in source.missing_privileges} == {
        "VM.Audit", "Sys.Audit", "Datastore.Audit", "Pool.Audit",
    }  # fmt: skip
    assert report.guests == ()
    assert report.issues[0].code is IssueCode.NO_GUEST_VISIBLE
    assert metric_names(report).isdisjoint(COUNTS)


def metric_names(report: Report) -> set[str]:
    """Given a report, return the names of the metrics that have a sample."""
    text = render_exposition(report, SelfStatus("0.0.0", "3.11", ""), Counters()).text.plain.decode()
    return {line.partition("{")[0].partition(" ")[0] for line in text.splitlines() if not line.startswith("#")}


def test_a_wrong_token_is_a_source_that_is_down_with_401(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """The answers in `unauthenticated/` are 401 on every path."""
    assert "401 Authentication failed!" in recorded("pve", "unauthenticated", "bad.http").read_text()
    report = observe("main", "--fault", "*=401").report
    (source,) = report.sources
    assert (source.up, source.inventory_known) == (False, False)
    assert source.failure is not None
    assert source.failure.code == "unauthorized"
    assert "401" in source.failure.message
    assert report.issues[0].code is IssueCode.SOURCE_DOWN
    assert metric_names(report).isdisjoint(COUNTS)
    with running_simulator("replay", *layers_of("main"), "--fault", "*=401") as simulator:
        assert main(report_command(tmp_path, simulator)) == 3
    written = capsysbinary.readouterr()
    assert b"401" in written.err
    assert json.loads(written.out)["guests"] == []
