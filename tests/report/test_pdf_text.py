"""The PDF says what the rows say: its text, read by pdftotext, is the paper's, every cell in order and nothing more; and each link of page
one leads to the row it speaks of.
"""

from __future__ import annotations

import io
import subprocess
import unicodedata
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from importlib.resources import as_file, files
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pypdf import PdfReader

from report.model.report import Report
from report.pdf.document import Document, Metadata
from report.pdf.flow import as_printed, lay_out, section_anchor
from report.pdf.flowing_table import STEP
from report.pdf.palette import LOOKS, look_of
from report.pdf.render import render_pdf
from report.rows.paper import build_paper
from report.sections import Column, FrontPage, Paper, Row, Section
from report.timeline import STRIP_DAYS, Counts, DayState, Forecast, TrendDay, Usage, day_number
from report.value import changed
from tests.report.papers import front_page
from tests.specimen import specimen, specimen_with_backups
from tests.tools import require

_ZONE = ZoneInfo("Europe/Paris")
_REPORTS = ("without backups", "with backups")


def sample(name: str) -> Report:
    """Return a specimen; the one with backups also has a trend, and the days of its guests."""
    if name == "without backups":
        return specimen()
    found = specimen_with_backups()
    counts = Counts(guests=17, demanded=14, protected=9, at_risk=3, unknown=2)
    days = (*(DayState.BACKUP,) * (STRIP_DAYS - 2), DayState.FAILED, DayState.NONE_EXPECTED)
    today = day_number(found.created_at, _ZONE)
    usage = tuple(Usage(today - 9 + day, (4 + day) * 10**11, 2 * 10**12) for day in range(10))
    forecast = Forecast("history", found.created_at + 7 * 86_400, 10**11, 10, 10)
    first, *others = found.datastores
    return replace(
        found,
        datastores=(replace(first, usage=usage, forecast=forecast), *others),
        trend=tuple(TrendDay(date(2026, 10, 1) + timedelta(day), counts) for day in range(20)),
        guests=tuple(changed(guest, days=days) for guest in found.guests),
    )


def squeezed(text: str) -> str:
    """Given a text, return it composed and without blanks: where lines were broken does not matter."""
    return "".join(unicodedata.normalize("NFC", text).split())


def text_of(data: bytes, folder: Path) -> list[str]:
    """Given a PDF, return the text of each page as pdftotext reads it in the order it was drawn, without blanks."""
    path = folder / "paper.pdf"
    path.write_bytes(data)
    command = [require("pdftotext"), "-raw", "-enc", "UTF-8", str(path), "-"]
    answer = subprocess.run(command, check=True, capture_output=True)
    assert answer.stderr == b""
    *pages, nothing = answer.stdout.decode().split("\f")
    assert nothing == ""
    return [squeezed(page) for page in pages]


def headings(section: Section) -> str:
    """Return the headings of a table as they follow one another."""
    *others, last = [column.heading for column in section.columns]
    return "".join([*others, STEP if section.stacked else "", last])


def places_of(paper: Paper) -> dict[str, int]:
    """Given a paper, return the page (from 1) of each anchor."""
    with opened(paper) as document:
        return {anchor: target.page for anchor, target in lay_out(document, paper).places.items()}


def printed(paper: Paper) -> Paper:
    """Given a paper, return it with as many rows on page one as have room there."""
    with opened(paper) as document:
        return as_printed(document, paper)[0]


@contextmanager
def opened(paper: Paper) -> Iterator[Document]:
    metadata = Metadata("t", paper.language, paper.created_at, "p")
    with as_file(files("report.pdf") / "fonts") as fonts, closing(Document(metadata, fonts)) as document:
        yield document


def tails(pieces: list[str], text: str) -> Iterator[list[str]]:
    """Given a row's pieces, and the text of the beginning of each that stood on one page, yield what may be left of them for the next."""
    if not pieces:
        if not text:
            yield []
        return
    for length in range(len(pieces[0]) + 1):
        if not text.startswith(pieces[0][:length]):
            return
        for others in tails(pieces[1:], text[length:]):
            yield [pieces[0][length:], *others]


