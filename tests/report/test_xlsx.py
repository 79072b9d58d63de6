"""The workbook, read back: the sheets, real cells, texts that stay texts, the same bytes."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from report.model.report import Report
from report.tables.csv_report import groups_csv, guests_csv
from report.tables.xlsx_report import LONGEST_TEXT, WIDEST, report_xlsx
from tests.builders import NOW, guest_report, report
from tests.specimen import specimen, specimen_with_backups

PARIS = ZoneInfo("Europe/Paris")
SHEETS = ["Guests", "Groups", "Findings", "Jobs", "Storages", "Datastores", "Waivers", "About"]
HOSTILE = (
    "=HYPERLINK(1)",
    "+1",
    "-1",
    "@SUM(1)",
    "{=1+1}",
    "https://example.com",
    "007",
    "TRUE",
    "#REF!",
    "_x0041_",
    "<b>&",
    "2026-01-01",
)


def read(judged: Report, language: str = "en") -> Workbook:
    return load_workbook(io.BytesIO(report_xlsx(judged, language, PARIS)))


def sheet(judged: Report, name: str) -> Worksheet:
    found = read(judged)[name]
    assert isinstance(found, Worksheet)
    return found


def column(judged: Report, name: str, key: str) -> list[object]:
    rows = list(sheet(judged, name).iter_rows(values_only=True))
    return [row[rows[0].index(key)] for row in rows[1:]]


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("judged", [specimen(), specimen_with_backups(), report()], ids=["planned", "backups", "empty"])
def test_every_sheet_is_there_frozen_and_filtered_below_its_keys(judged: Report, language: str) -> None:
    book = read(judged, language)

    assert book.sheetnames == SHEETS
    for name in SHEETS:
        each = book[name]
        assert isinstance(each, Worksheet)
        assert each.freeze_panes == "A2"
        assert each.auto_filter.ref == each.dimensions
        assert all(8 <= found.width <= WIDEST + 1 for found in each.column_dimensions.values())


@pytest.mark.parametrize(("name", "table"), [("Guests", guests_csv), ("Groups", groups_csv)])
def test_guests_and_groups_have_the_columns_and_rows_of_the_csv(name: str, table: object) -> None:
    judged = specimen_with_backups()
    text = guests_csv(judged, "en", PARIS) if table is guests_csv else groups_csv(judged, "en", PARIS)
    expected = list(csv.reader(io.StringIO(text, newline="")))
    found = list(sheet(judged, name).iter_rows(values_only=True))

    assert list(found[0]) == expected[0]
    assert len(found) == len(expected)
    for row, wanted in zip(found[1:], expected[1:], strict=True):
        for value, text_of_it in zip(row, wanted, strict=True):
            if isinstance(value, datetime):
                assert value == datetime.fromisoformat(text_of_it).replace(tzinfo=None)
            elif isinstance(value, bool):
                assert text_of_it == str(value).lower()
            else:
                assert str(value if value is not None else "") == text_of_it.removeprefix("'")


def test_every_finding_waived_or_not_is_a_row() -> None:
    judged = specimen_with_backups()
    counted = sum(len(guest.findings) + len(guest.waived) for guest in judged.guests) + len(judged.findings)

    assert len(column(judged, "Findings", "code")) == counted
    assert {str(guest.findings[0].code) for guest in judged.guests if guest.findings} <= set(
        column(judged, "Findings", "code")
    )


def test_jobs_of_clusters_and_servers_storages_datastores_and_waivers_are_rows() -> None:
    judged = specimen_with_backups()

    assert column(judged, "Jobs", "id") == [
        *(each.job.id for each in judged.jobs),
        *(each.job.id for each in judged.pbs_jobs),
    ]
    assert set(column(judged, "Storages", "storage")) == {each.storage for each in judged.storages}
    assert column(judged, "Datastores", "used_bytes") == [each.datastore.used_bytes for each in judged.datastores]
    assert set(column(judged, "Waivers", "reason")) >= {waiver.reason for waiver in judged.policy.waivers}


def test_instants_are_dates_of_the_readers_zone() -> None:
    judged = report([guest_report(created_at=NOW)])

    assert column(judged, "Guests", "created_at") == [datetime.fromtimestamp(NOW, PARIS).replace(tzinfo=None)]
    assert column(judged, "About", "value")[1:3] == [
        datetime.fromtimestamp(judged.created_at, PARIS).replace(tzinfo=None),
        "Europe/Paris",
    ]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_text_is_never_a_formula_a_link_or_a_number(name: str) -> None:
    judged = report([guest_report(name=name, pool=name, notes=name)])
    content = report_xlsx(judged, "en", PARIS)
    cell = sheet(judged, "Guests").cell(2, 4)

    # what it is called is told without the apostrophe that CSV needs; openpyxl alone takes a text that begins with = for a formula
    assert cell.value == name
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for part in archive.namelist():
            markup = archive.read(part)
            assert b"<f>" not in markup
            assert b"<hyperlink" not in markup


@pytest.mark.parametrize("text", ["a\tb\nc", "\x07bell", "\u202eright to left", "\ud800", "\ufffe", "x" * 40_000])
def test_what_a_workbook_cannot_hold_is_taken_out(text: str) -> None:
    value = column(report([guest_report(notes=text)]), "Guests", "notes")[0]

    shown = value if isinstance(value, str) else ""
    assert len(shown) <= LONGEST_TEXT
    assert not set(shown) & set("\t\n\x07\u202e\ud800")


@pytest.mark.parametrize("epoch", [-(10**12), 10**15, 10**20])
def test_an_instant_that_is_no_date_is_an_empty_cell(epoch: int) -> None:
    assert column(report([guest_report(created_at=epoch)]), "Guests", "created_at") == [None]


def test_the_same_report_gives_the_same_bytes_whatever_the_clock_says() -> None:
    content = report_xlsx(specimen_with_backups(), "en", PARIS)

    assert report_xlsx(specimen_with_backups(), "en", PARIS) == content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        written = archive.read("docProps/core.xml").decode()
    assert f"{datetime.fromtimestamp(specimen_with_backups().created_at, UTC):%Y-%m-%dT%H:%M:%SZ}" in written
    assert content != report_xlsx(replace(specimen_with_backups(), created_at=NOW + 60), "en", PARIS)
