"""The pieces a page is made of: each has a height and can draw itself from a given top. Words first, then the parts of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from report.pdf.charts import MARK, draw_mark
from report.pdf.columns import even_out, share
from report.pdf.document import Document, Target
from report.pdf.palette import INK, LINK, MUTED, RULE, TINT, Colour
from report.pdf.typography import Line, Style
from report.sections import Row, Section

CELL = Style(8)
HEAD = Style(7.5, bold=True)
GROUP = Style(8, bold=True)
NARROWEST = 20.0
"""No column's text is narrower than this (points), unless a table has more columns than a page can hold."""

_GAP = 10.0  # between two columns
_PAD = 2.7  # above and below a cell's text
_MARKS = MARK + 6.0
_PAGES = 26.0  # room for "→ 123"

Places = Mapping[str, Target]
"""Where each anchor came to lie."""


class Block(Protocol):
    """A piece of a page, of the height given."""

    @property
    def height(self) -> float:
        """Return the height in points."""

    def draw(self, document: Document, top: float, places: Places) -> None:
        """Draw it on the current page."""


@dataclass(frozen=True, slots=True)
class Words:
    """Lines of running text or a heading. `kind` is its structure tag; `level` the outline level of `title`, if it has one."""

    lines: tuple[Line, ...]
    style: Style
    left: float
    colour: Colour = INK
    above: float = 0.0
    below: float = 0.0
    kind: str = "P"
    title: str = ""
    level: int = 0

    @property
    def height(self) -> float:
        """Return the height in points, with the space above and below."""
        return self.above + len(self.lines) * self.style.leading + self.below

    def draw(self, document: Document, top: float, places: Places) -> None:
        """Draw the lines, and enter the title in the outline."""
        if self.title:
            document.bookmark(self.title, self.level, top + self.above)
        baseline = top + self.above + self.style.baseline
        with document.tagged(self.kind):
            for line in self.lines:
                document.text(self.left, baseline, line.text, self.style, self.colour)
                baseline += self.style.leading


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
        usable = right - start - (_PAGES if links else 0.0) + _GAP
        least = [max(NARROWEST, _longest_word(document, column.heading)) + _GAP for column in section.columns]
        parts = share(usable, [max(column.weight, 0.01) for column in section.columns], least)
        parts = even_out(parts, [max(pair) for pair in zip(least, _needed(document, section), strict=True)])
        lefts = tuple(start + sum(parts[:i]) for i in range(len(parts)))
        rights = tuple(column.right for column in section.columns)
        return Table(lefts, tuple(part - _GAP for part in parts), rights, left, right, marks, links)

    def draw_cells(
        self, document: Document, top: float, cells: Sequence[tuple[Line, ...]], style: Style, colour: Colour
    ) -> None:
        """Draw each cell's lines in its column, the first line of each at the same height."""
        leading, first = style.leading, top + _PAD + style.baseline
        for lines, left, width, right in zip(cells, self.lefts, self.widths, self.rights, strict=True):
            for number, line in enumerate(lines):
                if line.text:
                    start = left + width - line.width if right else left
                    document.text(start, first + number * leading, line.text, style, colour)


def _longest_word(document: Document, heading: str) -> float:
    words = document.bold.visible(heading).split()
    return max((document.bold.width(word, HEAD.size) for word in words), default=0.0)


