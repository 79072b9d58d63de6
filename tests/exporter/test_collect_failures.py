"""One failing call costs exactly what it would have told: every endpoint with the quick kinds of failure.

After a healthy refresh no verdict changes and the facts are held with their age; on a first refresh only the verdicts that rest on
the call are undecided, and no other changes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from report.facts import ClusterFacts
from report.model.guests import Coverage, GuestReport
from report.model.reasons import ReasonCode
from report.model.report import Report
from report.model.sources import IssueCode
from tests.builders import NOW
from tests.exporter.collecting import collector_of, coverage_of, guests_of, judge, other_issues, refresh
from tests.simulator_process import SimulatorHandle, running_simulator

LATER = NOW + 300
KINDS = ("500", "403", "595", "reset", "html", "truncated", "no-data", "wrong-types")
STORAGE_REASONS = {
    ReasonCode.STORAGE_NOT_DEFINED,
    ReasonCode.STORAGE_DISABLED,
    ReasonCode.STORAGE_NOT_ON_NODE,
    ReasonCode.STORAGE_WITHOUT_BACKUP_CONTENT,
}

RestsOn = Callable[[GuestReport], bool]


def on_nothing(guest: GuestReport) -> bool:
    return False


def on_the_jobs(guest: GuestReport) -> bool:
    return True


def on_a_storage(guest: GuestReport) -> bool:
    """Its active jobs all write to a storage (not to a folder), or its jobs are broken for their storage."""
    active = {job.job for job in guest.jobs if job.reason is None}
    return bool(active - {"to-folder"} if "to-folder" not in active else ()) or on_storage_reasons(guest)


def on_storage_reasons(guest: GuestReport) -> bool:
    return guest.coverage is Coverage.NOT_PLANNED and any(reason.code in STORAGE_REASONS for reason in guest.reasons)


def on_an_undefined_storage(guest: GuestReport) -> bool:
    """Without permissions nobody knows whether the entry is gone or hidden."""
    return any(reason.code is ReasonCode.STORAGE_NOT_DEFINED for reason in guest.reasons)


def on_vzdump_defaults(guest: GuestReport) -> bool:
    active = {job.job for job in guest.jobs if job.reason is None}
    return bool(active) and active <= {"without-storage", "backup-list"}


@dataclass(frozen=True)
class Endpoint:
    """A row: the path that fails, the collector that reads it, its reading in the facts, and the verdicts that rest on it."""

    path: str
    collector: str
    reading: Callable[[ClusterFacts], Any]
    undecided_at_first: RestsOn = on_nothing


ENDPOINTS = (
    Endpoint("/version", "version", lambda facts: facts.version),
    Endpoint("/access/permissions", "permissions", lambda facts: facts.permissions, on_an_undefined_storage),
    Endpoint("/cluster/resources", "inventory", lambda facts: facts.inventory),
    Endpoint("/cluster/status", "nodes", lambda facts: facts.nodes),
    Endpoint("/cluster/backup", "jobs", lambda facts: facts.jobs, on_the_jobs),
    Endpoint("/cluster/backup/*/included_volumes", "included_volumes", lambda facts: facts.included["backup-prod"]),
    Endpoint("/cluster/backup-info/not-backed-up", "not_backed_up", lambda facts: facts.not_backed_up),
    Endpoint("/storage", "storages", lambda facts: facts.storages, on_a_storage),
    Endpoint("/nodes/*/storage", "storage_states", lambda facts: facts.storage_states["pve1"]),
    Endpoint(
        "/nodes/*/vzdump/defaults", "vzdump_defaults", lambda facts: facts.vzdump_defaults["pve1"], on_vzdump_defaults
    ),
    Endpoint("/nodes/*/time", "zones", lambda facts: facts.zones["pve1"]),
    Endpoint("/nodes/*/tasks", "tasks", lambda facts: facts.tasks["pve1"]),
)
UNREAD = (
    Endpoint("/cluster/tasks", "cluster_tasks", lambda facts: None),
    Endpoint("/nodes/*/config", "guest_configs", lambda facts: None),
)


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorHandle]:
    with running_simulator("serve", "--guests", 30, "--nodes", 3, "--now", NOW) as handle:
        # guests whose only job writes to a storage that is gone, or to what vzdump.conf says
        handle.set_job("paused", {"enabled": 1, "storage": "gone-store"})
        handle.set_job("backup-list", {"storage": None})
        yield handle


@pytest.fixture(scope="module")
def healthy(simulator: SimulatorHandle) -> tuple[ClusterFacts, Report]:
    with collector_of(simulator) as collector:
        facts = refresh(collector, None, NOW)
        facts = refresh(collector, facts, NOW)  # logs and configurations come a share at a time
    report = judge(facts, NOW)
    assert other_issues(report) == []
    return facts, report


def with_fault(simulator: SimulatorHandle, faults: Mapping[str, str], before: ClusterFacts | None) -> ClusterFacts:
    """Refresh once while these faults are in force."""
    simulator.set_faults(faults)
    try:
        with collector_of(simulator) as collector:
            return refresh(collector, before, LATER if before else NOW)
    finally:
        simulator.set_faults({})


def verdicts(report: Report) -> dict[int, tuple[object, ...]]:
    """Return what is said of each guest's plan, with its reasons and its next run."""
    return {
        vmid: (guest.guest, guest.coverage, guest.reasons, guest.jobs, guest.next_backup_at, guest.excluded_volumes)
        for vmid, guest in guests_of(report).items()
    }


