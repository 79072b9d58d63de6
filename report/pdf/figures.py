"""What is drawn in a cell instead of its text: 28-day strips, usage bars, retention bullets; and the legend that tells what is what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import hypot

from report.pdf.charts import MARK, draw_mark
from report.pdf.document import Document
from report.pdf.palette import INK, LOOKS, MUTED, RULE, WHITE, Colour
from report.pdf.typography import Line, Style
from report.sections import Curve, Drawing, Gauge, LegendEntry, Strip
from report.timeline import DayState

CELL_WIDTH = 3.1
CELL_HEIGHT = 7.6
STRIP_WIDTH = 28 * 3.7 - 0.6 + 3 * 1.6
"""How wide 28 days are, with gaps between weeks."""
BAR_WIDTH = 62.0
GAUGE_WIDTH = 44.0
"""A gauge is narrower: its text stands beside it."""
BAR_HEIGHT = 6.6
CURVE_WIDTH, CURVE_HEIGHT = 250.0, 38.0

_PITCH, _WEEK_GAP, _DAYS = 3.7, 1.6, 28
_GREEN: Colour = (38, 128, 106)
_RED: Colour = (135, 26, 22)
_AMBER: Colour = (176, 120, 0)
_GREY: Colour = (150, 157, 166)
_LINE = 1.6
_DASH = 5.0
_KEY = Style(8)
_KEY_GAP = 16.0
_KEY_ROW = 13.0

_Box = tuple[float, float, float, float]
_Point = tuple[float, float]
# each state as layers of (colour, boxes as left, bottom, width, height): by height and shape too, so that grey tells them apart
_SHAPES: dict[str, tuple[tuple[Colour, tuple[_Box, ...]], ...]] = {
    DayState.BACKUP: ((_GREEN, ((0, 0, CELL_WIDTH, CELL_HEIGHT),)),),
    DayState.FAILED: (
        (_RED, ((0, 0, CELL_WIDTH, CELL_HEIGHT),)),
        (WHITE, ((0.5, CELL_HEIGHT / 2 - 0.6, CELL_WIDTH - 1, 1.2),)),
    ),
    DayState.MISSED: (
        (_AMBER, ((0, 0, CELL_WIDTH, CELL_HEIGHT),)),
        (WHITE, ((0.6, 0.6, CELL_WIDTH - 1.2, CELL_HEIGHT - 1.2),)),
        (_AMBER, ((CELL_WIDTH / 2 - 0.45, 3.1, 0.9, 2.9), (CELL_WIDTH / 2 - 0.45, 1.5, 0.9, 0.9))),
    ),
    DayState.GONE: ((_GREY, ((CELL_WIDTH / 2 - 0.55, CELL_HEIGHT / 2 - 0.55, 1.1, 1.1),)),),
    DayState.NONE_EXPECTED: ((_GREY, ((0, CELL_HEIGHT / 2 - 0.4, CELL_WIDTH, 0.8),)),),
}


def _boxes(boxes: Sequence[_Box], left: float) -> str:
    return " ".join(f"{x + left:.2f} {y:.2f} {width:.2f} {height:.2f} re" for x, y, width, height in boxes)


def _pen(colour: Colour) -> str:
    return " ".join(f"{part / 255:.3f}" for part in colour) + " rg"


def _left_of(day: int) -> float:
    return day * _PITCH + day // 7 * _WEEK_GAP


_LAYERS = tuple(
    (state, _pen(colour), tuple(_boxes(boxes, _left_of(day)) for day in range(_DAYS)))
    for state, layers in _SHAPES.items()
    for colour, boxes in layers
)


@lru_cache(maxsize=4096)
def strip_operators(states: tuple[str, ...]) -> str:
    """Given at most 28 days, return the operators that draw them from the bottom left corner of the first."""
    places: dict[str, list[int]] = {}
    for day, state in enumerate(states[-_DAYS:]):
        places.setdefault(state, []).append(day)
    drawn = []
    for state, pen, boxes in _LAYERS:
        if state in places:
            drawn += [pen, *[boxes[day] for day in places[state]], "f"]
    return " ".join(drawn)


def natural_width(drawing: Drawing) -> float:
    """Given a drawing, return how wide it is where there is room, in points."""
    if isinstance(drawing, Curve):
        return CURVE_WIDTH
    return STRIP_WIDTH if isinstance(drawing, Strip) else BAR_WIDTH + 8


def natural_height(drawing: Drawing) -> float:
    """Given a drawing, return how high its row is at least, in points; 0 where a line of text is enough."""
    return CURVE_HEIGHT if isinstance(drawing, Curve) else 0.0


def draw_figure(document: Document, drawing: Drawing, left: float, middle: float, width: float) -> None:
    """Draw in a cell of a width, the middle of its line at that height."""
    if isinstance(drawing, Strip):
        scale = min(1.0, width / STRIP_WIDTH)
        document.operators(left, middle + CELL_HEIGHT / 2, scale, strip_operators(drawing.states))
        return
    if isinstance(drawing, Curve):
        _draw_curve(document, drawing, left, middle - _KEY.leading / 2 + 1, width)
        return
    width, top = min(width, BAR_WIDTH), middle - BAR_HEIGHT / 2
    if isinstance(drawing, Gauge):
        width = min(width / 2, GAUGE_WIDTH)
        document.area(left, top, width, BAR_HEIGHT, WHITE)
        document.area(left, top, width * drawing.part, BAR_HEIGHT, MUTED)
        document.frame(left, top, width, BAR_HEIGHT, MUTED, 0.5)
        return
    _draw_bullet(document, (drawing.actual, drawing.expected, drawing.promised), left, top, width)


def _draw_curve(document: Document, curve: Curve, left: float, top: float, width: float) -> None:
    """Draw the whole as the upper edge, what was used as a line, today as a stroke, and the forecast as dashes."""
    height = CURVE_HEIGHT - 2
    places = [(left + width * day / curve.days, top + height * (1 - part)) for day, part in curve.points]
    document.rule((left, top), (left + width, top), _GREY, 0.5)
    document.rule((left, top + height), (left + width, top + height), _GREY, 0.5)
    today = places[-1][0]
    document.rule((today, top), (today, top + height), RULE, 0.5)
    for start, end in pairwise(places):
        document.rule(start, end, INK, 1.1)
    if curve.line:
        (day, part), (last, reached) = curve.line
        start = left + width * day / curve.days, top + height * (1 - part)
        end = left + width * last / curve.days, top + height * (1 - reached)
        for dash in dashes(start, end):
            document.rule(*dash, INK, 0.9)


def dashes(start: _Point, end: _Point) -> Iterator[tuple[_Point, _Point]]:
    """Given both ends of a line, yield the dashes that it is drawn with."""
    length = hypot(end[0] - start[0], end[1] - start[1])
    for number in range(int(length / _DASH) + 1):
        parts = (number * _DASH / length, min(1.0, (number + 0.6) * _DASH / length)) if length else (0.0, 0.0)
        first, last = ((start[0] + (end[0] - start[0]) * at, start[1] + (end[1] - start[1]) * at) for at in parts)
        yield first, last


def _draw_bullet(
    document: Document, numbers: tuple[int, int, int | None], left: float, top: float, width: float
) -> None:
    """Draw what is there as a bar, what is expected as the pale ground behind it, what is promised as a line across both."""
    actual, expected, promised = numbers
    most = max(actual, expected, promised or 0, 1)
    document.area(left, top, width * expected / most, BAR_HEIGHT, RULE)
    document.area(left, top + BAR_HEIGHT * 0.28, width * actual / most, BAR_HEIGHT * 0.44, _GREEN)
    if promised is not None:
        document.area(left + max(_LINE, width * promised / most) - _LINE, top - 1, _LINE, BAR_HEIGHT + 2, INK)


@dataclass(frozen=True, slots=True)
class _Placed:
    """An entry of a legend: what it is of, its word, and where it stands (distance from the left, row)."""

    state: str
    word: Line
    offset: float
    row: int


@dataclass(frozen=True, slots=True)
class Legend:
    """What the parts of a drawing mean, side by side as far as they fit."""

    entries: tuple[_Placed, ...]
    left: float
    below: float = 4.0

    @staticmethod
    def of(document: Document, entries: Sequence[LegendEntry], left: float, width: float) -> Legend:
        """Given entries and the width, place them."""
        return Legend(tuple(_place(document, entries, width)), left)

    @property
    def height(self) -> float:
        """Return the height in points."""
        rows = self.entries[-1].row + 1 if self.entries else 0
        return rows * _KEY_ROW + self.below

    def draw(self, document: Document, top: float, places: object) -> None:
        """Draw each entry: its sign, then its word."""
        with document.tagged("P"):
            for entry in self.entries:
                left, middle = self.left + entry.offset, top + entry.row * _KEY_ROW + _KEY_ROW / 2
                _draw_sign(document, entry.state, left, middle)
                baseline = middle + _KEY.size * 0.729 / 2
                document.text(left + _sign_width(entry.state) + 4, baseline, entry.word.text, _KEY, MUTED)


def _place(document: Document, entries: Sequence[LegendEntry], width: float) -> Iterator[_Placed]:
    offset, row = 0.0, 0
    for entry in entries:
        sign = _sign_width(entry.state) + 4
        word = document.regular.wrap(entry.word, _KEY.size, width - sign)[0]
        if offset and offset + sign + word.width > width:
            offset, row = 0.0, row + 1
        yield _Placed(entry.state, word, offset, row)
        offset += sign + word.width + _KEY_GAP


def _sign_width(state: str) -> float:
    return CELL_WIDTH if state in _SHAPES else MARK if state in LOOKS else 14.0


def _draw_sign(document: Document, state: str, left: float, middle: float) -> None:
    if state in _SHAPES:
        document.operators(left, middle + CELL_HEIGHT / 2, 1.0, strip_operators((state,)))
    elif state in LOOKS:
        draw_mark(document, state, left, middle - MARK / 2)
    elif state in ("line", "used"):
        document.rule((left, middle), (left + 14, middle), INK, 1.2)
    elif state == "forecast":
        for dash in dashes((left, middle), (left + 14, middle)):
            document.rule(*dash, INK, 1.0)
    elif state == "promised":
        document.area(left + 6.2, middle - BAR_HEIGHT / 2 - 1, _LINE, BAR_HEIGHT + 2, INK)
    elif state == "expected":
        document.area(left, middle - BAR_HEIGHT / 2, 14, BAR_HEIGHT, RULE)
    else:
        document.area(left, middle - BAR_HEIGHT * 0.22, 14, BAR_HEIGHT * 0.44, _GREEN)
