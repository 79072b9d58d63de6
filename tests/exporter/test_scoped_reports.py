"""A report on some guests as files: in no format is there a name or a number of another guest."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest
from pypdf import PdfReader

from exporter.deliver import FORMATS, remove_old, render, write_files
from exporter.delivery.channel import Channel
from exporter.delivery.compose import report_message
from exporter.reports import PlannedReport, Written, planned_reports, report_called
from report.cut import cut_to
from report.policy import Scope
from report.rows.shared import Reader
from tests.builders import NOW
from tests.crowd import PROD, crowd
from tests.exporter.config_files import GOOD, load
from tests.exporter.delivery.house import FakeDoor

OTHERS = re.compile(r"outside|(?<![0-9a-f])(7903|7904|7905|7777|7555|7999)(?![0-9a-f])")
OWN = re.compile(r"inside-one|7101")


def plain(ending: str, content: bytes) -> str:
    """Given a file of a report, return all text in it."""
    if ending == "pdf":
        return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    if ending == "xlsx":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return "\n".join(archive.read(name).decode() for name in archive.namelist())
    return content.decode()


@pytest.mark.parametrize("language", ["en", "fr"])
def test_no_format_names_another_guest(language: str) -> None:
    reader = Reader(language, UTC)
    whole = {ending: plain(ending, content) for ending, content in render(crowd(), reader, tuple(FORMATS)).items()}
    cut = {
        ending: plain(ending, content)
        for ending, content in render(cut_to(crowd(), PROD), reader, tuple(FORMATS)).items()
    }

    assert [ending for ending, text in whole.items() if not OTHERS.search(text)] == []
    assert [ending for ending, text in cut.items() if not OWN.search(text)] == []
    assert {ending: found[0] for ending, text in cut.items() if (found := OTHERS.search(text))} == {}


def test_no_message_names_another_guest(tmp_path: Path) -> None:
    (_, prod) = planned(tmp_path, "{name: prod, match: {pools: prod}}")
    channel = Channel("ops", frozenset(), (), frozenset(), prod.reader, tuple(FORMATS), FakeDoor())
    message = report_message(prod, cut_to(crowd(), prod.scope), channel, Written())

    assert OWN.search(message.text)
    assert not OTHERS.search(message.text)
    assert {
        file.name for file in message.attachments if OTHERS.search(plain(file.name.split(".", 1)[1], file.content))
    } == set()


@pytest.mark.parametrize(
    ("attach", "clusters", "named"),
    [(("html",), (), "written"), (("html",), ("lab",), "nothing"), (("html", "json"), ("lab",), "attached")],
)
def test_a_message_names_the_checksum_of_data_that_goes_with_it_only(
    tmp_path: Path, attach: tuple[str, ...], clusters: tuple[str, ...], named: str
) -> None:
    (daily,) = planned_reports(load(tmp_path, f"{GOOD}report: {{formats: [html, json]}}\n").config)
    page, data = write_files(tmp_path, crowd(), daily.reader, daily.formats)
    channel = Channel("ops", frozenset(), clusters, frozenset(), daily.reader, attach, FakeDoor())
    html, *others = (
        file.content for file in report_message(daily, crowd(), channel, Written((page, data))).attachments
    )
    known = {"written": [data.read_bytes()], "attached": others, "nothing": []}[named]

    assert re.findall(r"\b[0-9a-f]{64}\b", html.decode()) == [hashlib.sha256(each).hexdigest() for each in known]
    assert (html == page.read_bytes()) == (named == "written")


def planned(folder: Path, *reports: str, more: str = "") -> tuple[PlannedReport, ...]:
    listed = "".join(f"  - {report}\n" for report in reports)
    return planned_reports(load(folder, f"{GOOD}{more}reports:\n{listed}").config)


def test_what_a_report_does_not_say_is_as_in_the_daily_one(tmp_path: Path) -> None:
    more = (
        "report: {at: '05:30', days: [mon, last], zone: Europe/Paris, language: fr, formats: json, output: /srv/r, "
        "keep_number: 7, keep_age: 9d}\n"
    )
    daily, weekly = planned(tmp_path, "{name: weekly}", more=more)

    assert weekly == PlannedReport(
        name="weekly",
        enabled=True,
        due=daily.due,
        reader=daily.reader,
        scope=Scope(),
        formats=("json",),
        folder=Path("/srv/r/weekly"),
        keep_number=7,
        keep_age=9 * 86_400,
        channels=frozenset(),
    )
    assert (daily.prefix, weekly.prefix) == ("vzcover", "vzcover-weekly")


def test_reports_may_share_a_folder_and_keep_apart_what_they_keep(tmp_path: Path) -> None:
    names = ("daily", "a", "a-b", "20260101t000000z")
    reports = planned(tmp_path, *(f"{{name: {name}, output: {tmp_path}/out}}" for name in names[1:]))
    folder, reader = tmp_path / "out", reports[0].reader
    for each in reports:
        for at in (NOW - 86_400, NOW):
            write_files(folder, replace(crowd(), created_at=at), reader, ("json",), each.prefix)
    removed = remove_old(folder, NOW, 1, 3660 * 86_400, report_called("a", reports).prefix)

    assert [path.name for path in removed] == ["vzcover-a-20261020T090000Z.json"]
    assert len(list(folder.iterdir())) == 2 * len(names) - 1
