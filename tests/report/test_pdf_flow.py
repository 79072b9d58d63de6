"""Which page a section comes to stand on: wide where it must be, and no page nearly empty for it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from importlib.resources import as_file, files

import pytest

from report.pdf.blocks import TableHead, TableRow, Words
from report.pdf.document import Document, Metadata
from report.pdf.flow import lay_out
from report.sections import Column, FrontPage, Paper, Row, Section
from tests.report.papers import CREATED_AT, front_page

_COLUMNS = (Column("Name", 1), Column("Why", 3))


def section(key: str, count: int, wide: bool = False) -> Section:
    """Given how many rows, return a section of them."""
    rows = tuple(Row((f"{key}-{number}", "a reason")) for number in range(count))
    return Section(key, 8, key, columns=_COLUMNS, rows=rows, empty="Nothing.", landscape=wide)


def pages(front: FrontPage, sections: Sequence[Section]) -> list[tuple[str, bool, list[str]]]:
    """Return for each page its number, whether it is wide, and the titles of the sections that begin on it."""
    metadata = Metadata("t", "en", CREATED_AT, "p")
    paper = Paper("en", CREATED_AT, front, tuple(sections), "page {page} of {pages}")
    with as_file(files("report.pdf") / "fonts") as fonts, closing(Document(metadata, fonts)) as document:
        laid = lay_out(document, paper).pages
    return [
        (
            str(number),
            page.landscape,
            [block.title for _, block in page.blocks if isinstance(block, Words) and block.level == 0 and block.title],
        )
        for number, page in enumerate(laid, 1)
    ][1:]


WIDE, TALL = True, False


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        # nothing is to be told before the wide table: it is told above it
        ([("none", 0, TALL), ("wide", 5, WIDE)], [(WIDE, ["none", "wide"])]),
        # too much for that
        ([("some", 25, TALL), ("wide", 5, WIDE)], [(TALL, ["some"]), (WIDE, ["wide"])]),
        # the wide page has room
        ([("wide", 5, WIDE), ("some", 5, TALL), ("next", 3, WIDE)], [(WIDE, ["wide", "some", "next"])]),
        ([("wide", 5, WIDE), ("last", 3, TALL)], [(WIDE, ["wide", "last"])]),
        # it has not
        ([("wide", 20, WIDE), ("last", 3, TALL)], [(WIDE, ["wide"]), (TALL, ["last"])]),
        (
            [("wide", 20, WIDE), ("some", 21, TALL), ("next", 3, WIDE)],
            [(WIDE, ["wide"]), (TALL, ["some"]), (WIDE, ["next"])],
        ),
        # two lines between wide tables are no page of their own
        ([("wide", 21, WIDE), ("none", 0, TALL), ("next", 3, WIDE)], [(WIDE, ["wide", "none"]), (WIDE, ["next"])]),
        # a table without rows is a sentence, which needs no wide page
        ([("some", 25, TALL), ("none", 0, WIDE), ("last", 3, TALL)], [(TALL, ["some", "none", "last"])]),
        # without wide tables there is no wide page
        ([("none", 0, TALL), ("last", 3, TALL)], [(TALL, ["none", "last"])]),
    ],
)
def test_pages_turn_only_where_they_must_and_none_is_left_nearly_empty(
    sections: list[tuple[str, int, bool]], expected: list[tuple[bool, list[str]]]
) -> None:
    found = pages(front_page(), [section(*each) for each in sections])
    assert [(wide, titles) for _, wide, titles in found] == expected


def test_what_does_not_fit_page_one_goes_on_and_the_other_sections_follow_it_on_the_same_page() -> None:
    rows = tuple(Row(("guest", "a long reason " * 20)) for _ in range(12))
    found = pages(front_page(tuple(Row((*row.cells, "what to do")) for row in rows)), [section("some", 3)])
    assert [titles for *_, titles in found] == [["some"]]


def test_what_to_do_stands_below_why_where_it_may_and_nothing_where_nothing_is_to_be_done() -> None:
    columns = (Column("Guest", 1), Column("Why", 2), Column("What to do", 2))
    rows = (Row(("web", "no job", "add it")), Row(("db", "late", "")))
    metadata = Metadata("t", "en", CREATED_AT, "p")
    told = Section("worst", 4, "Worst first", columns=columns, rows=rows, stacked=True)
    paper = Paper("en", CREATED_AT, front_page(), (told,), "page {page} of {pages}")
    with as_file(files("report.pdf") / "fonts") as fonts, closing(Document(metadata, fonts)) as document:
        blocks = [block for _, block in lay_out(document, paper).pages[-1].blocks]
    cells = [[line.text for line in block.cells[-1]] for block in blocks if isinstance(block, TableHead | TableRow)]
    assert cells == [["Why", "▸ What to do"], ["no job", "▸ add it"], ["late"]]
