"""Every word that a person reads comes from the word tables, or is data of the Report: a word written anywhere else fails here.

The report is built in a language whose words all stand between marks; what is outside them must be names, numbers, dates or ids.
"""

from __future__ import annotations

import io
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from html.parser import HTMLParser
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pypdf import PdfReader
from pypdf.generic import Destination

from exporter.terminal import print_section
from report.html.page import render_html
from report.model.report import Report
from report.pdf.render import render_pdf
from report.rows.message import news_message, summary_message
from report.rows.paper import build_paper, status_rows
from report.sections import Paper
from report.storage_options import OPTIONS
from report.value import Value
from report.words import LANGUAGES, enumerate_words, printable
from tests.crowd import crowd
from tests.marked import CLOSE, LANGUAGE, marked_language, outside
from tests.report.test_pdf_text import sample
from tests.tools import require

_ZONE = ZoneInfo("Europe/Paris")
_SITE = "Rue de la Paix"
# the command that the report completes is in no language
_COMMAND = (*OPTIONS, "pvesm add pbs root@pam --encryption-key FILE --password")
# of the zone, and a role that Proxmox VE comes with
_GIVEN = (_SITE, "Europe/Paris", "CET", "CEST", "vzcover", "PVEAuditor", *_COMMAND, enumerate_words(["", ""], LANGUAGE))
_FINGERPRINT = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2})+")
_WORD = re.compile(r"[^\W\d_]+")
REPORTS = {"plan": sample("without backups"), "backups": sample("with backups"), "crowd": crowd()}


def _fields(value: object) -> Sequence[str]:
    if isinstance(value, Value):
        return value.__struct_fields__
    return [field.name for field in fields(value)] if is_dataclass(value) else ()


def data_of(value: object) -> Iterator[str]:
    """Yield every text of a Report; its codes are not for people."""
    if isinstance(value, str) and not isinstance(value, Enum):
        yield value
        yield printable(value)
        if _FINGERPRINT.fullmatch(value):
            yield value.upper()
    elif names := _fields(value):
        for name in names:
            yield from data_of(getattr(value, name))
    elif isinstance(value, (list, tuple, set, frozenset)):
        for each in value:
            yield from data_of(each)


def known_words(report: Report) -> frozenset[str]:
    return frozenset(word for text in (*data_of(report), *_GIVEN) for word in _WORD.findall(text))


def foreign(texts: Iterable[str], report: Report) -> list[str]:
    """Given texts in the marked language, return those with a word, or a sign that French sets apart, that no table has."""
    known = known_words(report)
    return [
        text for text in texts if set(_WORD.findall(outside(text))) - known or re.search(f"{CLOSE}[:;!?](\\s|$)", text)
    ]


def paper_of(report: Report) -> Paper:
    return build_paper(report, LANGUAGE, _ZONE, site=_SITE, data_sha256="0" * 64)


def texts_of(value: object) -> Iterator[str]:
    """Yield every text of a Paper that is shown."""
    hidden = {"key", "state", "states", "anchor", "link", "more", "language"}
    if isinstance(value, str):
        yield value
    elif names := _fields(value):
        for name in names:
            if name not in hidden:
                yield from texts_of(getattr(value, name))
    elif isinstance(value, tuple):
        for each in value:
            yield from texts_of(each)


class Shown(HTMLParser):
    """The texts of a page: what stands in it, and what is read out."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._style = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._style = tag == "style"
        self.texts += [value or "" for name, value in attrs if name in ("title", "alt", "aria-label", "data-label")]

    def handle_data(self, data: str) -> None:
        if not self._style:
            self.texts.append(data)


@pytest.fixture(scope="module", autouse=True)
def _language() -> Iterator[None]:
    with marked_language():
        yield


def test_a_word_that_no_table_has_is_found() -> None:
    found = foreign(["⟦Guest⟧ web-1 lost", "⟦Guest⟧ web-1 (3)", "⟦State⟧: ⟦good⟧", "non_sauvegardee"], REPORTS["plan"])
    assert found == ["⟦Guest⟧ web-1 lost", "⟦State⟧: ⟦good⟧", "non_sauvegardee"]
    assert LANGUAGE not in LANGUAGES


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_the_rows_hold_only_words_of_the_tables_and_data(report: Report) -> None:
    shown = [
        text.replace("{page}", "").replace("{pages}", "").replace("{shown}", "") for text in texts_of(paper_of(report))
    ]
    assert len([text for text in shown if outside(text) != text]) > 100
    assert foreign(shown, report) == []


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_messages_hold_only_words_of_the_tables_and_data(report: Report) -> None:
    news = [(guest, finding) for guest in report.guests for finding in guest.findings]
    messages = (
        summary_message(report, LANGUAGE, _ZONE, site=_SITE),
        summary_message(report, LANGUAGE, _ZONE, site=_SITE, name=report.guests[0].guest.name or ""),
        news_message(report, LANGUAGE, _ZONE, news, site=_SITE),
    )
    lines = [line for message in messages for line in (message.subject, *message.text.splitlines())]
    assert foreign(lines, report) == []


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_the_status_table_holds_only_words_of_the_tables_and_data(
    report: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    print_section(status_rows(report, LANGUAGE, _ZONE))
    assert foreign([capsys.readouterr().out], report) == []


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_the_html_holds_only_words_of_the_tables_and_data(report: Report) -> None:
    assert foreign(Shown(render_html(paper_of(report))).texts, report) == []


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_the_pdf_holds_only_words_of_the_tables_and_data(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "paper.pdf"
    path.write_bytes(render_pdf(paper_of(report)))
    command = [require("pdftotext"), "-raw", "-enc", "UTF-8", str(path), "-"]
    text = subprocess.run(command, check=True, capture_output=True).stdout.decode()
    read = PdfReader(io.BytesIO(path.read_bytes()))
    titles = [str(each.title) for each in _flat(list(read.outline))]
    about = [str(value) for name, value in (read.metadata or {}).items() if "Date" not in name]
    assert foreign([*text.split("\f"), *titles, *about], report) == []


def _flat(outline: Iterable[object]) -> Iterator[Destination]:
    for each in outline:
        if isinstance(each, list):
            yield from _flat(each)
        elif isinstance(each, Destination):
            yield each
