"""The metrics of backups: groups and their retention, datastores, jobs of PBS; and that no series is ever there twice."""

from __future__ import annotations

import subprocess
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.counters import Counters
from exporter.metrics.exposition import render_exposition
from exporter.metrics.own import SelfStatus
from exporter.metrics.table import REPORT_METRICS
from report.backups import Datastore, GarbageCollection, PbsJob
from report.findings import Finding, FindingCode
from report.model.groups import GroupMatch, GroupReport, RetentionState
from report.model.guests import Copy, Protection
from report.model.report import Report
from report.model.servers import DatastoreReport, PbsJobReport
from tests.builders import NOW, TERABYTE, guest_report, report, source_report
from tests.exporter.metric_text import STATUS, from_the_table, parse_openmetrics, rendered, samples_of, series
from tests.strategies import reports
from tests.tools import require

DAY = 86_400
LATE = Finding.of(FindingCode.BACKUP_LATE, newest=NOW - 2 * DAY, due=NOW - DAY, limit_seconds=DAY, jobs="nightly")
RETENTION = (
    "actual_snapshots",
    "expected_snapshots",
    "nominal_snapshots",
    "delta",
    "missing_snapshots",
    "surplus_snapshots",
)


def group(backup_id: str = "100", **fields: Any) -> GroupReport:
    """Given a backup id and any fields, return a PBS group of a guest of `lab` that is two versions short."""
    defaults: dict[str, Any] = {
        "server": "pbs1",
        "datastore": "main",
        "namespace": "",
        "backup_type": "vm",
        "match": GroupMatch.GUEST,
        "pve": "lab",
        "vmid": int(backup_id) if backup_id.isdecimal() else None,
        "owner": "lab@pbs!backup",
        "snapshots": 15,
        "unfinished": 1,
        "protected": 2,
        "encrypted": 4,
        "verified": 9,
        "verify_failed": 1,
        "newest_at": NOW - 7 * 3600,
        "oldest_at": NOW - 90 * DAY,
        "newest_size_bytes": 34 * 10**9,
        "nominal": 17,
        "expected": 15,
        "actual": 13,
        "delta": -2,
        "missing": 2,
        "surplus": 0,
        "state": RetentionState.SHORT,
    }
    return GroupReport(backup_id=backup_id, **(defaults | fields))


def datastore(name: str = "main", state: str = "online", **fields: Any) -> DatastoreReport:
    """Given a datastore's name, its state and fields of the verdict, return one of pbs1 that is a third full."""
    store = Datastore(name, total_bytes=9 * TERABYTE, used_bytes=3 * TERABYTE, available_bytes=6 * TERABYTE)
    return DatastoreReport("pbs1", fields.pop("store", store), state, **fields)


def pbs_job(job_type: str = "prune", job_id: str = "p1", last_run: str | None = "ok", **fields: Any) -> PbsJobReport:
    """Given a job's type, id and last run, return a daily job of pbs1 on datastore `main`."""
    job = PbsJob(job_type, job_id, "main", schedule="daily", last_run_at=fields.pop("last_run_at", NOW - 3600))
    return PbsJobReport("pbs1", job, last_run, fields.pop("next_run_at", NOW + 3600))


def backups(
    *groups: GroupReport, datastores: tuple[DatastoreReport, ...] = (), jobs: tuple[PbsJobReport, ...] = ()
) -> Report:
    """Given groups, datastores and PBS jobs, return a report of one cluster, `lab`, and one server, `pbs1`."""
    sources = [source_report(), source_report("pbs1", kind="pbs", coverage_disagreements=None)]
    return replace(report(sources=sources), groups=groups, datastores=datastores, pbs_jobs=jobs)


def everything() -> Report:
    """Return a report in which every metric has a sample."""
    collection = GarbageCollection("main", pending_bytes=5 * 10**9)
    filling = Datastore("main", None, None, None, None, 9 * TERABYTE, 3 * TERABYTE, 6 * TERABYTE, NOW + 30 * DAY)
    found = backups(
        group(),
        group("web", match=GroupMatch.HOST, backup_type="host", pve=None),
        group("101", server="lab", datastore="nas", owner=None, verified=0, verify_failed=0),
        group("103", verified_elsewhere=2),
        datastores=(
            datastore(store=filling, garbage_collection=collection, deduplication_ratio=12.5, orphans=(("", 0, 0),)),
        ),
        jobs=tuple(pbs_job(job_type, job_type + "1") for job_type in ("gc", "prune", "sync", "verify")),
    )
    guest = guest_report(
        100,
        newest_backup_at=NOW - 7 * 3600,
        newest_verified_at=NOW - DAY,
        last_failure_at=NOW - 9 * DAY,
        last_duration_seconds=412,
        excluded_volumes=("scsi1",),
        protection=Protection.AT_RISK,
        findings=(LATE,),
        copies=(Copy("pbs1", "main", NOW - 7 * 3600, within_limit=True, same_time=True),),
        copies_known=True,
        reasons=(),
    )
    return replace(found, guests=(guest,))


