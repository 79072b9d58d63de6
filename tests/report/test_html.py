"""The report as one HTML file: well-formed, whole, self-contained, safe whatever a name holds, and readable on screen and paper."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from unicodedata import normalize
from zoneinfo import ZoneInfo

import pytest
from pypdf import PdfReader

from report.html.page import render_html
from report.html.style import MARKS, STYLE, tone
from report.model.guests import Coverage, Protection
from report.model.report import Report
from report.rows.paper import build_paper
from report.sections import (
    Bullet,
    Chart,
    Column,
    Curve,
    FrontPage,
    Gauge,
    LegendEntry,
    Paper,
    Row,
    Section,
    StateCount,
    Strip,
)
from report.timeline import DayState
from tests.builders import guest_report, job_report, report
from tests.specimen import specimen, specimen_with_backups
from tests.tools import require

PARIS = ZoneInfo("Europe/Paris")
VOID = {"meta", "col"}
EVIL = (
    "<script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</title><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)" x=\'',
    "javascript:alert(1)",
    "&lt;b&gt; &amp; &#0; ]]>",
    "<!--",
    "{body}",
)


class Outline(HTMLParser):
    """Reads a document, failing on tags that do not match; keeps its tags with their attributes, and the text of each element."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[tuple[str, list[str]]] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.elements: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append((tag, []))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        opened, text = self.open.pop()
        assert opened == tag
        self.elements.append((tag, "".join(text)))
        # a cell's text is also that of the link and the mark in it
        if tag in ("a", "span") and self.open:
            self.open[-1][1].extend(text)

    def handle_data(self, data: str) -> None:
        if self.open:
            self.open[-1][1].append(data)

    def texts(self, *tags: str) -> list[str]:
        return [text for tag, text in self.elements if tag in tags]

    def values(self, name: str) -> list[str]:
        return [attributes[name] for _, attributes in self.tags if name in attributes]


def made(judged: Report, language: str = "en") -> tuple[Paper, str]:
    paper = build_paper(judged, language, PARIS)
    return paper, render_html(paper)


def without_mark(text: str) -> str:
    mark = next((mark for mark in MARKS.values() if text.startswith(f"{mark} ")), "")
    return text[len(mark) :].lstrip(" ") if mark else text


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("judged", [specimen(), specimen_with_backups(), report()], ids=["planned", "backups", "empty"])
def test_it_says_all_that_the_paper_says_in_its_order(judged: Report, language: str) -> None:
    paper, text = made(judged, language)
    outline = Outline(text)
    sections = (*paper.front.sections, *paper.sections)
    cells = [cell for section in sections for row in section.rows for cell in row.cells]

    assert outline.texts("h1") == [paper.front.sentence]
    assert outline.texts("h2") == [section.title for section in sections]
    assert outline.texts("caption") == [section.title for section in sections if section.rows]
    assert [without_mark(found) for found in outline.texts("td", "th") if found][: len(cells)]
    shown = [
        without_mark(found)
        for found in re.findall(r'<(?:td|th scope="row")[^>]*>(.*?)</t[dh]>', text)
        for found in [re.sub("<[^>]*>", "", found)]
    ]
    told = [re.sub(r"&(amp|lt|gt|quot|#x27);", _plain, found) for found in shown]
    assert [cell.replace("\N{NO-BREAK SPACE}", " ") for cell in told] == [
        cell.replace("\N{NO-BREAK SPACE}", " ") for cell in cells
    ]
    assert set(outline.texts("p")) >= {
        *paper.front.notes,
        paper.front.subtitle,
        *(sentence for section in sections for sentence in section.sentences),
        *(section.empty for section in sections if section.empty and not section.rows),
    }
    assert [f"{count.count}" for count in paper.front.bar] == outline.texts("b")


def _plain(entity: re.Match[str]) -> str:
    return {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "#x27": "'"}[entity[1]]


