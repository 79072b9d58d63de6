"""Schedules, their traps and errors in words: a golden table in both languages, and that no description is wrong."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from report.schedules import CalendarEvent, ScheduleError, ScheduleProblem, ScheduleWarningCode
from report.wording.schedule_phrases import describe_error, describe_schedule, describe_warning
from report.wording.schedule_table import WORDINGS
from tests.report.schedule_texts import EPOCHS, schedules

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "schedule_words.txt"
LANGUAGES = ("en", "fr")
TEXTS = (
    *("minutely", "hourly", "daily", "weekly", "monthly", "quarterly", "semiannually", "yearly"),
    *("02:00", "02:00 UTC", "1,13:00", "*/6:00", "*/2:00", "8..17:30", "8..17/2:00", "2,22:30", "20..22:*/30"),
    *("*/15", "*/15 UTC", "*:0/30", "5/15", "0,30", "*", "22:*", "8..17:0/15", "1/12:0/15", "0..30", "8,9,14:0/20"),
    *("mon..fri 22:30", "sat 3:00", "sat,sun 4:00", "fri..mon 3:00", "mon,wed..fri 1:00", "sun..sat 1:00"),
    *("mon */15", "mon *:5,35", "sat 0/5:00", "22:*/25"),
    *("*-1 03:00", "*-1,15 03:00", "*-31 1:00", "Sat *-1..7 02:00", "mon..fri *-1..7 1:00", "*-1..15 UTC"),
    *("*-12-* 3:00", "*-4..6-* 3:00", "*-12-24..26 12:00", "*-4..9-1,15", "sat *-12-* 1:00", "sat *-12-1..7 1:00"),
    *("1-1", "2-29", "2-30", "2024-02-29", "2026-12-24 18:00", "2026-*-* 5:00", "2026..2028-1-1", "1965/5-01-01"),
    *("sat 2026-12-24", "*:3:5", "12:00:00..30/10", "*:*:*", "*:*:0/15", "8:*:*", "1,4..6:0,13:0,30"),
    *("22", "mon..fri 22", "mon..fri 22 UTC", "0", "12", "8..17", "24:00", "mon 24:00", "25:00", "22,24:00"),
    *("01:00,13:00", "01:00,13:30", "22:00..23:00", "0/5:00", "mon..fri 0/5:0,30", "*/25", "*/45", "*/7"),
    *("*-*-1/7", "*-1/5-1", "*:*:0/7", "0..23/5:00"),
)


def written() -> str:
    """Return the golden table: each text, its description and its warnings, in English and French."""
    lines = []
    for text in TEXTS:
        event = CalendarEvent.parse(text)
        lines.append(text)
        lines += [f"  {language}  {describe_schedule(event, language)}" for language in LANGUAGES]
        for warning in event.warnings:
            lines += [f"  {language}! {describe_warning(warning, language)}" for language in LANGUAGES]
    return "\n".join(lines) + "\n"


def test_schedules_read_as_in_the_golden_table() -> None:
    if os.environ.get("VZCOVER_UPDATE_GOLDEN"):
        GOLDEN.write_text(written(), encoding="utf-8")
    assert written() == GOLDEN.read_text(encoding="utf-8")


def test_every_warning_has_words_in_both_languages() -> None:
    said = {warning.code for text in TEXTS for warning in CalendarEvent.parse(text).warnings}
    assert said == set(ScheduleWarningCode)
    for language in LANGUAGES:
        assert set(WORDINGS[language].warnings) == set(ScheduleWarningCode)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("problem", ScheduleProblem)
def test_every_error_has_a_hint_in_both_languages(problem: ScheduleProblem, language: str) -> None:
    assert len(describe_error(ScheduleError("x", 0, problem), language)) > 20


def test_the_english_hint_is_the_errors_own() -> None:
    error = ScheduleError("mon-fri", 3, ScheduleProblem.WEEKDAY_DASH)
    assert describe_error(error, "en") == error.hint


def test_another_language_is_an_error() -> None:
    with pytest.raises(KeyError):
        describe_schedule(CalendarEvent.parse("daily"), "de")


@given(schedules, st.sampled_from(LANGUAGES))
@settings(deadline=None, max_examples=300)
def test_any_schedule_can_be_said(text: str, language: str) -> None:
    event = CalendarEvent.parse(text)
    sentence = describe_schedule(event, language)
    assert sentence
    assert "{" not in sentence
    assert "  " not in sentence
    assert event.utc == ("UTC" in sentence) or ScheduleWarningCode.NEVER_RUNS in {w.code for w in event.warnings}
    for warning in event.warnings:
        assert "{" not in describe_warning(warning, language)


@given(schedules, EPOCHS)
@settings(deadline=None, max_examples=300)
def test_times_of_day_in_a_description_are_those_of_the_events(text: str, start: int) -> None:
    """Where the description lists clock times, all events come at one of them, and each comes (the irregular ones aside)."""
    event = CalendarEvent.parse(text)
    sentence = describe_schedule(event, "en")
    listed = re.search(r" at (\d\d:\d\d(?:[0-9:, ]|and)*)(?: UTC)?$", sentence)
    if listed is None:
        return
    said = {f"{time}:00"[:8] for time in re.findall(r"[0-9:]+", listed[1])}
    at: int | None = start
    seen = set()
    for _ in range(3 * len(said)):
        at = event.next_after(at, UTC) if at is not None else None
        if at is not None:
            seen.add(datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S"))
    assert seen <= said
    assert at is None or seen == said


@given(schedules, EPOCHS)
@settings(deadline=None, max_examples=300)
def test_steps_are_told_to_skip_their_start_exactly_when_they_do(text: str, start: int) -> None:
    """A warned-about hour, minute or second never directly follows the end of the round before; one not warned about is not missed."""
    event = CalendarEvent.parse(text)
    skipped = {
        dict(warning.params)["field"]: {int(value) for value in dict(warning.params)["skipped"].split(",")}
        for warning in event.warnings
        if warning.code is ScheduleWarningCode.STEP_SKIPS_START
    }
    at = event.next_after(start, UTC)
    for _ in range(60):
        following = None if at is None else event.next_after(at, UTC)
        if at is None or following is None:
            return
        before, after = datetime.fromtimestamp(at, UTC), datetime.fromtimestamp(following, UTC)
        if (after.date() - before.date()).days == 1:
            assert after.hour not in skipped.get("hour", ())
            if "hour" not in skipped and "day" not in skipped and "month" not in skipped:
                assert after.hour == event.fields.hour.values[0]
        at = following
