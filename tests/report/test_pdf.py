"""The PDF as readers, viewers and checkers find it."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader
from pypdf.generic import Destination, DictionaryObject

from report.model.guests import Coverage, Protection
from report.model.jobs import JobState
from report.pdf.blocks import GroupHead, TableHead, TableRow, Words
from report.pdf.document import Document, Metadata, visual_order
from report.pdf.flow import lay_out
from report.pdf.pages import BOTTOM, Layout
from report.pdf.palette import LOOKS, look_of
from report.pdf.render import render_pdf
from report.pdf.table import CELL, NARROWEST
from report.sections import Column, Paper, Row, Section
from tests.report.papers import CREATED_AT, front_page, guest_row, guest_section, job_section, paper
from tests.tools import require


def read(data: bytes) -> PdfReader:
    """Given a PDF, return it opened; strict, so that every flaw that pypdf sees is an error."""
    return PdfReader(io.BytesIO(data), strict=True)


def squeezed(text: str) -> str:
    """Given a text, return it without blanks, so that where lines were broken does not matter."""
    return "".join(text.split())


def texts(data: bytes) -> list[str]:
    """Given a PDF, return each page's text without blanks."""
    return [squeezed(page.extract_text()) for page in read(data).pages]


def paper_of(*rows: Row, columns: tuple[Column, ...], landscape: bool = False) -> Paper:
    """Given rows, return a paper with one section of them."""
    section = Section("sample", 8, "Sample", (), columns, rows, "Nothing.", landscape)
    return Paper("en", CREATED_AT, front_page(), (section,), "page {page} of {pages}")


def cell(text: str) -> Paper:
    """Given a cell's text, return a paper with it, among others and right-aligned too."""
    columns = (Column("Name", 2), Column("Number", 1, right=True), Column("Note", 3))
    return paper_of(Row((text, text, "note"), group=text[:40]), Row(("name", "1", text)), columns=columns)


@contextmanager
def opened() -> Iterator[Document]:
    """Open an empty document."""
    with (
        as_file(files("report.pdf") / "fonts") as fonts,
        closing(Document(Metadata("t", "en", CREATED_AT, "p"), fonts)) as document,
    ):
        yield document


@pytest.fixture(scope="module", name="document")
def one_document() -> Iterator[Document]:
    with opened() as document:
        yield document


@pytest.fixture(scope="module")
def sixty() -> bytes:
    return render_pdf(paper(60), producer="vzcover 1.2.3", subject="Cluster main")


# --- the file -----------------------------------------------------------------------------------------------------


def test_the_same_paper_gives_the_same_bytes(sixty: bytes) -> None:
    assert render_pdf(paper(60), producer="vzcover 1.2.3", subject="Cluster main") == sixty


def test_another_process_gives_the_same_bytes_whatever_its_hash_seed_and_zone() -> None:
    script = (
        "import hashlib; from report.pdf.render import render_pdf; from tests.report.test_pdf import cell;"
        "print(hashlib.sha256(render_pdf(cell('émilie → 数据库'))).hexdigest())"
    )
    sums = set()
    for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo")):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone}
        root = Path(__file__).resolve().parents[2]
        command = [sys.executable, "-c", script]
        sums.add(subprocess.run(command, env=environment, cwd=root, check=True, capture_output=True, text=True).stdout)
    assert len(sums) == 1


def test_another_instant_gives_other_bytes_of_the_same_length() -> None:
    one, other = render_pdf(paper(5)), render_pdf(replace(paper(5), created_at=CREATED_AT + 1))
    assert one != other
    assert len(one) == len(other)


def test_properties_name_title_language_date_and_producer(sixty: bytes) -> None:
    reader = read(sixty)
    assert reader.metadata is not None
    assert reader.metadata.title == "Backup coverage"
    assert reader.metadata.producer == "vzcover 1.2.3"
    assert reader.metadata.subject == "Cluster main"
    assert reader.metadata.creation_date is not None
    assert reader.metadata.creation_date.timestamp() == CREATED_AT
    assert str(reader.root_object["/Lang"]) == "en"
    preferences: Any = reader.root_object["/ViewerPreferences"]
    assert preferences["/DisplayDocTitle"]


