"""The gauges about vzcover itself: its sources as the Report knows them, and what only the shell knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from exporter.metrics.rows import Gauge, Info, Labels, Metric, ReportMetric, Subjects
from report.facts import CollectorRun
from report.model.report import Report
from report.model.sources import SourceReport


@dataclass(frozen=True, slots=True)
class ReportStatus:
    """A configured report: when it was last written, how long that took, and the first due time that is not served; None: never, or not
    known, or not made.
    """

    name: str
    last_at: int | None = None
    last_seconds: float | None = None
    due: int | None = None


@dataclass(frozen=True, slots=True)
class SelfStatus:
    """What the Report cannot know of the program around it. Instants are epochs, durations seconds; None is an absent series.

    `web_config_reloaded` is None without a web configuration file; both reload flags are False while an older configuration
    is in force because the new one is not usable. `report_seconds`, `reported_at`: of the daily report, which is the first of `reports`.
    """

    version: str
    python_version: str
    config_hash: str | None = None
    config_reloaded: bool | None = None
    web_config_reloaded: bool | None = None
    refresh_seconds: float | None = None
    refreshed_at: int | None = None
    report_seconds: float | None = None
    reported_at: int | None = None
    reports: tuple[ReportStatus, ...] = ()


SelfMetric = Metric[SelfStatus, Any]


def _sources(report: Report) -> Iterator[tuple[Labels, SourceReport]]:
    for source in report.sources:
        yield (source.name,), source


def _collectors(report: Report) -> Iterator[tuple[Labels, CollectorRun]]:
    for source in report.sources:
        for run in source.collectors:
            yield (source.name, run.collector), run


def _missing_privileges(report: Report) -> Iterator[tuple[Labels, int]]:
    for source in report.sources:
        for missing in source.missing_privileges:
            yield (source.name, missing.privilege, missing.path), 1


def _disagreements(report: Report) -> Iterator[tuple[Labels, int]]:
    for source in report.sources:
        if source.coverage_disagreements is not None:
            yield (source.name,), source.coverage_disagreements


SOURCES = Subjects(("source",), _sources)
COLLECTORS = Subjects(("source", "collector"), _collectors)
MISSING_PRIVILEGES = Subjects(("source", "privilege", "path"), _missing_privileges)
DISAGREEMENTS = Subjects(("pve",), _disagreements)

SOURCE_METRICS: tuple[ReportMetric, ...] = (
    Gauge(
        "coverage_disagreements",
        "Guests where the coverage found here and the answer of PVE differ; absent while PVE has not been compared with",
        DISAGREEMENTS,
        lambda count: count,
    ),
    Gauge("source_up", "Whether the source answered", SOURCES, lambda source: int(source.up)),
    Gauge(
        "collector_success",
        "Whether the collector got all it asked for",
        COLLECTORS,
        lambda run: int(run.success),
    ),
    Gauge(
        "collector_duration_seconds",
        "How long the collector took",
        COLLECTORS,
        lambda run: run.duration_seconds,
    ),
    Gauge(
        "collector_last_success_timestamp_seconds",
        "When the collector last got all it asked for; absent if never",
        COLLECTORS,
        lambda run: run.last_success_at,
    ),
    Gauge("collector_items", "Things that the collector read", COLLECTORS, lambda run: run.items),
    Gauge(
        "permission_missing",
        "A privilege that the token lacks on a path, always 1",
        MISSING_PRIVILEGES,
        lambda one: one,
    ),
    Gauge(
        "tls_certificate_not_after_timestamp_seconds",
        "When the certificate of the source expires",
        SOURCES,
        lambda source: source.certificate_not_after,
    ),
)


def _itself(status: SelfStatus) -> Iterator[tuple[Labels, SelfStatus]]:
    yield (), status


def _flag(value: bool | None) -> int | None:
    return None if value is None else int(value)


def _reports(status: SelfStatus) -> Iterator[tuple[Labels, ReportStatus]]:
    for report in status.reports:
        yield (report.name,), report


ITSELF = Subjects((), _itself)
SCHEDULED_REPORTS = Subjects(("report",), _reports)

SELF_METRICS: tuple[SelfMetric, ...] = (
    Info(
        "build_info",
        "Versions in use, always 1",
        ITSELF,
        ("version", "python_version"),
        lambda status: (status.version, status.python_version),
    ),
    Gauge(
        "refresh_duration_seconds",
        "How long the last refresh took, all sources together",
        ITSELF,
        lambda status: status.refresh_seconds,
    ),
    Gauge(
        "refresh_last_success_timestamp_seconds",
        "When a refresh last ended with a report",
        ITSELF,
        lambda status: status.refreshed_at,
    ),
    Gauge(
        "report_last_success_timestamp_seconds",
        "When the daily report was last written; absent if never",
        ITSELF,
        lambda status: status.reported_at,
    ),
    Gauge(
        "report_duration_seconds",
        "How long writing the last daily report took",
        ITSELF,
        lambda status: status.report_seconds,
    ),
    Gauge(
        "scheduled_report_last_success_timestamp_seconds",
        "When the report was last written, the daily one as `daily`; absent if never",
        SCHEDULED_REPORTS,
        lambda report: report.last_at,
    ),
    Gauge(
        "scheduled_report_duration_seconds",
        "How long writing the report took the last time",
        SCHEDULED_REPORTS,
        lambda report: report.last_seconds,
    ),
    Gauge(
        "scheduled_report_next_timestamp_seconds",
        "When the report is due next; in the past while it cannot be written",
        SCHEDULED_REPORTS,
        lambda report: report.due,
    ),
    Info(
        "config_hash_info",
        "Hash of the configuration in force, always 1",
        ITSELF,
        ("hash",),
        lambda status: None if status.config_hash is None else (status.config_hash,),
    ),
    Gauge(
        "config_last_reload_successful",
        "0 while an older configuration is in force because the new one is not usable",
        ITSELF,
        lambda status: _flag(status.config_reloaded),
    ),
    Gauge(
        "web_config_last_reload_successful",
        "0 while an older web configuration file is in force because the new one is not usable",
        ITSELF,
        lambda status: _flag(status.web_config_reloaded),
    ),
)
