"""What the PDF, the page and the tables share: a report as sections of headings and rows of text. Data only; `report.rows` builds it.

Text is final: in the reader's language, dates and numbers formatted, nothing escaped. Renderers draw and never judge.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Column:
    """A table column: its heading, its share of the width (weights, relative to the others), and whether it is right-aligned."""

    heading: str
    weight: float
    right: bool = False


@dataclass(frozen=True, slots=True)
class Strip:
    """A cell a day, oldest first: `states` are DayState values, `told` says in words how many days are in each."""

    states: tuple[str, ...]
    told: str


@dataclass(frozen=True, slots=True)
class Gauge:
    """How much of a whole is taken, from 0 to 1."""

    part: float


@dataclass(frozen=True, slots=True)
class Bullet:
    """What is there as a bar, against what is expected and, where that is known, what is promised."""

    actual: int
    expected: int
    promised: int | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """How full something was by day, and how that goes on: `points` are (days after the first, part of the whole), `line` both ends of the
    forecast in the same measure, over `days` days; None without a forecast.
    """

    points: tuple[tuple[int, float], ...]
    line: tuple[tuple[float, float], tuple[float, float]] | None
    days: float


Drawing = Strip | Gauge | Bullet | Curve


@dataclass(frozen=True, slots=True)
class Row:
    """A table row: one text a column. `state` picks mark and colour (a Coverage, Protection or JobState value, or "" for none);
    `anchor` is a name that links may point to; `link` the anchor this row leads to; `group` starts a new group heading when it changes.
    `drawings`: by the column's place, what is drawn instead of a cell's text, which says the same.
    """

    cells: tuple[str, ...]
    state: str = ""
    anchor: str = ""
    link: str = ""
    group: str = ""
    drawings: tuple[tuple[int, Drawing], ...] = ()


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """What a part of a drawing means: the state's value (or "actual", "expected", "promised" of a bullet,
    "line" of a chart, "used", "forecast" of a curve), the character that stands for
    it in text ("" where none does), and its word.
    """

    state: str
    mark: str
    word: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Stacked columns, one a day: `columns` are (days after the first, how many in each of `states`, from the bottom up), over `days` days
    with those that have no figures; `first` and `last` are the dates in words, `most` the greatest sum as text. `told` says it in words.
    `line`: another count of the same days, (days after the first, how many), drawn across the columns.
    """

    states: tuple[str, ...]
    columns: tuple[tuple[int, tuple[int, ...]], ...]
    days: int
    first: str
    last: str
    most: str
    told: str
    line: tuple[tuple[int, int], ...] = ()

    @property
    def highest(self) -> int:
        """Return what the full height stands for."""
        sums = [sum(heights) for _, heights in self.columns]
        return max([*sums, *[count for _, count in self.line]], default=0) or 1


@dataclass(frozen=True, slots=True)
class Fewer:
    """How a table tells of some of its rows only: `key` of the section that has them all, `told` the sentence that leads there, "{shown}"
    in it for how many are left, and `least`: how many stay where all of page one is to stay one page.
    """

    key: str
    told: str
    least: int


@dataclass(frozen=True, slots=True)
class Section:
    """A titled table with optional sentences above it; `empty` is the sentence shown instead of a table without rows. A chart and the
    legend of what is drawn stand between sentences and table.

    `key` is stable and language-free ("guests_without_backup"); `number` is its place in report.md; `landscape` asks for wide pages.
    `more`: where only some rows are shown, the key of the section that has them all, to which the last sentence leads. `stacked`: the last
    column, what to do, may stand below the one before it, why, where there is no room beside it. `fewer`: how a table of page one gives
    way where there is no room for it.
    """

    key: str
    number: int
    title: str
    sentences: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    rows: tuple[Row, ...] = ()
    empty: str = ""
    landscape: bool = False
    legend: tuple[LegendEntry, ...] = ()
    chart: Chart | None = None
    more: str = ""
    stacked: bool = False
    fewer: Fewer | None = None


def first_rows(section: Section, count: int) -> Section:
    """Given a section that can be shortened, return it with its first rows and the sentence that leads to all of them."""
    if section.fewer is None:
        return section
    sentences = section.sentences[:-1] if section.more else section.sentences
    told = section.fewer.told.replace("{shown}", str(count))
    return replace(section, sentences=(*sentences, told), rows=section.rows[:count], more=section.fewer.key)


@dataclass(frozen=True, slots=True)
class StateCount:
    """One piece of the state bar: the state's value, its word, how many guests are in it, and that number as text."""

    state: str
    word: str
    count: int
    shown: str


@dataclass(frozen=True, slots=True)
class FrontPage:
    """Page one: the sentence, what its denominator is, the state bar, and the sections that follow on the same page."""

    title: str
    subtitle: str
    sentence: str
    notes: tuple[str, ...]
    bar: tuple[StateCount, ...]
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class Paper:
    """The whole report for a reader: page one, then the sections in order; `language` is "en" or "fr". `spare` are sections that have all
    rows of a table of page one which shows them all itself: for paper, where that is one page and may have to show fewer.
    """

    language: str
    created_at: int
    front: FrontPage
    sections: tuple[Section, ...]
    page_of: str  # "page {page} of {pages}", in the reader's language
    spare: tuple[Section, ...] = ()


def with_sections(paper: Paper, more: Iterable[Section]) -> Paper:
    """Given a paper and more sections, return it with each of these after the others of its number or a lower one."""
    sections = list(paper.sections)
    for section in more:
        below = [place for place, other in enumerate(sections, 1) if other.number <= section.number]
        sections.insert(max(below, default=0), section)
    return replace(paper, sections=tuple(sections))