@dataclass
class Reading:
    """The text of the pages, read from the first letter to the last: each `take` must find what it is given, and nothing before it."""

    pages: list[str]
    places: dict[str, int]
    found: dict[str, int] = field(default_factory=dict)
    page: int = 0
    at: int = 0
    split: int = 0

    @property
    def rest(self) -> str:
        return self.pages[self.page][self.at :]

    def take(self, text: str) -> None:
        """Read a text, which may go on on the next page."""
        left = squeezed(text)
        while left:
            if not self.rest:
                self.turn()
            length = min(len(left), len(self.rest))
            assert self.rest[:length] == left[:length], f"page {self.page + 1}: {text!r}, found {self.rest[:80]!r}"
            left = left[length:]
            self.at += length

    def turn(self) -> None:
        """Begin the next page."""
        assert not self.rest
        assert self.page + 1 < len(self.pages), "there is no page left"
        self.page, self.at = self.page + 1, 0

    def one_of(self, *texts: str) -> None:
        """Read the first of these texts that is there."""
        self.take(next(text for text in texts if self.rest.startswith(squeezed(text))))

    def mark(self, anchor: str) -> None:
        """Remember the page that an anchor is on; the first of two alike counts."""
        if not self.rest:
            self.turn()
        self.found.setdefault(anchor, self.page + 1)

    def label(self, anchor: str) -> str:
        """Return what is printed beside a link."""
        return f"→{self.places[anchor]}" if anchor in self.places else ""

    def paper(self, paper: Paper) -> None:
        self.front(paper.front)
        for section in (*paper.front.sections, *paper.sections):
            self.section(section)
        assert not self.rest
        assert self.page + 1 == len(self.pages)

    def front(self, front: FrontPage) -> None:
        for text in (front.title, front.subtitle, front.sentence):
            self.take(text)
        for piece in front.bar:
            # a segment has as much as it holds; what the bar has not, the key below it has
            mark = look_of(piece.state).mark
            self.one_of(f"{mark} {piece.shown} {piece.word}", f"{mark} {piece.shown}", piece.shown, "")
        for piece in front.bar:
            self.take(f"{look_of(piece.state).mark} {piece.shown} {piece.word}")
        for note in front.notes:
            self.take(note)

    def section(self, section: Section) -> None:
        self.mark(section_anchor(section.key))
        self.take(section.title)
        for sentence in section.sentences:
            self.take(sentence)
        if section.more:
            self.take(self.label(section_anchor(section.more)))
        if section.chart:
            for text in (section.chart.most, "0", section.chart.first, section.chart.last):
                self.take(text)
        for entry in section.legend:
            self.take((look_of(entry.state).mark if entry.state in LOOKS else "") + entry.word)
        if section.rows:
            self.table(section)
        elif section.empty:
            self.take(section.empty)

    def table(self, section: Section) -> None:
        self.take(headings(section))
        group = ""
        for row in section.rows:
            begins, group = row.group != group, row.group
            if not self.rest:
                self.go_on(section, "" if begins else group)
            if begins:
                self.take(group)
            self.row(section, row)

    def go_on(self, section: Section, group: str) -> None:
        """Begin the next page of a table: title, headings and group are there again."""
        self.turn()
        self.take(f"{section.title} …")
        self.take(headings(section))
        self.take(f"{group} …" if group else "")

    def row(self, section: Section, row: Row) -> None:
        """Read a row: mark, cells, page that it leads to; one that is split has the beginning of each cell on the first page."""
        if row.anchor:
            self.mark(row.anchor)
        cells = [*row.cells[:-1], f"{STEP} {row.cells[-1]}"] if section.stacked and row.cells[-1] else row.cells
        pieces = [look_of(row.state).mark if row.state else "", *map(squeezed, cells), self.label(row.link)]
        if self.rest.startswith("".join(pieces)):
            self.take("".join(pieces))
            return
        left = list(tails(pieces, self.rest))
        assert left, f"page {self.page + 1}: {row.cells}, found {self.rest[:200]!r}"
        self.split += 1
        self.at += len(self.rest)
        self.go_on(section, row.group)
        fitting = [tail for tail in map("".join, left) if self.rest.startswith(tail)]
        assert fitting, f"page {self.page + 1}: the rest of {row.cells}, found {self.rest[:200]!r}"
        self.take(fitting[0])
        # where the first cell is not split, dots stand for it
        self.take("…" if self.rest.startswith("…") else "")