def codes(report: Report) -> set[IssueCode]:
    return {issue.code for issue in other_issues(report)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("endpoint", [*ENDPOINTS, *UNREAD], ids=lambda endpoint: endpoint.path)
def test_after_a_healthy_refresh_no_verdict_changes(
    simulator: SimulatorHandle, healthy: tuple[ClusterFacts, Report], endpoint: Endpoint, kind: str
) -> None:
    before, report_before = healthy
    facts = with_fault(simulator, {endpoint.path: kind}, before)
    report = judge(facts, LATER)
    assert verdicts(report) == verdicts(report_before)
    assert report.summary.coverage == report_before.summary.coverage
    assert facts.up is True
    failed = {run.collector for run in facts.collectors if not run.success}
    # the configurations are all held, so none is asked for
    assert failed == {endpoint.collector} - {"guest_configs"}
    held = endpoint.reading(facts)
    if held is not None:
        assert (held.value, held.fetched_at) == (endpoint.reading(before).value, NOW)
        assert held.failure is not None
        assert held.failure.endpoint in held.failure.message
        assert codes(report) == {IssueCode.COLLECTOR_FAILED}
    assert report.sources[0].coverage_disagreements in (0, None)


@pytest.mark.parametrize("kind", ["500", "reset", "wrong-types"])
@pytest.mark.parametrize("endpoint", [*ENDPOINTS, *UNREAD], ids=lambda endpoint: endpoint.path)
def test_on_a_first_refresh_only_the_verdicts_that_rest_on_the_call_are_undecided(
    simulator: SimulatorHandle, healthy: tuple[ClusterFacts, Report], endpoint: Endpoint, kind: str
) -> None:
    _, whole = healthy
    facts = with_fault(simulator, {endpoint.path: kind}, None)
    report = judge(facts, NOW)
    failed = {run.collector for run in facts.collectors if not run.success}
    # the lists of restores are of the same path; after a healthy refresh they are not due
    assert failed - ({"restores"} if endpoint.path == "/nodes/*/tasks" else set()) == {endpoint.collector}
    assert report.sources[0].coverage_disagreements in (0, None)
    if endpoint.path == "/cluster/resources":
        assert report.guests == ()
        assert report.sources[0].inventory_known is False
        return
    expected = {
        vmid: Coverage.UNDECIDED if endpoint.undecided_at_first(guest) else guest.coverage
        for vmid, guest in guests_of(whole).items()
    }
    assert coverage_of(report) == expected


def test_the_table_of_what_rests_on_what_is_not_empty(healthy: tuple[ClusterFacts, Report]) -> None:
    guests = guests_of(healthy[1]).values()
    for endpoint in ENDPOINTS:
        if endpoint.undecided_at_first is not on_nothing:
            assert any(map(endpoint.undecided_at_first, guests)), endpoint.path
    assert not all(map(on_a_storage, guests))


@pytest.mark.parametrize(
    "path", ["/cluster/resources", "/cluster/status", "/storage", "/access/permissions", "/version"]
)
def test_an_empty_list_where_something_must_be_is_no_answer(
    simulator: SimulatorHandle, healthy: tuple[ClusterFacts, Report], path: str
) -> None:
    """A cluster has a node, and a storage `local` (E6): nothing at all would look like guests without cover."""
    before, report_before = healthy
    report = judge(with_fault(simulator, {path: "empty"}, before), LATER)
    assert verdicts(report) == verdicts(report_before)
    assert codes(report) == {IssueCode.COLLECTOR_FAILED}
    first = judge(with_fault(simulator, {path: "empty"}, None), NOW)
    for vmid, coverage in coverage_of(first).items():
        assert coverage in (Coverage.UNDECIDED, coverage_of(report_before)[vmid])


@pytest.mark.parametrize(("path", "kind"), [("/cluster/backup", "empty"), ("/cluster/resources", "rows-missing")])
def test_a_list_with_holes_that_another_answer_shows_is_no_answer(
    simulator: SimulatorHandle, healthy: tuple[ClusterFacts, Report], path: str, kind: str
) -> None:
    """PVE's own evaluation names guests that the inventory lacks, and counts guests as covered that no listed job selects."""
    before, report_before = healthy
    report = judge(with_fault(simulator, {path: kind}, before), LATER)
    assert verdicts(report) == verdicts(report_before)
    assert codes(report) == {IssueCode.COLLECTOR_FAILED}


def test_without_facts_from_before_a_guest_that_a_hidden_job_covers_is_undecided(simulator: SimulatorHandle) -> None:
    report = judge(with_fault(simulator, {"/cluster/backup": "empty"}, None), NOW)
    assert IssueCode.COVERAGE_DISAGREEMENT in codes(report)
    undecided = [guest for guest in report.guests if guest.coverage is Coverage.UNDECIDED]
    assert undecided
    assert {guest.reasons[0].code for guest in undecided} == {ReasonCode.JOBS_NOT_VISIBLE}
    assert Coverage.PLANNED not in coverage_of(report).values()


def test_a_pool_that_cannot_be_asked_for_leaves_its_job_undecided() -> None:
    """Gone or hidden: unknown. Guests that are seen in another pool cannot be in it (A7)."""
    options = ("--guests", 30, "--nodes", 3, "--now", NOW, "--missing-pool")
    with running_simulator("serve", *options) as simulator:
        whole = judge(with_fault(simulator, {}, None), NOW)
        part = judge(with_fault(simulator, {"/pools*": "503"}, None), NOW)
    guests = guests_of(part)
    for vmid, guest in guests_of(whole).items():
        open_to_it = guest.coverage is Coverage.NOT_PLANNED and guest.guest.pool is None
        assert guests[vmid].coverage is (Coverage.UNDECIDED if open_to_it else guest.coverage), vmid
    undecided = [guest for guest in guests.values() if guest.coverage is Coverage.UNDECIDED]
    assert undecided
    assert {guest.reasons[0].code for guest in undecided} == {ReasonCode.POOL_NOT_VISIBLE}


def test_one_job_that_cannot_be_looked_at_costs_only_its_own_comparison(
    simulator: SimulatorHandle, healthy: tuple[ClusterFacts, Report]
) -> None:
    facts = with_fault(simulator, {"/cluster/backup/backup-prod/included_volumes": "500"}, healthy[0])
    failed = {job for job, reading in facts.included.items() if reading.failure}
    assert failed == {"backup-prod"}
    report = judge(facts, LATER)
    assert verdicts(report) == verdicts(healthy[1])
    assert [(issue.code, issue.subject) for issue in other_issues(report)] == [
        (IssueCode.COLLECTOR_FAILED, "backup-prod")
    ]
    assert report.sources[0].coverage_disagreements == 0


@pytest.mark.parametrize("path", ["/nodes/pve2/tasks", "/cluster/resources"])
@pytest.mark.parametrize("kind", ["timeout", "drip", "drip-headers"])
def test_a_call_that_never_ends_is_cut_off_at_the_deadline(
    simulator: SimulatorHandle, healthy: tuple[ClusterFacts, Report], path: str, kind: str
) -> None:
    before, report_before = healthy
    simulator.set_faults({path: kind})
    started = time.monotonic()
    try:
        with collector_of(simulator, read_timeout=20.0) as collector:
            facts = refresh(collector, before, LATER, seconds=0.7)
    finally:
        simulator.set_faults({})
    assert time.monotonic() - started < 5
    report = judge(facts, LATER)
    assert verdicts(report) == verdicts(report_before)
    assert facts.up is True
