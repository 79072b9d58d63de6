"""The page: everything escaped, self-contained, well-formed, worst first."""

from __future__ import annotations

import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from exporter.web.page import FIRST_PAGE, render_page
from report.model.guests import Coverage
from report.model.report import Report
from report.rows.paper import build_paper
from report.sections import Column, FrontPage, Paper, Row, Section, StateCount
from tests.builders import guest_report, job_report, report
from tests.specimen import specimen
from tests.tools import require

EVIL = "<script>alert('\"1\"')</script>&amp;"
VOID = {"meta", "col"}
ZONE = ZoneInfo("Europe/Paris")


class Outline(HTMLParser):
    """Reads a page, failing on tags that do not match, and keeps its text, ids, links and tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style" and data.strip():
            self.text.append(data.strip())

    def values(self, name: str) -> list[str]:
        return [value or "" for attribute, value in self.attributes if attribute == name]


def page_of(judged: Report, language: str = "en", *, pdf: bool = True) -> str:
    return render_page(build_paper(judged, language, ZONE), pdf=pdf)


def evil_paper() -> Paper:
    row = Row((EVIL, EVIL), state=EVIL, anchor=EVIL, link=EVIL, group=EVIL)
    section = Section(EVIL, 7, EVIL, (EVIL,), (Column(EVIL, 1), Column(EVIL, 1, right=True)), (row,))
    empty = Section("empty", 8, EVIL, empty=EVIL)
    front = FrontPage(EVIL, EVIL, EVIL, (EVIL,), (StateCount(EVIL, EVIL, 1, "1"),), (section,))
    return Paper("en", 0, front, (empty,), EVIL)


def test_nothing_that_comes_from_outside_becomes_markup() -> None:
    page = render_page(evil_paper(), pdf=True)
    outline = Outline(page)

    assert "script" not in outline.tags
    assert "<script" not in page
    assert outline.text.count(EVIL) >= 9
    assert not any(name.startswith("on") for name, _ in outline.attributes)


def test_a_guest_named_like_a_script_is_shown_as_it_is_called() -> None:
    page = page_of(report([guest_report(name="<script>alert(1)</script>")], jobs=[job_report("<b>")]))

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page
    assert "<b>&lt;" not in page


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_specimen_makes_a_well_formed_page_that_fetches_nothing(language: str) -> None:
    page = page_of(specimen(), language)
    outline = Outline(page)

    assert f'<html lang="{language}">' in page
    assert not outline.tags & {"script", "link", "img", "iframe", "object", "form"}
    assert page.count("url(") == page.count("url(#")
    assert outline.values("src") == []
    assert {link for link in outline.values("href") if not link.startswith("#")} == {
        "/metrics",
        "/api/v1/report",
        "/report.pdf",
    }


def test_every_link_within_the_page_leads_somewhere_and_ids_stand_once() -> None:
    outline = Outline(page_of(specimen()))
    ids = outline.values("id")

    assert len(ids) == len(set(ids))
    assert {link[1:] for link in outline.values("href") if link.startswith("#")} <= set(ids)


def test_the_page_says_the_sentence_first_and_what_could_not_be_seen_before_the_tables() -> None:
    paper = build_paper(specimen(), "en", ZONE)
    page = render_page(paper, pdf=True)
    places = [page.index(f"<h1>{paper.front.sentence.split(';')[0]}")]
    places += [page.index(f'<section id="{section.key}"') for section in (*paper.front.sections, *paper.sections)]

    assert places == sorted(places)


def test_guests_stand_worst_first() -> None:
    judged = report(
        [
            guest_report(100, pool="a"),
            guest_report(101, pool="b", coverage=Coverage.UNDECIDED),
            guest_report(102, pool="c", coverage=Coverage.NOT_PLANNED),
            guest_report(103, demanded=False, coverage=Coverage.NOT_PLANNED),
        ]
    )
    page = page_of(judged)

    assert re.findall(r'<tr class="(\w+)" id="guest-lab-(\d+)">', page) == [
        ("bad", "102"),
        ("unknown", "101"),
        ("good", "100"),
        ("waived", "103"),
    ]


def test_without_a_pdf_there_is_no_link_to_it() -> None:
    assert "/report.pdf" not in page_of(specimen(), pdf=False)


def test_a_report_without_guests_draws_no_bar_and_still_says_so() -> None:
    page = page_of(report())

    Outline(page)
    assert '<svg class="bar"' not in page
    assert "<h1>" in page


def test_the_page_before_the_first_refresh_is_well_formed() -> None:
    assert "The first refresh is not done yet." in Outline(FIRST_PAGE).text


@pytest.mark.parametrize("width", [320, 1280])
def test_a_browser_shows_it_without_scrolling_sideways(width: int, tmp_path: Path) -> None:
    browser = require("chromium")
    # the page is framed at the width of a phone or a desk, and a script of the test's own measures it
    page = page_of(specimen()).replace('"', "&quot;")
    measure = (
        f'<iframe id="f" style="width:{width}px;height:900px;border:0" srcdoc="{page}"></iframe><p id="w"></p>'
        "<script>onload=()=>{const d=document.getElementById('f').contentDocument.documentElement;"
        "document.getElementById('w').textContent='widest '+d.scrollWidth}</script>"
    )
    frame = tmp_path / "frame.html"
    frame.write_text(f"<!DOCTYPE html><meta charset=utf-8>{measure}", encoding="utf-8")
    shown = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
         "--virtual-time-budget=2000", "--dump-dom", frame.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip

    found = re.search(r"widest (\d+)", shown.stdout)
    assert found, shown.stderr
    assert int(found[1]) <= width
