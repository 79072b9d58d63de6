"""What is counted where it happens: requests, failures, durations; in a registry of our own, so that nothing leaks.

Every other metric is rendered from the Report; these are sampled into the exposition at the same time.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

from exporter.errors import FailureReason

_DURATION_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_END = b"# EOF\n"


class Counters:
    """The live registry; its methods may be called from any thread."""

    def __init__(self) -> None:
        registry = CollectorRegistry(auto_describe=True)
        self._registry = registry
        self._requests = Counter(
            "vzcover_api_requests",
            "Requests sent to a source, every attempt of a retried call counted.",
            ("source", "endpoint"),
            registry=registry,
        )
        self._request_failures = Counter(
            "vzcover_api_request_failures",
            "Requests without a usable answer, by reason; retried ones too.",
            ("source", "endpoint", "reason"),
            registry=registry,
        )
        self._request_duration = Histogram(
            "vzcover_api_request_duration_seconds",
            "Time from sending a request to its checked answer, or to its failure.",
            ("source",),
            buckets=_DURATION_BUCKETS,
            registry=registry,
        )
        self._vzdump_tasks = Counter(
            "vzcover_vzdump_tasks",
            "Finished backup tasks first seen since the start, by result.",
            ("pve", "node", "result"),
            registry=registry,
        )
        self._report_failures = Counter(
            "vzcover_report_failures", "Daily reports that could not be written.", registry=registry
        )
        self._scheduled_report_failures = Counter(
            "vzcover_scheduled_report_failures",
            "Times that a report could not be written, by report; the daily one is `daily`.",
            ("report",),
            registry=registry,
        )
        self._history_failures = Counter(
            "vzcover_history_failures",
            "Times that the history could not be opened, read or written.",
            registry=registry,
        )
        self._delivery_failures = Counter(
            "vzcover_delivery_failures",
            "Deliveries of a report that failed, by channel.",
            ("channel",),
            registry=registry,
        )

    def count_request(self, source: str, endpoint: str, seconds: float) -> None:
        """One attempt at one endpoint ended after `seconds`, well or badly."""
        self._requests.labels(source, endpoint).inc()
        self._request_duration.labels(source).observe(seconds)

    def count_request_failure(self, source: str, endpoint: str, reason: FailureReason) -> None:
        """One attempt at one endpoint gave nothing."""
        self._request_failures.labels(source, endpoint, reason.value).inc()

    def count_vzdump_task(self, pve: str, node: str, result: str) -> None:
        """One finished vzdump task was first seen; `result` is ok, warning or error."""
        self._vzdump_tasks.labels(pve, node, result).inc()

    def know_report(self, report: str) -> None:
        """A report is configured: it begins with no failure."""
        self._scheduled_report_failures.labels(report)

    def count_report_failure(self, report: str, *, daily: bool) -> None:
        """A report, the daily one or another, could not be written."""
        self._scheduled_report_failures.labels(report).inc()
        if daily:
            self._report_failures.inc()

    def count_history_failure(self) -> None:
        """The history could not be used."""
        self._history_failures.inc()

    def know_channel(self, channel: str) -> None:
        """A channel is configured: it begins with no failure."""
        self._delivery_failures.labels(channel)

    def count_delivery_failure(self, channel: str) -> None:
        """One delivery failed."""
        self._delivery_failures.labels(channel).inc()

    def render(self, openmetrics: bool) -> bytes:
        """Return all of it as Prometheus text, or as OpenMetrics text without the final `# EOF`, for others to append to."""
        if openmetrics:
            return generate_openmetrics(_WithoutCreated(self._registry)).removesuffix(_END)  # type: ignore[no-any-return, no-untyped-call]
        return generate_latest(_WithoutCreated(self._registry))


class _WithoutCreated(Collector):
    """The registry without the `_created` series: two more for each counter, which nobody asked for.

    prometheus_client can only switch them off for the whole process.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for metric in self._registry.collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric
