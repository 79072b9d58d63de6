"""`vzcover history`: the days of a guest, or of all guests together, as a table or as JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from exporter.command_line import clock, load, usage, warn
from exporter.history.reading import GuestDay, read_guest_days, read_totals
from exporter.terminal import STYLES, print_parts
from report.model.guests import Coverage, Protection
from report.past import GuestKey
from report.rows.shared import Reader
from report.timeline import DayState, TrendDay, date_of, day_number
from report.words import (
    describe_coverage,
    describe_day,
    describe_finding_name,
    describe_protection,
    format_instant,
    format_number,
    word,
)

LONGEST = 3660


def history_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of history."""
    parser.add_argument("guest", nargs="?", metavar="GUEST", help="CLUSTER/VMID, VMID or name; none: all together")
    parser.add_argument("--days", type=_days, default=30, metavar="N", help="so many days up to today (default 30)")
    parser.add_argument("--json", action="store_true", help="print them as JSON")


def history(options: argparse.Namespace) -> int:
    """Print what was kept; raise HistoryError where that cannot be read."""
    loaded = load(options)
    warn(loaded)
    config = loaded.config
    if not config.history.enabled:
        raise usage("history", "the setting history.enabled is false: nothing is kept")
    reader = Reader(config.report.language, config.report.zone_info)
    today = day_number(int(clock(options)()), reader.zone)
    if options.guest is None:
        totals = read_totals(config.history_file, today, options.days)
        _print(options, lambda: _totals_json(totals), lambda: _totals_table(totals, reader))
        return 0
    key, days = read_guest_days(config.history_file, options.guest, today, options.days)
    _print(options, lambda: _guest_json(key, days), lambda: _guest_table(days, reader, date_of(today)))
    return 0


def _print(options: argparse.Namespace, document: Callable[[], object], table: Callable[[], RenderableType]) -> None:
    if options.json:
        print(json.dumps(document(), indent=2))
    else:
        print_parts(lambda _: (table(),))


def _totals_json(days: Sequence[TrendDay]) -> object:
    return {"schema_version": 1, "days": [{"day": day.day.isoformat(), **asdict(day.counts)} for day in days]}


def _guest_json(key: GuestKey, days: Sequence[GuestDay]) -> object:
    listed = [{**asdict(day), "day": day.day.isoformat(), "findings": list(day.findings)} for day in days]
    return {"schema_version": 1, "pve": key[0], "vmid": key[1], "days": listed}


def _totals_table(days: Sequence[TrendDay], reader: Reader) -> RenderableType:
    """Lay the days out as columns of counts: a coverage is of the demanded guests, a protection of all."""
    language = reader.language
    headings = [word(f"column.{name}", language) for name in ("day", "guests", "demanded")]
    headings += [describe_coverage(state, language) for state in Coverage]
    headings += [describe_protection(state, language) for state in Protection]
    rows = []
    for day in days:
        counts = day.counts
        numbers = [counts.guests, counts.demanded, counts.planned, counts.not_planned, counts.undecided]
        numbers += [counts.protected, counts.at_risk, counts.unprotected, counts.unknown, counts.waived]
        rows.append([Text(day.day.isoformat()), *(Text(format_number(number, language)) for number in numbers)])
    return _table(headings, rows, language, right=True)


def _guest_table(days: Sequence[GuestDay], reader: Reader, today: date) -> RenderableType:
    language = reader.language
    names = ("day", "backups", "coverage", "protection", "newest", "versions", "findings")
    rows = [
        [
            Text(day.day.isoformat()),
            Text(_backups(day, today, language)),
            _state(day.coverage, describe_coverage(day.coverage, language) if day.coverage else ""),
            _state(day.protection, _protection(day, language)),
            Text(format_instant(day.newest, reader.zone, language) if day.newest is not None else ""),
            Text(f"{_number(day.actual)} / {_number(day.expected)}" if day.coverage else ""),
            Text(", ".join(describe_finding_name(code, language) for code in day.findings)),
        ]
        for day in days
    ]
    return _table([word(f"column.{name}", language) for name in names], rows, language)


def _backups(day: GuestDay, today: date, language: str) -> str:
    """Say what became of a day's backups; what nothing tells of today may still come."""
    if day.day == today and day.backups is DayState.GONE:
        return word("history.today", language)
    return describe_day(day.backups, language)


def _protection(day: GuestDay, language: str) -> str:
    """Say how the day ended, and what was worse on it."""
    if day.protection is None:
        return ""
    state = describe_protection(day.protection, language)
    if day.worst is None or day.worst is day.protection:
        return state
    return word("history.worst", language, state=state, worst=describe_protection(day.worst, language))


def _state(state: str | None, text: str) -> Text:
    colour, mark = STYLES.get(state or "", ("", ""))
    return Text(f"{mark} {text}".strip(), style=colour)


def _number(count: int | None) -> str:
    return "–" if count is None else str(count)


def _table(
    headings: Sequence[str], rows: Sequence[Sequence[Text]], language: str, *, right: bool = False
) -> RenderableType:
    if not rows:
        return Text(word("history.none", language))
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for place, heading in enumerate(headings):
        table.add_column(Text(heading), justify="right" if right and place else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= LONGEST):
        raise argparse.ArgumentTypeError(f"{text} is not a number of days from 1 to {LONGEST}")
    return int(text)
