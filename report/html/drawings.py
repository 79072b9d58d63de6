"""What is drawn in the HTML beside the text that says the same: days, shares, retention, the trend. Shapes differ, not colours alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from html import escape

from report.html.style import MARKS, tone
from report.sections import Bullet, Chart, Drawing, Gauge, LegendEntry, Strip
from report.timeline import DayState

# in the units of a picture: a day is 4 wide and 10 high
_DAY_SHAPES = {
    DayState.BACKUP: '<path class="good" d="M{0} 0h3v10h-3z"/>',
    DayState.FAILED: '<path class="bad" d="M{0} 0h3v3h-3zm0 7h3v3h-3z"/>',
    DayState.MISSED: '<path class="warn" d="M{0} 3.5h3v3h-3z"/>',
    DayState.GONE: '<path class="track" d="M{0} 3.5h3v3h-3z"/>',
    DayState.NONE_EXPECTED: '<path class="unknown" d="M{0} 9h3v1h-3z"/>',
}
_DAY, _HEIGHT = 4, 10
_CHART_HEIGHT = 60
_CHART_DAY = 8
_BULLET_SHAPES = {
    "expected": '<rect class="track" width="10" height="10"/>',
    "actual": '<rect class="ink" y="3" width="10" height="4"/>',
    "promised": '<rect class="bad" x="4" width="2" height="10"/>',
}


def with_drawing(text: str, drawing: Drawing) -> str:
    """Given a cell's text, escaped, and what is drawn of it, return the markup of both; of a strip only the picture is seen."""
    if isinstance(drawing, Strip):
        picture = _svg("strip", _DAY * len(drawing.states), _HEIGHT, _strip(drawing.states), drawing.told)
        return f'{picture}<span class="said">{text}</span>'
    shapes = _gauge(drawing) if isinstance(drawing, Gauge) else _bullet(drawing)
    return text + _svg("meter", 100, _HEIGHT, shapes)


def legend_html(entries: Sequence[LegendEntry]) -> str:
    """Given what parts of drawings mean, return them as a list; nothing for none."""
    items = "".join(
        f"<li>{_svg('swatch', 10, _HEIGHT, _swatch(entry.state))}{_mark(entry.state)}{escape(entry.word)}</li>"
        for entry in entries
    )
    return f'<ul class="legend small">{items}</ul>\n' if items else ""


def _mark(state: str) -> str:
    mark = MARKS.get(tone(state), "")
    return f'<b aria-hidden="true">{mark}</b> ' if mark else ""


def chart_html(chart: Chart) -> str:
    """Given stacked columns, return the picture with its dates; `told` is said by the sentence above it."""
    most = max((sum(heights) for _, heights in chart.columns), default=0) or 1
    shapes = []
    for day, heights in chart.columns:
        base = 0.0
        for state, count in zip(chart.states, heights, strict=True):
            height = _CHART_HEIGHT * count / most
            base += height
            if count:
                place = f'x="{_CHART_DAY * day}" y="{_CHART_HEIGHT - base:.2f}" width="{_CHART_DAY - 1}"'
                shapes.append(f'<rect class="{tone(state)}" {place} height="{height:.2f}"/>')
    picture = _svg("chart", _CHART_DAY * chart.days, _CHART_HEIGHT, "".join(shapes))
    dates = f"<span>{escape(chart.first)}</span><span>{escape(chart.last)}</span>"
    return f'<div class="trend"><p class="most">{escape(chart.most)}</p>{picture}<p class="dates">{dates}</p></div>\n'


def _svg(name: str, width: float, height: float, shapes: str, told: str = "") -> str:
    said = f' role="img" aria-label="{escape(told)}"' if told else ' aria-hidden="true"'
    return f'<svg class="{name}" viewBox="0 0 {width:g} {height:g}" preserveAspectRatio="none"{said}>{shapes}</svg>'


@cache
def _strip(states: tuple[str, ...]) -> str:
    return "".join(_day(state, _DAY * place) for place, state in enumerate(states))


def _day(state: str, x: int) -> str:
    return _DAY_SHAPES[DayState(state)].format(x) if state in _DAY_SHAPES else ""


def _gauge(gauge: Gauge) -> str:
    part = min(1.0, max(0.0, gauge.part))
    return f'<rect class="track" width="100" height="10"/><rect class="ink" width="{100 * part:.1f}" height="10"/>'


def _bullet(bullet: Bullet) -> str:
    most = max(bullet.actual, bullet.expected, bullet.promised or 0) or 1
    shapes = (
        f'<rect class="track" width="{100 * bullet.expected / most:.1f}" height="10"/>'
        f'<rect class="ink" y="3" width="{100 * bullet.actual / most:.1f}" height="4"/>'
    )
    if bullet.promised is None:
        return shapes
    return shapes + f'<rect class="bad" x="{99 * bullet.promised / most:.1f}" width="1" height="10"/>'


def _swatch(state: str) -> str:
    if state in _BULLET_SHAPES:
        return _BULLET_SHAPES[state]
    return _day(state, 2) if state in _DAY_SHAPES else f'<rect class="{tone(state)}" width="10" height="10"/>'
