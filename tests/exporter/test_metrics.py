"""Report + counters → exposition: both formats parsed back, the rules of the metrics contract, and how it is said."""

from __future__ import annotations

import gzip
import subprocess
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.counters import Counters
from exporter.metrics.exposition import render_exposition
from exporter.metrics.own import SELF_METRICS, SelfStatus
from exporter.metrics.rows import CONTROL, Kind
from exporter.metrics.table import REPORT_METRICS
from report.drift import Drift
from report.facts import CollectorRun
from report.model.guests import Coverage, Protection
from report.model.jobs import GuestJob, JobState, LastRun, StorageReport
from report.model.reasons import ReasonCode
from report.model.sources import MissingPrivilege
from tests.builders import (
    NOW,
    TERABYTE,
    guest_report,
    job_report,
    reason,
    report,
    source_report,
    storage_definition,
    storage_report,
    storage_state,
)
from tests.exporter.metric_text import STATUS, from_the_table, parse_openmetrics, rendered, samples_of, series
from tests.golden_files import assert_golden
from tests.specimen import specimen
from tests.tools import require


def test_both_formats_parse_back_to_what_the_table_says_sample_for_sample() -> None:
    judged = specimen()
    exposition = rendered(judged)
    text = samples_of(parse_text(exposition.text.plain.decode()))
    openmetrics = samples_of(parse_openmetrics(exposition.openmetrics.plain.decode()))

    assert text == openmetrics
    gauges = {key: value for key, value in text.items() if not key[0].startswith(("vzcover_api_", "vzcover_vzdump_"))}
    expected = dict(from_the_table(judged, STATUS))
    counted = {("vzcover_report_failures_total", ()), ("vzcover_history_failures_total", ())}
    assert gauges.keys() - expected.keys() == counted
    assert {key: gauges[key] for key in expected} == expected
    assert text["vzcover_vzdump_tasks_total", (("node", "pve1"), ("pve", "lab"), ("result", "ok"))] == 1


def test_the_whole_exposition_of_the_specimen() -> None:
    exposition = render_exposition(specimen(), STATUS, Counters())

    assert_golden("metrics.txt", exposition.text.plain.decode())


def test_compressed_bodies_hold_the_same_and_openmetrics_ends_as_it_must() -> None:
    exposition = rendered(specimen())

    assert gzip.decompress(exposition.text.gzip) == exposition.text.plain
    assert gzip.decompress(exposition.openmetrics.gzip) == exposition.openmetrics.plain
    assert exposition.openmetrics.plain.endswith(b"\n# EOF\n")
    assert b"# EOF" not in exposition.text.plain


def test_promtool_has_nothing_to_say() -> None:
    promtool = require("promtool")
    exposition = rendered(specimen())
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=exposition.text.plain, capture_output=True, timeout=30, check=False
    )

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


@given(name=st.text(), pool=st.text())
def test_any_name_comes_back_as_it_was_but_for_what_steers_a_terminal(name: str, pool: str) -> None:
    judged = report([guest_report(name=name, pool=pool)])
    exposition = render_exposition(judged, STATUS, Counters())
    parsed = samples_of(parse_openmetrics(exposition.openmetrics.plain.decode()))
    (labels,) = [dict(labels) for metric, labels in parsed if metric == "vzcover_guest_info"]

    assert (labels["name"], labels["pool"]) == (CONTROL.sub("?", name), CONTROL.sub("?", pool))


def test_a_name_that_is_no_unicode_costs_one_character_not_the_scrape() -> None:
    exposition = rendered(report([guest_report(name="half \ud83d emoji")]))

    assert b'name="half ? emoji"' in exposition.text.plain


def test_before_the_first_report_vzcover_tells_of_itself_alone() -> None:
    exposition = render_exposition(None, SelfStatus("0.1.0", "3.11.7"), Counters())
    names = {name for name, _ in samples_of(parse_openmetrics(exposition.openmetrics.plain.decode()))}

    assert names == {"vzcover_build_info", "vzcover_report_failures_total", "vzcover_history_failures_total"}


def test_counts_of_guests_export_zeros() -> None:
    judged = report([guest_report(100), guest_report(101, coverage=Coverage.NOT_PLANNED)])

    assert series(judged, "guests") == {
        ("lab", "sauvegarde_planifiee"): 1,
        ("lab", "non_sauvegardee"): 1,
        ("lab", "indetermine"): 0,
    }
    assert series(judged, "guests_by_protection") == {
        ("lab", state): 2 if state == "unknown" else 0
        for state in ("protected", "at_risk", "unprotected", "unknown", "waived")
    }