def without_feet(pages: list[str], paper: Paper) -> list[str]:
    """Given the pages' text, take off the foot that each must have: title, subtitle, number."""
    texts = []
    for number, page in enumerate(pages, start=1):
        label = paper.page_of.replace("{page}", str(number)).replace("{pages}", str(len(pages)))
        foot = squeezed(f"{paper.front.title} · {paper.front.subtitle}{label}")
        assert page.endswith(foot)
        texts.append(page.removesuffix(foot))
    return texts


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("name", _REPORTS)
def test_the_text_of_the_pdf_is_that_of_the_rows_in_their_order_and_nothing_more(
    name: str, language: str, tmp_path: Path
) -> None:
    paper = build_paper(sample(name), language, _ZONE, site="Rue de la Paix", data_sha256="0f" * 32)
    reading = Reading(without_feet(text_of(render_pdf(paper), tmp_path), paper), places_of(paper))
    reading.paper(printed(paper))
    assert len(reading.pages) > 3
    assert reading.found == reading.places


def test_the_text_of_a_row_that_is_split_is_on_both_pages(tmp_path: Path) -> None:
    rows = tuple(
        Row(
            (f"guest {number}", *(" ".join(f"{each}{number}-{word}" for word in range(160)) for each in "ab")),
            "planned",
        )
        for number in range(9)
    )
    columns = (Column("Guest", 1), Column("Why", 4), Column("What to do", 3))
    paper = Paper(
        "en", 0, front_page(), (Section("long", 8, "Long", columns=columns, rows=rows),), "page {page} of {pages}"
    )
    reading = Reading(without_feet(text_of(render_pdf(paper), tmp_path), paper), places_of(paper))
    reading.paper(paper)
    assert reading.split > 1


# --- links --------------------------------------------------------------------------------------------------------


class Placed:
    """Where the text of each page stands; a page is read once."""

    def __init__(self, reader: PdfReader) -> None:
        self.reader = reader
        self._texts: dict[int, list[tuple[float, str]]] = {}

    def at(self, number: int, top: float, height: float) -> str:
        """Given a page (from 0), and a stripe of it measured from its bottom, return the text that begins there, without blanks."""
        if number not in self._texts:
            found = self._texts[number] = []
            self.reader.pages[number].extract_text(
                visitor_text=lambda text, _, place, *others: found.append((place[5], text))
            )
        return squeezed("".join(text for baseline, text in self._texts[number] if top - height < baseline < top))


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("name", _REPORTS)
def test_each_link_of_page_one_leads_to_the_row_or_the_section_it_speaks_of(name: str, language: str) -> None:
    paper = printed(build_paper(sample(name), language, _ZONE))
    reader = PdfReader(io.BytesIO(render_pdf(paper)))
    sections = {section.key: section for section in paper.sections}
    rows = {row.anchor: row for section in paper.sections for row in section.rows if row.anchor}
    wanted: list[tuple[str, str]] = []
    for section in paper.front.sections:
        wanted += [(section.sentences[-1], sections[section.more].title)] if section.more else []
        wanted += [(row.cells[0], "".join(rows[row.link].cells[:2])) for row in section.rows if row.link]
    followed, placed = [], Placed(reader)
    for number in range(places_of(paper)[section_anchor(paper.sections[0].key)]):
        for annotation in reader.pages[number].get("/Annots") or []:
            link = annotation.get_object()
            _, low, _, high = map(float, link["/Rect"])
            to = reader.get_page_number(link["/Dest"][0].get_object())
            assert to is not None
            followed.append((placed.at(number, high, high - low), placed.at(to, float(link["/Dest"][3]), 45)))
    for (text, there), (drawn, reached) in zip(wanted, followed, strict=False):
        assert all(squeezed(word) in drawn for word in text.split()), (text, drawn)
        assert squeezed(there) in reached, (there, reached)
    assert len(followed) >= len(wanted) > 3
