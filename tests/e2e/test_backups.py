"""PVE and two backup servers, read over HTTPS by the real program: what exists, and whether it is what was promised."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from proxmoxer import ProxmoxAPI

from exporter.demo.configuration import Endpoint, Simulator, write_configuration
from tests.simulator_process import SimulatorHandle, running_simulator

REPOSITORY = Path(__file__).resolve().parents[2]
NOW = 1795233600  # 2026-11-21 04:00:00 UTC


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorHandle]:
    with running_simulator("serve", "--pbs", "2", "--now", str(NOW)) as handle:
        yield handle


def configured(simulator: SimulatorHandle, folder: Path, servers: int = 2, user: str = "auditor@") -> Path:
    """Write the demo's configuration for the cluster and some of its backup servers; return its path."""
    cluster = Endpoint("lab", simulator.host, simulator.port, simulator.fingerprint, simulator.tokens)
    beside = tuple(
        Endpoint(
            server.name,
            server.host,
            server.port,
            server.fingerprint,
            {
                "auditor@" + token.partition("@")[2]: secret
                for token, secret in server.tokens.items()
                if token.startswith(user)
            },
        )
        for server in simulator.pbs[:servers]
    )
    path = write_configuration(folder, Simulator(cluster, beside), "en", NOW)
    # the demo asks with its auditor; another user's token goes under its own name
    path.write_text(path.read_text().replace("auditor@pbs!vzcover", f"{user}pbs!vzcover"))
    return path


def report_of(config: Path) -> dict[str, Any]:
    """Run `vzcover report` as a process of its own; return the JSON it prints."""
    command = [
        sys.executable,
        "-m",
        "exporter",
        "report",
        "--config",
        str(config),
        "--format",
        "json",
        "--output",
        "-",
        "--now",
        str(NOW),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=REPOSITORY, check=False)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    jsonschema.validate(document, json.loads((REPOSITORY / "docs/report.schema.json").read_text()))
    return document


