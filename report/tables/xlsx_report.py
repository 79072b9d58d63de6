"""The report's tables as one workbook for people who filter: numbers, dates and flags are real cells, texts are never formulas.

The only door to XlsxWriter. The same report gives the same bytes: all times in the file are the report's or constant.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from report.model.report import Report
from report.tables.cells import Cell, Instant, Item, TableColumn, clean
from report.tables.columns_estate import DATASTORE_COLUMNS, JOB_COLUMNS, STORAGE_COLUMNS, job_rows, storage_rows
from report.tables.columns_findings import FINDING_COLUMNS, WAIVER_COLUMNS, finding_rows, waiver_rows
from report.tables.columns_groups import GROUP_COLUMNS
from report.tables.columns_guests import GUEST_COLUMNS
from report.version import VERSION
from report.words import front_sentence, word, zone_name

# Excel takes 32,767 UTF-16 units a cell; a character is two at most
LONGEST_TEXT = 16_383
# whole numbers above this lose digits in a cell, which holds a binary float
GREATEST_NUMBER = 2**53
NARROWEST, WIDEST = 8, 60
DATE_LAYOUT = "yyyy-mm-dd hh:mm"
_OPTIONS = {"in_memory": True, "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}


@dataclass(frozen=True, slots=True)
class _Looks:
    """The formats of a workbook's cells."""

    header: Format
    date: Format


def report_xlsx(report: Report, language: str, zone: tzinfo) -> bytes:
    """Given a report, the language of its texts and the zone of its dates, return the workbook.

    A sheet each for guests, groups, findings, jobs, storages, datastores and waivers, whose first row holds stable keys, those of the
    CSV; one about the report itself. Unknown is an empty cell. Control characters and direction marks are removed.
    """
    buffer = io.BytesIO()
    book = Workbook(buffer, _OPTIONS)
    created = datetime.fromtimestamp(report.created_at, UTC).replace(tzinfo=None)
    book.set_properties({"title": word("title", language, site="vzcover"), "created": created})
    looks = _Looks(
        book.add_format({"bold": True, "bg_color": "#E6EAEE", "bottom": 1}),
        book.add_format({"num_format": DATE_LAYOUT}),
    )

    def sheet(name: str, columns: Sequence[TableColumn[Item]], items: Iterable[Item]) -> None:
        rows = ([column.cell(item, language, zone) for column in columns] for item in items)
        _fill(book.add_worksheet(name), [column.key for column in columns], rows, zone, looks)

    sheet("Guests", GUEST_COLUMNS, report.guests)
    sheet("Groups", GROUP_COLUMNS, report.groups)
    sheet("Findings", FINDING_COLUMNS, finding_rows(report))
    sheet("Jobs", JOB_COLUMNS, job_rows(report))
    sheet("Storages", STORAGE_COLUMNS, storage_rows(report))
    sheet("Datastores", DATASTORE_COLUMNS, report.datastores)
    sheet("Waivers", WAIVER_COLUMNS, waiver_rows(report))
    about: Sequence[tuple[str, Cell]] = (
        ("sentence", front_sentence(report, language)),
        ("generated_at", Instant(report.created_at)),
        ("zone_of_dates", zone_name(zone)),
        ("vzcover_version", VERSION),
        ("scope", str(report.scope)),
    )
    _fill(book.add_worksheet("About"), ("key", "value"), about, zone, looks)
    book.close()
    return buffer.getvalue()


def _fill(sheet: Worksheet, keys: Sequence[str], rows: Iterable[Sequence[Cell]], zone: tzinfo, looks: _Looks) -> None:
    """Write rows below the keys; freeze and filter by the keys; make each column as wide as its texts, within limits."""
    # the filter's arrow takes two characters more
    widths, last = [len(key) + 2 for key in keys], 0
    for last, row in enumerate(rows, start=1):
        for place, cell in enumerate(row):
            widths[place] = max(widths[place], _write(sheet, last, place, cell, zone, looks))
    for place, key in enumerate(keys):
        sheet.write_string(0, place, key, looks.header)
        sheet.set_column(place, place, min(WIDEST, max(NARROWEST, widths[place] + 1)))
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, last, len(keys) - 1)


def _write(sheet: Worksheet, row: int, place: int, cell: Cell, zone: tzinfo, looks: _Looks) -> int:
    """Write one cell by its type and return how many characters wide it is."""
    if cell is None:
        return 0
    if isinstance(cell, Instant):
        return _write_instant(sheet, row, place, cell, zone, looks)
    if isinstance(cell, bool):
        sheet.write_boolean(row, place, cell)
        return 5
    if isinstance(cell, int | float) and abs(cell) <= GREATEST_NUMBER:
        sheet.write_number(row, place, cell)
        return len(str(cell))
    text = clean(str(cell))[:LONGEST_TEXT]
    if text:
        sheet.write_string(row, place, text)
    return len(text)


def _write_instant(sheet: Worksheet, row: int, place: int, cell: Instant, zone: tzinfo, looks: _Looks) -> int:
    """Write an instant as the wall clock of the zone shows it, to the second; nothing for a number that is no date."""
    try:
        local = datetime.fromtimestamp(cell.epoch, UTC).astimezone(zone).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        return 0
    if local.year < 1901:
        return 0
    sheet.write_datetime(row, place, local, looks.date)
    return len(DATE_LAYOUT)
