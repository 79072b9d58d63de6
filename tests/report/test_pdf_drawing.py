"""The arithmetic of widths and hatching, and what is drawn: strips, bars, the trend."""

from __future__ import annotations

import io
import re
from contextlib import closing
from importlib.resources import as_file, files
from math import dist
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from report.pdf.charts import hatching
from report.pdf.columns import even_out, flatten, share
from report.pdf.document import Document, Metadata
from report.pdf.figures import CELL_HEIGHT, STRIP_WIDTH, dashes, strip_operators
from report.pdf.flow import lay_out
from report.pdf.pages import BOTTOM
from report.pdf.render import render_pdf
from report.pdf.trend import boxes_of, steps_of
from report.sections import Bullet, Chart, Column, Curve, Gauge, LegendEntry, Paper, Row, Section, Strip
from report.timeline import STRIP_DAYS, DayState
from tests.report.papers import CREATED_AT, front_page

lengths = st.floats(1, 1000)
PAIRS = st.lists(st.tuples(st.floats(0.01, 10), st.floats(0, 60)), min_size=1, max_size=12)


@given(lengths, PAIRS)
def test_parts_add_up_and_none_is_less_than_its_least(total: float, pairs: list[tuple[float, float]]) -> None:
    weights, least = [weight for weight, _ in pairs], [low for _, low in pairs]
    parts = share(total, weights, least)
    assert sum(parts) == pytest.approx(total)
    if sum(least) <= total:
        assert all(part >= low - 1e-6 for part, low in zip(parts, least, strict=True))


def test_parts_are_in_proportion_where_there_is_room() -> None:
    assert share(100, [1, 3], [5, 5]) == [25, 75]
    assert share(100, [1, 99], [20, 5]) == [20, 80]
    assert share(10, [1, 3], [20, 20]) == [5, 5]


@given(st.lists(st.tuples(st.floats(1, 200), st.floats(1, 400)), min_size=1, max_size=12))
def test_evening_out_keeps_the_sum_and_takes_nothing_that_is_needed(pairs: list[tuple[float, float]]) -> None:
    parts, needed = [part for part, _ in pairs], [need for _, need in pairs]
    result = even_out(parts, needed)
    assert sum(result) == pytest.approx(sum(parts))
    for part, need, after in zip(parts, needed, result, strict=True):
        assert after >= min(part, need) - 1e-6
        assert after <= max(part, need) + 1e-6


def test_small_lacks_are_filled_before_large_ones() -> None:
    assert even_out([100, 10, 10], [60, 15, 900]) == [60, 15, 45]


@given(st.floats(0, 500), st.floats(0, 500), st.floats(1, 500), st.floats(1, 50), st.floats(1, 10))
def test_hatching_stays_inside_its_rectangle(left: float, top: float, width: float, height: float, step: float) -> None:
    for x1, y1, x2, y2 in hatching(left, top, width, height, step):
        assert left - 1e-6 <= x1 <= x2 + 1e-6 <= left + width + 2e-6
        assert top - 1e-6 <= y2 <= y1 + 1e-6 <= top + height + 2e-6


@given(st.lists(st.tuples(st.integers(20, 200), st.integers(1, 900)), min_size=1, max_size=6))
def test_flattening_keeps_the_sum_and_the_least_and_adds_no_line(columns: list[tuple[int, int]]) -> None:
    parts, needed = [float(part) for part, _ in columns], [need for _, need in columns]

    def lines(place: int, part: float) -> list[int]:
        return [-(-needed[place] // max(1, int(part))), 1]

    flat = flatten(parts, [20.0] * len(parts), lines, 8.0)
    assert sum(flat) == pytest.approx(sum(parts))
    assert min(flat) >= 20
    assert max(lines(i, part)[0] for i, part in enumerate(flat)) <= max(
        lines(i, part)[0] for i, part in enumerate(parts)
    )


def rectangles(operators: str) -> list[tuple[float, float, float, float]]:
    found = re.findall(r"([\d.]+) ([\d.]+) ([\d.]+) ([\d.]+) re", operators)
    return [(float(x), float(y), float(width), float(height)) for x, y, width, height in found]


@given(st.lists(st.sampled_from(DayState), min_size=1, max_size=STRIP_DAYS).map(tuple))
def test_every_day_of_a_strip_is_drawn_inside_it(days: tuple[DayState, ...]) -> None:
    drawn = rectangles(strip_operators(days))
    assert len(drawn) >= len(days)
    for left, bottom, width, height in drawn:
        assert left + width <= STRIP_WIDTH + 0.01
        assert 0 <= bottom <= bottom + height <= CELL_HEIGHT + 0.01


def test_states_of_a_day_differ_by_shape_and_not_by_colour_alone() -> None:
    assert len({tuple(rectangles(strip_operators((state,)))) for state in DayState}) == len(DayState)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=90))
