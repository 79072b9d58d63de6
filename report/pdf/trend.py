"""The trend: stacked columns, one a day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from report.pdf.charts import hatching
from report.pdf.document import Document
from report.pdf.palette import INK, MUTED, RULE, WHITE, Look, look_of
from report.pdf.typography import Style
from report.sections import Chart

_LABEL = Style(7.5)
_HEIGHT = 46.0
_LABELS = 13.0
_ABOVE = 5.0
_WIDEST = 12.0  # of a day
_HATCH = (150, 157, 166)

Box = tuple[float, float, float, float]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class TrendChart:
    """The chart with its scale on the left and its first and last date below. What it shows is told in words above it."""

    chart: Chart
    left: float
    width: float

    @property
    def height(self) -> float:
        """Return the height in points."""
        return _ABOVE + _HEIGHT + _LABELS + 4

    def draw(self, document: Document, top: float, places: object) -> None:
        """Draw scale, columns and dates."""
        chart, face = self.chart, document.regular
        most = face.visible(chart.most)
        scale = max(face.width(most, _LABEL.size), face.width("0", _LABEL.size)) + 5
        left, top = self.left + scale, top + _ABOVE
        dates = sum(face.width(face.visible(day), _LABEL.size) for day in (chart.first, chart.last)) + 10
        width = min(self.width - scale, max(chart.days * _WIDEST, dates))
        with document.tagged("Figure", chart.told):
            document.rule((left, top), (left + width, top), RULE, 0.4)
            for state, boxes in boxes_of(chart, left, top, width, _HEIGHT).items():
                _fill(document, look_of(state), boxes)
            for colour, thickness in ((WHITE, 2.2), (INK, 1.2)):
                for start, end in steps_of(chart, left, top, width, _HEIGHT):
                    document.rule(start, end, colour, thickness)
            document.rule((left, top + _HEIGHT), (left + width, top + _HEIGHT), INK, 0.8)
            middle = _LABEL.size * 0.729 / 2
            document.text(left - 5 - face.width(most, _LABEL.size), top + middle, most, _LABEL, MUTED)
            zero = left - 5 - face.width("0", _LABEL.size)
            document.text(zero, top + _HEIGHT + middle, "0", _LABEL, MUTED)
            baseline = top + _HEIGHT + _LABELS - 2
            last = face.visible(chart.last)
            document.text(left, baseline, face.visible(chart.first), _LABEL, MUTED)
            document.text(left + width - face.width(last, _LABEL.size), baseline, last, _LABEL, MUTED)


def boxes_of(chart: Chart, left: float, top: float, width: float, height: float) -> dict[str, list[Box]]:
    """Given a chart and a rectangle, return for each state its boxes as (left, top, width, height), stacked from the bottom up."""
    most = chart.highest
    pitch = width / max(1, chart.days)
    wide = pitch * 0.86
    boxes: dict[str, list[Box]] = {state: [] for state in chart.states}
    for day, counts in chart.columns:
        bottom = top + height
        for state, count in zip(chart.states, counts, strict=True):
            tall = height * count / most
            bottom -= tall
            if count:
                boxes[state].append((left + day * pitch + (pitch - wide) / 2, bottom, wide, tall))
    return boxes


def steps_of(chart: Chart, left: float, top: float, width: float, height: float) -> Iterator[tuple[Point, Point]]:
    """Given a chart and a rectangle, yield the parts of its line, each from one point to another: across a day, and up or down to the next
    day; where a day has no figure it is broken.
    """
    pitch = width / max(1, chart.days)
    before: tuple[int, float] | None = None
    for day, count in chart.line:
        level = top + height * (1 - count / chart.highest)
        start = left + day * pitch
        if before and before[0] == day - 1:
            yield (start, before[1]), (start, level)
        yield (start, level), (start + pitch, level)
        before = day, level


def _fill(document: Document, look: Look, boxes: list[Box]) -> None:
    for box in boxes:
        document.area(*box, look.fill)
    if look.hatched:
        for line in _hatched(boxes):
            document.rule(line[:2], line[2:], _HATCH, 0.5)
    if look.fill != look.edge:
        for box in boxes:
            document.frame(*box, look.edge, 0.3)


def _hatched(boxes: list[Box]) -> Iterator[Box]:
    for box in boxes:
        yield from hatching(*box, 2.4)
