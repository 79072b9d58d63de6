"""What the daemon remembers, with a history beside it and without: ages, changes and days over a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.memory import BASELINE_SECONDS, Memory
from report.facts import Facts
from report.findings import FindingCode
from report.model.report import ChangeKind, Report
from report.model.sources import IssueCode
from report.timeline import DayState
from tests.exporter.history.estate import DAY, Failures, Policy, estate_facts, memory
from tests.report import estates as e

MINUTE = 60
GOOD = estate_facts(e.group())
LATE = estate_facts(e.group(e.rows(e.dailies(10, newest=e.SAVED - 3 * DAY))))


def judge(of: Memory, facts: Facts, minute: int = 0) -> Report:
    """Judge facts so many minutes after NOW, while what was read then may still be relied on."""
    return of.judge(facts, Policy(), e.NOW + minute * MINUTE)


def since(report: Report) -> int | None:
    (found,) = (each for each in report.guests[0].findings if each.code is FindingCode.BACKUP_LATE)
    return found.since


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


def test_a_finding_keeps_its_age_over_a_restart(file: Path) -> None:
    judge(memory(file), LATE)
    assert since(judge(memory(file), LATE, 5)) == e.NOW


def test_without_a_history_a_finding_is_as_old_as_the_process() -> None:
    judge(Memory(), LATE)
    assert since(judge(Memory(), LATE, 5)) == e.NOW + 5 * MINUTE


def test_a_change_while_the_daemon_was_down_is_told(file: Path) -> None:
    before = memory(file)
    before.reported(judge(before, GOOD))
    report = judge(memory(file), LATE, 5)
    assert [change.kind for change in report.changes] == [ChangeKind.LOST]
    assert report.compared_with == e.NOW


def test_changes_are_told_from_the_last_report_that_people_got_over_a_restart(file: Path) -> None:
    before = memory(file)
    before.reported(judge(before, GOOD))
    judge(before, LATE, 5)
    assert [change.kind for change in judge(memory(file), LATE, 10).changes] == [ChangeKind.LOST]
    again = memory(file)
    again.reported(judge(again, LATE, 11))
    assert judge(memory(file), LATE, 12).changes == ()


def test_since_when_a_policy_holds_survives_a_restart(file: Path) -> None:
    stricter = estate_facts(e.group(), jobs=(e.job(keep=(("keep-last", 1),)),))
    judge(memory(file), GOOD)
    judge(memory(file), stricter, 5)
    group = judge(memory(file), stricter, 10).groups[0]
    assert group.policy.since == e.NOW


def test_days_are_remembered_beyond_what_is_there_over_a_restart(file: Path) -> None:
    judge(memory(file), GOOD)
    pruned = estate_facts(e.group(e.rows(e.dailies(2))))
    days = judge(memory(file), pruned, 5).guests[0].days
    assert [state is DayState.BACKUP for state in days] == [False] * 18 + [True] * 10


def test_a_history_that_cannot_be_used_is_an_issue_and_costs_no_verdict(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    failures = Failures()
    broken = memory(tmp_path / "file" / "history.db", failures)
    reports = [judge(broken, GOOD), judge(broken, LATE, 5)]
    assert failures.count == 2
    for report in reports:
        (issue,) = (each for each in report.issues if each.code is IssueCode.HISTORY_UNAVAILABLE)
        assert "not a directory" in str(dict(issue.params)["message"]) or "file exists" in str(issue.params)
    plain = Memory()
    assert reports[0].guests == judge(plain, GOOD).guests
    assert reports[1].changes == judge(plain, LATE, 5).changes != ()


def test_a_history_that_comes_back_adds_to_what_was_seen_meanwhile(file: Path, tmp_path: Path) -> None:
    judge(memory(file), LATE)
    away = file.rename(tmp_path / "away.db")
    file.mkdir()
    restarted = memory(file)
    assert since(judge(restarted, LATE, 5)) == e.NOW + 5 * MINUTE
    file.rmdir()
    away.rename(file)
    assert since(judge(restarted, LATE, 10)) == e.NOW
    assert since(judge(memory(file), LATE, 12)) == e.NOW


def test_a_baseline_of_a_clock_far_ahead_is_given_up(file: Path) -> None:
    ahead = memory(file)
    ahead.judge(GOOD, Policy(), e.NOW + BASELINE_SECONDS + DAY)
    later = memory(file)
    judge(later, GOOD)
    assert judge(later, GOOD, 5).compared_with == e.NOW


def test_a_history_that_opens_late_does_not_go_back_behind_the_report_that_people_got(file: Path) -> None:
    before = memory(file)
    before.reported(judge(before, GOOD))
    aside = file.rename(file.with_name("away"))
    file.mkdir()
    late = memory(file)
    late.reported(judge(late, LATE, 5))
    file.rmdir()
    aside.rename(file)
    # a night that was lost before that report is no news after it
    assert judge(late, LATE, 10).changes == ()
    assert judge(memory(file), LATE, 15).changes == ()


def test_a_history_that_opens_late_tells_what_changes_start_from(file: Path) -> None:
    before = memory(file)
    before.reported(judge(before, GOOD))
    aside = file.rename(file.with_name("away"))
    file.mkdir()
    late = memory(file)
    judge(late, LATE, 5)
    file.rmdir()
    aside.rename(file)
    assert [change.kind for change in judge(late, LATE, 10).changes] == [ChangeKind.LOST]
