"""The guests as CSV (RFC 4180): a row a guest, for spreadsheets. The header row is stable; new columns are added at the end."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Callable
from datetime import tzinfo

from report.model import GuestReport, JobState, Report
from report.words import JOINERS, describe_reason, iso_instant, join_phrases

# a spreadsheet takes a cell that begins so for a formula
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_BLANKS = {"\t", "\n", "\r"}

Cell = str | int | bool | None
_COLUMNS: tuple[tuple[str, Callable[[GuestReport, str, tzinfo], Cell]], ...] = (
    ("pve", lambda guest, language, zone: guest.pve),
    ("vmid", lambda guest, language, zone: guest.guest.vmid),
    ("guest_type", lambda guest, language, zone: guest.guest.guest_type),
    ("name", lambda guest, language, zone: guest.guest.name),
    ("node", lambda guest, language, zone: guest.guest.node),
    ("pool", lambda guest, language, zone: guest.guest.pool),
    ("tags", lambda guest, language, zone: ";".join(guest.guest.tags)),
    ("template", lambda guest, language, zone: guest.guest.template),
    ("status", lambda guest, language, zone: guest.guest.status),
    ("lock", lambda guest, language, zone: guest.guest.lock),
    ("demanded", lambda guest, language, zone: guest.demanded),
    ("coverage", lambda guest, language, zone: guest.coverage),
    ("protection", lambda guest, language, zone: guest.protection),
    ("reason_codes", lambda guest, language, zone: ";".join(reason.code for reason in guest.reasons)),
    (
        "reasons",
        lambda guest, language, zone: join_phrases(
            (describe_reason(reason, language, zone) for reason in guest.reasons), language
        ),
    ),
    ("active_jobs", lambda guest, language, zone: _jobs(guest, active=True)),
    ("other_jobs", lambda guest, language, zone: _jobs(guest, active=False)),
    ("next_backup", lambda guest, language, zone: iso_instant(guest.next_backup_at, zone)),
    ("rpo_seconds", lambda guest, language, zone: guest.rpo_seconds),
    (
        "excluded_volumes",
        lambda guest, language, zone: None if guest.excluded_volumes is None else ";".join(guest.excluded_volumes),
    ),
    ("created_at", lambda guest, language, zone: iso_instant(guest.created_at, zone)),
    ("notes", lambda guest, language, zone: guest.notes),
)


def guests_csv(report: Report, language: str, zone: tzinfo) -> str:
    """Given a report, the language of its `reasons` column and the zone of its instants, return the table as text.

    Lines end in CR LF: write it without newline translation, as UTF-8. Unknown is an empty cell; instants are ISO 8601 with offset;
    lists are separated by semicolons. Control characters and direction marks are removed, and a cell that a spreadsheet would take
    for a formula begins with an apostrophe.
    """
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow([key for key, _ in _COLUMNS])
    for guest in report.guests:
        writer.writerow([_cell(value(guest, language, zone)) for _, value in _COLUMNS])
    return buffer.getvalue()


def _jobs(guest: GuestReport, *, active: bool) -> str:
    return ";".join(job.job for job in guest.jobs if (job.state is JobState.ACTIVE) is active)


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else _defused(str(value))


def _defused(text: str) -> str:
    """Return the text without control characters, and with an apostrophe before what a spreadsheet would calculate."""
    clean = text if text.isprintable() else "".join(map(_harmless, text))
    return f"'{clean}" if clean.lstrip().startswith(_FORMULA_STARTS) or text.startswith(_FORMULA_STARTS) else clean


def _harmless(character: str) -> str:
    if character in _BLANKS:
        return " "
    removed = unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") and character not in JOINERS
    return "" if removed else character