def _needed(document: Document, section: Section) -> list[float]:
    """Return for each column the width in which its heading and all but the longest twentieth of its cells stand on one line."""
    regular, bold = document.regular, document.bold
    needed = []
    for number, column in enumerate(section.columns):
        cells = (regular.visible(row.cells[number]) for row in section.rows if number < len(row.cells))
        widths = sorted(max(regular.width(line, CELL.size) for line in cell.split("\n")) for cell in cells)
        usual = widths[len(widths) * 19 // 20 - 1 if len(widths) >= 20 else -1] if widths else 0.0
        heading = bold.width(bold.visible(column.heading).replace("\n", " "), HEAD.size)
        needed.append(max(usual, heading) + _GAP + 0.1)
    return needed


def _cells_height(cells: Sequence[tuple[Line, ...]], style: Style) -> float:
    return max((len(lines) for lines in cells), default=1) * style.leading + 2 * _PAD


@dataclass(frozen=True, slots=True)
class TableHead:
    """A table's headings, above a strong rule. Those repeated on later pages are an artifact to readers that speak."""

    table: Table
    cells: tuple[tuple[Line, ...], ...]
    repeated: bool = False

    @staticmethod
    def of(document: Document, table: Table, section: Section) -> TableHead:
        """Given a section and its table, break the headings into lines."""
        pairs = zip(section.columns, table.widths, strict=True)
        return TableHead(table, tuple(document.bold.wrap(column.heading, HEAD.size, width) for column, width in pairs))

    @property
    def height(self) -> float:
        """Return the height in points."""
        return _cells_height(self.cells, HEAD) + 1

    def draw(self, document: Document, top: float, places: Places) -> None:
        """Draw the headings."""
        with document.tagged("Artifact" if self.repeated else "P"):
            self.table.draw_cells(document, top, self.cells, HEAD, MUTED)
        with document.tagged("Artifact"):
            bottom = top + self.height - 1
            document.rule((self.table.left, bottom), (self.table.right, bottom), INK, 0.8)


@dataclass(frozen=True, slots=True)
class GroupHead:
    """The heading of a group of rows, on a tinted band."""

    table: Table
    lines: tuple[Line, ...]
    title: str
    repeated: bool = False

    @staticmethod
    def of(document: Document, table: Table, group: str, repeated: bool = False) -> GroupHead:
        """Given the group's name, break it into lines; where it is repeated on a later page, it ends in dots."""
        text = f"{group} …" if repeated else group
        lines = document.bold.wrap(text, GROUP.size, table.right - table.left - 8)
        return GroupHead(table, lines, document.bold.visible(group), repeated)

    @property
    def height(self) -> float:
        """Return the height in points."""
        return len(self.lines) * GROUP.leading + 2 * _PAD

    def draw(self, document: Document, top: float, places: Places) -> None:
        """Draw band and name, and enter the name in the outline."""
        with document.tagged("Artifact"):
            document.area(self.table.left, top, self.table.right - self.table.left, self.height, TINT)
        if not self.repeated:
            document.bookmark(self.title, 1, top)
        with document.tagged("Artifact" if self.repeated else "H3"):
            for number, line in enumerate(self.lines):
                baseline = top + _PAD + GROUP.baseline + number * GROUP.leading
                document.text(self.table.left + 4, baseline, line.text, GROUP)


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row with its cells broken into lines, or a part of one that does not fit a page (`first` tells the part with the mark)."""

    table: Table
    row: Row
    cells: tuple[tuple[Line, ...], ...]
    height: float
    first: bool = True
    last: bool = True

    @staticmethod
    def of(document: Document, table: Table, row: Row) -> TableRow:
        """Given a row, break its cells into lines. Raises ValueError where cells and columns differ in number."""
        if len(row.cells) != len(table.widths):
            raise ValueError(
                f"row {row.cells!r} has {len(row.cells)} cells, its section has {len(table.widths)} columns"
            )
        wrap = document.regular.wrap
        cells = tuple(wrap(cell, CELL.size, width) for cell, width in zip(row.cells, table.widths, strict=True))
        return TableRow(table, row, cells, _cells_height(cells, CELL))

    def split(self, room: float) -> tuple[TableRow, TableRow] | None:
        """Given the room left on a page, return the part that fits and the rest; None where nothing worth it fits or nothing is left."""
        count = int((room - 2 * _PAD) / CELL.leading)
        if count < 2 or count >= max(len(lines) for lines in self.cells):
            return None
        top = tuple(lines[:count] for lines in self.cells)
        rest = tuple(lines[count:] for lines in self.cells)
        return (
            TableRow(self.table, self.row, top, _cells_height(top, CELL), self.first, False),
            TableRow(self.table, self.row, rest, _cells_height(rest, CELL), False, self.last),
        )

    def draw(self, document: Document, top: float, places: Places) -> None:
        """Draw mark, cells, the page that the row leads to, and the rule below."""
        table = self.table
        target = places.get(self.row.link) if self.row.link else None
        with document.tagged("P"):
            if self.first and self.row.state:
                draw_mark(document, self.row.state, table.left + 0.5, top + _PAD + (CELL.leading - MARK) / 2)
            table.draw_cells(document, top, self.cells, CELL, INK)
            if target and self.first:
                label = f"→ {target.page}"
                start = table.right - document.regular.width(document.regular.visible(label), CELL.size)
                document.text(start, top + _PAD + CELL.baseline, label, CELL, LINK)
        if target:
            document.link(table.left, top, table.right - table.left, self.height, target)
        if self.last:
            with document.tagged("Artifact"):
                document.rule((table.left, top + self.height), (table.right, top + self.height), RULE, 0.4)