def test_tables_say_what_each_heading_is_for() -> None:
    _, text = made(specimen_with_backups())
    outline = Outline(text)
    scopes = [attributes.get("scope") for tag, attributes in outline.tags if tag == "th"]

    assert set(scopes) == {"col", "row", "rowgroup"}
    assert [tag for tag, _ in outline.tags].count("table") == len(outline.texts("caption"))


def test_the_contents_and_the_rows_lead_somewhere_and_ids_stand_once() -> None:
    paper, text = made(specimen_with_backups())
    outline = Outline(text)
    ids, links = outline.values("id"), outline.values("href")

    assert len(ids) == len(set(ids))
    assert links
    assert {link.removeprefix("#") for link in links} <= set(ids)
    assert {section.key for section in paper.sections} <= {link.removeprefix("#") for link in links}


@pytest.mark.parametrize("language", ["en", "fr"])
def test_it_needs_nothing_from_outside_and_runs_nothing(language: str) -> None:
    _, text = made(specimen_with_backups(), language)
    outline = Outline(text)

    assert f'<html lang="{language}">' in text
    assert not {tag for tag, _ in outline.tags} & {"script", "link", "img", "iframe", "object", "form", "base", "a:"}
    assert all(link.startswith("#") for link in outline.values("href"))
    assert not {"src", "style", "srcset", "action", "background"} & {
        name for _, attributes in outline.tags for name in attributes
    }
    for outside in ("url(", "@import", "http://", "https://"):
        assert outside not in STYLE


def test_its_own_policy_allows_the_one_style_sheet_and_nothing_else() -> None:
    _, text = made(specimen())
    policy = next(value for value in Outline(text).values("content") if "default-src" in value)
    style = text.split("<style>")[1].split("</style>")[0]

    checksum = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{checksum}'; base-uri 'none'; form-action 'none'"


@pytest.mark.parametrize("name", EVIL)
def test_no_name_is_more_than_text(name: str) -> None:
    row = Row((name, name), state=name, anchor=name, link=name, group=name)
    section = Section(name, 7, name, (name,), (Column(name, 1), Column(name, 1, right=True)), (row,))
    front = FrontPage(name, name, name, (name,), (StateCount(name, name, 1, "1"),), (section,))
    harmless = Outline(render_html(Paper("en", 0, _front_of("x"), (_section_of("x"),), "")))
    outline = Outline(render_html(Paper("en", 0, front, (section,), name)))

    assert [tag for tag, _ in outline.tags] == [tag for tag, _ in harmless.tags]
    assert {key for _, attributes in outline.tags for key in attributes} == {
        key for _, attributes in harmless.tags for key in attributes
    }
    assert outline.texts("h1", "h2", "caption") == [name] * 5
    assert outline.texts("title") == [name]


def _section_of(name: str) -> Section:
    row = Row((name, name), state=name, anchor=name, link=name, group=name)
    return Section(name, 7, name, (name,), (Column(name, 1), Column(name, 1, right=True)), (row,))


def _front_of(name: str) -> FrontPage:
    return FrontPage(name, name, name, (name,), (StateCount(name, name, 1, "1"),), (_section_of(name),))


def test_a_guest_named_like_markup_is_shown_as_it_is_called() -> None:
    _, text = made(report([guest_report(name="<script>alert(1)</script>")], jobs=[job_report("<b>")]))

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<script" not in text


