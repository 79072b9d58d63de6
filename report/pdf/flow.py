"""Which block goes where: a Paper laid out on pages before a line is drawn, so that page numbers and links are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from report.pdf.blocks import GroupHead, TableHead, TableRow, Words
from report.pdf.charts import StateBar, key_of
from report.pdf.document import Document
from report.pdf.figures import Legend
from report.pdf.front import fitted
from report.pdf.pages import MARGIN, Layout
from report.pdf.palette import MUTED
from report.pdf.table import CELL, PAGES, Table
from report.pdf.trend import TrendChart
from report.pdf.typography import Style
from report.sections import Column, FrontPage, Paper, Section

_TITLE = Style(20, bold=True)
_SUBTITLE = Style(9)
_SENTENCE = Style(12, bold=True)
_NOTES = Style(8)
_BODY = Style(9)
_SECTION = Style(14, bold=True)
_FRONT_SECTION = Style(10.5, bold=True)
_CONTINUED = Style(8, bold=True)

_BETWEEN = 9.0  # a heading and the sentence on its line
_FEW_ROWS = 20
STEP = "▸"
"""Before what to do, where that stands below why."""


def lay_out(document: Document, paper: Paper) -> Layout:
    """Given a paper, return its pages: page one with its sections, then the others; those that need wide pages are on such pages, and so
    are those between them that would leave pages nearly empty.
    """
    printed, layout = as_printed(document, paper)
    for number, section in enumerate(printed.sections):
        landscape = _is_wide(section) or _stays_wide(layout, printed.sections[number:])
        if len(layout.pages) == 1 or landscape is not layout.page.landscape:
            layout.begin_page(landscape)
        _section(layout, section, _SECTION, level=0)
    return layout


def as_printed(document: Document, paper: Paper) -> tuple[Paper, Layout]:
    """Given a paper, return it with what has room on page one and what has not behind it, and its page one laid out."""

    def on_one_page(front: FrontPage) -> Layout:
        layout = Layout(document, endless=True)
        _front(layout, front)
        return layout

    printed, layout = fitted(paper, on_one_page)
    layout.endless = False
    if layout.room < 0:
        layout = Layout(document)
        _front(layout, printed.front)
    return printed, layout


def _stays_wide(layout: Layout, sections: Sequence[Section]) -> bool:
    """Given the sections to come, the first of which needs no wide page, tell whether it stands on one all the same: where the page is wide
    and not half full, or where it and those before the next wide one are so little that they are no page of their own.
    """
    page = layout.page
    if page.landscape and layout.room > layout.whole / 2:
        return True
    if not page.landscape and len(layout.pages) > 1:
        return False
    some = list(takewhile(lambda section: not _is_wide(section), sections))
    return len(some) < len(sections) and _is_little(layout.document, some)


def _is_wide(section: Section) -> bool:
    """Tell whether a section needs a wide page; a table without rows is a sentence."""
    return section.landscape and bool(section.rows)


def _is_little(document: Document, sections: Sequence[Section]) -> bool:
    """Tell whether sections fill less than half of a wide page together."""
    if sum(len(section.rows) for section in sections) > _FEW_ROWS:
        return False
    tried = Layout(document)
    tried.begin_page(landscape=True)
    for section in sections:
        _section(tried, section, _SECTION, level=0)
    return len(tried.pages) == 1 and tried.room > tried.whole / 2


def _front(layout: Layout, front: FrontPage) -> None:
    layout.begin_page(landscape=False)
    title = layout.words(front.title, _TITLE, below=2)
    layout.run_on(replace(title, kind="H1", title=layout.document.bold.visible(front.title)))
    layout.run_on(replace(layout.words(front.subtitle, _SUBTITLE, below=9), colour=MUTED))
    layout.run_on(layout.words(front.sentence, _SENTENCE, below=8))
    if front.bar:
        bar = StateBar(front.bar, MARGIN, layout.width, key_of(layout.document, front.bar, layout.width))
        layout.keep(bar.height)
        layout.place(bar)
    if front.notes:
        layout.run_on(replace(layout.words(" ".join(front.notes), _NOTES), colour=MUTED))
    for section in front.sections:
        _section(layout, section, _FRONT_SECTION, level=1)


def _section(layout: Layout, section: Section, style: Style, level: int) -> None:
    """Place a section: heading, sentences, then its table, or the sentence that stands for an empty one."""
    heading = replace(
        layout.words(section.title, style, below=3),
        above=0.0 if layout.fresh else style.size * (0.9 if level else 1.2),
        kind="H2",
        title=layout.document.bold.visible(section.title),
        level=level,
        anchor=section_anchor(section.key),
    )
    texts = [replace(layout.words(sentence, _BODY, below=3), colour=MUTED) for sentence in section.sentences]
    if section.more and texts:
        # a chart that is elsewhere is told of as it is there
        together = layout.words(" ".join(section.sentences), _BODY if section.rows else _NOTES, 3, PAGES)
        texts = [replace(together, colour=MUTED, link=section_anchor(section.more))]
        if len(section.sentences) == 1 and level:
            heading, texts = _on_one_line(layout, heading, texts[0])
    figures: list[Legend | TrendChart] = []
    if section.chart:
        texts = [replace(layout.words(" ".join(section.sentences), _NOTES, below=3), colour=MUTED)]
        figures.append(TrendChart(section.chart, MARGIN, layout.width))
    if section.legend:
        figures.append(Legend.of(layout.document, section.legend, MARGIN, layout.width))
    if section.rows and section.columns:
        _Rows(layout, section).flow([heading, *texts], figures)
        return
    if figures:
        layout.keep(sum(block.height for block in (heading, *texts, *figures)))
    elif section.empty or not (texts or heading.beside):
        texts.append(layout.words(section.empty or "–", _BODY, below=3))
    layout.keep(heading.height + min(sum(words.height for words in texts[:1]), 4 * _BODY.leading))
    for words in (heading, *texts):
        layout.run_on(replace(words, above=0.0) if layout.fresh else words)
    for figure in figures:
        layout.place(figure)


def _on_one_line(layout: Layout, heading: Words, told: Words) -> tuple[Words, list[Words]]:
    """Given a heading and the only sentence below it, return it with the sentence on the same line where there is room for both."""
    left = heading.left + heading.lines[-1].width + _BETWEEN
    if len(heading.lines) > 1 or len(told.lines) > 1 or left + told.lines[0].width + PAGES > MARGIN + layout.width:
        return heading, [told]
    return replace(heading, beside=replace(told, left=left)), []


def section_anchor(key: str) -> str:
    """Given a section's key, return the anchor of its heading."""
    return f"section:{key}"


def _stacked(section: Section) -> Section:
    """Return a section with its last column below the one before it."""
    *columns, why, remedy = section.columns
    rows = []
    for row in section.rows:
        *cells, reason, step = row.cells
        rows.append(replace(row, cells=(*cells, f"{reason}\n{STEP} {step}" if step else reason)))
    both = Column(f"{why.heading}\n{STEP} {remedy.heading}", why.weight + remedy.weight)
    return replace(section, columns=(*columns, both), rows=tuple(rows))


class _Rows:
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
        """Return the height that a heading above this row must find below itself: two rows, of a row that may be split its first lines."""
        return sum(
            row.height if row.height <= self._unsplit else 4 * CELL.leading for row in self._rows[index : index + 2]
        )

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
