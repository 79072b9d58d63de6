"""How a table shares the width of a page among its columns: no heading and no word of a state is broken, drawings have their room."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from report.pdf.charts import MARK
from report.pdf.columns import Lines, even_out, flatten, share
from report.pdf.document import Document
from report.pdf.figures import natural_width
from report.pdf.palette import Colour
from report.pdf.typography import Face, Line, Style
from report.sections import Row, Section

CELL = Style(8)
HEAD = Style(7.5, bold=True)
NARROWEST = 20.0
"""No column's text is narrower than this (points), unless a table has more columns than a page can hold."""

ROWS_TRIED, FEW_ROWS = 16, 64
"""A table shares its width so that so many of its rows, taken evenly, are as low as can be; all of them where they are few."""

_STEPS = (32.0, 24.0, 16.0, 12.0, 8.0, 4.0)
_TEXTS_READ, _CELLS_READ, _FEW_TEXTS = 60, 240, 8
_LONGEST_WORD = 82.0
_GAP = 8.5  # between two columns
PAD = 2.7
"""Above and below a cell's text."""
_MARKS = MARK + 6.0
PAGES = 26.0
"""Room for "→ 123"."""


@dataclass(frozen=True, slots=True)
class Table:
    """Where a section's columns lie: the left edge and the text's width of each, whether it is right-aligned, and the gutters."""

    lefts: tuple[float, ...]
    widths: tuple[float, ...]
    rights: tuple[bool, ...]
    left: float
    right: float
    marks: bool
    links: bool

    @staticmethod
    def of(document: Document, section: Section, left: float, right: float) -> Table:
        """Given a section and the page's edges, share the width by weight; what a column does not need goes to those that lack.

        No column is narrower than its heading's longest word. Room for marks and page numbers is taken only where rows have them.
        """
        marks, links = any(row.state for row in section.rows), any(row.link for row in section.rows)
        start = left + (_MARKS if marks else 0.0)
        usable = right - start - (PAGES if links else 0.0) + _GAP
        drawn = _drawn(section)
        least = [
            max(NARROWEST, _longest_word(document.bold, column.heading, HEAD.size), drawn.get(place, 0.0)) + _GAP + 0.1
            for place, column in enumerate(section.columns)
        ]
        least = _with_whole_words(document, section, least, usable)
        parts = share(usable, [max(column.weight, 0.01) for column in section.columns], least)
        parts = even_out(parts, [max(pair) for pair in zip(least, _needed(document, section, drawn), strict=True)])
        few = len(section.rows) <= FEW_ROWS
        tried = section if few else replace(section, rows=_evenly(section.rows, ROWS_TRIED))
        whole = _whole_words(document, tried)
        floor = [max(low, min(part, word)) for low, part, word in zip(least, parts, whole, strict=True)]
        lines = _lines_of(document, tried, drawn)
        for step in _STEPS:
            parts = flatten(parts, floor, lines, step)
        lefts = tuple(start + sum(parts[:i]) for i in range(len(parts)))
        rights = tuple(column.right for column in section.columns)
        return Table(lefts, tuple(part - _GAP for part in parts), rights, left, right, marks, links)

    def draw_cell(
        self, document: Document, top: float, place: int, lines: Sequence[Line], style: Style, colour: Colour
    ) -> None:
        """Draw a cell's lines in its column; those of a row begin at the same height."""
        left, width, right = self.lefts[place], self.widths[place], self.rights[place]
        baseline = top + PAD + style.baseline
        for line in lines:
            if line.text:
                document.text(left + width - line.width if right else left, baseline, line.text, style, colour)
            baseline += style.leading


def _longest_word(face: Face, text: str, size: float) -> float:
    """Return how wide the widest word of a text is; a no-break space does not end one."""
    words = re.split(r"[ \n]", face.visible(text))
    return max((face.width(word, size) for word in words), default=0.0)


def _whole_words(document: Document, section: Section) -> list[float]:
    """Return for each column the width in which no word of its cells is broken."""
    texts = [" ".join(row.cells[place] for row in section.rows) for place in range(len(section.columns))]
    return [_longest_word(document.regular, text, CELL.size) + _GAP + 0.1 for text in texts]


def _with_whole_words(document: Document, section: Section, least: list[float], usable: float) -> list[float]:
    """Return the least widths, widened so that no usual word is broken, as far as there is room; the smallest lacks are filled first."""
    room = usable - sum(least)
    rows = _evenly(section.rows, _TEXTS_READ)
    lacks = []
    for place in range(len(section.columns)):
        texts = {row.cells[place] for row in section.rows if place < len(row.cells)}
        if len(texts) > _TEXTS_READ:
            texts = {row.cells[place] for row in rows if place < len(row.cells)}
        widest = _usual_word(document.regular, texts)
        lacks.append((max(0.0, min(widest, _LONGEST_WORD) + _GAP + 0.1 - least[place]), place))
    wider = list(least)
    for rank, (lack, place) in enumerate(sorted(lacks)):
        given = max(0.0, min(lack, room / (len(lacks) - rank)))
        wider[place] += given
        room -= given
    return wider


def _usual_word(face: Face, texts: Collection[str]) -> float:
    """Return how wide the widest word of some cells is, without the few that are much longer than those of most."""
    widths = sorted(_longest_word(face, text, CELL.size) for text in texts)
    if len(widths) <= _FEW_TEXTS:
        return widths[-1] if widths else 0.0
    most = widths[len(widths) * 4 // 5]
    return max(width for width in widths if width <= 1.5 * most)


def _evenly(rows: Sequence[Row], count: int) -> tuple[Row, ...]:
    """Return so many of the rows, evenly taken from the first on; all where they are fewer."""
    return tuple(rows[number * len(rows) // count] for number in range(count)) if len(rows) > count else tuple(rows)


def _lines_of(document: Document, section: Section, drawn: Mapping[int, float]) -> Lines:
    """Return what tells how many lines the cells of a column have at a width; the heading is one of them."""

    @cache
    def lines(place: int, part: float) -> tuple[int, ...]:
        width = part - _GAP
        heading = document.bold.wrap(section.columns[place].heading, HEAD.size, width)
        if place in drawn:
            return (len(heading), *([1] * len(section.rows)))
        cells = (document.regular.wrap(row.cells[place], CELL.size, width) for row in section.rows)
        return (len(heading), *map(len, cells))

    return lines


def _drawn(section: Section) -> dict[int, float]:
    """Return for each column with drawings, by its place, how wide these are."""
    return {place: natural_width(drawing) for row in section.rows for place, drawing in row.drawings}


def _needed(document: Document, section: Section, drawn: Mapping[int, float]) -> list[float]:
    """Return for each column the width in which all but the longest twentieth of its cells stand on one line, and its heading on three, or
    which its drawings need; of many rows some tell.
    """
    regular, bold = document.regular, document.bold
    rows = _evenly(section.rows, _CELLS_READ)
    needed = []
    for number, column in enumerate(section.columns):
        if number in drawn:
            needed.append(drawn[number] + _GAP)
            continue
        cells = (regular.visible(row.cells[number]) for row in rows if number < len(row.cells))
        widths = sorted(max(regular.width(line, CELL.size) for line in cell.split("\n")) for cell in cells)
        usual = widths[len(widths) * 19 // 20 - 1 if len(widths) >= 20 else -1] if widths else 0.0
        heading = bold.width(bold.visible(column.heading).replace("\n", " "), HEAD.size)
        needed.append(max(usual, 0.4 * heading) + _GAP + 0.1)
    return needed
