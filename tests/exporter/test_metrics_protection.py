"""The metrics of what is true of a guest: findings, copies, accepted age, attempts; and of runs that a job missed."""

from __future__ import annotations

import pytest

from report.findings import Finding, FindingCode, Severity
from report.model.guests import Copy, Protection
from report.value import changed
from tests.builders import NOW, backed_up_guest, guest_report, job_report, report
from tests.exporter.metric_text import series
from tests.specimen import specimen_with_backups

DAY = 86_400
FAILED = Finding.of(FindingCode.BACKUP_FAILED, at=NOW - 60, message="no space left on device", node="pve1")
SMALL = Finding.of(FindingCode.SIZE_COLLAPSED, "main", place="main", backup=NOW, before_bytes=9, now_bytes=1)
HERE = Copy("pbs1", "main", NOW - 3600, within_limit=True, same_time=True)
AWAY = Copy("pbs2", "vault", NOW - DAY, within_limit=True, same_time=False, offsite=True)
OLD = Copy("lab", "nas", NOW - 40 * DAY, within_limit=False, same_time=False, offsite=True)
GUEST = ("lab", "100")


def test_there_is_a_series_for_each_open_finding_and_nothing_of_its_words() -> None:
    judged = report([backed_up_guest(100, findings=(FAILED, SMALL)), backed_up_guest(101)])

    assert series(judged, "guest_finding") == {
        ("backup_failed", "lab", "warning", "100"): 1,
        ("size_collapsed", "lab", "warning", "100"): 1,
    }


def test_several_findings_of_one_code_are_one_series_of_the_gravest_severity() -> None:
    elsewhere = changed(SMALL.as_information(), subject="vault")
    judged = report([backed_up_guest(100, findings=(SMALL, changed(SMALL, subject="nas"), elsewhere))])

    assert series(judged, "guest_finding") == {("size_collapsed", "lab", "warning", "100"): 1}


def test_a_waived_guest_has_no_open_finding() -> None:
    never = Finding.of(FindingCode.NEVER_BACKED_UP)
    judged = report([guest_report(100, demanded=False, findings=(never,)), guest_report(101, findings=(never,))])

    assert set(series(judged, "guest_finding")) == {("never_backed_up", "lab", "critical", "101")}


def test_waived_guests_are_counted_by_themselves() -> None:
    judged = report([backed_up_guest(100), backed_up_guest(101, protection=Protection.WAIVED)])
    counts = {labels[1]: count for labels, count in series(judged, "guests_by_protection").items()}

    assert counts == {"protected": 1, "at_risk": 0, "unprotected": 0, "unknown": 0, "waived": 1}


@pytest.mark.parametrize(
    ("copies", "expected"), [((), (0, 0)), ((HERE,), (1, 0)), ((HERE, AWAY), (2, 1)), ((HERE, AWAY, OLD), (2, 1))]
)
def test_only_copies_within_the_accepted_age_count(copies: tuple[Copy, ...], expected: tuple[int, int]) -> None:
    judged = report([backed_up_guest(100, copies=copies)])

    assert series(judged, "guest_copies") == {GUEST: expected[0]}
    assert series(judged, "guest_offsite_copies") == {GUEST: expected[1]}


@pytest.mark.parametrize("protection", Protection)
def test_copies_are_absent_where_there_may_be_others_whatever_the_verdict(protection: Protection) -> None:
    guest = backed_up_guest(100, protection=protection, copies=(HERE,))
    assert series(report([guest]), "guest_copies") == {GUEST: 1}

    unclear = report([changed(guest, copies_known=False)])
    assert series(unclear, "guest_copies") == {}
    assert series(unclear, "guest_offsite_copies") == {}


@pytest.mark.parametrize(
    ("limit", "gap", "expected"), [(90_000, DAY, 90_000), (None, DAY, DAY), (2 * DAY, None, 2 * DAY)]
)
def test_the_accepted_age_is_the_limit_in_force_and_before_the_first_backup_what_the_schedules_promise(
    limit: int | None, gap: int | None, expected: int
) -> None:
    judged = report([guest_report(100, limit_seconds=limit, rpo_seconds=gap)])

    assert series(judged, "guest_rpo_seconds") == {GUEST: expected}


def test_attempts_are_told_where_tasks_tell_of_them() -> None:
    judged = report([guest_report(100, last_failure_at=NOW - 60, last_duration_seconds=0), guest_report(101)])

    assert series(judged, "guest_last_failure_timestamp_seconds") == {GUEST: NOW - 60}
    assert series(judged, "guest_last_backup_duration_seconds") == {GUEST: 0}


def test_missed_runs_are_absent_where_history_does_not_tell_and_0_where_it_does() -> None:
    judged = report(jobs=[job_report("a"), job_report("b", missed_runs=0), job_report("c", missed_runs=3)])

    assert series(judged, "backup_job_missed_runs") == {("b", "lab"): 0, ("c", "lab"): 3}


def test_every_finding_of_a_guest_is_a_code_of_the_closed_list() -> None:
    told = series(specimen_with_backups(), "guest_finding")

    assert {labels[0] for labels in told} <= set(FindingCode)
    assert {labels[2] for labels in told} == set(Severity)