def test_qpdf_finds_no_fault(tmp_path: Path) -> None:
    qpdf = require("qpdf")
    for name, data in {
        "sixty": render_pdf(paper(60)),
        "foreign": render_pdf(cell("émilie → 数据库 🚀 שלום")),
        "none": render_pdf(paper(0)),
    }.items():
        path = tmp_path / f"{name}.pdf"
        path.write_bytes(data)
        answer = subprocess.run([qpdf, "--check", str(path)], capture_output=True, text=True, check=False)
        assert answer.returncode == 0, answer.stdout + answer.stderr


def test_poppler_draws_every_page_and_complains_of_none(tmp_path: Path) -> None:
    pdftoppm = require("pdftoppm")
    path = tmp_path / "paper.pdf"
    path.write_bytes(render_pdf(replace(cell("émilie → 数据库"), language="fr")))
    command = [pdftoppm, "-r", "30", "-png", str(path), str(tmp_path / "page")]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert answer.stderr == ""
    pictures = list(tmp_path.glob("page-*.png"))
    assert len(pictures) == len(read(path.read_bytes()).pages)
    assert all(picture.stat().st_size > 500 for picture in pictures)


def test_no_page_holds_a_raster_image(sixty: bytes) -> None:
    assert not any(page.images for page in read(sixty).pages)


def test_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        render_pdf(cell("émilie → 数据库 🚀 \x07 ไทย"))
    assert caplog.records == []


def test_the_fallback_font_is_embedded_only_where_it_is_needed(sixty: bytes) -> None:
    assert b"DroidSansFallback" not in sixty
    assert b"DroidSansFallback" in render_pdf(cell("数据库"))


@pytest.mark.parametrize("name", ["LICENSE-DejaVu.txt", "LICENSE-DroidSansFallback.txt"])
def test_each_font_has_its_licence_beside_it(name: str) -> None:
    text = (files("report.pdf") / "fonts" / name).read_text()
    assert "Copyright" in text or "copyright" in text


def test_ten_thousand_guests_cost_less_than_eight_seconds() -> None:
    sample = paper(10_000)
    before = time.process_time()
    data = render_pdf(sample)
    assert time.process_time() - before < 8
    assert 200 < len(read(data).pages) < 450


# --- pages --------------------------------------------------------------------------------------------------------


def test_every_cell_is_on_paper(sixty: bytes) -> None:
    everything = "".join(texts(sixty))
    for section in (*paper(60).front.sections, *paper(60).sections):
        for row in section.rows:
            for text in row.cells:
                assert squeezed(text) in everything, text


def test_page_one_has_the_sentence_and_the_bar_with_every_word_and_count(sixty: bytes) -> None:
    first = texts(sixty)[0]
    assert squeezed(paper(60).front.sentence) in first
    for piece in paper(60).front.bar:
        assert squeezed(f"{piece.count} {piece.word}") in first


def test_each_page_tells_its_number_and_how_many_there_are(sixty: bytes) -> None:
    pages = texts(sixty)
    for number, text in enumerate(pages, start=1):
        assert f"page{number}of{len(pages)}" in text


def test_pages_are_a4_and_wide_where_a_section_asks_for_it(sixty: bytes) -> None:
    sizes = [(round(page.mediabox.width), round(page.mediabox.height)) for page in read(sixty).pages]
    assert sizes[0] == (595, 842)
    assert set(sizes[1:]) == {(842, 595)}


@pytest.mark.parametrize("landscape", [False, True])
def test_title_and_headings_stand_on_each_page_of_a_table(landscape: bool) -> None:
    pages = texts(
        render_pdf(paper_of(*map(guest_row, range(200)), columns=guest_section(1).columns, landscape=landscape))
    )
    assert len(pages) > 4
    for text in pages[1:]:
        assert "Sample" in text
        assert squeezed("Guest ID Type Node Pool Coverage Jobs Why") in text


def test_page_one_stays_one_page_and_sections_begin_on_the_next() -> None:
    assert [len(texts(render_pdf(paper(count, landscape=False)))) for count in (0, 5)] == [2, 2]


