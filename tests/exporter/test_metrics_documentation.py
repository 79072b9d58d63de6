"""docs/metrics.md is what the code says."""

from __future__ import annotations

from pathlib import Path

from exporter.metrics.documentation import SECTIONS, THINGS, document
from exporter.metrics.own import SELF_METRICS
from exporter.metrics.table import REPORT_METRICS
from tests.golden_files import assert_file

DOCS = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"


def test_the_documentation_is_made_from_the_table() -> None:
    assert_file(DOCS, document())


def test_every_metric_is_documented() -> None:
    assert [metric for _, metrics in SECTIONS for metric in metrics] == [*REPORT_METRICS, *SELF_METRICS]


def test_the_live_counters_are_documented_too() -> None:
    assert "| `vzcover_api_request_duration_seconds` | histogram |" in document()
    assert "| `vzcover_vzdump_tasks_total` | counter |" in document()


def test_the_number_of_series_is_told_of_everything_that_has_some() -> None:
    assert {metric.subjects.labels for _, metrics in SECTIONS for metric in metrics} == set(THINGS)
    assert "| vzdump job | 13 |" in document()
