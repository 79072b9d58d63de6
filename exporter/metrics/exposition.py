"""Rows and subjects → text, fast: written line by line without metric objects, compressed once for both formats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from exporter.bodies import Body, Exposition, start_gzip
from exporter.metrics.own import SELF_METRICS, SelfStatus
from exporter.metrics.rows import LabelValue, Metric, Number, Subject
from exporter.metrics.table import REPORT_METRICS
from report.model import Report

AS_OF = ", as of the last refresh"
END_OF_OPENMETRICS = b"# EOF\n"


class LiveCounters(Protocol):
    """The counters and histograms that are counted where things happen (exporter.counters)."""

    def render(self, openmetrics: bool) -> bytes:
        """Given the format, return the text of all families, without an end mark."""
        ...  # pragma: no cover


class _Escapes(dict[LabelValue, str]):
    """Label values as they are written; each distinct one is escaped once."""

    def __missing__(self, value: LabelValue) -> str:
        escaped = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        self[value] = escaped
        return escaped


def render_exposition(report: Report | None, status: SelfStatus, counters: LiveCounters) -> Exposition:
    """Given the Report (None before the first one), what the shell knows of itself, and the live counters, return all four bodies.

    Every gauge is written alike in both formats, so it is written and compressed once; only the counters and the end differ.
    """
    escapes = _Escapes()
    families: list[bytes] = []
    if report is not None:
        families += (_family(metric, report, escapes) for metric in REPORT_METRICS)
    families += (_family(metric, status, escapes) for metric in SELF_METRICS)
    compressor = start_gzip()
    compressed = [compressor.compress(family) for family in families]
    bodies = []
    for tail in (counters.render(openmetrics=False), counters.render(openmetrics=True) + END_OF_OPENMETRICS):
        ending = compressor.copy()
        bodies.append(Body(b"".join((*families, tail)), b"".join((*compressed, ending.compress(tail), ending.flush()))))
    return Exposition(*bodies)


def _family(metric: Metric[Subject], subject: Subject, escapes: _Escapes) -> bytes:
    """Return a metric's head and samples as text; nothing at all where it has no sample.

    Encoded family by family: one name outside Latin-1 would make a string of everything four times as wide.
    """
    name = metric.full_name
    lines = list(_lines(name, metric.labels, metric.samples(subject), escapes))
    if not lines:
        return b""
    head = f"# HELP {name} {metric.help}{AS_OF}.\n# TYPE {name} gauge\n"
    return (head + "".join(lines)).encode("utf-8", "replace")


def _lines(
    name: str, labels: tuple[str, ...], samples: Iterable[tuple[tuple[LabelValue, ...], Number]], escapes: _Escapes
) -> Iterator[str]:
    inner = ",".join(f'{label}="%s"' for label in labels)
    template = f"{name}{{{inner}}} %s\n" if labels else f"{name} %s\n"
    for values, value in samples:
        yield template % (*[escapes[label] for label in values], value if type(value) is int else _number(value))


def _number(value: Number) -> str:
    return str(int(value)) if isinstance(value, int) else repr(float(value))