@pytest.mark.parametrize("count", range(25, 60, 3))
def test_no_heading_stands_without_two_rows_below(document: Document, count: int) -> None:
    front = guest_section(count, landscape=False)
    layout = lay_out(document, paper(0, front, guest_section(3, False), job_section(), landscape=False))
    for page in layout.pages:
        kinds = [type(block) for _, block in page.blocks]
        for number, (_, block) in enumerate(page.blocks):
            below = kinds[number + 1 :]
            if isinstance(block, GroupHead) and not block.repeated:
                assert below[:2] == [TableRow, TableRow]
            elif isinstance(block, TableHead):
                assert TableRow in below[:2]
            elif isinstance(block, Words) and block.title:
                assert TableRow in below or Words in below[:1]


@pytest.mark.parametrize("count", range(20, 60))
def test_no_row_of_a_table_stands_alone_on_its_last_page(document: Document, count: int) -> None:
    rows = tuple(replace(guest_row(number), group="") for number in range(count))
    layout = lay_out(document, paper_of(*rows, columns=guest_section(1).columns, landscape=True))
    assert len([block for _, block in layout.pages[-1].blocks if isinstance(block, TableRow)]) > 1


def test_a_section_without_rows_shows_its_sentence_and_no_headings() -> None:
    empty = Section("jobs", 11, "Backup jobs", (), (Column("Schedule", 1),), (), "There are no backup jobs.")
    text = texts(render_pdf(replace(paper(0), sections=(empty,))))[1]
    assert squeezed("Backup jobs There are no backup jobs.") in text
    assert "Schedule" not in text


def test_a_section_without_rows_and_without_a_sentence_says_so_with_a_dash() -> None:
    text = texts(render_pdf(replace(paper(0), sections=(Section("x", 1, "Nothing here"),))))[1]
    assert "Nothinghere–" in text


def test_a_note_longer_than_a_page_goes_on_and_loses_nothing() -> None:
    words = [f"word{number}" for number in range(3000)]
    row = Row(("a", " ".join(words)), "unknown")
    columns = (Column("Name", 1), Column("Note", 2))
    data = render_pdf(paper_of(guest_like(row), row, guest_like(row), columns=columns))
    assert len(read(data).pages) > 3
    found = "".join(texts(data)[1:])
    assert all(word in found for word in words)


def guest_like(row: Row) -> Row:
    """Given a row, return a short one of as many cells."""
    return Row(("short",) * len(row.cells))


def test_a_row_with_a_cell_too_many_is_an_error_that_names_it() -> None:
    with pytest.raises(ValueError, match=r"'b'.* 2 cells, its section has 1 columns"):
        render_pdf(paper_of(Row(("a", "b")), columns=(Column("One", 1),)))


# --- links and bookmarks ------------------------------------------------------------------------------------------


def links(data: bytes) -> list[tuple[int, int, float]]:
    """Given a PDF, return each link as page, page that it leads to (both from 0), and height there from the bottom."""
    reader = read(data)
    places = []
    for number, page in enumerate(reader.pages):
        for annotation in page.get("/Annots") or []:
            target = annotation.get_object()["/Dest"]
            to = reader.get_page_number(target[0].get_object())
            assert to is not None
            places.append((number, to, float(target[3])))
    return places


def test_rows_of_page_one_lead_to_the_rows_they_speak_of(document: Document) -> None:
    sample = paper(60)
    linked = [row.link for row in sample.front.sections[0].rows]
    assert len(linked) == 6
    found = links(render_pdf(sample))
    layout = lay_out(document, sample)
    expected = [
        (0, layout.places[name].page - 1, layout.places[name].page_height - layout.places[name].top) for name in linked
    ]
    assert [(page, to) for page, to, _ in found] == [(page, to) for page, to, _ in expected]
    assert [height for *_, height in found] == pytest.approx([height for *_, height in expected], abs=0.1)


def test_the_page_that_a_link_leads_to_is_printed_beside_it(sixty: bytes) -> None:
    first = texts(sixty)[0]
    for _, to, _ in links(sixty):
        assert f"→{to + 1}" in first


