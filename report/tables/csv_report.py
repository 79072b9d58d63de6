"""The guests, and the backup groups, as CSV (RFC 4180): a row each, for spreadsheets. The header rows are stable; new columns are added
at the end.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from datetime import tzinfo
from typing import TypeVar

from report.model import GroupReport, GuestReport, JobState, Report
from report.words import JOINERS, describe_reason, describe_retention, iso_instant, join_phrases

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
    ("newest_backup", lambda guest, language, zone: iso_instant(guest.newest_backup_at, zone)),
    ("newest_verified", lambda guest, language, zone: iso_instant(guest.newest_verified_at, zone)),
    ("due", lambda guest, language, zone: iso_instant(guest.due_at, zone)),
)
_GROUP_COLUMNS: tuple[tuple[str, Callable[[GroupReport, str, tzinfo], Cell]], ...] = (
    ("server", lambda group, language, zone: group.server),
    ("datastore", lambda group, language, zone: group.datastore),
    ("namespace", lambda group, language, zone: group.namespace),
    ("backup_type", lambda group, language, zone: group.backup_type),
    ("backup_id", lambda group, language, zone: group.backup_id),
    ("match", lambda group, language, zone: group.match),
    ("pve", lambda group, language, zone: group.pve),
    ("vmid", lambda group, language, zone: group.vmid),
    ("owner", lambda group, language, zone: group.owner),
    ("snapshots", lambda group, language, zone: group.snapshots),
    ("unfinished", lambda group, language, zone: group.unfinished),
    ("renamed", lambda group, language, zone: group.renamed),
    ("protected", lambda group, language, zone: group.protected),
    ("encrypted", lambda group, language, zone: group.encrypted),
    ("verified", lambda group, language, zone: group.verified),
    ("verify_failed", lambda group, language, zone: group.verify_failed),
    ("inherited", lambda group, language, zone: group.inherited),
    ("incomplete", lambda group, language, zone: group.incomplete),
    ("newest", lambda group, language, zone: iso_instant(group.newest_at, zone)),
    ("oldest", lambda group, language, zone: iso_instant(group.oldest_at, zone)),
    ("newest_size_bytes", lambda group, language, zone: group.newest_size_bytes),
    ("pruned_by", lambda group, language, zone: ";".join(group.policy.pruned_by)),
    (
        "keep",
        lambda group, language, zone: (
            None if group.policy.keep is None else ";".join(f"{name}={count}" for name, count in group.policy.keep)
        ),
    ),
    ("next_prune", lambda group, language, zone: iso_instant(group.policy.next_prune_at, zone)),
    ("next_prune_removes", lambda group, language, zone: group.policy.next_prune_removes),
    ("nominal", lambda group, language, zone: group.nominal),
    ("expected", lambda group, language, zone: group.expected),
    ("low", lambda group, language, zone: group.low),
    ("high", lambda group, language, zone: group.high),
    ("actual", lambda group, language, zone: group.actual),
    ("delta", lambda group, language, zone: group.delta),
    ("missing", lambda group, language, zone: group.missing),
    ("surplus", lambda group, language, zone: group.surplus),
    ("state", lambda group, language, zone: group.state),
    ("versions", lambda group, language, zone: describe_retention(group, language)),
    ("read_at", lambda group, language, zone: iso_instant(group.read_at, zone)),
    ("comment", lambda group, language, zone: group.comment),
)
_Item = TypeVar("_Item")


def guests_csv(report: Report, language: str, zone: tzinfo) -> str:
    """Given a report, the language of its `reasons` column and the zone of its instants, return the table as text.

    Lines end in CR LF: write it without newline translation, as UTF-8. Unknown is an empty cell; instants are ISO 8601 with offset;
    lists are separated by semicolons. Control characters and direction marks are removed, and a cell that a spreadsheet would take
    for a formula begins with an apostrophe.
    """
    return _table(_COLUMNS, report.guests, language, zone)


def groups_csv(report: Report, language: str, zone: tzinfo) -> str:
    """Given a report, the language of its `versions` column and the zone of its instants, return the backup groups as `guests_csv` does."""
    return _table(_GROUP_COLUMNS, report.groups, language, zone)


def _table(
    columns: Sequence[tuple[str, Callable[[_Item, str, tzinfo], Cell]]],
    items: Iterable[_Item],
    language: str,
    zone: tzinfo,
) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow([key for key, _ in columns])
    for item in items:
        writer.writerow([_cell(value(item, language, zone)) for _, value in columns])
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
