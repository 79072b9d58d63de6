"""What metrics tests share: a report rendered and parsed back, and what the table says of it by the slow, plain way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.bodies import Exposition
from exporter.counters import Counters
from exporter.errors import FailureReason
from exporter.metrics.exposition import render_exposition
from exporter.metrics.own import SELF_METRICS, SelfStatus
from exporter.metrics.rows import CONTROL, Gauge, Info, Metric, Split, State
from exporter.metrics.table import REPORT_METRICS
from report.model.report import Report
from tests.builders import NOW

STATUS = SelfStatus(
    version="0.1.0",
    python_version="3.11.7",
    config_hash="5f2a",
    config_reloaded=True,
    web_config_reloaded=False,
    refresh_seconds=1.25,
    refreshed_at=NOW,
    report_seconds=3.5,
    reported_at=NOW - 3600,
)
Labels = tuple[tuple[str, str], ...]
Samples = dict[tuple[str, Labels], float]


def parse_openmetrics(text: str) -> Iterable[Family]:
    return openmetrics_parser.text_string_to_metric_families(text)  # type: ignore[no-any-return, no-untyped-call]


def counters() -> Counters:
    live = Counters()
    live.count_request("lab", "/cluster/resources", 0.2)
    live.count_request_failure("lab", "/cluster/resources", FailureReason.TIMEOUT)
    live.count_vzdump_task("lab", "pve1", "ok")
    return live


def rendered(judged: Report | None, status: SelfStatus = STATUS) -> Exposition:
    return render_exposition(judged, status, counters())


def samples_of(families: Iterable[Family]) -> Samples:
    found: Samples = {}
    for family in families:
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found, f"{key} stands there twice"
            assert sample.timestamp is None
            found[key] = sample.value
    return found


def series(judged: Report | None, name: str, status: SelfStatus = STATUS) -> dict[tuple[str, ...], float]:
    """Return a metric's samples by its label values, in the order of the labels' names."""
    parsed = samples_of(parse_text(rendered(judged, status).text.plain.decode()))
    return {
        tuple(value for _, value in labels): number
        for (full, labels), number in parsed.items()
        if full == f"vzcover_{name}"
    }


def from_the_table(judged: Report, status: SelfStatus) -> Iterator[tuple[tuple[str, Labels], float]]:
    """Yield every sample of the table, duplicates and all."""
    for metric in REPORT_METRICS:
        yield from _samples(metric, judged)
    for own in SELF_METRICS:
        yield from _samples(own, status)


def _samples(metric: Metric[Any, Any], source: object) -> Iterator[tuple[tuple[str, Labels], float]]:
    for labels, thing in metric.subjects.each(source):
        for own, number in _figures(metric, thing):
            if number is not None:
                pairs = zip(metric.labels, (CONTROL.sub("?", str(value)) for value in (*labels, *own)), strict=True)
                yield (metric.full_name, tuple(sorted(pairs))), float(number)


def _figures(metric: Metric[Any, Any], thing: object) -> Iterator[tuple[tuple[str | int, ...], float | None]]:
    match metric:
        case Gauge():
            yield (), metric.figure(thing)
        case Info():
            told = metric.told(thing)
            yield told or (), None if told is None else 1
        case State():
            current = metric.current(thing)
            for state in metric.states if current in metric.states else ():
                yield (state,), int(state == current)
        case Split():
            for part, number in zip(metric.parts, metric.figures(thing), strict=True):
                yield (part,), number
        case _:
            raise AssertionError(metric)
