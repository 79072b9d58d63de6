"""What is drawn in the HTML beside the text that says the same: days, shares, retention, usage, the trend. Shapes and textures differ, not
colours alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from html import escape

from report.html.style import MARKS, tone
from report.sections import Bullet, Chart, Curve, Drawing, Gauge, LegendEntry, Strip
from report.timeline import DayState

# in the units of a picture: a day is 4 wide and 10 high
_DAY_SHAPES = {
    DayState.BACKUP: ("good", "M{0} 0h3v10h-3z"),
    DayState.FAILED: ("bad", "M{0} 0h3v3h-3zm0 7h3v3h-3z"),
    DayState.MISSED: ("warn", "M{0} 3.5h3v3h-3z"),
    DayState.GONE: ("unknown", "M{0} 4.5h2v1h-2z"),
    DayState.NONE_EXPECTED: ("unknown", "M{0} 9h3v1h-3z"),
}
_DAY, _HEIGHT = 4, 10
_CURVE_HEIGHT = 100
# laid over an area of a tone, so that black and white tells them apart: good is plain
_TEXTURES = {
    "bad": '<path d="M0 0l6 6"/><path d="M6 0l-6 6"/>',
    "warn": '<path d="M0 3h6"/>',
    "unknown": '<path d="M-1 1l2 -2M0 6l6 -6M5 7l2 -2"/>',
    "waived": '<path d="M3 0v6"/>',
}
PATTERNS = (
    '<svg class="patterns" aria-hidden="true"><defs>'
    + "".join(
        f'<pattern id="texture-{tone}" class="{tone}" width="6" height="6" patternUnits="userSpaceOnUse">{lines}</pattern>'
        for tone, lines in _TEXTURES.items()
    )
    + "</defs></svg>\n"
)
"""What areas refer to; once in a document that has any."""

_BULLET_SHAPES = {
    "line": '<path class="line" d="M0 5h10"/>',
    "used": '<path class="line" d="M0 5h10"/>',
    "forecast": '<path class="line dashed" d="M0 5h10"/>',
    "expected": '<rect class="track" width="10" height="10"/>',
    "actual": '<rect class="ink" y="3" width="10" height="4"/>',
    "promised": '<rect class="bad" x="4" width="2" height="10"/>',
}


def with_drawing(text: str, drawing: Drawing) -> str:
    """Given a cell's text, escaped, and what is drawn of it, return the markup of both; of a strip or a curve only the picture is seen."""
    if isinstance(drawing, Strip):
        picture = _svg("strip", _DAY * len(drawing.states), _HEIGHT, _strip(drawing.states), drawing.told)
        return f'{picture}<span class="said">{text}</span>'
    if isinstance(drawing, Curve):
        return f'{_svg("curve", drawing.days, _CURVE_HEIGHT, _curve(drawing))}<span class="said">{text}</span>'
    shapes = _gauge(drawing) if isinstance(drawing, Gauge) else _bullet(drawing)
    return text + _svg("meter", 100, _HEIGHT, shapes)


def legend_html(entries: Sequence[LegendEntry]) -> str:
    """Given what parts of drawings mean, return them as a list; nothing for none."""
    items = "".join(f"<li>{swatch(entry.state)}{_mark(entry.state)}{escape(entry.word)}</li>" for entry in entries)
    return f'<ul class="legend small">{items}</ul>\n' if items else ""


def swatch(state: str) -> str:
    """Given what a legend speaks of, return a small picture of it."""
    if state in _BULLET_SHAPES or state in _DAY_SHAPES:
        return _svg("swatch", 10, _HEIGHT, _swatch(state))
    # without a view box, so that its texture is as fine as that of what it explains
    return f'<svg class="swatch" aria-hidden="true">{area(tone(state), 0, 0, 100, 100)}</svg>'


def _mark(state: str) -> str:
    mark = MARKS.get(tone(state), "")
    return f'<b aria-hidden="true">{mark}</b> ' if mark else ""


def area(tone: str, x: float, y: float, width: float, height: float) -> str:
    """Given a tone and a rectangle in per cent of the picture, return it in its colour, with the texture of the tone over it."""
    place = f'x="{x:.3f}%" y="{y:.3f}%" width="{width:.3f}%" height="{height:.3f}%"'
    texture = f'<rect fill="url(#texture-{tone})" {place}/>' if tone in _TEXTURES else ""
    return f'<rect class="{tone}" {place}/>{texture}'


def chart_html(chart: Chart) -> str:
    """Given stacked columns, return the picture with its dates; `told` is said by the sentence above it."""
    pitch, scale = 100 / max(1, chart.days), 100 / chart.highest
    shapes = []
    for day, heights in chart.columns:
        base = 0.0
        for state, count in zip(chart.states, heights, strict=True):
            base += scale * count
            if count:
                shapes.append(area(tone(state), pitch * day, 100 - base, 0.9 * pitch, scale * count))
    if chart.line:
        shapes.append(_svg("steps", 100, 100, _steps(chart)))
    picture = f'<svg class="chart" aria-hidden="true">{"".join(shapes)}</svg>'
    dates = f"<span>{escape(chart.first)}</span><span>{escape(chart.last)}</span>"
    return f'<div class="trend"><p class="most">{escape(chart.most)}</p>{picture}<p class="dates">{dates}</p></div>\n'


def _steps(chart: Chart) -> str:
    """Return the line across the columns, broken where a day has no figure; a pale one below it sets it off from dark columns."""
    pitch, before = 100 / max(1, chart.days), -2
    parts = []
    for day, count in chart.line:
        level = 100 - 100 * count / chart.highest
        parts.append(f"{'L' if before == day - 1 else 'M'}{pitch * day:.2f} {level:.2f}H{pitch * (day + 1):.2f}")
        before = day
    path = " ".join(parts)
    return f'<path class="line pale" d="{path}"/><path class="line" d="{path}"/>'


def _curve(curve: Curve) -> str:
    """Return the line of what was used, today as a stroke, and the forecast as dashes."""
    points = " ".join(f"{day:g} {_CURVE_HEIGHT * (1 - part):.1f}" for day, part in curve.points)
    today = f'<path class="line edge" d="M{curve.points[-1][0]:g} 0V{_CURVE_HEIGHT}"/>'
    used = f'<path class="line" d="M{points}"/>'
    if curve.line is None:
        return today + used
    (day, part), (last, reached) = curve.line
    ahead = f"M{day:g} {_CURVE_HEIGHT * (1 - part):.1f}L{last:g} {_CURVE_HEIGHT * (1 - reached):.1f}"
    return f'{today}{used}<path class="line dashed" d="{ahead}"/>'


def _svg(name: str, width: float, height: float, shapes: str, told: str = "") -> str:
    said = f' role="img" aria-label="{escape(told)}"' if told else ' aria-hidden="true"'
    return f'<svg class="{name}" viewBox="0 0 {width:g} {height:g}" preserveAspectRatio="none"{said}>{shapes}</svg>'


@cache
def _strip(states: tuple[str, ...]) -> str:
    """Return a path for each state: one for each day would be most of a page of thousands of guests."""
    return "".join(
        _days(state, [place for place, each in enumerate(states) if each == state]) for state in dict.fromkeys(states)
    )


def _days(state: str, places: Sequence[int]) -> str:
    look, shape = _DAY_SHAPES[DayState(state)]
    return f'<path class="{look}" d="{"".join(shape.format(_DAY * place) for place in places)}"/>'


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
    look, shape = _DAY_SHAPES[DayState(state)]
    return f'<path class="{look}" d="{shape.format(3)}"/>'
