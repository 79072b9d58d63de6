"""Every metric of the table has a sample in the demo, and every state is somewhere 1; what is not says here why, and where it is tested."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.metrics.documentation import SECTIONS
from tests.processes import run

Samples = dict[str, list[tuple[dict[str, str], float]]]

NOW = 1_795_233_600
ONCE = "`--once` starts no daemon, which alone writes scheduled reports: tests/e2e/test_daemon.py"
SEEN = "all tokens of the demo see everything, and all its datastores are there: tests/exporter/test_metrics*.py"
UNFED = {
    "permission_missing": SEEN,
    "config_last_reload_successful": ONCE,
    "refresh_duration_seconds": ONCE,
    "refresh_last_success_timestamp_seconds": ONCE,
    "report_last_success_timestamp_seconds": ONCE,
    "report_duration_seconds": ONCE,
    "scheduled_report_last_success_timestamp_seconds": ONCE,
    "scheduled_report_duration_seconds": ONCE,
    "scheduled_report_next_timestamp_seconds": ONCE,
    "web_config_last_reload_successful": "the demo has no such file: tests/exporter/test_web_access.py",
}
NEVER = {
    ("guest_coverage", "indetermine"): SEEN,
    ("guests", "indetermine"): SEEN,
    ("datastore_state", "unmounted"): SEEN,
    ("datastore_state", "error"): SEEN,
    ("pbs_job_last_run", "error"): "tests/e2e/test_alerts.py",
    ("backup_job_last_run", "warning"): "a run in twenty: tests/exporter/test_metrics.py",
    (
        "backup_job_last_run",
        "never",
    ): "PVE does not tell since when a job is there, and a task that is not listed proves nothing (G4)",
}


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    folder = tmp_path_factory.mktemp("demo")
    assert run("demo", "--once", "--output", folder, "--now", NOW).returncode == 0
    return read(folder / "metrics.prom")


def read(path: Path) -> Samples:
    """The samples of a file by the name of their metric without the prefix: labels and value."""
    found: Samples = defaultdict(list)
    for family in text_string_to_metric_families(path.read_text()):
        for sample in family.samples:
            found[sample.name.removeprefix("vzcover_")].append((sample.labels, sample.value))
    return found


def test_every_metric_is_fed(samples: Samples) -> None:
    assert {metric.name for _, metrics in SECTIONS for metric in metrics} - samples.keys() == UNFED.keys()


def test_every_state_is_met(samples: Samples) -> None:
    met = {(name, value) for name, told in samples.items() for labels, one in told for value in labels.values() if one}
    wanted = {(metric.name, value) for _, metrics in SECTIONS for metric in metrics for value in metric.values}
    assert wanted - met <= NEVER.keys()
    assert {name for name, _ in NEVER} <= {name for name, _ in wanted}
