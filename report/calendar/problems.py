"""What is wrong with a text that is not a calendar event, and what would be right (F6).

Only `report.schedules` is public; the `calendar_*` modules are its parts.
"""

from __future__ import annotations

import re
from enum import StrEnum


class ScheduleProblem(StrEnum):
    """Why a text is no calendar event: the usual mistakes, and OTHER."""

    EMPTY = "empty"
    BLANKS_AT_THE_ENDS = "blanks_at_the_ends"
    KEYWORD_CASE = "keyword_case"
    CRON_KEYWORD = "cron_keyword"
    CRON_LINE = "cron_line"
    WEEKDAY_DASH = "weekday_dash"
    ZONE = "zone"
    WEEKDAY = "weekday"
    NUMBER_TOO_LARGE = "number_too_large"
    LAST_DAY = "last_day"
    OTHER = "other"


HINTS: dict[ScheduleProblem, str] = {
    ScheduleProblem.EMPTY: "the text is empty; write for example `daily` or `mon..fri 22:30`",
    ScheduleProblem.BLANKS_AT_THE_ENDS: "remove the blanks at the ends",
    ScheduleProblem.KEYWORD_CASE: "keywords are lower case, for example `daily`",
    ScheduleProblem.CRON_KEYWORD: "`@` words are cron's; write `daily`, not `@daily`",
    ScheduleProblem.CRON_LINE: "this looks like a cron line; `30 2 * * 1-5` is written `mon..fri 02:30`",
    ScheduleProblem.WEEKDAY_DASH: "a range of weekdays is written with two dots: `mon..fri`",
    ScheduleProblem.ZONE: "the only zone that can be written is a trailing `UTC` in capitals; without it the host's zone counts",
    ScheduleProblem.WEEKDAY: "weekdays are mon, tue, wed, thu, fri, sat, sun or their full English names",
    ScheduleProblem.NUMBER_TOO_LARGE: "hours end at 23, minutes and seconds at 59, days at 31, months at 12, years at 2199",
    ScheduleProblem.LAST_DAY: "`~` (days counted from the month's end) is not supported",
    ScheduleProblem.OTHER: "the form is WEEKDAYS YEAR-MONTH-DAY HOURS:MINUTES:SECONDS, for example `mon..fri 22:30`",
}


class ScheduleError(ValueError):
    """A text is no calendar event: `text`, `position` (where the genuine parser gave up, from 0), `problem`, and `hint` in English."""

    def __init__(self, text: str, position: int, problem: ScheduleProblem) -> None:
        self.text = text
        self.position = position
        self.problem = problem
        self.hint = HINTS[problem]
        super().__init__(f"`{text}` is no calendar event, at position {position}: {self.hint}")

    def __reduce__(self) -> tuple[type[ScheduleError], tuple[str, int, ScheduleProblem]]:
        return type(self), (self.text, self.position, self.problem)


_KEYWORD = re.compile(
    r"(minutely|hourly|daily|weekly|monthly|quarterly|semi-?annually|yearly|annually)(\s+utc)?", re.IGNORECASE
)
_CRON_FIELD = r"[0-9*][0-9*/,-]*"
_CRON = re.compile(rf"{_CRON_FIELD}(\s+{_CRON_FIELD}){{2}}\s+[\w*/,-]+\s+[\w*/,-]+")
_WEEKDAY = r"(mon|tue|wed|thu|fri|sat|sun)[a-z]*"
_WEEKDAY_DASH = re.compile(rf"{_WEEKDAY}\s*-\s*{_WEEKDAY}", re.IGNORECASE)
_ZONE = re.compile(
    r".*[0-9a-z]\s+([A-Z]{1,5}([+-][0-9:]+)?|[A-Z][A-Za-z]+/[A-Za-z_/+-]+|utc|Utc|[+-][0-9:]+)|.*[0-9]Z", re.DOTALL
)
_TOO_LARGE = re.compile(r"(?<![0-9])([0-9]{3}|[0-9]{5,}|[2-9][2-9][0-9]{2}|[6-9][0-9])(?![0-9])")

_TELLTALES: tuple[tuple[re.Pattern[str], ScheduleProblem], ...] = (
    (_KEYWORD, ScheduleProblem.KEYWORD_CASE),
    (re.compile(r"@.*", re.DOTALL), ScheduleProblem.CRON_KEYWORD),
    (_CRON, ScheduleProblem.CRON_LINE),
    (re.compile(rf".*{_WEEKDAY_DASH.pattern}.*", re.DOTALL | re.IGNORECASE), ScheduleProblem.WEEKDAY_DASH),
    (re.compile(r".*~.*", re.DOTALL), ScheduleProblem.LAST_DAY),
    (_ZONE, ScheduleProblem.ZONE),
)


def problem_of(text: str, position: int) -> ScheduleProblem:
    """Given a rejected text and where it was rejected, return the likely mistake."""
    bare = text.strip()
    if not bare:
        return ScheduleProblem.EMPTY
    if bare != text:
        return ScheduleProblem.BLANKS_AT_THE_ENDS
    for pattern, problem in _TELLTALES:
        if pattern.fullmatch(bare):
            return problem
    if text[position : position + 1].isalpha():
        return ScheduleProblem.WEEKDAY
    return ScheduleProblem.NUMBER_TOO_LARGE if _TOO_LARGE.search(text, position) else ScheduleProblem.OTHER
