"""The bench runs and tells everything it promises; its numbers are nobody's to fail."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.table import Row, limited, percentile, text_of, times_row
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
)


def test_a_tiny_bench_prints_and_writes_every_row(tmp_path: Path) -> None:
    written = tmp_path / "bench.json"
    command = [sys.executable, "-m", "bench", "--guests", "10", "--scrapes", "2", "--json", str(written)]
    done = subprocess.run(command, cwd=REPOSITORY, check=False, capture_output=True, text=True, timeout=120)
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