def test_drawings_stand_beside_the_text_that_says_the_same() -> None:
    days = (DayState.BACKUP, DayState.FAILED, DayState.MISSED, DayState.NONE_EXPECTED, DayState.GONE)
    strip = Strip(days, "1 <of> each")
    curve = Curve(((0, 0.25), (1, 0.5)), ((1.0, 0.5), (3.0, 1.0)), 3)
    drawings = ((1, strip), (2, Gauge(0.5)), (3, Bullet(3, 4, 0)), (4, curve))
    row = Row(("a", "✓✗", "50%", "3 of 4", "full <soon>"), drawings=drawings)
    chart = Chart(
        (Coverage.PLANNED, Coverage.NOT_PLANNED),
        ((0, (3, 1)), (2, (0, 0))),
        3,
        "1 <Oct>",
        "3 Oct",
        "4",
        "told",
        ((0, 4), (2, 1)),
    )
    legend = (LegendEntry("actual", "", "there <now>"), LegendEntry(DayState.FAILED, "✗", "failed"))
    columns = tuple(Column(heading, 1) for heading in "abcde")
    section = Section("drawn", 2, "Drawn", ("told",), columns, (row,), legend=legend, chart=chart)
    outline = Outline(render_html(Paper("en", 0, FrontPage("", "", "", (), (), ()), (section,), "")))
    pictures = [attributes for tag, attributes in outline.tags if tag == "svg"]

    assert outline.texts("td") == ["✓✗", "50%", "3 of 4", "full <soon>"]
    assert [each.get("aria-label") for each in pictures if each["class"] == "strip"] == ["1 <of> each"]
    names = ["patterns", "chart", "steps", "swatch", "swatch", "strip", "meter", "meter", "curve"]
    assert [each["class"] for each in pictures] == names
    lines = [attributes["d"] for tag, attributes in outline.tags if attributes.get("class", "").startswith("line")]
    # the line of the chart is broken where there is no figure; the forecast goes on from today to the upper edge
    assert lines[1:2] == ["M0.00 0.00H33.33 M66.67 75.00H100.00"]
    assert lines[-2:] == ["M0 75.0 1 50.0", "M1 50.0L3 0.0"]
    shapes = {attributes["d"][2:] for tag, attributes in outline.tags if tag == "path" and "class" in attributes}
    assert len(shapes) >= 4, "days differ by shape, not by colour alone"
    assert {"1 <Oct>", "3 Oct"} <= set(outline.texts("span"))
    assert "there <now>" in outline.texts("li")


def test_states_differ_by_texture_where_they_are_drawn_as_areas() -> None:
    states = tuple(Protection)
    chart = Chart(states, ((0, (1,) * len(states)),), 1, "1 Oct", "1 Oct", "5", "told")
    section = Section(
        "drawn", 2, "Drawn", ("told",), legend=tuple(LegendEntry(each, "", each) for each in states), chart=chart
    )
    bar = tuple(StateCount(each, each, 1, "1") for each in states)
    text = render_html(Paper("en", 0, FrontPage("", "", "", (), bar, ()), (section,), ""))
    textures = dict(re.findall(r'<pattern id="(texture-\w+)"[^>]*>(.*?)</pattern>', text))
    assert len(set(textures.values())) == len(textures) == len(states) - 1, "all but one have a texture of their own"
    for picture, count in (("bar", 1), ("chart", 1), ("swatch", 2 * len(states))):
        drawn = "".join(re.findall(rf'<svg class="{picture}".*?</svg>', text))
        assert len(re.findall(f'<svg class="{picture}"', text)) == count
        assert set(re.findall(r'fill="url\(#(texture-\w+)\)"', drawn)) == set(textures), picture
    assert MARKS[tone(Protection.PROTECTED)] in text


