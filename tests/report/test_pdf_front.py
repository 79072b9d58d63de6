"""Page one is one page and has all its parts, however much there is to tell; what is not whole on it is whole behind it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from importlib.resources import as_file, files
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from report.pdf.blocks import TableRow
from report.pdf.document import Document, Metadata
from report.pdf.flow import as_printed, lay_out, section_anchor
from report.pdf.front import SHORT, give_way
from report.rows.paper import build_paper
from report.sections import Column, Fewer, Paper, Row, Section
from tests import picture
from tests.report.papers import CREATED_AT, front_page
from tests.report.test_pdf_text import sample

_ZONE = ZoneInfo("Europe/Paris")
PARTS = ("changes", "worst", "unseen", "trend", "estate", "capacity")


def laid(paper: Paper) -> tuple[Paper, dict[str, int]]:
    """Given a paper, return it as it is printed, and the page of each anchor."""
    metadata = Metadata("t", paper.language, CREATED_AT, "p")
    with as_file(files("report.pdf") / "fonts") as fonts, closing(Document(metadata, fonts)) as document:
        places = {anchor: target.page for anchor, target in lay_out(document, paper).places.items()}
        return as_printed(document, paper)[0], places


def pages_of(paper: Paper) -> tuple[set[int], int]:
    """Given a paper, return the pages that page one's sections begin on, and the one that the next section begins on."""
    printed, places = laid(paper)
    begun = {places[section_anchor(section.key)] for section in printed.front.sections}
    return begun, places[section_anchor(printed.sections[0].key)]


def table(key: str, rows: Sequence[Row], least: int) -> Section:
    columns = (Column("Guest", 2), Column("Why", 5), Column("What to do", 4))
    fewer = Fewer(f"{key}_all", f"{{shown}} of {len(rows)} shown; all are in “{key}: all”.", least)
    return Section(
        key, 4, key, columns=columns, rows=tuple(rows), empty="Nothing.", stacked=key == "worst", fewer=fewer
    )


def paper_of(*tables: Section) -> Paper:
    """Given tables of page one, return a paper with them, and with all of their rows in reserve."""
    spare = tuple(replace(each, key=f"{each.key}_all", title=f"{each.key}: all", fewer=None) for each in tables)
    after = Section("guests", 8, "All guests", empty="There are no guests.")
    front = replace(front_page(), sections=tables)
    return Paper("en", CREATED_AT, front, (after,), "page {page} of {pages}", spare)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_page_one_of_a_site_where_everything_is_broken_has_all_its_parts_and_is_one_page(language: str) -> None:
    paper = build_paper(sample("with backups"), language, _ZONE, site="Rue de la Paix")
    printed, _ = laid(paper)
    assert [section.key.removesuffix("_told") for section in printed.front.sections] == list(PARTS)
    assert all(section.rows or section.key == "trend_told" for section in printed.front.sections)
    assert len(printed.front.sections[1].rows) >= 2
    assert pages_of(paper) == ({1}, 2)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_page_one_has_no_room_for_is_behind_it_and_led_to(language: str) -> None:
    paper = build_paper(sample("with backups"), language, _ZONE, site="Rue de la Paix")
    printed, places = laid(paper)
    behind = {section.key: section for section in printed.sections}
    for section, before in zip(printed.front.sections, paper.front.sections, strict=True):
        if section != before:
            assert section.more in behind
            assert section_anchor(section.more) in places
            assert behind[section.more].chart == before.chart
    for key, kept in (("changes", 7), ("unseen", 6), ("estate", 6)):
        assert (len(behind[f"{key}_all" if key != "unseen" else "method_issues"].rows)) == kept


def test_the_picture_in_the_readme_has_its_chart_and_is_one_page() -> None:
    paper = build_paper(picture.report(), "en", _ZONE, site="Rue de la Paix")
    assert any(section.chart for section in laid(paper)[0].front.sections)
    assert pages_of(paper) == ({1}, 2)


def test_a_page_one_that_has_room_is_printed_as_it_is() -> None:
    paper = paper_of(*(table(key, [Row(("web", "no job", "add it"))] * 2, 1) for key in ("worst", "unseen")))
    assert laid(paper)[0] == paper


def test_only_as_many_rows_go_as_must_and_the_sentence_tells_how_many_are_left() -> None:
    paper = paper_of(table("worst", [Row((f"web-{number}", "late " * 60, "back it up")) for number in range(20)], 4))
    printed, _ = laid(paper)
    (worst,) = printed.front.sections
    assert 4 <= len(worst.rows) < 20
    assert worst.sentences == (f"{len(worst.rows)} of 20 shown; all are in “worst: all”.",)
    one_more = replace(worst, rows=paper.front.sections[0].rows[: len(worst.rows) + 1], fewer=None)
    metadata = Metadata("t", "en", CREATED_AT, "p")
    with as_file(files("report.pdf") / "fonts") as fonts, closing(Document(metadata, fonts)) as document:
        overfull = lay_out(document, replace(paper, front=replace(paper.front, sections=(one_more,)), spare=()))
        assert any(isinstance(block, TableRow) for _, block in overfull.pages[1].blocks)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(1, 150)), min_size=5, max_size=5))
def test_page_one_is_one_page_whatever_the_tables_hold(tables: list[tuple[int, int]]) -> None:
    keys = ("changes", "worst", "unseen", "estate", "capacity")
    paper = paper_of(
        *(
            table(key, [Row((f"guest-{number}", "cause " * words, "remedy " * words)) for number in range(count)], 2)
            for key, (count, words) in zip(keys, tables, strict=True)
        )
    )
    assert pages_of(paper) == ({1}, 2)


def test_a_text_that_is_cut_on_page_one_is_whole_behind_it() -> None:
    long = "cause " * 2000
    paper = paper_of(table("worst", [Row(("web", long, "mend it"))], 4))
    printed, _ = laid(paper)
    (worst,) = printed.front.sections
    assert [len(cell) <= SHORT for cell in worst.rows[0].cells] == [True] * 3
    assert worst.rows[0].cells[1].endswith(" …")
    assert printed.sections[0].rows[0].cells[1] == long


@pytest.mark.parametrize(
    ("heights", "leasts", "excess", "left"),
    [
        ([[10, 10], [10, 10]], [1, 1], 0, [2, 2]),
        # of equals the last table
        ([[10, 10], [10, 10]], [1, 1], 5, [2, 1]),
        # the one with most rows by its least
        ([[10] * 8, [10] * 6], [4, 2], 5, [8, 5]),
        ([[10] * 8, [10] * 6], [4, 2], 45, [6, 3]),
        # never less than the least
        ([[10] * 8, [10] * 6], [4, 2], 1000, [4, 2]),
        ([[], [10]], [0, 1], 1000, [0, 1]),
    ],
)
def test_tables_give_rows_up_in_proportion(
    heights: list[list[float]], leasts: list[int], excess: float, left: list[int]
) -> None:
    assert give_way(heights, leasts, excess) == left
