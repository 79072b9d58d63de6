"""Which block goes where: a Paper laid out on pages before a line is drawn, so that page numbers and links are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from report.pdf.blocks import Block, GroupHead, TableHead, TableRow, Words
from report.pdf.charts import StateBar, key_of
from report.pdf.document import Document, Target
from report.pdf.figures import Legend
from report.pdf.palette import MUTED
from report.pdf.table import CELL, Table
from report.pdf.trend import TrendChart
from report.pdf.typography import Style
from report.sections import FrontPage, Paper, Section

MARGIN = 42.0
BOTTOM = 50.0
_A4 = (595.28, 841.89)

_TITLE = Style(20, bold=True)
_SUBTITLE = Style(9)
_SENTENCE = Style(13, bold=True)
_BODY = Style(9)
_SECTION = Style(14, bold=True)
_FRONT_SECTION = Style(11, bold=True)
_CONTINUED = Style(8, bold=True)


@dataclass(frozen=True, slots=True)
class Page:
    """A page to be: its orientation, and the blocks on it with their tops."""

    landscape: bool
    blocks: list[tuple[float, Block]] = field(default_factory=list)

    @property
    def width(self) -> float:
        """Return the width in points."""
        return _A4[1] if self.landscape else _A4[0]

    @property
    def height(self) -> float:
        """Return the height in points."""
        return _A4[0] if self.landscape else _A4[1]


class Layout:
    """Pages being filled from the top. `places` tells where each anchor came to lie."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.pages: list[Page] = []
        self.places: dict[str, Target] = {}
        self._top = MARGIN

    @property
    def page(self) -> Page:
        """Return the page being filled."""
        return self.pages[-1]

    @property
    def width(self) -> float:
        """Return the width between the margins."""
        return self.page.width - 2 * MARGIN

    @property
    def room(self) -> float:
        """Return the height left on the page."""
        return self.page.height - BOTTOM - self._top

    @property
    def whole(self) -> float:
        """Return the height of an empty page."""
        return self.page.height - BOTTOM - MARGIN

    @property
    def fresh(self) -> bool:
        """Tell whether nothing stands on the page yet."""
        return not self.page.blocks

    def begin_page(self, landscape: bool) -> None:
        """Begin a page."""
        self.pages.append(Page(landscape))
        self._top = MARGIN

    def place(self, block: Block) -> None:
        """Put a block below what is there, whether or not it fits."""
        self.page.blocks.append((self._top, block))
        self._top += block.height

    def keep(self, height: float) -> None:
        """Begin a new page where that much does not fit on this one."""
        if height > self.room and not self.fresh:
            self.begin_page(self.page.landscape)

    def mark(self, anchor: str) -> None:
        """Remember that what comes next is what this anchor names; the first of two alike counts."""
        self.places.setdefault(anchor, Target(len(self.pages), self._top, self.page.height))

    def words(self, text: str, style: Style, below: float = 0.0) -> Words:
        """Given a text, break it into lines as wide as the page."""
        return Words(self.document.face(style).wrap(text, style.size, self.width), style, MARGIN, below=below)

    def run_on(self, words: Words) -> None:
        """Place running text; lines that do not fit go on new pages."""
        while words.height - words.below > self.room:
            count = int((self.room - words.above) / words.style.leading)
            if count > 0:
                self.place(replace(words, lines=words.lines[:count], below=0.0))
                words = replace(words, lines=words.lines[count:], above=0.0, title="")
            self.begin_page(self.page.landscape)
        self.place(words)


def lay_out(document: Document, paper: Paper) -> Layout:
    """Given a paper, return its pages: page one with its sections, then the others, beginning a page where the orientation changes."""
    layout = Layout(document)
    _front(layout, paper.front)
    for number, section in enumerate(paper.sections):
        if number == 0 or section.landscape is not layout.page.landscape:
            layout.begin_page(section.landscape)
        _section(layout, section, _SECTION, level=0)
    return layout


def _front(layout: Layout, front: FrontPage) -> None:
    layout.begin_page(landscape=False)
    title = layout.words(front.title, _TITLE, below=2)
    layout.run_on(replace(title, kind="H1", title=layout.document.bold.visible(front.title)))
    layout.run_on(replace(layout.words(front.subtitle, _SUBTITLE, below=18), colour=MUTED))
    layout.run_on(layout.words(front.sentence, _SENTENCE, below=11))
    bar = StateBar(front.bar, MARGIN, layout.width, key_of(layout.document, front.bar, layout.width))
    layout.keep(bar.height)
    layout.place(bar)
    for note in front.notes:
        layout.run_on(replace(layout.words(note, _BODY, below=2), colour=MUTED))
    for section in front.sections:
        _section(layout, section, _FRONT_SECTION, level=1)


def _section(layout: Layout, section: Section, style: Style, level: int) -> None:
    """Place a section: heading, sentences, then its table, or the sentence that stands for an empty one."""
    heading = replace(
        layout.words(section.title, style, below=3),
        above=0.0 if layout.fresh else style.size * 1.5,
        kind="H2",
        title=layout.document.bold.visible(section.title),
        level=level,
    )
    texts = [replace(layout.words(sentence, _BODY, below=3), colour=MUTED) for sentence in section.sentences]
    figures: list[Legend | TrendChart] = []
    if section.chart:
        figures.append(TrendChart(section.chart, MARGIN, layout.width))
    if section.legend:
        figures.append(Legend.of(layout.document, section.legend, MARGIN, layout.width))
    if section.rows and section.columns:
        _Rows(layout, section).flow([heading, *texts], figures)
        return
    if figures:
        layout.keep(sum(block.height for block in (heading, *texts, *figures)))
    elif section.empty or not texts:
        texts.append(layout.words(section.empty or "–", _BODY, below=3))
    layout.keep(heading.height + min(texts[0].height, 4 * _BODY.leading))
    for words in (heading, *texts):
        layout.run_on(replace(words, above=0.0) if layout.fresh else words)
    for figure in figures:
        layout.place(figure)


class _Rows:
    """A section's table flowing over pages; title, headings and group are repeated on each."""

    def __init__(self, layout: Layout, section: Section) -> None:
        self._layout = layout
        self._section = section
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
        if heads and sum(head.height for head in heads) + self._opening(index) > self._layout.room:
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
        if layout.room < row.height <= self._unsplit:
            self._continue(index)
        fresh = False
        while row.height > layout.room:
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
