"""The gauges about vzcover itself: its sources as the Report knows them, and what only the shell knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from exporter.metrics.rows import Kind, Metric, Number, ReportMetric, Sample, unlabelled
from report.facts import CollectorRun
from report.model import Report

COLLECTOR = ("source", "collector")


@dataclass(frozen=True, slots=True)
class SelfStatus:
    """What the Report cannot know of the program around it. Instants are epochs, durations seconds; None is an absent series.

    `web_config_reloaded` is None without a web configuration file; both reload flags are False while an older configuration
    is in force because the new one is not usable.
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


SelfMetric = Metric[SelfStatus]


def _source_up(report: Report) -> Iterator[Sample]:
    for source in report.sources:
        yield (source.name,), 1 if source.up else 0


def _each_collector(figure: Callable[[CollectorRun], Number | None]) -> Callable[[Report], Iterator[Sample]]:
    """Given how to read a figure off a collector's run, return the function that reads it off all; None is an absent series."""

    def samples(report: Report) -> Iterator[Sample]:
        for source in report.sources:
            for run in source.collectors:
                value = figure(run)
                if value is not None:
                    yield (source.name, run.collector), value

    return samples


def _permission_missing(report: Report) -> Iterator[Sample]:
    for source in report.sources:
        for missing in source.missing_privileges:
            yield (source.name, missing.privilege, missing.path), 1


def _certificates(report: Report) -> Iterator[Sample]:
    for source in report.sources:
        if source.certificate_not_after is not None:
            yield (source.name,), source.certificate_not_after


def _disagreements(report: Report) -> Iterator[Sample]:
    for source in report.sources:
        if source.coverage_disagreements is not None:
            yield (source.name,), source.coverage_disagreements


SOURCE_METRICS: tuple[ReportMetric, ...] = (
    Metric(
        "coverage_disagreements",
        Kind.GAUGE,
        "Guests where the coverage found here and the answer of PVE differ; absent while PVE has not been compared with",
        ("pve",),
        _disagreements,
    ),
    Metric("source_up", Kind.GAUGE, "Whether the source answered", ("source",), _source_up),
    Metric(
        "collector_success",
        Kind.GAUGE,
        "Whether the collector got all it asked for",
        COLLECTOR,
        _each_collector(lambda run: 1 if run.success else 0),
    ),
    Metric(
        "collector_duration_seconds",
        Kind.GAUGE,
        "How long the collector took",
        COLLECTOR,
        _each_collector(lambda run: run.duration_seconds),
    ),
    Metric(
        "collector_last_success_timestamp_seconds",
        Kind.GAUGE,
        "When the collector last got all it asked for; absent if never",
        COLLECTOR,
        _each_collector(lambda run: run.last_success_at),
    ),
    Metric(
        "collector_items",
        Kind.GAUGE,
        "Things that the collector read",
        COLLECTOR,
        _each_collector(lambda run: run.items),
    ),
    Metric(
        "permission_missing",
        Kind.GAUGE,
        "A privilege that the token lacks on a path, always 1",
        ("source", "privilege", "path"),
        _permission_missing,
    ),
    Metric(
        "tls_certificate_not_after_timestamp_seconds",
        Kind.GAUGE,
        "When the certificate of the source expires",
        ("source",),
        _certificates,
    ),
)


def _build_info(status: SelfStatus) -> Iterator[Sample]:
    yield (status.version, status.python_version), 1


def _config_hash(status: SelfStatus) -> Iterator[Sample]:
    if status.config_hash is not None:
        yield (status.config_hash,), 1


def _flag(value: bool | None) -> Iterator[Sample]:
    return unlabelled(None if value is None else int(value))


SELF_METRICS: tuple[SelfMetric, ...] = (
    Metric("build_info", Kind.INFO, "Versions in use, always 1", ("version", "python_version"), _build_info),
    Metric(
        "refresh_duration_seconds",
        Kind.GAUGE,
        "How long the last refresh took, all sources together",
        (),
        lambda status: unlabelled(status.refresh_seconds),
    ),
    Metric(
        "refresh_last_success_timestamp_seconds",
        Kind.GAUGE,
        "When a refresh last ended with a report",
        (),
        lambda status: unlabelled(status.refreshed_at),
    ),
    Metric(
        "report_last_success_timestamp_seconds",
        Kind.GAUGE,
        "When the daily report was last written; absent if never",
        (),
        lambda status: unlabelled(status.reported_at),
    ),
    Metric(
        "report_duration_seconds",
        Kind.GAUGE,
        "How long writing the last daily report took",
        (),
        lambda status: unlabelled(status.report_seconds),
    ),
    Metric("config_hash_info", Kind.INFO, "Hash of the configuration in force, always 1", ("hash",), _config_hash),
    Metric(
        "config_last_reload_successful",
        Kind.GAUGE,
        "0 while an older configuration is in force because the new one is not usable",
        (),
        lambda status: _flag(status.config_reloaded),
    ),
    Metric(
        "web_config_last_reload_successful",
        Kind.GAUGE,
        "0 while an older web configuration file is in force because the new one is not usable",
        (),
        lambda status: _flag(status.web_config_reloaded),
    ),
)