GROUP_LABELS = ("100", "vm", "main", "", "pbs1")  # backup_id, backup_type, datastore, namespace, server


def test_every_metric_of_backups_parses_back_and_promtool_has_nothing_to_say() -> None:
    judged = everything()
    exposition = rendered(judged)
    text = samples_of(parse_text(exposition.text.plain.decode()))

    assert text == samples_of(parse_openmetrics(exposition.openmetrics.plain.decode()))
    expected = dict(from_the_table(judged, STATUS))
    assert {key: text[key] for key in expected} == expected
    written = {name for name, _ in text}
    about_backups = ("vzcover_group_", "vzcover_datastore_", "vzcover_pbs_job_", "vzcover_guest_")
    missing = {metric.full_name for metric in REPORT_METRICS if metric.full_name.startswith(about_backups)} - written
    assert missing == set()

    checked = subprocess.run(
        [require("promtool"), "check", "metrics"],
        input=exposition.text.plain,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_a_guest_that_was_never_backed_up_has_no_instant_of_a_backup() -> None:
    judged = report([guest_report(100), guest_report(101, newest_backup_at=NOW - 60, newest_verified_at=NOW - DAY)])

    assert series(judged, "guest_last_backup_timestamp_seconds") == {("lab", "101"): NOW - 60}
    assert series(judged, "guest_last_verified_backup_timestamp_seconds") == {("lab", "101"): NOW - DAY}


def test_a_group_tells_what_is_in_it() -> None:
    judged = backups(group())

    assert series(judged, "group_info") == {("100", "vm", "main", "", "lab@pbs!backup", "lab", "pbs1", "100"): 1}
    assert series(judged, "group_snapshots") == {
        (*GROUP_LABELS, "ok"): 9,
        (*GROUP_LABELS, "failed"): 1,
        (*GROUP_LABELS, "none"): 5,
    }
    for name, value in (
        ("unfinished_snapshots", 1),
        ("protected_snapshots", 2),
        ("encrypted_snapshots", 4),
        ("newest_backup_timestamp_seconds", NOW - 7 * 3600),
        ("oldest_backup_timestamp_seconds", NOW - 90 * DAY),
        ("newest_backup_size_bytes", 34 * 10**9),
        ("retention_actual_snapshots", 13),
        ("retention_expected_snapshots", 15),
        ("retention_nominal_snapshots", 17),
        ("retention_delta", -2),
        ("retention_missing_snapshots", 2),
        ("retention_surplus_snapshots", 0),
    ):
        assert series(judged, f"group_{name}") == {GROUP_LABELS: value}, name


@pytest.mark.parametrize("match", [match for match in GroupMatch if match is not GroupMatch.GUEST])
def test_a_group_without_a_known_guest_has_empty_labels_for_it(match: GroupMatch) -> None:
    judged = backups(group(match=match, pve=None, vmid=None, owner=None))

    assert series(judged, "group_info") == {("100", "vm", "main", "", "", "", "pbs1", ""): 1}


def test_a_group_of_files_is_named_by_cluster_and_storage_and_has_no_verification() -> None:
    judged = backups(group(server="lab", datastore="nas", verified=0, verify_failed=0))

    assert series(judged, "group_snapshots") == {("100", "vm", "nas", "", "lab", "none"): 15}


def test_a_group_that_was_not_listed_whole_tells_what_is_sure_and_nothing_of_retention() -> None:
    judged = backups(group(incomplete=True))
    present = {
        metric.name for metric in REPORT_METRICS if metric.name.startswith("group_") and series(judged, metric.name)
    }

    assert present == {"group_info", "group_newest_backup_timestamp_seconds", "group_newest_backup_size_bytes"}


def test_retention_that_cannot_be_told_is_absent_and_no_zero() -> None:
    unbounded = group(nominal=None, expected=None, delta=None, missing=None, surplus=None)
    judged = backups(
        unbounded, group("101", **dict.fromkeys(("actual", "nominal", "expected", "delta", "missing", "surplus")))
    )
    present = {name: set(series(judged, f"group_retention_{name}")) for name in RETENTION}

    assert present == {name: {GROUP_LABELS} if name == "actual_snapshots" else set() for name in RETENTION}


def test_a_group_of_which_nothing_is_finished_has_counts_of_zero_and_no_instants() -> None:
    empty = group(snapshots=0, verified=0, verify_failed=0, newest_at=None, oldest_at=None, newest_size_bytes=None)
    judged = backups(empty)

    assert set(series(judged, "group_snapshots").values()) == {0}
    for name in ("newest_backup_timestamp_seconds", "oldest_backup_timestamp_seconds", "newest_backup_size_bytes"):
        assert series(judged, f"group_{name}") == {}


def test_a_datastore_tells_its_sizes_and_its_state() -> None:
    judged = everything()

    for name, value in (
        ("size_bytes", 9 * TERABYTE),
        ("used_bytes", 3 * TERABYTE),
        ("available_bytes", 6 * TERABYTE),
        ("gc_pending_bytes", 5 * 10**9),
        ("deduplication_ratio", 12.5),
        ("full_timestamp_seconds", NOW + 30 * DAY),
    ):
        assert series(judged, f"datastore_{name}") == {("main", "pbs1"): value}, name
    assert series(judged, "datastore_state") == {
        ("main", "pbs1", state): int(state == "online") for state in ("online", "maintenance", "unmounted", "error")
    }
    assert series(judged, "datastore_orphaned_groups") == {("main", "", "pbs1"): 0}


def test_a_datastore_that_cannot_be_read_has_a_state_and_no_sizes() -> None:
    judged = backups(
        datastores=(datastore(state="error", store=Datastore("main", error="unable to open chunk store")),)
    )
    present = {
        metric.name for metric in REPORT_METRICS if metric.name.startswith("datastore_") and series(judged, metric.name)
    }

    assert present == {"datastore_state"}
    assert series(judged, "datastore_state")["main", "pbs1", "error"] == 1


def test_a_datastore_before_its_first_garbage_collection_has_nothing_pending() -> None:
    judged = backups(datastores=(datastore(garbage_collection=GarbageCollection("main")),))

    assert series(judged, "datastore_gc_pending_bytes") == {}
    assert series(judged, "datastore_deduplication_ratio") == {}


@pytest.mark.parametrize("estimate", [None, 0, NOW - DAY, NOW])
def test_an_estimate_that_is_not_ahead_means_that_the_datastore_is_not_filling(estimate: int | None) -> None:
    """H13."""
    judged = backups(datastores=(datastore(store=Datastore("main", estimated_full_at=estimate)),))

    assert series(judged, "datastore_full_timestamp_seconds") == {}


def test_orphans_are_counted_in_the_namespaces_of_which_the_report_knows_them() -> None:
    hidden = group("105", namespace="paris", match=GroupMatch.UNKNOWN, pve=None, vmid=None)
    judged = backups(group(), hidden, datastores=(datastore(orphans=(("", 3, 40), ("lyon", 0, 0))),))

    assert series(judged, "datastore_orphaned_groups") == {("main", "", "pbs1"): 3, ("main", "lyon", "pbs1"): 0}


def test_jobs_of_a_server_are_told_apart_by_type_and_id_and_a_garbage_collection_by_its_datastore() -> None:
    judged = backups(jobs=(pbs_job("gc", ""), pbs_job("prune", "daily"), pbs_job("verify", "daily")))
    names = {("gc", "main", "pbs1"), ("prune", "daily", "pbs1"), ("verify", "daily", "pbs1")}

    assert series(judged, "pbs_job_info") == dict.fromkeys(names, 1)
    assert series(judged, "pbs_job_last_run_timestamp_seconds") == dict.fromkeys(names, NOW - 3600)
    assert series(judged, "pbs_job_next_run_timestamp_seconds") == dict.fromkeys(names, NOW + 3600)


@pytest.mark.parametrize("last_run", ["ok", "warning", "error", "never"])
def test_every_state_of_a_last_run_is_exported(last_run: str) -> None:
    judged = backups(jobs=(pbs_job(last_run=last_run),))

    assert series(judged, "pbs_job_last_run") == {
        ("prune", "p1", "pbs1", state): int(state == last_run) for state in ("ok", "warning", "error", "never")
    }


@pytest.mark.parametrize("last_run", ["running", None])
def test_a_run_that_has_not_ended_or_is_not_known_is_absent(last_run: str | None) -> None:
    judged = backups(jobs=(pbs_job(last_run=last_run, last_run_at=None, next_run_at=None),))

    assert series(judged, "pbs_job_info") == {("prune", "p1", "pbs1"): 1}
    for name in ("last_run", "last_run_timestamp_seconds", "next_run_timestamp_seconds"):
        assert series(judged, f"pbs_job_{name}") == {}


# few and odd values, so that equal labels are common, among them those that only become equal when they are written
_NAMES = st.sampled_from(["a", "", "?", "\ud800", 'quo"te', "back\\slash", "line\nend", "émilie"])
_COUNTS = st.none() | st.integers(-2, 3)
_GROUPS = st.builds(
    group,
    _NAMES | st.sampled_from(["100", "0100"]),
    server=st.sampled_from(["lab", "pbs1"]),
    datastore=_NAMES,
    namespace=_NAMES,
    backup_type=st.sampled_from(["vm", "ct"]),
    pve=st.sampled_from([None, "lab"]),
    owner=st.none() | _NAMES,
    incomplete=st.booleans(),
    actual=_COUNTS,
    expected=_COUNTS,
)
_DATASTORES = st.builds(
    lambda name, state, orphans: datastore(name, state, orphans=orphans),
    _NAMES,
    st.sampled_from(["online", "error", "odd"]),
    st.lists(st.tuples(_NAMES, st.integers(0, 3), st.integers(0, 9)), max_size=3).map(tuple),
)
_JOBS = st.builds(pbs_job, st.sampled_from(["prune", "gc", "sync"]), _NAMES, st.sampled_from(["ok", "running", None]))
_GUESTS = st.builds(
    guest_report, st.integers(100, 103), pve=st.sampled_from(["lab", "paris"]), name=_NAMES, newest_backup_at=_COUNTS
)


@given(
    st.lists(_GROUPS, max_size=8),
    st.lists(_DATASTORES, max_size=4),
    st.lists(_JOBS, max_size=5),
    st.lists(_GUESTS, max_size=5),
)
def test_no_series_is_ever_there_twice(
    groups: list[GroupReport], datastores: list[DatastoreReport], jobs: list[PbsJobReport], guests: list[Any]
) -> None:
    judged = replace(backups(*groups, datastores=tuple(datastores), jobs=tuple(jobs)), guests=tuple(guests))
    exposition = render_exposition(judged, STATUS, Counters())
    parsed = samples_of(parse_text(exposition.text.plain.decode()))  # fails on a series that is there twice

    assert parsed == samples_of(parse_openmetrics(exposition.openmetrics.plain.decode()))
    written = {
        tuple(
            label.replace("\ud800", "?")
            for label in (each.server, each.datastore, each.namespace, each.backup_type, each.backup_id)
        )
        for each in groups
    }
    assert sum(name == "vzcover_group_info" for name, _ in parsed) == len(written)


@given(reports())
def test_whatever_a_report_holds_it_makes_a_scrape_without_duplicates(judged: Report) -> None:
    exposition = render_exposition(judged, STATUS, Counters())
    parsed = samples_of(parse_text(exposition.text.plain.decode()))

    assert parsed == samples_of(parse_openmetrics(exposition.openmetrics.plain.decode()))


def test_ten_thousand_guests_and_twenty_thousand_groups_are_written_in_less_than_a_second() -> None:
    copies = tuple(Copy("pbs1", store, NOW - 60, within_limit=True, same_time=True) for store in ("main", "offsite"))
    guests = [
        guest_report(
            vmid,
            excluded_volumes=(),
            newest_backup_at=NOW - vmid,
            newest_verified_at=NOW - DAY,
            last_failure_at=NOW - vmid,
            last_duration_seconds=vmid,
            limit_seconds=DAY,
            copies=copies,
            copies_known=True,
            protection=Protection.AT_RISK,
            findings=(LATE, Finding.of(FindingCode.VERSIONS_MISSING, "main")),
        )
        for vmid in range(100, 10_100)
    ]
    groups = [
        group(str(vmid), datastore=store, newest_at=NOW - vmid, newest_size_bytes=vmid * 10**7)
        for store in ("main", "offsite")
        for vmid in range(100, 10_100)
    ]
    judged = replace(backups(*groups), guests=tuple(guests))
    began = time.process_time()
    render_exposition(judged, SelfStatus("0.1.0", "3.11.7"), Counters())

    assert time.process_time() - began < 3  # 0.8 s on a quiet machine; tests run on busy ones
