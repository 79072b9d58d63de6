"""The guests, and the backup groups, as CSV (RFC 4180): a row each, for spreadsheets. The header rows are stable; new columns are added
at the end.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import tzinfo

from report.model.report import Report
from report.tables.cells import Cell, Instant, Item, TableColumn, clean
from report.tables.columns_groups import GROUP_COLUMNS
from report.tables.columns_guests import GUEST_COLUMNS
from report.words import iso_instant

# a spreadsheet takes a cell that begins so for a formula; where lists are separated by semicolons, a cell begins after each of them
_FORMULA = re.compile(r"(^|;)(?=[\s\"]*[=+\-@＝＋－＠])")
_BLANK_STARTS = ("\t", "\r")


def guests_csv(report: Report, language: str, zone: tzinfo) -> str:
    """Given a report, the language of its `reasons` column and the zone of its instants, return the table as text.

    Lines end in CR LF: write it without newline translation, as UTF-8. Unknown is an empty cell; instants are ISO 8601 with offset;
    lists are separated by semicolons. Control characters and direction marks are removed, and what a spreadsheet would take for a
    formula, whether it splits lines at commas or at semicolons, has an apostrophe before it.
    """
    return _table(GUEST_COLUMNS, report.guests, language, zone)


def groups_csv(report: Report, language: str, zone: tzinfo) -> str:
    """Given a report, the language of its `versions` column and the zone of its instants, return the backup groups as `guests_csv` does."""
    return _table(GROUP_COLUMNS, report.groups, language, zone)


def _table(columns: Sequence[TableColumn[Item]], items: Iterable[Item], language: str, zone: tzinfo) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow([column.key for column in columns])
    for item in items:
        writer.writerow([_cell(column.cell(item, language, zone), zone) for column in columns])
    return buffer.getvalue()


def _cell(value: Cell, zone: tzinfo) -> str:
    if value is None:
        return ""
    if isinstance(value, Instant):
        return iso_instant(value.epoch, zone)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else _defused(str(value))


def _defused(text: str) -> str:
    """Return the text without control characters, and with an apostrophe before what a spreadsheet would calculate."""
    shown = _FORMULA.sub(r"\1'", clean(text))
    return f"'{shown}" if text.startswith(_BLANK_STARTS) and not shown.startswith("'") else shown