def luminance(colour: str) -> float:
    """Return the relative luminance of #rgb or #rrggbb, as WCAG 2 defines it."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_colour_of_text_stands_out_on_every_ground(scheme: int) -> None:
    roots = re.findall(r":root\{(.*?--paper.*?)\}", STYLE, re.DOTALL)
    assert len(roots) == 2
    colours = dict(re.findall(r"--(\w+):(#[0-9a-f]+)", roots[scheme]))
    for name in colours.keys() - {"paper", "band", "line"}:
        for ground in ("paper", "band"):
            darker, lighter = sorted((luminance(colours[name]), luminance(colours[ground])))
            assert (lighter + 0.05) / (darker + 0.05) >= 4.5, (name, ground)


def test_a_strip_has_one_path_for_each_state_however_many_days() -> None:
    row = Row(("a", "x"), drawings=((1, Strip((DayState.BACKUP, DayState.FAILED) * 14, "told")),))
    section = Section("drawn", 8, "Drawn", columns=(Column("a", 1), Column("b", 1)), rows=(row,))
    text = render_html(Paper("en", 0, FrontPage("", "", "", (), (), ()), (section,), ""))
    strip = re.findall(r'<svg class="strip".*?</svg>', text)[0]

    assert re.findall(r'class="(\w+)" d="', strip) == ["good", "bad"]
    assert strip.count("M") == 28


def test_words_of_a_column_and_options_of_commands_are_not_broken() -> None:
    row = Row(("unprotected or so", "pvesm set a --encryption-key FILE; <--x>", "a" * 40))
    section = Section("a", 8, "A", columns=tuple(Column(each, 1) for each in "abc"), rows=(row,))
    text = render_html(Paper("en", 0, FrontPage("", "", "", (), (), ()), (section,), ""))

    assert re.findall(r'<th scope="col" class="(m\d+)">', text) == ["m11", "m10", "m13"]
    assert 'pvesm set a <span class="option">--encryption-key</span> FILE; &lt;--x&gt;' in text


def test_a_date_has_room_for_its_time_and_breaks_before_it_where_there_is_none() -> None:
    row = Row(("21\N{NO-BREAK SPACE}Nov\N{NO-BREAK SPACE}2026,\N{NO-BREAK SPACE}02:00", "keep-daily=7, x"), "protected")
    section = Section("a", 8, "A", columns=(Column("a", 1), Column("b", 1)), rows=(row,))
    text = render_html(Paper("en", 0, FrontPage("", "", "", (), (), ()), (section,), ""))

    assert "21\N{NO-BREAK SPACE}Nov\N{NO-BREAK SPACE}2026, 02:00" in text
    assert '<th scope="col" class="m20">' in text  # of eighteen letters, and the row's mark
    assert '<span class="option">keep-daily=7</span>, x' in text


def test_a_printed_heading_is_kept_with_the_first_row_whether_it_has_a_group_or_not() -> None:
    columns = (Column("a", 1),)
    for rows in ((Row(("x",)),), (Row(("x",), group="g"), Row(("y",), group="h"))):
        section = Section("a", 8, "A", columns=columns, rows=rows)
        text = render_html(Paper("en", 0, FrontPage("", "", "", (), (), ()), (section,), ""))
        # what keeps it there names the first row of the first body
        assert "<tbody></tbody>" not in text
        assert text.count("<tbody>") == len({row.group for row in rows}) == text.count("</tbody>")


def test_the_same_report_gives_the_same_text() -> None:
    assert made(specimen_with_backups()) == made(specimen_with_backups())


def browse(tmp_path: Path, *arguments: str) -> str:
    """Run a browser of its own on the arguments; return what it prints."""
    command = [require("chromium"), "--headless", "--no-sandbox", "--disable-gpu"]
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    ended = subprocess.run([*command, profile, *arguments], capture_output=True, text=True, timeout=120, check=True)
    return ended.stdout


def test_a_browser_prints_it_on_a4_with_the_wide_tables_across(tmp_path: Path) -> None:
    paper, text = made(specimen_with_backups())
    page = tmp_path / "report.html"
    page.write_text(text, encoding="utf-8")
    browse(tmp_path, f"--print-to-pdf={tmp_path / 'printed.pdf'}", "--no-pdf-header-footer", page.as_uri())
    pages = PdfReader(tmp_path / "printed.pdf").pages
    sizes = {(round(float(each.mediabox.width)), round(float(each.mediabox.height))) for each in pages}
    # a browser prints ligatures and narrow spaces
    printed = normalize("NFKC", "".join("".join(each.extract_text().split()) for each in pages))

    # without the style sheet, which is let in by its checksum, nothing would lie across
    assert sizes == {(595, 842), (842, 595)}
    for section in paper.sections:
        assert "".join(section.title.split()) in printed
