"""Genuine answers of a PBS, replayed over HTTPS and read by the real collector; the counts can be verified by hand in the recordings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from exporter.client.deadline import Deadline
from exporter.client.settings import ClientSettings
from exporter.client.source import SourceClient
from exporter.collect.pbs import ServerCollector
from exporter.collect.pbs_listing import Cause, ServerRhythm
from exporter.collect.pbs_parse import parse_usage
from exporter.collect.pbs_rows import UsageRow
from exporter.counters import Counters
from exporter.metrics.exposition import render_exposition
from exporter.metrics.own import SelfStatus
from report.analyse import analyse
from report.backups import BackupGroup, PbsFacts, SnapshotFlag
from report.facts import Facts
from report.model.guests import Protection
from report.model.reasons import ReasonCode
from report.model.report import Report
from report.model.sources import IssueCode
from report.policy import Policy
from report.readings import Permissions
from tests import builders as a
from tests.exporter.clients import SECRET, Naps
from tests.shared_data import recorded
from tests.simulator_process import SimulatorHandle, running_simulator

NOW = 1_795_230_625  # what the recorded clock says
TOKEN = "backup@pbs!audit"
VERIFIED_AT = {0x6B00FA4C, 0x6B00FA51}  # the START fields of the recorded verifications
TIB_270 = 270_553_174_016


@contextmanager
def replayed(folder: Path, *layers: str) -> Iterator[SimulatorHandle]:
    """Replay recorded folders, with the full list of tasks under the queries that the collector asks."""
    base = recorded("pbs", "recordings")
    tasks = json.loads((base / layers[0] / "nodes_tasks.json").read_text())
    extra = folder / "tasks"
    extra.mkdir()
    queries: list[dict[str, object]] = [{"limit": 1000}]
    queries += [{"limit": 1000, "typefilter": kind, "since": NOW - 3 * 86400} for kind in ("verif", "prune")]
    for number, query in enumerate(queries):
        kind = str(query.get("typefilter", ""))
        asked = {**tasks, "request": {**tasks["request"], "params": query}}
        if isinstance(tasks["body"], dict):
            asked["body"] = {"data": [row for row in tasks["body"]["data"] if kind in row["worker_type"]]}
        (extra / f"{number}.json").write_text(json.dumps(asked))
    # recorded for /admin/sync only, which takes the same parameter
    refused = json.loads((base / "13-addenda" / "admin_sync_all.json").read_text())
    refused["request"]["path"] = "/api2/json/config/sync"
    (extra / "refused.json").write_text(json.dumps(refused))
    with running_simulator("replay", extra, *(base / layer for layer in layers), base / "13-addenda") as simulator:
        yield simulator


@contextmanager
def collector_of(simulator: SimulatorHandle, **changed: Any) -> Iterator[ServerCollector]:
    settings = ClientSettings(
        name="vault",
        kind="pbs",
        hosts=((simulator.host, simulator.port),),
        token_id=TOKEN,
        token_secret=SECRET,
        ca_file=str(simulator.ca_file),
        attempts=1,
    )
    client = SourceClient(settings, Counters(), sleep=Naps())
    try:
        yield ServerCollector("vault", TOKEN, client, ServerRhythm(**changed))
    finally:
        client.close()


def observed(folder: Path, *layers: str) -> PbsFacts:
    """Refresh once against recorded folders."""
    with replayed(folder, *layers) as simulator, collector_of(simulator) as collector:
        return collector.collect(None, NOW, Deadline.after(30))


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> PbsFacts:
    return observed(tmp_path_factory.mktemp("full"), "05-full")


def groups_of(facts: PbsFacts, store: str, namespace: str = "") -> dict[str, BackupGroup]:
    return {f"{group.backup_type}/{group.backup_id}": group for group in facts.groups[store, namespace].value or ()}


def test_the_full_recording_gives_the_counts_that_the_server_gave_itself(full: PbsFacts) -> None:
    # status?verbose of the store: vm 10 groups and 28 snapshots, ct 2 and 7, host 2 and 6
    main = [group for (store, _), reading in full.groups.items() if store == "main" for group in reading.value or ()]
    counted = {
        kind: (
            sum(1 for group in main if group.backup_type == kind),
            sum(len(group.snapshots) for group in main if group.backup_type == kind),
        )
        for kind in ("vm", "ct", "host")
    }
    assert counted == {"vm": (10, 28), "ct": (2, 7), "host": (2, 6)}
    assert full.namespaces["main"].value == ("", "dev", "prod", "prod/db", "prod/db/deep")
    assert not any(group.incomplete for group in main)


def test_unfinished_protected_and_verified_snapshots_are_told_apart(full: PbsFacts) -> None:
    groups = groups_of(full, "main")
    hundred = groups["vm/100"].snapshots
    assert len(hundred) == 16
    assert [hundred.times[position] for position in hundred.where(SnapshotFlag.UNFINISHED)] == [1795225500]
    assert [hundred.times[position] for position in hundred.where(SnapshotFlag.PROTECTED)] == [1792891800]
    assert hundred.count(SnapshotFlag.VERIFIED) == 13
    assert set(hundred.verified_at) == {0, *VERIFIED_AT}
    assert groups["vm/106"].snapshots.finished() == []
    assert groups["vm/103"].snapshots.count(SnapshotFlag.VERIFY_FAILED) == 1


def test_h7_what_a_sync_brought_from_another_datastore_tells_that_it_was_verified_there(full: PbsFacts) -> None:
    # `second` is pulled from `main` of the same server: its manifests name a verification of `main`
    for name, group in groups_of(full, "second").items():
        verified = group.snapshots.count(SnapshotFlag.VERIFIED)
        assert group.snapshots.count(SnapshotFlag.VERIFIED_ELSEWHERE) == verified
        assert group.verified_elsewhere == ("pbs1/main" if verified else None), name
    copied = sum(group.snapshots.count(SnapshotFlag.VERIFIED) for group in groups_of(full, "second").values())
    assert copied == 24
    assert not any(group.verified_elsewhere for group in groups_of(full, "main").values())


@pytest.mark.parametrize("layer", ["05-full", "10-token-audit"])
def test_h7_the_nodes_name_is_read_off_its_own_tasks_or_else_its_jobs(tmp_path: Path, layer: str) -> None:
    with replayed(tmp_path, layer) as simulator, collector_of(simulator) as collector:
        facts = collector.collect(None, NOW, Deadline.after(30))
    assert bool(facts.tasks.value) is (layer == "05-full"), "an auditor of the datastore sees no task"
    assert collector.nodes == {"pbs1"}


def test_the_newest_backup_is_the_newest_finished_one_not_last_backup(full: PbsFacts) -> None:
    # H2: the row says 1795225500, which is a crashed backup
    group = groups_of(full, "main")["vm/100"]
    assert group.row_last_backup == 1795225500
    assert group.snapshots.times[group.snapshots.finished()[-1]] == 1795224600
    assert [archive.name for archive in group.newest_archives] == ["drive-scsi0.img.fidx", "index.json.blob"]


def test_encrypted_and_signed_backups_are_told_apart_although_both_have_a_fingerprint(full: PbsFacts) -> None:
    groups = groups_of(full, "main")
    assert groups["vm/101"].snapshots.count(SnapshotFlag.ENCRYPTED) == 3
    assert groups["vm/102"].snapshots.count(SnapshotFlag.ENCRYPTED) == 0
    assert groups["vm/102"].snapshots.count(SnapshotFlag.SIGNED) == 1
    assert groups["vm/100"].snapshots.count(SnapshotFlag.ENCRYPTED | SnapshotFlag.SIGNED) == 0


def test_group_notes_lose_their_line_end(full: PbsFacts) -> None:
    assert groups_of(full, "main")["vm/100"].comment == "Group note line1"
    assert groups_of(full, "main", "prod/db")["ct/300"].owner == "backup@pbs!owner"


def test_broken_stores_are_unknown_and_say_why_while_the_others_are_read(full: PbsFacts) -> None:
    stores = {store.name: store for store in full.datastores.value or ()}
    assert sorted(stores) == ["empty", "gone", "main", "offl", "rdonly", "second"]
    assert stores["offl"].maintenance == "offline"
    assert "disk swap" in (stores["offl"].error or "")
    assert "No such file" in (stores["gone"].error or "")
    assert stores["rdonly"].maintenance == "read-only"
    assert stores["main"].total_bytes == TIB_270
    assert stores["gone"].total_bytes is None
    for store in ("gone", "offl"):
        assert full.namespaces[store].value is None
        assert full.namespaces[store].failure is not None
        assert not [place for place in full.groups if place[0] == store]
    assert full.groups["empty", ""].value == ()
    assert full.groups["empty", ""].failure is None
    assert full.groups["rdonly", ""].value == ()


def test_jobs_collections_and_tasks_are_all_there(full: PbsFacts) -> None:
    prune = {job.id: job for job in full.prune_jobs.value or ()}
    assert len(prune) == 7
    assert prune["p-disabled"].disabled
    assert prune["p-disabled"].next_run_at is None
    assert prune["p-root"].keep == (
        ("keep-daily", 7),
        ("keep-last", 3),
        ("keep-monthly", 6),
        ("keep-weekly", 4),
        ("keep-yearly", 1),
    )
    assert (prune["p-prod"].last_run_state, prune["p-prod"].last_run_at) == ("OK", 1795226193)
    assert prune["p-prod"].reaches("main", "prod/db")
    assert not prune["p-prod"].reaches("main", "prod/db/deep")
    assert prune["p-keepnothing"].keep == ()
    verify = {job.id: job for job in full.verify_jobs.value or ()}
    assert sorted(verify) == ["v-main", "v-manual", "v-prod"]
    assert (verify["v-main"].ignore_verified, verify["v-main"].outdated_after_days) == (True, 30)
    # 3.2.4 refuses sync-direction: asked again without (edge case 71)
    assert [job.id for job in full.sync_jobs.value or ()] == ["s-bad", "s-local", "s-pull"]
    assert {job.direction for job in full.sync_jobs.value or ()} == {"pull"}
    collections = {collection.datastore: collection for collection in full.garbage_collections.value or ()}
    assert sorted(collections) == ["empty", "main", "rdonly", "second"]
    assert collections["main"].disk_bytes == 23002418
    assert collections["main"].last_run_state == "WARNINGS: 1"
    assert collections["empty"].disk_bytes is None
    workers = {task.worker_id for task in full.tasks.value or ()}
    assert "main:vm/100" in workers


def test_the_server_itself_is_described(full: PbsFacts) -> None:
    assert full.up
    assert full.version.value == "3.2.4"
    assert full.zone.value == "Europe/Vienna"
    assert full.identity is None
    assert [run.collector for run in full.collectors if not run.success] == ["groups"]


def test_what_was_not_recorded_is_unknown_and_not_empty(full: PbsFacts) -> None:
    # the namespaces of the store second were listed, their groups were not recorded
    unread = {place for place, reading in full.groups.items() if reading.failure}
    assert unread == {("second", namespace) for namespace in ("dev", "prod", "prod/db", "prod/db/deep")}
    assert all(full.groups[place].value is None for place in unread)


def test_an_auditor_of_one_store_sees_it_whole_and_no_task_at_all(tmp_path: Path) -> None:
    facts = observed(tmp_path, "10-token-audit")
    assert [store.name for store in facts.datastores.value or ()] == ["main"]
    assert sum(len(group.snapshots) for reading in facts.groups.values() for group in reading.value or ()) == 41
    assert not any(reading.partial for reading in facts.groups.values())
    assert facts.prune_jobs.value
    assert not facts.prune_jobs.partial
    # M10: an empty list with 200 is not "no task"
    assert facts.tasks.value is None
    assert facts.tasks.failure is not None
    assert "lacks Sys.Audit on /system/tasks" in facts.tasks.failure.message
    assert facts.sync_jobs.value is None
    assert facts.sync_jobs.failure is not None
    assert "lacks Remote.Audit on /remote" in facts.sync_jobs.failure.message


def test_an_auditor_of_one_namespace_sees_no_size_and_not_the_root(tmp_path: Path) -> None:
    facts = observed(tmp_path, "10-token-nsaudit")
    (store,) = facts.datastores.value or ()
    assert (store.total_bytes, store.used_bytes, store.available_bytes) == (None, None, None)
    assert sorted(facts.groups) == [("main", "prod"), ("main", "prod/db"), ("main", "prod/db/deep")]
    assert not any(reading.partial for reading in facts.groups.values())
    assert facts.namespaces["main"].partial
    assert facts.namespaces["main"].failure is not None
    assert facts.namespaces["main"].failure.code == "forbidden"
    # jobs of the root that prune this namespace too are hidden from it
    assert [job.id for job in facts.prune_jobs.value or ()] == ["p-prod", "p-prod-again"]
    assert facts.prune_jobs.partial


def test_a_token_without_rights_knows_nothing_and_claims_nothing(tmp_path: Path) -> None:
    facts = observed(tmp_path, "10-token-none")
    assert facts.up
    assert facts.version.value == "3.2.4"
    for reading in (facts.datastores, facts.prune_jobs, facts.verify_jobs, facts.sync_jobs, facts.tasks):
        assert reading.value is None
        assert reading.failure is not None
        assert reading.failure.code == "forbidden"
        assert "lacks" in reading.failure.message
    assert facts.garbage_collections.value is None
    assert facts.groups == {}


def test_wrong_credentials_make_the_source_down(tmp_path: Path) -> None:
    facts = observed(tmp_path, "11-unauthenticated")
    assert not facts.up
    assert facts.failure is not None
    assert facts.failure.code == "unauthorized"
    assert SECRET not in repr(facts)


def test_a_second_refresh_opens_only_what_holds_unfinished_snapshots_or_has_its_turn(tmp_path: Path) -> None:
    groups = ["04-backup-in-progress", "05-full"]
    with replayed(tmp_path, "05-full", *groups[:1]) as simulator, collector_of(simulator) as collector:
        first = collector.collect(None, NOW, Deadline.after(30))
        assert collector.manifests_opened[Cause.FIRST] == 41 - 3 + 25  # three are unfinished
        again = collector.collect(first, NOW + 300, Deadline.after(30))
    # vm/100 and vm/106 (which has no manifest) were recorded one by one; ct/300 is all of its namespace
    assert collector.manifests_opened[Cause.CHANGED] == 15 + 0 + 4
    assert collector.manifests_opened[Cause.FIRST] == 0
    untouched = groups_of(first, "main")["vm/105"]
    assert groups_of(again, "main")["vm/105"] is untouched


# --- what the restricted tokens make of the report

GUESTS = (100, 105)  # both have a group in the root of main
ALL = ("VM.Audit", "Datastore.Audit", "Sys.Audit", "Pool.Audit")


def judged(folder: Path, token: str) -> Report:
    """Judge a cluster whose only storage is the root of the recorded datastore main, as a recorded token of the PBS sees that."""
    facts = observed(folder, token)
    entry = a.storage_definition(
        "pbs", storage_type="pbs", server=facts.hosts[0][0], port=facts.hosts[0][1], datastore="main", username=None
    )
    cluster = a.cluster(
        guests=[a.guest(vmid) for vmid in (*GUESTS, 999)],
        jobs=[a.backup_job(storage="pbs", schedule="*:0/30")],
        storages=[entry],
        permissions=a.reading(Permissions({"/": dict.fromkeys(ALL, True)})),
    )
    read = ("version", "permissions", "inventory", "nodes", "jobs", "storages")
    cluster = replace(cluster, **{name: replace(getattr(cluster, name), fetched_at=NOW) for name in read})
    return analyse(Facts((cluster,), (facts,)), Policy(), NOW)


def protections(report: Report) -> dict[int, Protection]:
    return {guest.guest.vmid: guest.protection for guest in report.guests}


def named(report: Report) -> set[tuple[str, str]]:
    return {
        (missing.privilege, missing.path)
        for source in report.sources
        if source.kind == "pbs"
        for missing in source.missing_privileges
    }


def test_what_an_auditor_of_the_datastore_sees_is_judged_and_only_its_tasks_and_remotes_are_unknown(
    tmp_path: Path,
) -> None:
    report = judged(tmp_path, "10-token-audit")
    newest = {guest.guest.vmid: guest.newest_backup_at for guest in report.guests}
    assert (newest[100], newest[999]) == (1795224600, None)
    unread = {ReasonCode.STORE_NOT_READ, ReasonCode.BACKUPS_NOT_READ, ReasonCode.GROUP_INCOMPLETE}
    assert not [reason for guest in report.guests for reason in guest.reasons if reason.code in unread]
    assert named(report) >= {("Sys.Audit", "/system/tasks"), ("Remote.Audit", "/remote")}
    (store,) = report.datastores
    assert store.datastore.total_bytes == TIB_270
    assert (store.groups, store.snapshots) == (14, 41)
    # what is missing is said once, with its remedy, and not again by each collector that it stops
    assert not [
        issue for issue in report.issues if issue.source == "vault" and issue.code is IssueCode.COLLECTOR_FAILED
    ]


def test_what_an_auditor_of_one_namespace_does_not_see_is_unknown_and_its_sizes_are_not_zero(tmp_path: Path) -> None:
    report = judged(tmp_path, "10-token-nsaudit")
    assert set(protections(report).values()) == {Protection.UNKNOWN}
    assert ("Datastore.Audit", "/datastore") in named(report)
    (store,) = report.datastores
    assert (store.datastore.total_bytes, store.datastore.used_bytes, store.datastore.available_bytes) == (None,) * 3
    assert {group.namespace for group in report.groups} == {"prod", "prod/db", "prod/db/deep"}
    text = render_exposition(report, SelfStatus("0", "3", "x", config_reloaded=True), Counters()).text.plain.decode()
    assert not re.search(r"^vzcover_datastore_(size|used|available)_bytes\{", text, re.MULTILINE)


def test_a_token_without_rights_makes_everything_unknown_and_nothing_zero(tmp_path: Path) -> None:
    report = judged(tmp_path, "10-token-none")
    assert set(protections(report).values()) == {Protection.UNKNOWN}
    assert named(report) >= {("Datastore.Audit", "/datastore"), ("Sys.Audit", "/system/tasks")}
    assert (report.datastores, report.groups, report.pbs_jobs) == ((), (), ())
    assert {issue.code for issue in report.issues if issue.source == "vault"} >= {IssueCode.PERMISSION_MISSING}
    text = render_exposition(report, SelfStatus("0", "3", "x", config_reloaded=True), Counters()).text.plain.decode()
    assert not re.search(r"^vzcover_(datastore|group|pbs_job)_\w+\{[^}]*\} 0", text, re.MULTILINE)


def test_a_status_with_a_total_of_zero_is_not_a_full_datastore() -> None:
    status = json.loads((recorded("pbs", "recordings") / "10-token-nsaudit" / "ds_main_status.json").read_text())
    told = status["body"]["data"]
    assert (status["status"], told["total"], told["used"], told["avail"]) == (200, 0, 0, 0), (
        "what a genuine server says"
    )
    for figures in (told, dict.fromkeys(("total", "used", "avail"), -1), {}):  # -1: up to 3.1
        (store,) = parse_usage([UsageRow("main", **figures)])
        assert (store.total_bytes, store.used_bytes, store.available_bytes) == (None, None, None)