def test_columns_of_the_trend_stand_on_the_ground_and_inside_the_chart(counts: list[tuple[int, int]]) -> None:
    chart = Chart(("good", "bad"), tuple(enumerate(counts)), len(counts), "a", "b", "50", "told")
    boxes = boxes_of(chart, 10, 20, 300, 60)
    assert [len(boxes[state]) for state in chart.states] == [sum(1 for pair in counts if pair[i]) for i in (0, 1)]
    for left, top, width, height in (box for state in boxes.values() for box in state):
        assert 10 <= left <= left + width <= 310.01
        assert 19.99 <= top <= top + height <= 80.01
    assert all(top + height == pytest.approx(80) for _, top, _, height in boxes["good"])


@given(st.dictionaries(st.integers(0, 89), st.integers(0, 60), min_size=1))
def test_the_line_of_the_trend_crosses_each_day_and_joins_only_days_side_by_side(counts: dict[int, int]) -> None:
    line = tuple(sorted(counts.items()))
    chart = Chart(("good",), ((0, (50,)),), 90, "a", "b", "60", "told", line)
    steps = list(steps_of(chart, 10, 20, 90, 60))
    across = [(start, end) for start, end in steps if start[0] != end[0]]
    joined = [(start, end) for start, end in steps if start[0] == end[0]]
    assert [round(start[0]) - 10 for start, _ in across] == [day for day, _ in line]
    assert all(start[1] == end[1] and end[0] - start[0] == pytest.approx(1) for start, end in across)
    assert len(joined) == sum(1 for day in counts if day - 1 in counts)
    assert all(19.99 <= place[1] <= 80.01 for step in steps for place in step)


@given(*[st.tuples(st.floats(0, 500), st.floats(0, 500)) for _ in range(2)])
def test_dashes_lie_on_their_line_and_leave_gaps(start: tuple[float, float], end: tuple[float, float]) -> None:
    length = dist(start, end)
    drawn = list(dashes(start, end))
    assert drawn[0][0] == pytest.approx(start)
    for first, last in drawn:
        assert dist(start, first) + dist(first, last) + dist(last, end) == pytest.approx(length, abs=1e-3)
    if length > 20:
        assert 0.5 * length < sum(dist(*dash) for dash in drawn) < 0.8 * length


CHART = Chart(("protected", "unknown"), ((0, (3, 1)), (6, (4, 0))), 7, "1 Oct", "7 Oct", "4", "Protected: 3, then 4.")


CURVE = Curve(((0, 0.25), (9, 0.5)), ((9.0, 0.5), (27.0, 1.0)), 27)


def drawn_paper(days: tuple[DayState, ...]) -> Paper:
    strip = Strip(days, "backup 28")
    guests = Section(
        "guests",
        8,
        "All guests",
        columns=(Column("Name", 1), Column("Days", 1), Column("Filled", 1), Column("Versions", 1)),
        rows=(
            Row(("web-1", "■" * 28, "40%", "7 / 8 / 9"), drawings=((1, strip), (2, Gauge(0.4)), (3, Bullet(7, 8, 9)))),
            Row(("web-2", "■" * 28, "unknown", "0 / 0"), drawings=((1, strip), (3, Bullet(0, 0)))),
            Row(("web-3", "", "not told", "none")),
            Row(("store", "", "", "half full"), drawings=((3, CURVE),)),
        ),
        legend=(LegendEntry("backup", "■", "a backup was made"), LegendEntry("promised", "", "was promised")),
    )
    trend = Section("trend", 2, "Trend", (CHART.told,), legend=(LegendEntry("protected", "", "good"),), chart=CHART)
    return Paper("en", CREATED_AT, front_page(), (trend, guests), "page {page} of {pages}")