def test_a_link_to_nothing_is_not_drawn() -> None:
    assert links(render_pdf(paper_of(Row(("a",), link="nowhere"), columns=(Column("One", 1),)))) == []


def outline(reader: PdfReader) -> list[tuple[int, str, int]]:
    """Given a PDF, return its bookmarks as level, title and page (from 1)."""
    found: list[tuple[int, str, int]] = []

    def walk(items: list[object], level: int) -> None:
        for item in items:
            if isinstance(item, list):
                walk(item, level + 1)
            elif isinstance(item, Destination):
                found.append((level, str(item.title), (reader.get_destination_page_number(item) or 0) + 1))

    walk(list(reader.outline), 0)
    return found


def test_bookmarks_lead_to_page_one_its_sections_the_others_and_their_groups(sixty: bytes) -> None:
    assert outline(read(sixty)) == [
        (0, "Backup coverage", 1),
        (1, "Worst first", 1),
        (1, "What could not be seen", 1),
        (0, "All guests", 2),
        (1, "main → production", 2),
        (1, "main → staging", 2),
        (1, "main → no pool", 3),
        (0, "Backup jobs", 4),
    ]


def test_headings_and_rows_are_tagged_for_readers_that_speak(sixty: bytes) -> None:
    reader = read(sixty)
    tree = reader.root_object["/StructTreeRoot"]
    assert isinstance(tree, DictionaryObject)
    top: Any = tree["/K"]
    elements = [kid.get_object() for kid in top[0]["/K"]]
    kinds = [element["/S"] for element in elements]
    assert kinds.count("/H1") == 1
    assert kinds.count("/H2") == 4
    assert kinds.count("/H3") == 3
    assert kinds.count("/P") > 60 + 4
    for page in reader.pages:
        marked = [element["/K"][0] for element in elements if element.raw_get("/Pg") == page.indirect_reference]
        contents = page.get_contents()
        assert contents is not None
        assert marked == list(range(contents.get_data().count(b" BDC\n")))


# --- any text -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["émilie → 数据库", "プロダクション", "데이터베이스", "Ελλάς Київ ✓ ✗", "A\u030angstro\u0308m", "{nb}", "(a\\b)"],
)
def test_names_in_many_scripts_are_printed_and_can_be_copied(name: str) -> None:
    assert squeezed(unicodedata.normalize("NFC", name)) in texts(render_pdf(cell(name)))[1]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rocket 🚀", "rocket[U+1F680]"),
        ("bell \x07 nul \x00", "bell[U+0007]nul[U+0000]"),
        ("gpj.\u202eexe", "gpj.[U+202E]exe"),
        ("half \ud83d", "half[U+D83D]"),
        ("ไทย", "[U+0E44][U+0E17][U+0E22]"),
        ("soft\u00adhyphen", "soft[U+00AD]hyphen"),
    ],
)
def test_what_no_font_can_show_is_visible_as_its_code_point(text: str, shown: str) -> None:
    assert shown in texts(render_pdf(cell(text)))[1]


def test_ends_of_line_break_the_line_and_tabs_are_blanks(document: Document) -> None:
    lines = document.regular.wrap("one\ttwo\r\nthree\rfour\n\nfive", 8, 200)
    assert [line.text for line in lines] == ["one two", "three", "four", "", "five"]


def test_right_to_left_letters_are_put_in_visual_order_and_brackets_among_them_turned() -> None:
    assert visual_order("vm-12 שלום (אב)") == "vm-12 (בא) םולש"
    assert visual_order("émilie → 数据库") == "émilie → 数据库"


def assert_nothing_overflows(layout: Layout) -> None:
    """Check that each line is as wide as its cell at most, and that each block ends above the foot of its page."""
    for page in layout.pages:
        for top, block in page.blocks:
            assert top + block.height <= page.height - BOTTOM + 0.01
            if isinstance(block, TableRow):
                for lines, width in zip(block.cells, block.table.widths, strict=True):
                    assert all(line.width <= width for line in lines)
                    assert len(lines) * 8 <= block.height
            elif isinstance(block, GroupHead):
                assert all(line.width <= block.table.right - block.table.left - 8 for line in block.lines)
            elif isinstance(block, Words):
                assert all(line.width <= page.width - 84 + 0.01 for line in block.lines)


