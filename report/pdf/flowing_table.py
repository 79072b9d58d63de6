"""A table flowing over pages: what is repeated, what is kept together, and where a row is split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from report.pdf.blocks import GroupHead, TableHead, TableRow, Words
from report.pdf.figures import Legend
from report.pdf.pages import MARGIN, Layout
from report.pdf.palette import MUTED
from report.pdf.table import CELL, Table
from report.pdf.trend import TrendChart
from report.pdf.typography import Style
from report.sections import Column, Section

_CONTINUED = Style(8, bold=True)

STEP = "▸"
"""Before what to do, where that stands below why."""


def _stacked(section: Section) -> Section:
    """Return a section with its last column below the one before it."""
    *columns, why, remedy = section.columns
    rows = []
    for row in section.rows:
        *cells, reason, step = row.cells
        rows.append(replace(row, cells=(*cells, f"{reason}\n{STEP} {step}" if step else reason)))
    both = Column(f"{why.heading}\n{STEP} {remedy.heading}", why.weight + remedy.weight)
    return replace(section, columns=(*columns, both), rows=tuple(rows))


class FlowingTable:
    """A section's table flowing over pages; title, headings and group are repeated on each."""

    def __init__(self, layout: Layout, section: Section) -> None:
        self._layout = layout
        self._section = section = _stacked(section) if section.stacked else section
        document = layout.document
        self._table = Table.of(document, section, MARGIN, layout.page.width - MARGIN)
        self._head = TableHead.of(document, self._table, section)
        self._rows = [TableRow.of(document, self._table, row) for row in section.rows]

    def _group(self, index: int, repeated: bool) -> list[GroupHead]:
        """Return the group heading that stands above a row, if the row has a group."""
        group = self._rows[index].row.group
        return [GroupHead.of(self._layout.document, self._table, group, repeated)] if group else []

    def _opening(self, index: int) -> float:
        """Return the height that a heading above this row must find below itself: two rows, and the table's last if only that is left
        then, with the heading of its group; of a row that may be split its first lines.
        """
        height = 0.0
        for place in range(index, min(index + 2, len(self._rows)) if index + 3 != len(self._rows) else index + 3):
            row = self._rows[place]
            height += row.height if row.height <= self._unsplit else 4 * CELL.leading
            if place > index and row.row.group != self._rows[place - 1].row.group:
                height += sum(head.height for head in self._group(place, repeated=False))
        return height

    @property
    def _unsplit(self) -> float:
        """Return the height up to which a row is moved to the next page whole: no more of a page than that is left empty for it."""
        return self._layout.whole / 6

    def flow(self, opening: Sequence[Words], figures: Sequence[Legend | TrendChart]) -> None:
        """Place the opening, what is drawn above the table, and all rows."""
        layout = self._layout
        heads: list[TableHead | GroupHead] = [self._head, *self._group(0, repeated=False)]
        layout.keep(sum(block.height for block in (*opening, *figures, *heads)) + self._opening(0))
        for words in opening:
            layout.run_on(replace(words, above=0.0) if layout.fresh else words)
        for figure in figures:
            layout.place(figure)
        layout.keep(sum(block.height for block in heads) + self._opening(0))
        for block in heads:
            layout.place(block)
        for index, row in enumerate(self._rows):
            if index and row.row.group != self._rows[index - 1].row.group:
                self._begin_group(index)
            elif index and index + 2 == len(self._rows) and not layout.fits(self._opening(index)):
                self._continue(index)  # the last row is not alone on a page
            self._place(index, row)

    def _begin_group(self, index: int) -> None:
        heads = self._group(index, repeated=False)
        if heads and not self._layout.fits(sum(head.height for head in heads) + self._opening(index)):
            self._continue()
        for head in heads:
            self._layout.place(head)

    def _continue(self, index: int | None = None) -> None:
        """Begin a page with the section's title and headings, and with the group of the row that goes on there."""
        layout = self._layout
        layout.begin_page(layout.page.landscape)
        title = layout.words(f"{self._section.title} …", _CONTINUED, below=1)
        layout.place(replace(title, colour=MUTED, kind="Artifact"))
        layout.place(replace(self._head, repeated=True))
        for head in self._group(index, repeated=True) if index is not None else []:
            layout.place(head)

    def _place(self, index: int, row: TableRow) -> None:
        """Place a row on one page; only one taller than a sixth of a page is split."""
        layout = self._layout
        if not layout.fits(row.height) and row.height <= self._unsplit:
            self._continue(index)
        fresh = False
        while not layout.fits(row.height):
            parts = row.split(layout.room)
            if parts:
                self._put(parts[0])
                row = parts[1]
            elif fresh:
                break
            self._continue(index)
            fresh = True
        self._put(row)

    def _put(self, row: TableRow) -> None:
        if row.first and row.row.anchor:
            self._layout.mark(row.row.anchor)
        self._layout.place(row)
