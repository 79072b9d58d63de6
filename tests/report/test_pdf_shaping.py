"""Scripts that run from right to left: drawn with the extra and without it, alike in what can be read, never wider than their cells."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from report.pdf.document import Document
from report.pdf.flow import lay_out
from report.pdf.render import render_pdf
from report.pdf.typography import Style
from tests.report.test_pdf import assert_nothing_overflows, cell, opened

ARABIC, HEBREW = "خادم الويب الرئيسي", "שרת הדואר (ראשי)"
LONG = "خادمالويبالرئيسيفيمركزالبيانات" * 3


@pytest.fixture(params=["with the extra", "without it"])
def shapes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Let the test run with uharfbuzz, and as if it were not installed."""
    if request.param == "without it":
        monkeypatch.setitem(sys.modules, "uharfbuzz", None)
    return bool(request.param == "with the extra")


@pytest.fixture(scope="module", name="document")
def one_document() -> Iterator[Document]:
    with opened() as document:
        yield document


def letters(data: bytes) -> set[str]:
    """Given a PDF, return the letters of its second page."""
    return set(PdfReader(io.BytesIO(data)).pages[1].extract_text())


@pytest.mark.parametrize("name", [ARABIC, HEBREW, LONG, f"vm-12 {ARABIC} 数据库"])
def test_every_letter_is_drawn_and_the_same_paper_gives_the_same_bytes(name: str, shapes: bool) -> None:
    data = render_pdf(cell(name))
    assert set(name) <= letters(data)
    assert "[U+" not in "".join(letters(data))
    assert render_pdf(cell(name)) == data


def set_fonts(data: bytes) -> list[tuple[str, float]]:
    """Given a PDF of one page, return the font and the size in which each piece of text is drawn, in order."""
    content = PdfReader(io.BytesIO(data)).pages[0].get_contents()
    assert content is not None
    now, kept, found = ("", 0.0), [], []
    for operands, operator in content.operations:
        match operator:
            case b"q":
                kept.append(now)
            case b"Q":
                now = kept.pop()
            case b"Tf":
                now = str(operands[0]), float(operands[1])
            case b"Tj":
                found.append(now)
    return found


def test_every_line_has_its_own_font_whatever_was_drawn_before(shapes: bool) -> None:
    lines = [(ARABIC, Style(9)), ("web-1", Style(20, bold=True))] * 2
    with opened() as document:
        document.new_page(landscape=False)
        for number, (text, style) in enumerate(lines):
            document.text(50, 100 + 50 * number, text, style)
        fonts = set_fonts(document.to_bytes())
    assert dict.fromkeys(fonts) == {("/F1", 9.0): None, ("/F2", 20.0): None}
    assert fonts[: len(fonts) // 2] == fonts[len(fonts) // 2 :]
    assert fonts[0] != fonts[-1]


def test_arabic_letters_are_joined_with_the_extra_and_stand_alone_without_it(
    document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    joined, latin = document.regular.width(ARABIC, 8), document.regular.width("web-1", 8)
    monkeypatch.setitem(sys.modules, "uharfbuzz", None)
    with opened() as plain:
        alone = sum(plain.regular.letter_width(letter) for letter in ARABIC) * 8 / 1000
        assert plain.regular.width(ARABIC, 8) == pytest.approx(alone)
        assert joined < 0.95 * alone  # joined letters are narrower
        assert plain.regular.width("web-1", 8) == latin


def test_a_paper_without_such_letters_is_the_same_with_the_extra_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    with_extra = render_pdf(cell("émilie → 数据库"))
    monkeypatch.setitem(sys.modules, "uharfbuzz", None)
    assert render_pdf(cell("émilie → 数据库")) == with_extra


@settings(max_examples=40, deadline=None)
@given(st.text("خادمالويبשרתa1 -()数ء\u064b", max_size=200))
def test_no_line_is_wider_than_its_cell(document: Document, text: str) -> None:
    assert_nothing_overflows(lay_out(document, cell(text)))
    for line in document.regular.wrap(text, 8, 60):
        assert document.regular.width(line.text, 8) <= 60.5
