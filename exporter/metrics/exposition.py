"""Rows and subjects → text, fast: written line by line without metric objects, compressed once for both formats."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Protocol

from exporter.bodies import Body, Exposition, start_gzip
from exporter.metrics.families import without
from exporter.metrics.own import SELF_METRICS, SelfStatus
from exporter.metrics.rows import Escapes, Metric, Source, Subjects, Thing, Written
from report.model.report import Report

AS_OF = ", as of the last refresh"
END_OF_OPENMETRICS = b"# EOF\n"


class LiveCounters(Protocol):
    """The counters and histograms that are counted where things happen (exporter.counters)."""

    def render(self, openmetrics: bool) -> bytes:
        """Given the format, return the text of all families, without an end mark."""
        ...  # pragma: no cover


def render_exposition(
    report: Report | None, status: SelfStatus, counters: LiveCounters, leave_out: Collection[str] = ()
) -> Exposition:
    """Given the Report (None before the first one), what the shell knows of itself, the live counters, and families to leave out
    (exporter.config.families), return all four bodies.

    Every gauge is written alike in both formats, so it is written and compressed once; only the counters and the end differ.
    """
    escapes = Escapes()
    families: list[bytes] = []
    if report is not None:
        families += _families(without(leave_out), report, escapes)
    families += _families(SELF_METRICS, status, escapes)
    compressor = start_gzip()
    compressed = [compressor.compress(family) for family in families]
    bodies = []
    for tail in (counters.render(openmetrics=False), counters.render(openmetrics=True) + END_OF_OPENMETRICS):
        ending = compressor.copy()
        bodies.append(Body((*families, tail), b"".join((*compressed, ending.compress(tail), ending.flush()))))
    return Exposition(*bodies)


def _families(metrics: Iterable[Metric[Source, Any]], source: Source, escapes: Escapes) -> Iterator[bytes]:
    """Yield each metric's head and samples as text; nothing at all where it has no sample.

    Encoded family by family: one name outside Latin-1 would make a string of everything four times as wide.
    """
    known: dict[Subjects[Source, Any], Written[Any]] = {}
    for metric in metrics:
        if metric.subjects not in known:
            known[metric.subjects] = _written(metric.subjects, source, escapes)
        lines = metric.lines(known[metric.subjects], escapes)
        if lines:
            name = metric.full_name
            head = f"# HELP {name} {metric.help}{AS_OF}.\n# TYPE {name} gauge\n"
            yield (head + "".join(lines)).encode()


def _written(subjects: Subjects[Source, Thing], source: Source, escapes: Escapes) -> Written[Thing]:
    """Return each thing with its labels as text, the closing brace left out, for all metrics about it.

    Of two things with equal labels the first one is kept: a series that stands there twice breaks the whole scrape.
    """
    template = "{" + ",".join(f'{label}="%s"' for label in subjects.labels) if subjects.labels else ""
    first: dict[str, Thing] = {}
    for values, thing in subjects.each(source):
        first.setdefault(template % (*[escapes[value] for value in values],), thing)
    return tuple(first.items())
