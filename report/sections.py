"""What the PDF, the page and the tables share: a report as sections of headings and rows of text. Data only; `report.rows` builds it.

Text is final: in the reader's language, dates and numbers formatted, nothing escaped. Renderers draw and never judge.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """A table column: its heading, its share of the width (weights, relative to the others), and whether it is right-aligned."""

    heading: str
    weight: float
    right: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A table row: one text a column. `state` picks mark and colour (a Coverage, Protection or JobState value, or "" for none);
    `anchor` is a name that links may point to; `link` the anchor this row leads to; `group` starts a new group heading when it changes.
    """

    cells: tuple[str, ...]
    state: str = ""
    anchor: str = ""
    link: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A titled table with optional sentences above it; `empty` is the sentence shown instead of a table without rows.

    `key` is stable and language-free ("guests_without_backup"); `number` is its place in report.md; `landscape` asks for wide pages.
    """

    key: str
    number: int
    title: str
    sentences: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    rows: tuple[Row, ...] = ()
    empty: str = ""
    landscape: bool = False


@dataclass(frozen=True, slots=True)
class StateCount:
    """One piece of the state bar: the state's value, its word, and how many guests are in it."""

    state: str
    word: str
    count: int


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
    """The whole report for a reader: page one, then the sections in order; `language` is "en" or "fr"."""

    language: str
    created_at: int
    front: FrontPage
    sections: tuple[Section, ...]
    page_of: str  # "page {page} of {pages}", in the reader's language