def test_an_inventory_that_is_not_known_has_no_counts_rather_than_zeros() -> None:
    judged = report(jobs=[job_report(guests=())], sources=[source_report(inventory_known=False)])

    assert series(judged, "guests") == {}
    assert series(judged, "guests_by_protection") == {}
    assert series(judged, "backup_job_guests") == {}


def test_every_state_of_a_guest_is_exported_and_one_is_1() -> None:
    judged = report([guest_report(100, demanded=False, coverage=Coverage.NOT_PLANNED)])

    assert series(judged, "guest_coverage") == {
        ("lab", "sauvegarde_planifiee", "100"): 0,
        ("lab", "non_sauvegardee", "100"): 1,
        ("lab", "indetermine", "100"): 0,
    }
    assert {labels[1]: value for labels, value in series(judged, "guest_protection").items()} == {
        state.value: int(state is Protection.WAIVED) for state in Protection
    }


def test_what_is_not_known_of_a_guest_is_absent() -> None:
    unknown = guest_report(100, coverage=Coverage.UNDECIDED, name=None, pool=None)
    judged = report([unknown])

    for name in ("guest_jobs", "guest_rpo_seconds", "guest_next_backup_timestamp_seconds", "guest_excluded_volumes"):
        assert series(judged, name) == {}
    assert series(judged, "guest_info") == {("qemu", "", "pve1", "", "lab", "100"): 1}


@pytest.mark.parametrize(
    ("jobs", "pool", "hidden", "expected"),
    [
        pytest.param((), None, False, 0, id="in no job"),
        pytest.param((GuestJob("a", JobState.ACTIVE), GuestJob("b", JobState.PAUSED)), None, False, 1, id="one active"),
        pytest.param(
            (GuestJob("a", JobState.ACTIVE), GuestJob("b", JobState.UNKNOWN)), None, False, None, id="one undecided"
        ),
        pytest.param((GuestJob("a", JobState.ACTIVE),), None, True, None, id="may be in a hidden pool"),
        pytest.param((GuestJob("a", JobState.ACTIVE),), "seen", True, 1, id="in a pool that is seen"),
    ],
)
def test_active_jobs_are_counted_where_all_of_them_can_be_known(
    jobs: tuple[GuestJob, ...], pool: str | None, hidden: bool, expected: int | None
) -> None:
    coverage = Coverage.PLANNED if jobs else Coverage.NOT_PLANNED
    hiding = job_report(
        "c", state=JobState.UNKNOWN, reasons=(reason(ReasonCode.POOL_NOT_VISIBLE, job="c", pool="p"),), guests=()
    )
    judged = report([guest_report(100, coverage=coverage, jobs=jobs, pool=pool)], jobs=[hiding] if hidden else [])

    assert series(judged, "guest_jobs") == ({} if expected is None else {("lab", "100"): expected})
    if hidden:
        assert series(judged, "backup_job_guests") == {}


def test_volumes_that_no_job_saves_are_counted_and_none_is_0() -> None:
    judged = report([guest_report(100, excluded_volumes=()), guest_report(101, excluded_volumes=("scsi1", "scsi2"))])

    assert series(judged, "guest_excluded_volumes") == {("lab", "100"): 0, ("lab", "101"): 2}


def test_a_shared_storage_is_one_series_and_active_only_if_it_is_on_every_node() -> None:
    states = (storage_state("nas", "pve1"), storage_state("nas", "pve2", active=False, total_bytes=0, used_bytes=0))
    judged = report(storages=[storage_report("nas", states=states)])

    assert series(judged, "pve_storage_active") == {("", "lab", "nas"): 0}
    assert series(judged, "pve_storage_size_bytes") == {("", "lab", "nas"): 4 * TERABYTE}
    assert series(judged, "pve_storage_used_bytes") == {("", "lab", "nas"): TERABYTE}
    assert series(judged, "pve_storage_info") == {("lab", "nas", "nfs"): 1}


def test_a_local_storage_has_a_series_a_node_and_no_size_while_it_is_not_active() -> None:
    states = (
        storage_state("local", "pve1", shared=False),
        storage_state("local", "pve2", shared=False, active=False, total_bytes=0, used_bytes=0),
    )
    judged = report(
        storages=[storage_report("local", definition=storage_definition("local", shared=False), states=states)]
    )

    assert series(judged, "pve_storage_active") == {("pve1", "lab", "local"): 1, ("pve2", "lab", "local"): 0}
    assert series(judged, "pve_storage_size_bytes") == {("pve1", "lab", "local"): 4 * TERABYTE}


