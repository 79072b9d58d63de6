"""The sections on reports: the daily one, further ones, and the history of days; and what no single setting of them shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Annotated, Any, ClassVar
from zoneinfo import ZoneInfo

from pydantic import Field

from exporter.config.document import Document, Tree
from exporter.config.kinds import Kind, ListOf, quoted, suggestion, text_of
from exporter.config.numbers import Duration, Flag, Whole
from exporter.config.policy import Match
from exporter.config.section import DAY, Section, SourceName
from exporter.config.texts import Choice, FilePath, TimeOfDay, Zone
from exporter.errors import ConfigProblem
from exporter.schedule import LAST, WEEKDAYS

# the name of the report of `report:`
DAILY = "daily"
# one file or two for each report, which may go with a message
FILE_FORMATS = ("pdf", "json", "csv", "html", "xlsx")
# an audit bundle: a link of the report's chain
BUNDLE = "bundle"
FORMAT_NAMES = (*FILE_FORMATS, BUNDLE)


@dataclass(frozen=True, slots=True)
class DueDay(Kind):
    """A day on which a report is due; the value is a whole word of WEEKDAYS, a number, or LAST."""

    word: ClassVar[str] = "day"

    def parse(self, value: object) -> str:
        text = text_of(str(value) if isinstance(value, int) and not isinstance(value, bool) else value).lower()
        if re.fullmatch("0?[1-9]|[12][0-9]|3[01]", text):
            return str(int(text))
        full = next((day for day in WEEKDAYS if text in (day, day[:3])), text)
        if full not in (*WEEKDAYS, LAST):
            raise ValueError(f"{quoted(text)} is no day; write monday or mon, a day of the month from 1 to 31, or last")
        return full

    def limits(self) -> str:
        return "monday or mon …, 1 to 31, last"

    def json_schema(self) -> dict[str, Any]:
        words = [word for day in WEEKDAYS for word in (day, day[:3])]
        return {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": 31},
                {"type": "string", "enum": [*words, *(str(day) for day in range(1, 32)), LAST]},
            ]
        }


Day = Annotated[str, DueDay()]
Format = Annotated[str, Choice(FORMAT_NAMES)]


class Report(Section):
    """The daily report."""

    enabled: Annotated[bool, Flag()] = Field(default=True, description="Whether the daemon writes a daily report.")
    at: Annotated[time, TimeOfDay()] = Field(default=time(6, 0), description="When it is written, in `zone`.")
    days: Annotated[tuple[Day, ...], ListOf()] = Field(
        default=(),
        description="Days on which it is written: weekdays, days of the month, `last` for its last; none given: every day.",
    )
    zone: Annotated[str, Zone()] = Field(
        default="UTC",
        description="Time zone of `at` and of all times in the report; the system's own is not looked at.",
    )
    language: Annotated[str, Choice(("en", "fr"))] = Field(default="en", description="Language of PDF and page.")
    formats: Annotated[tuple[Format, ...], ListOf()] = Field(
        default=("pdf", "json", "csv"), description="Which files are written."
    )
    output: Annotated[Path, FilePath()] = Field(
        default=Path("/var/lib/vzcover/reports"), description="Folder of the files; by default `reports` in state_dir."
    )
    keep_number: Annotated[int, Whole(1, 10_000)] = Field(
        default=30, description="Reports that are kept; the oldest above this number are removed, bundles never."
    )
    keep_age: Annotated[int, Duration(DAY, 3660 * DAY)] = Field(
        default=90 * DAY, description="Age at which a report is removed; bundles never are."
    )

    @property
    def zone_info(self) -> ZoneInfo:
        """The zone itself; its existence was checked."""
        return ZoneInfo(self.zone)


class FurtherReport(Section):
    """A report beside the daily one; what is not given is as in `report`."""

    name: SourceName = Field(
        description="Name in file names, metrics, logs and `vzcover report --name`; unique, and not daily."
    )
    at: Annotated[time | None, TimeOfDay()] = Field(default=None, description="When it is written.")
    days: Annotated[tuple[Day, ...] | None, ListOf()] = Field(default=None, description="Days on which it is written.")
    zone: Annotated[str | None, Zone()] = Field(default=None, description="Its time zone.")
    language: Annotated[str | None, Choice(("en", "fr"))] = Field(default=None, description="Its language.")
    match: Match = Field(default=Match(), description="Guests that it is about; none given: all.")
    formats: Annotated[tuple[Format, ...] | None, ListOf()] = Field(
        default=None, description="Which files are written."
    )
    output: Annotated[Path | None, FilePath()] = Field(
        default=None, description="Folder of the files; by default one with its name in `report.output`."
    )
    keep_number: Annotated[int | None, Whole(1, 10_000)] = Field(default=None, description="How many of it are kept.")
    keep_age: Annotated[int | None, Duration(DAY, 3660 * DAY)] = Field(
        default=None, description="Age at which one is removed."
    )
    deliver: Annotated[tuple[SourceName, ...], ListOf(0)] = Field(
        default=(), description="Channels of `deliver` that get it; none: it is only written."
    )


class History(Section):
    """What is kept of each day, in one SQLite file: docs/history.md."""

    enabled: Annotated[bool, Flag()] = Field(default=True, description="Whether a history is kept.")
    file: Annotated[Path | None, FilePath()] = Field(
        default=None, description="The file; by default `history.db` in state_dir. On a local disk, not on a network."
    )
    keep: Annotated[int, Duration(31 * DAY, 3660 * DAY)] = Field(
        default=400 * DAY, description="Days with a report that are kept; older ones are removed."
    )


def report_problems(document: Document) -> Iterator[ConfigProblem]:
    """Given the document, yield what no single setting of `reports` shows; parts of a wrong form are left to the model."""
    root = document.root if isinstance(document.root, dict) else {}
    channels = _names(root.get("deliver"))
    delivered: set[str] = set()
    first: dict[str, int] = {}
    listed = root.get("reports")
    for index, report in enumerate(listed if isinstance(listed, list) else ()):
        if not isinstance(report, dict):
            continue
        name = report.get("name")
        if isinstance(name, str) and name.strip() == DAILY:
            yield document.problem(
                ("reports", index, "name"), "daily is the name of the report of `report`; choose another"
            )
        elif isinstance(name, str) and (before := first.setdefault(name.strip(), index)) != index:
            message = f"already the name of reports[{before}]; names of reports are unique"
            yield document.problem(("reports", index, "name"), message)
        for channel in words_of(report.get("deliver")):
            delivered.add(channel)
            if channel not in channels:
                right = suggestion(channel, channels) if channels else "there is none under deliver"
                message = f"no channel is called {channel}; {right}"
                yield document.problem(("reports", index, "deliver"), message)
    yield from _silent_channels(document, root.get("deliver"), delivered)


def _silent_channels(document: Document, listed: Tree, delivered: set[str]) -> Iterator[ConfigProblem]:
    """Yield each channel that nothing would ever go to."""
    for index, channel in enumerate(listed if isinstance(listed, list) else ()):
        if not isinstance(channel, dict) or channel.get("when") != []:
            continue
        if isinstance(name := channel.get("name"), str) and name.strip() not in delivered:
            message = "nothing would go to this channel; name it in `deliver` of one of the `reports`, or say when"
            yield document.problem(("deliver", index, "when"), message)


def _names(listed: Tree) -> list[str]:
    items = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    return [name.strip() for item in items if isinstance(name := item.get("name"), str)]


def words_of(listed: Tree) -> list[str]:
    """Given a list of words as written (a list, or one text with commas), return them; none for anything else."""
    parts = listed.split(",") if isinstance(listed, str) else listed if isinstance(listed, list) else []
    return [part.strip() for part in parts if isinstance(part, str) and part.strip()]
