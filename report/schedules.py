"""Calendar events as Proxmox VE and PBS understand them: parse, next event, largest gap, traps (rulebook section F).

The behaviour is the genuine engine's, oddities included; the parts are in the `calendar_*` modules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import lru_cache

from report.calendar.fields import CalendarFields
from report.calendar.gaps import longest_gap
from report.calendar.grammar import parse_fields
from report.calendar.problems import ScheduleError, ScheduleProblem
from report.calendar.search import next_event
from report.calendar.traps import ScheduleWarning, ScheduleWarningCode, warnings_of

__all__ = [
    "CalendarEvent",
    "ScheduleError",
    "ScheduleProblem",
    "ScheduleWarning",
    "ScheduleWarningCode",
    "largest_gap_of",
]


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """A schedule, equal to another with the same text. Make it with `CalendarEvent.parse`."""

    text: str
    fields: CalendarFields = field(compare=False, repr=False)

    @staticmethod
    def parse(text: str) -> CalendarEvent:
        """Given a schedule's text, return the event (F1–F6). Nothing is trimmed: blanks at the ends are an error.

        Raises ScheduleError, which has the position at which the genuine parser gives up, and a hint.
        """
        return _parsed(text)

    @property
    def utc(self) -> bool:
        """Say whether the text ends in UTC, so that the local zone does not matter (F5)."""
        return self.fields.utc

    @property
    def warnings(self) -> tuple[ScheduleWarning, ...]:
        """What the text probably was not meant to say: traps that are accepted silently (F6)."""
        return _warnings(self.text)

    def next_after(self, epoch: int, zone: tzinfo) -> int | None:
        """Given an instant (epoch seconds) and the local zone, return the first event strictly later, None if there is none (F7, F8).

        In the repeated autumn hour it is the first pass, unless that is not later than `epoch` (M11). Because of overshooting
        steps (F6) the result can depend on `epoch`: to enumerate, feed each event back in.
        """
        return next_event(self.fields, epoch, zone)

    def largest_gap(self, start: int, zone: tzinfo) -> int | None:
        """Given an instant and the local zone, return the longest distance in seconds between consecutive events after it (F10).

        The horizon is 400 days, or 1,100 days for a schedule that leaves 32 days of them empty; None if it holds fewer than two
        events. Cheap for any schedule.
        """
        return longest_gap(((self.fields, zone),), start)


def largest_gap_of(events_with_zones: Sequence[tuple[CalendarEvent, tzinfo]], start: int) -> int | None:
    """Given events with their local zones, return the largest gap of all their events together, as `CalendarEvent.largest_gap` (F10)."""
    return longest_gap([(event.fields, zone) for event, zone in dict.fromkeys(events_with_zones)], start)


@lru_cache(maxsize=2048)
def _parsed(text: str) -> CalendarEvent:
    return CalendarEvent(text, parse_fields(text))


@lru_cache(maxsize=2048)
def _warnings(text: str) -> tuple[ScheduleWarning, ...]:
    return warnings_of(text, parse_fields(text))