def test_each_option_that_differs_from_the_file_is_a_series_and_an_entry_that_is_missing_has_no_other() -> None:
    port, disable = Drift("nas", "lab", "port", "8008"), Drift("nas", "lab", "disable", "1")
    gone = StorageReport("lab", "gone", "pbs", None, drift=(Drift("gone", "lab", "missing"),))
    judged = report(storages=[gone, storage_report("fine", drift=()), storage_report("nas", drift=(port, disable))])

    assert series(judged, "pve_storage_drift") == {
        ("missing", "lab", "gone"): 1,
        ("disable", "lab", "nas"): 1,
        ("port", "lab", "nas"): 1,
    }
    assert set(series(judged, "pve_storage_info")) == {("lab", "fine", "nfs"), ("lab", "nas", "nfs")}


def test_a_storage_that_no_node_told_of_has_nothing_but_its_name() -> None:
    judged = report(storages=[storage_report("nas", states=())])

    assert series(judged, "pve_storage_info") == {("lab", "nas", "nfs"): 1}
    assert series(judged, "pve_storage_active") == {}


def test_a_job_whose_state_is_not_known_has_no_state() -> None:
    judged = report(jobs=[job_report("a", state=JobState.UNKNOWN, next_run_at=None), job_report("b", guests=(1, 2))])

    assert {labels[0] for labels in series(judged, "backup_job_state")} == {"b"}
    assert series(judged, "backup_job_guests") == {("a", "lab"): 1, ("b", "lab"): 2}
    assert {labels[0] for labels in series(judged, "backup_job_next_run_timestamp_seconds")} == {"b"}
    assert series(judged, "backup_job_info")["b", "snapshot", "lab", "02:00", "nas"] == 1


def test_a_last_run_is_there_only_where_tasks_tell_it() -> None:
    run = LastRun("warning", NOW - 900, None, "job errors")
    judged = report(jobs=[job_report("a", last_run=run), job_report("b")])

    assert series(judged, "backup_job_last_run") == {
        ("a", "lab", state): int(state == "warning") for state in ("ok", "warning", "error", "never")
    }
    assert series(judged, "backup_job_last_run_timestamp_seconds") == {("a", "lab"): NOW - 900}
    assert series(judged, "backup_job_last_run_duration_seconds") == {}


def test_sources_tell_how_they_and_their_collectors_fare() -> None:
    source = source_report(
        up=False,
        collectors=(CollectorRun("jobs", False, 0.125, None, None), CollectorRun("inventory", True, 1.5, NOW, 60)),
        missing_privileges=(MissingPrivilege("Sys.Audit", "/", "jobs"),),
        certificate_not_after=NOW + 86_400,
        coverage_disagreements=None,
    )
    judged = report(sources=[source])

    assert series(judged, "source_up") == {("lab",): 0}
    assert series(judged, "collector_success") == {("inventory", "lab"): 1, ("jobs", "lab"): 0}
    assert series(judged, "collector_duration_seconds") == {("inventory", "lab"): 1.5, ("jobs", "lab"): 0.125}
    assert series(judged, "collector_last_success_timestamp_seconds") == {("inventory", "lab"): NOW}
    assert series(judged, "collector_items") == {("inventory", "lab"): 60}
    assert series(judged, "permission_missing") == {("/", "Sys.Audit", "lab"): 1}
    assert series(judged, "tls_certificate_not_after_timestamp_seconds") == {("lab",): NOW + 86_400}
    assert series(judged, "coverage_disagreements") == {}


def test_every_row_is_fit_for_both_formats() -> None:
    rows = [(metric.name, metric.help, metric.kind, metric.labels) for metric in REPORT_METRICS]
    rows += [(metric.name, metric.help, metric.kind, metric.labels) for metric in SELF_METRICS]

    assert len({name for name, *_ in rows}) == len(rows)
    for name, help_text, kind, labels in rows:
        assert not set(help_text) & set('"\\\n'), name
        assert not help_text.endswith("."), name
        assert not set(labels) & {"cluster", "type", "instance", "job"}, name
        assert name.endswith("_info") == (kind is Kind.INFO), name
        assert not name.endswith("_total"), name


def test_ten_thousand_guests_are_written_in_half_a_second() -> None:
    judged = report([guest_report(vmid, excluded_volumes=()) for vmid in range(100, 10_100)])
    began = time.process_time()
    render_exposition(judged, STATUS, Counters())

    assert time.process_time() - began < 2  # half a second on a quiet machine; tests run on busy ones