anything = st.text(st.characters(), max_size=120) | st.text("aW數🚀\u202e -_.\n", max_size=300)


@settings(max_examples=10, deadline=None)
@given(anything)
def test_any_text_is_drawn(text: str) -> None:
    assert render_pdf(cell(text)).startswith(b"%PDF")


@settings(max_examples=60, deadline=None)
@given(anything)
def test_any_text_stays_inside_its_cell(document: Document, text: str) -> None:
    assert_nothing_overflows(lay_out(document, cell(text)))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(anything, anything, st.sampled_from(["", "g", "h" * 300])), max_size=30), st.booleans())
def test_any_table_stays_inside_its_pages(
    document: Document, cells: list[tuple[str, str, str]], landscape: bool
) -> None:
    rows = tuple(Row((name, note * 9), group=group, anchor=name) for name, note, group in cells)
    columns = (Column("Name", 1), Column("Note", 0.5, right=True))
    assert_nothing_overflows(lay_out(document, paper_of(*rows, columns=columns, landscape=landscape)))


@given(st.text(st.characters(), max_size=80), st.integers(20, 200))
def test_breaking_lines_loses_nothing_but_blanks(document: Document, text: str, limit: int) -> None:
    lines = document.regular.wrap(text, 8, limit)
    assert squeezed_blanks("".join(line.text for line in lines)) == squeezed_blanks(document.regular.visible(text))
    assert all(line.width <= limit for line in lines)


def squeezed_blanks(text: str) -> str:
    """Given a text, return it without plain blanks and ends of line."""
    return text.replace(" ", "").replace("\n", "")


def test_words_are_kept_whole_where_they_fit_and_long_ones_break_after_punctuation(document: Document) -> None:
    lines = document.regular.wrap("server files-of-the-accounting-department.example", 8, 90)
    assert [line.text for line in lines] == ["server files-of-the-", "accounting-department.", "example"]


def test_an_escape_is_not_cut_after_its_backslash(document: Document) -> None:
    lines = document.regular.wrap("escape\\x1b[31mred\\x1b[0m", 8, 50)
    assert [line.text for line in lines] == ["escape", "\\x1b[31mred", "\\x1b[0m"]


def test_what_no_break_spaces_hold_goes_to_the_next_line_whole_and_breaks_there_only_where_a_line_is_too_short(
    document: Document,
) -> None:
    held = "backup of 21\xa0Oct\xa02026,\xa004:00"
    assert [line.text for line in document.regular.wrap(held, 8, 90)] == ["backup of", held.removeprefix("backup of ")]
    lines = document.regular.wrap(held, 8, 52)
    assert [line.text for line in lines] == ["backup of 21\xa0", "Oct\xa02026,\xa0", "04:00"]


def test_the_narrowest_column_holds_the_widest_letter(document: Document) -> None:
    letters = [letter for letter in map(chr, range(0x20, 0x20000)) if document.regular.visible(letter) == letter]
    assert len(letters) > 38_000
    for face in (document.regular, document.bold):
        widest = max(face.letter_width(letter) for letter in letters if face.visible(letter) == letter)
        assert widest * CELL.size / 1000 < NARROWEST


def test_figures_have_all_the_same_width(document: Document) -> None:
    assert len({document.regular.letter_width(figure) for figure in "0123456789"}) == 1


# --- looks --------------------------------------------------------------------------------------------------------


def test_every_state_has_a_look_and_states_of_one_axis_differ_by_their_mark() -> None:
    for axis in (Coverage, Protection, JobState):
        assert all(state in LOOKS for state in axis)
        assert len({look_of(state).mark for state in axis}) == len(axis)


def test_a_state_that_is_not_known_never_looks_good() -> None:
    assert look_of("something new") == look_of(Coverage.UNDECIDED)
    assert look_of("something new").hatched