def test_what_is_drawn_can_be_read_in_its_place_and_the_next_text_has_its_own_size() -> None:
    reader = PdfReader(io.BytesIO(render_pdf(drawn_paper((DayState.BACKUP,) * 28))))
    text = reader.pages[1].extract_text()
    for cell in (
        "■" * 28,
        "40%",
        "7 / 8 / 9",
        "0 / 0",
        "not told",
        "half full",
        "a backup was made",
        "was promised",
        "1 Oct",
        "7 Oct",
    ):
        assert cell in text
    contents = reader.pages[1].get_contents()
    assert contents is not None
    operators = contents.get_data().decode("latin-1")
    assert operators.count("3 Tr") == operators.count("0 Tr") == 5
    after = operators[operators.rindex("0 Tr") :]
    assert re.search(r"/F\d+ (8|7\.5)\.?0* Tf", after)


def test_the_trend_is_a_figure_that_says_in_words_what_it_shows() -> None:
    data = render_pdf(drawn_paper((DayState.GONE,) * 28))
    tree: Any = PdfReader(io.BytesIO(data)).root_object["/StructTreeRoot"]
    elements = [kid.get_object() for kid in tree["/K"][0]["/K"]]
    figures = [element for element in elements if element["/S"] == "/Figure"]
    assert [figure["/Alt"] for figure in figures] == [CHART.told]


def test_a_section_that_is_only_a_chart_says_no_dash() -> None:
    text = PdfReader(io.BytesIO(render_pdf(drawn_paper(())))).pages[1].extract_text()
    assert "–" not in text


@pytest.mark.parametrize("rows", [70, 400])
def test_a_word_that_one_row_alone_has_is_kept_whole_however_many_rows_there_are(rows: int) -> None:
    kinds = [*["VM"] * (rows - 1), "template"]
    table = tuple(Row((kind, "because of this " * 12)) for kind in kinds)
    section = Section("a", 8, "A", columns=(Column("C", 0.01), Column("Why", 9)), rows=table)
    pages = PdfReader(io.BytesIO(render_pdf(Paper("en", CREATED_AT, front_page(), (section,), "")))).pages
    assert "template" in pages[-1].extract_text()


def test_what_goes_on_of_a_row_on_another_page_is_told_by_dots() -> None:
    rows = (Row(("first", "word " * 3000)), Row(("second", "why")))
    section = Section("a", 8, "A", columns=(Column("Name", 1), Column("Why", 2)), rows=rows)
    pages = PdfReader(io.BytesIO(render_pdf(Paper("en", CREATED_AT, front_page(), (section,), "")))).pages
    assert ["first" in page.extract_text() for page in pages[1:3]] == [True, False]
    assert "…" in pages[2].extract_text().replace("A …", "")


def test_words_of_a_column_of_states_are_kept_whole_where_there_is_room() -> None:
    columns = tuple(Column(f"C{number}", 4 if number else 0.2) for number in range(8))
    rows = tuple(Row(("unprotected", *[f"text {row} of column {place}" for place in range(7)])) for row in range(50))
    section = Section("guests", 8, "All guests", columns=columns, rows=rows, landscape=True)
    pages = PdfReader(
        io.BytesIO(render_pdf(Paper("en", CREATED_AT, front_page(), (section,), "page {page} of {pages}")))
    ).pages
    assert sum(page.extract_text().count("unprotected") for page in pages) == 50


@pytest.mark.parametrize("words", [20, 60, 120, 200])
def test_a_row_that_is_moved_whole_leaves_little_of_a_page_empty(words: int) -> None:
    rows = tuple(Row((f"guest {number}", "reason " * words)) for number in range(12))
    section = Section("worst", 4, "Worst first", columns=(Column("Guest", 1), Column("Why", 2)), rows=rows)
    made = Paper("en", CREATED_AT, front_page(), (section,), "page {page} of {pages}")
    metadata = Metadata("t", "en", CREATED_AT, "p")
    with as_file(files("report.pdf") / "fonts") as fonts, closing(Document(metadata, fonts)) as document:
        layout = lay_out(document, made)
    for page in layout.pages[1:-1]:
        top, last = page.blocks[-1]
        assert page.height - BOTTOM - (top + last.height) < layout.whole / 6 + 1