@pytest.fixture(scope="module")
def report(simulator: SimulatorHandle, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return report_of(configured(simulator, tmp_path_factory.mktemp("both")))


def listed(simulator: SimulatorHandle, number: int, path: str) -> Any:
    """Ask a simulated backup server directly, with its all-seeing token."""
    server = simulator.pbs[number]
    token, secret = next(pair for pair in server.tokens.items() if pair[0].startswith("auditor@"))
    request = urllib.request.Request(
        f"{server.url}/api2/json{path}", headers={"Authorization": f"PBSAPIToken={token}:{secret}"}
    )
    with urllib.request.urlopen(
        request, context=ssl.create_default_context(cafile=str(server.ca_file)), timeout=10
    ) as answer:
        return json.load(answer)["data"]


def test_every_group_that_the_server_lists_is_in_the_report_with_its_finished_snapshots(
    simulator: SimulatorHandle, report: dict[str, Any]
) -> None:
    truth = {
        (row["backup-type"], row["backup-id"]): sum(
            1
            for snapshot in listed(simulator, 0, "/admin/datastore/main/snapshots?ns=prod")
            if (snapshot["backup-type"], snapshot["backup-id"]) == (row["backup-type"], row["backup-id"])
            and "size" in snapshot
        )
        for row in listed(simulator, 0, "/admin/datastore/main/groups?ns=prod")
    }
    ours = {
        (group["backup_type"], group["backup_id"]): group["snapshots"]
        for group in report["groups"]
        if (group["server"], group["datastore"], group["namespace"]) == ("pbs1", "main", "prod")
    }
    assert ours == truth
    assert len(ours) > 30


def test_guests_in_no_active_job_are_unprotected_unless_saved_by_hand_and_the_others_have_backups(
    report: dict[str, Any],
) -> None:
    # the notes of the last guests, which may waive them, are read in the next refresh
    unread = {
        guest["vmid"] for guest in report["guests"] if "notes_not_read" in {one["code"] for one in guest["reasons"]}
    }
    states = {
        guest["vmid"]: (guest["coverage"], guest["protection"])
        for guest in report["guests"]
        if guest["demanded"] and guest["vmid"] not in unread
    }
    uncovered = Counter(protection for coverage, protection in states.values() if coverage == "non_sauvegardee")
    assert set(uncovered) == {"unprotected", "at_risk"}
    assert uncovered["at_risk"] == 1
    covered = Counter(protection for coverage, protection in states.values() if coverage == "sauvegarde_planifiee")
    assert covered["protected"] > 25
    assert covered["unprotected"] == 0


def of_guest(group: dict[str, Any]) -> tuple[str, str]:
    return group["server"], group["backup_id"]


def test_the_replay_of_schedules_and_policies_agrees_with_what_the_simulators_own_pruning_left(
    report: dict[str, Any],
) -> None:
    judged = [group for group in report["groups"] if group["state"] in ("ok", "young", "short", "excess")]
    off = [
        (group["server"], group["backup_id"], group["expected"], group["actual"]) for group in judged if group["delta"]
    ]
    # where somebody removed backups, where the weekly run failed twice, and where the prune is refused
    assert {of_guest(group) for group in judged if group["state"] == "short"} == {("pbs1", "139"), ("lab", "199")}, off
    assert {of_guest(group) for group in judged if group["state"] == "excess"} == {("pbs1", "174")}, off
    assert len(judged) > 40
    assert all(group["policy"]["pruned_by"] for group in judged)


def test_synced_copies_belong_to_the_guests_whose_backups_they_are(report: dict[str, Any]) -> None:
    copies = [group for group in report["groups"] if group["server"] == "pbs2"]
    assert copies
    assert {group["match"] for group in copies} == {"guest"}


def test_groups_of_others_hosts_and_deleted_guests_are_nobodys(report: dict[str, Any]) -> None:
    matches = Counter(group["match"] for group in report["groups"])
    assert matches["orphan"] >= 3
    assert matches["host"] >= 2
    assert matches["foreign"] >= 1
    assert all(group["vmid"] is None for group in report["groups"] if group["match"] != "guest")


def test_a_server_that_is_not_configured_leaves_its_guests_unknown_never_unprotected(
    simulator: SimulatorHandle, tmp_path: Path
) -> None:
    alone = report_of(configured(simulator, tmp_path, servers=0))
    assert alone["groups"], "file storages are read through PVE"
    on_files = {group["vmid"] for group in alone["groups"]}
    for guest in alone["guests"]:
        if guest["demanded"] and guest["vmid"] not in on_files:
            assert guest["protection"] == "unknown"
    assert alone["summary"]["protection"]["unprotected"] == 0


@pytest.mark.parametrize("user", ["nobody@", "namespace@", "owner@"])
def test_a_token_that_sees_less_gives_unknown_and_names_what_is_missing_never_zeros(
    simulator: SimulatorHandle, tmp_path: Path, user: str, report: dict[str, Any]
) -> None:
    partly = report_of(configured(simulator, tmp_path, user=user))
    whole = {guest["vmid"]: guest["protection"] for guest in report["guests"]}
    for guest in partly["guests"]:
        assert guest["protection"] in (whole[guest["vmid"]], "unknown"), guest
    missing = {
        row["privilege"]
        for source in partly["sources"]
        if source["kind"] == "pbs"
        for row in source["missing_privileges"]
    }
    assert "Datastore.Audit" in missing
    assert not [store for store in partly["datastores"] if store["total_bytes"] == 0]


def test_proxmoxer_talks_to_the_simulated_server_with_token_and_with_password(simulator: SimulatorHandle) -> None:
    server = simulator.pbs[0]
    token, secret = next(pair for pair in server.tokens.items() if pair[0].startswith("auditor@"))
    user, _, name = token.partition("!")
    common = {"service": "PBS", "port": server.port, "verify_ssl": str(server.ca_file)}
    by_token = ProxmoxAPI(server.host, user=user, token_name=name, token_value=secret, **common)
    by_password = ProxmoxAPI(server.host, user="auditor@pbs", password=server.passwords["auditor@pbs"], **common)
    for api in (by_token, by_password):
        assert {row["store"] for row in api.admin.datastore.get()} >= {"main"}
