"""The bench runs and tells everything it promises; its numbers are nobody's to fail."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from bench.__main__ import main
from bench.estate import Refresh
from bench.judging import facts_of
from bench.measurements.backups import asked_row
from bench.measurements.papers import goals, samples
from bench.site.plan import NOW, ZONE, Site
from bench.site.report import report_of
from bench.table import Row, limited, percentile, text_of, times_row
from report.analyse import analyse
from report.model.groups import RetentionState
from report.model.guests import Protection
from report.model.report import ChangeKind
from report.rows.paper import build_paper
from tests.simulator_process import REPOSITORY

TOLD = (
    "/cluster/resources (",
    "refresh alone, first",
    "refresh alone, steady",
    "page alone",
    "CSV alone",
    "JSON alone",
    "PDF alone",
    "refresh, first",
    "API calls, first refresh",
    "daemon's memory after it",
    "PDF in the daemon",
    "scrape during the PDF, keep-alive",
    "scrape during the PDF, new connections",
    "exposition",
    "scrape, idle, keep-alive",
    "scrape, idle, new connections",
    "refresh, steady",
    "API calls, steady refresh",
    "scrape during refreshes, keep-alive",
    "scrape during refreshes, new connections",
    "daemon's peak RSS",
    "exposition of 5 guests with 5 groups",
    "exposition of 10 guests with 10 groups",
    "report of 10 guests as PDF",
    "report of 10 guests as HTML",
    "report of 10 guests as CSV",
    "report of 10 guests as XLSX",
    "report of 10 guests as JSON",
    "report of 10 guests, WeasyPrint from its HTML",
    "history of 365 days of 10 guests, size",
    "history of 365 days: the year of a guest",
    "history of 365 days: `vzcover history GUEST`",
    "history of 365 days: changes since yesterday",
    "history of 365 days: 28 days of every guest",
    "history of 365 days: trend of 90 days",
    "history of 365 days: forecast of every datastore",
    "history of 365 days: opened at the start",
    "history of 365 days: the first refresh of a day",
    "history of 365 days: a refresh in which every guest has a newer backup",
    "analysis of 10 guests, 20 groups, first",
    "analysis of 10 guests, 20 groups, steady",
    "analysis of 10 guests, 20 groups, Report beside the facts",
    "PBS 300 × 3, first refresh",
    "PBS 300 × 3, first refresh: asked",
    "PBS 300 × 3, steady refresh",
    "PBS 300 × 3, steady refresh: asked",
    "PBS 300 × 3, what is made of it",
    "PBS 300 × 3, 3 groups changed",
    "PBS 300 × 3, re-read after tasks",
    "PBS 300 × 3, manifests a refresh",
    "PBS 300 × 3, peak RSS",
    "soak of 10 refreshes, RSS",
)
# tables and charts of a paper that shows all it can
SHOWN = {
    "worst",
    "changes",
    "trend",
    "capacity",
    "guests_without_backup",
    "guests_at_risk",
    "guests",
    "retention",
    "orphans",
    "volumes",
    "checks",
    "copies",
    "worth_knowing",
    "jobs",
    "storages",
    "datastores",
    "usage",
    "pbs_jobs",
    "runbook_storages",
    "runbook",
    "waivers",
    "method_sources",
    "method_rules",
}
PROMISED = {
    "report of 10 guests as PDF": "≤ 1 s, ≤ 200 MB",
    "history of 365 days of 10 guests, size": "≤ 500 MB",
    "history of 365 days: changes since yesterday": "≤ 1 s",
}
# what is counted is counted the same however slow or loaded the machine is
COUNTED = ("first refresh: asked", "steady refresh: asked", "groups changed", "re-read after tasks")


def test_a_tiny_bench_prints_and_writes_every_row(tmp_path: Path) -> None:
    written = tmp_path / "bench.json"
    sizes = ("--guests", "10", "--scrapes", "2", "--backups", "300x3", "--refreshes", "10")
    command = [sys.executable, "-m", "bench", *sizes, "--json", str(written)]
    done = subprocess.run(command, cwd=REPOSITORY, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    document = json.loads(written.read_text(encoding="utf-8"))
    rows = {row["what"]: row for row in document["rows"]}
    for beginning in TOLD:
        assert any(what.startswith(beginning) for what in rows), beginning
    for what, row in rows.items():
        assert row["measured"] in done.stdout
        assert row["figures"] or "nothing" in row["measured"], what
        assert row["goal"] or row["met"] is None, what
    assert rows["exposition"]["figures"]["series"] > 100
    counted = [row for what, row in rows.items() if what.endswith(COUNTED)]
    assert [row["measured"] for row in counted if not row["met"]] == []
    assert len(counted) == len(COUNTED)
    for what, goal in PROMISED.items():
        assert rows[what]["goal"] == goal, what
    changed = rows["PBS 300 × 3, 3 groups changed"]["figures"]
    # 3 snapshots and the new one of each changed group; two groups have their turn in the slow round: 300 in 288 refreshes
    assert (changed["changed_manifests"], changed["slow_manifests"], changed["server_manifests"]) == (12, 6, 18)
    day = rows["PBS 300 × 3, manifests a refresh"]["figures"]
    assert (day["day"], day["full_day"]) == (288 * 12 + 903, 288 * 903)


def test_a_count_that_differs_from_the_server_s_is_said_in_the_row() -> None:
    cost = {"manifests_opened": 7, "manifests_opened_by_group": {"bulk::vm/100": 7}}
    row = asked_row("refresh", Refresh({"opened": {"changed": 6, "slow": 0}}, cost, {"GET /snapshots": 1}))
    assert row.met is False
    assert "6 manifests (changed 6); THE SERVER COUNTED 7" in row.measured


def test_one_measurement_can_be_made_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = tmp_path / "bench.json"
    main(["--guests", "10", "--only", "analysis", "--json", str(written)])
    rows = json.loads(written.read_text(encoding="utf-8"))["rows"]
    assert {row["what"].partition(",")[0] for row in rows} == {"analysis of 10 guests"}
    assert "1,000 snapshots" in capsys.readouterr().out


def test_the_made_site_holds_what_its_policy_leaves_and_is_judged_so() -> None:
    site = Site(200, 50)
    judged = analyse(facts_of(site), site.policy, NOW)
    states = Counter(group.state for group in judged.groups)
    assert states.keys() == {RetentionState.OK, RetentionState.YOUNG, RetentionState.NOT_APPLICABLE}
    assert states[RetentionState.OK] > 290
    assert {guest.protection for guest in judged.guests} == {
        Protection.PROTECTED,
        Protection.AT_RISK,
        Protection.WAIVED,
    }


def test_the_report_that_is_drawn_has_something_in_every_part_of_a_paper() -> None:
    made = report_of(200)
    guests = [(guest.pve, guest.guest.vmid) for guest in made.guests]
    assert guests == sorted(guests)
    paper = build_paper(made, "en", ZONE)
    found = {section.key for section in (*paper.front.sections, *paper.sections) if section.rows or section.chart}
    assert found >= SHOWN
    assert [issue.code for issue in made.issues] == []
    assert {change.kind for change in made.changes} >= {ChangeKind.LOST, ChangeKind.NEW}
    assert all(store.forecast and store.forecast.origin == "history" for store in made.datastores)


def test_samples_below_the_size_are_drawn_and_the_size_itself_in_every_format() -> None:
    assert [(each.guests, len(each.formats)) for each in samples(10)] == [(10, 5)]
    assert [(each.guests, len(each.formats)) for each in samples(1_000)] == [(100, 2), (1_000, 5)]
    assert [each.guests for each in samples(10_000)] == [100, 1_000, 2_000, 10_000]
    assert [row for row, _ in goals("pdf", 10_000).values()] == [8.0, 200.0]
    assert goals("html", 10_000) == {}


@pytest.mark.parametrize("wrong", ["2000", "0x5", "x", "2000x-1"])
def test_a_size_that_is_none_is_refused(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--backups", wrong])
    assert "GROUPSxSNAPSHOTS" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("values", "percent", "found"),
    [
        ([3.0], 50, 3.0),
        ([3.0], 99, 3.0),
        ([1.0, 2.0, 3.0, 4.0], 50, 2.0),
        ([float(value) for value in range(1, 201)], 99, 198.0),
        ([2.0, 1.0], 100, 2.0),
        ([2.0, 1.0], 0, 1.0),
    ],
)
def test_a_percentile_is_a_value_that_was_measured(values: list[float], percent: float, found: float) -> None:
    assert percentile(values, percent) == found


def test_a_row_says_whether_all_its_goals_are_met() -> None:
    goals = {"wall": (8.0, "≤ 8 s"), "growth": (200.0, "≤ 200 MB")}
    assert limited("PDF", "", {"wall": 8.0, "growth": 200.0}, goals).met is True
    assert limited("PDF", "", {"wall": 1.0, "growth": 201.0}, goals).met is False
    assert limited("PDF", "", {"wall": 1.0}, goals).met is None
    assert limited("PDF", "", {"wall": 1.0, "growth": 1.0}, goals).goal == "≤ 8 s, ≤ 200 MB"


def test_times_without_a_sample_are_told_as_such() -> None:
    assert times_row("scrape", [], 10.0) == Row("scrape", "nothing fell into it", goal="p99 ≤ 10 ms")


def test_a_missed_goal_catches_the_eye() -> None:
    lines = text_of(
        [times_row("slow", [0.02], 10.0), times_row("quick", [0.001], 10.0), Row("other", "5")]
    ).splitlines()
    assert [line.split()[-1] for line in lines[2:]] == ["NO", "yes", "5"]
