"""The pieces a page is made of: each has a height and can draw itself from a given top. Words first, then the parts of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from report.pdf.charts import MARK, draw_mark
from report.pdf.document import Document, Target
from report.pdf.figures import GAUGE_WIDTH, draw_figure, natural_height
from report.pdf.palette import INK, LINK, MUTED, RULE, TINT, Colour
from report.pdf.table import CELL, HEAD, PAD, Table
from report.pdf.typography import Line, Style
from report.sections import Drawing, Gauge, Row, Section

GROUP = Style(8, bold=True)

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
    """Lines of running text or a heading. `kind` is its structure tag; `level` the outline level of `title`, if it has one; `anchor` is a
    name that links may point to, `link` the anchor that the text leads to. `beside` stands on the same line.
    """

    lines: tuple[Line, ...]
    style: Style
    left: float
    colour: Colour = INK
    above: float = 0.0
    below: float = 0.0
    kind: str = "P"
    title: str = ""
    level: int = 0
    anchor: str = ""
    link: str = ""
    beside: Words | None = None

    @property
    def height(self) -> float:
        """Return the height in points, with the space above and below."""
        return self.above + len(self.lines) * self.style.leading + self.below

    def draw(self, document: Document, top: float, places: Places) -> None:
        """Draw the lines and the page that they lead to, and enter the title in the outline."""
        target = places.get(self.link) if self.link else None
        if self.title:
            document.bookmark(self.title, self.level, top + self.above)
        baseline = top + self.above + self.style.baseline
        with document.tagged(self.kind):
            for line in self.lines:
                document.text(self.left, baseline, line.text, self.style, self.colour)
                baseline += self.style.leading
            if target:
                last = self.lines[-1]
                label = page_label(target)
                end = self.left + last.width + 4
                document.text(end, baseline - self.style.leading, label, self.style, LINK)
                width = end + document.face(self.style).width(label, self.style.size) - self.left
                height = len(self.lines) * self.style.leading
                document.link(self.left, top + self.above, width, height, target)
        if self.beside:
            self.beside.draw(document, top + self.above + self.style.baseline - self.beside.style.baseline, places)


def page_label(target: Target) -> str:
    """Given where a link leads, return how that is written beside it."""
    return f"→ {target.page}"


def _cells_height(cells: Sequence[tuple[Line, ...]], style: Style) -> float:
    return max((len(lines) for lines in cells), default=1) * style.leading + 2 * PAD


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
            for place, lines in enumerate(self.cells):
                self.table.draw_cell(document, top, place, lines, HEAD, MUTED)
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
        return len(self.lines) * GROUP.leading + 2 * PAD

    def draw(self, document: Document, top: float, places: Places) -> None:
        """Draw band and name, and enter the name in the outline."""
        with document.tagged("Artifact"):
            document.area(self.table.left, top, self.table.right - self.table.left, self.height, TINT)
        if not self.repeated:
            document.bookmark(self.title, 1, top)
        with document.tagged("Artifact" if self.repeated else "H3"):
            for number, line in enumerate(self.lines):
                baseline = top + PAD + GROUP.baseline + number * GROUP.leading
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
        written = [wrap(cell, CELL.size, width) for cell, width in zip(row.cells, table.widths, strict=True)]
        for place, _ in row.drawings:
            written[place] = ()
        cells = tuple(written)
        drawn = max((natural_height(drawing) for _, drawing in row.drawings), default=0.0)
        return TableRow(table, row, cells, max(_cells_height(cells, CELL), drawn + 2 * PAD if drawn else 0.0))

    def split(self, room: float) -> tuple[TableRow, TableRow] | None:
        """Given the room left on a page, return the part that fits and the rest; None where nothing worth it fits or nothing is left."""
        count, whole = int((room - 2 * PAD) / CELL.leading), max(len(lines) for lines in self.cells)
        if count == whole - 1:
            count -= 1  # no line stands alone
        if count < 2 or count >= whole:
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
                draw_mark(document, self.row.state, table.left + 0.5, top + PAD + (CELL.leading - MARK) / 2)
            drawings = dict(self.row.drawings) if self.first else {}
            for place, lines in enumerate(self.cells):
                if place in drawings:
                    self._draw_figure(document, top, place, drawings[place])
                elif lines:
                    table.draw_cell(document, top, place, lines, CELL, INK)
            if target and self.first:
                label = page_label(target)
                start = table.right - document.regular.width(label, CELL.size)
                document.text(start, top + PAD + CELL.baseline, label, CELL, LINK)
        if not self.first and not self.cells[0]:
            with document.tagged("Artifact"):
                document.text(table.lefts[0], top + PAD + CELL.baseline, "…", CELL, MUTED)
        if target:
            document.link(table.left, top, table.right - table.left, self.height, target)
        if self.last:
            with document.tagged("Artifact"):
                document.rule((table.left, top + self.height), (table.right, top + self.height), RULE, 0.4)

    def _draw_figure(self, document: Document, top: float, place: int, drawing: Drawing) -> None:
        """Draw a cell's figure, and its text unseen in the same place; a gauge's beside it."""
        left, width = self.table.lefts[place], self.table.widths[place]
        draw_figure(document, drawing, left, top + PAD + CELL.leading / 2, width)
        text = document.regular.visible(self.row.cells[place]).replace("\n", " ")
        if isinstance(drawing, Gauge):
            beside = left + min(width / 2, GAUGE_WIDTH) + 4
            document.text(beside, top + PAD + CELL.baseline, text, CELL)
        else:
            document.hidden_text(left, top + PAD + CELL.baseline, text, width)
