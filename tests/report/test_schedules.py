"""Calendar events by the rulebook (F2–F8, cases 64–66), and what must hold for any of them."""

from __future__ import annotations

import pickle
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from report.schedules import CalendarEvent, ScheduleError, ScheduleProblem, ScheduleWarningCode
from tests.report.schedule_texts import EPOCHS, ZONES, closed_schedules, schedules

BERLIN = ZoneInfo("Europe/Berlin")


def epoch(text: str, zone: ZoneInfo | None = None) -> int:
    """Return the instant of an ISO local time (UTC without a zone)."""
    return int(datetime.fromisoformat(text).replace(tzinfo=zone or UTC).timestamp())


def events(text: str, start: str, count: int, zone: ZoneInfo | None = None) -> list[str]:
    """Return the local times of the next events, one fed back in after the other."""
    event, at = CalendarEvent.parse(text), epoch(start, zone)
    times: list[str] = []
    for _ in range(count):
        following = event.next_after(at, zone or UTC)
        if following is None:
            return times
        at = following
        times.append(datetime.fromtimestamp(at, zone or UTC).strftime("%a %d %H:%M"))
    return times


@pytest.mark.parametrize(
    ("keyword", "same"),
    [
        ("minutely", "*:*"),
        ("hourly", "*:00"),
        ("daily", "0:00"),
        ("weekly", "mon"),
        ("monthly", "*-1"),
        ("quarterly", "1,4,7,10-1"),
        ("semiannually", "1,7-1"),
        ("semi-annually", "1,7-1"),
        ("yearly", "1-1"),
        ("annually", "1-1"),
        ("daily UTC", "0:00 UTC"),
    ],
)
def test_a_keyword_is_short_for_another_text(keyword: str, same: str) -> None:  # F2
    at = epoch("2026-02-03T04:05:06")
    for _ in range(5):
        following = CalendarEvent.parse(keyword).next_after(at, BERLIN)
        assert following is not None
        assert following == CalendarEvent.parse(same).next_after(at, BERLIN)
        at = following


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon", {0}),
        ("MONDAY,sun", {0, 6}),
        ("Mon..Fri", {0, 1, 2, 3, 4}),
        ("fri..mon", {4, 5, 6, 0}),
        ("sat..sat,wed", {5, 2}),
    ],
)
def test_weekdays_may_wrap_around_the_week(text: str, days: set[int]) -> None:  # F3
    assert CalendarEvent.parse(text).fields.weekdays == days


def test_a_weekday_or_date_without_time_means_midnight() -> None:  # F3, F4
    assert events("sat", "2026-03-02T00:00", 1) == ["Sat 07 00:00"]
    assert events("3-9", "2026-03-02T00:00", 1) == ["Mon 09 00:00"]


def test_years_end_before_2200() -> None:  # F4
    CalendarEvent.parse("2199-1-1")
    with pytest.raises(ScheduleError):
        CalendarEvent.parse("2200-1-1")


@pytest.mark.parametrize(
    ("text", "position", "problem"),
    [
        ("", 0, ScheduleProblem.EMPTY),
        ("  ", 0, ScheduleProblem.EMPTY),
        ("mon-fri", 3, ScheduleProblem.WEEKDAY_DASH),
        ("Daily", 0, ScheduleProblem.KEYWORD_CASE),
        ("*/90", 0, ScheduleProblem.NUMBER_TOO_LARGE),
        ("60:00", 0, ScheduleProblem.NUMBER_TOO_LARGE),
        ("22:00 CET", 5, ScheduleProblem.ZONE),
        ("22:00 utc", 5, ScheduleProblem.ZONE),
        ("22:00 Europe/Berlin", 5, ScheduleProblem.ZONE),
        ("*,5:00", 1, ScheduleProblem.OTHER),
        ("0 2 * * *", 1, ScheduleProblem.CRON_LINE),
        ("@daily", 0, ScheduleProblem.CRON_KEYWORD),
        ("*-*-~1", 3, ScheduleProblem.LAST_DAY),
        ("every day", 0, ScheduleProblem.WEEKDAY),
        (" 22:00", 0, ScheduleProblem.BLANKS_AT_THE_ENDS),
        ("22:00 ", 5, ScheduleProblem.BLANKS_AT_THE_ENDS),
        ("22:00\n", 5, ScheduleProblem.BLANKS_AT_THE_ENDS),
    ],
)
def test_a_rejected_text_is_told_where_and_why(text: str, position: int, problem: ScheduleProblem) -> None:  # F1, F6
    with pytest.raises(ScheduleError, match="is no calendar event") as caught:
        CalendarEvent.parse(text)
    assert (caught.value.text, caught.value.position, caught.value.problem) == (text, position, problem)
    assert isinstance(caught.value, ValueError)


def test_an_error_survives_being_pickled() -> None:
    error = ScheduleError("mon-fri", 3, ScheduleProblem.WEEKDAY_DASH)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize(
    ("text", "start", "expected"),
    [
        ("22", "2026-03-02T21:30", ["Mon 02 22:22", "Mon 02 23:22", "Tue 03 00:22"]),
        ("mon..fri 22", "2026-03-06T22:30", ["Fri 06 23:22", "Mon 09 00:22"]),
        ("24:00", "2026-03-02T21:30", ["Mon 02 22:24", "Mon 02 23:24"]),
        ("25:00", "2026-03-02T21:30", ["Mon 02 22:25", "Mon 02 23:25"]),
        ("01:00,13:00", "2026-03-02T00:00", ["Mon 02 01:00", "Mon 02 01:13", "Tue 03 01:00"]),
        ("22:00..23:00", "2026-03-02T22:22", ["Mon 02 22:23", "Tue 03 22:00"]),
        ("0/5:00", "2026-03-02T20:00", ["Tue 03 05:00"]),
        ("*/5:00", "2026-03-02T20:00", ["Tue 03 05:00"]),
        ("0..23/5:00", "2026-03-02T20:00", ["Tue 03 00:00", "Tue 03 05:00"]),
        ("*/25", "2026-03-02T20:00", ["Mon 02 20:25", "Mon 02 20:50", "Mon 02 21:25"]),
        ("*/45", "2026-03-02T20:00", ["Mon 02 20:45", "Mon 02 21:45"]),
        ("*/7", "2026-03-02T20:50", ["Mon 02 20:56", "Mon 02 21:07"]),
        ("*/15", "2026-03-02T20:50", ["Mon 02 21:00", "Mon 02 21:15"]),
        ("*-*-1/7", "2026-03-22T00:00", ["Sun 29 00:00", "Wed 08 00:00"]),
        ("sat 0/5:00", "2026-03-07T20:00", ["Sat 14 00:00"]),
        ("*-2-30", "2026-03-07T20:00", []),
        ("2026-12-24", "2026-12-24T00:00", []),
    ],
)
def test_traps_run_as_the_genuine_engine_runs_them(
    text: str, start: str, expected: list[str]
) -> None:  # F6, F7, case 64
    assert events(text, start, max(len(expected), 1)) == expected


@pytest.mark.parametrize(
    ("text", "code", "suggestion"),
    [
        ("22", ScheduleWarningCode.HOURS_READ_AS_MINUTES, "22:00"),
        ("mon..fri 22", ScheduleWarningCode.HOURS_READ_AS_MINUTES, "mon..fri 22:00"),
        ("mon 8..17 UTC", ScheduleWarningCode.HOURS_READ_AS_MINUTES, "mon 8..17:00 UTC"),
        ("24:00", ScheduleWarningCode.NO_SUCH_HOUR, "00:00"),
        ("mon 24:00", ScheduleWarningCode.NO_SUCH_HOUR, ""),
        ("25:00", ScheduleWarningCode.NO_SUCH_HOUR, ""),
        ("01:00,13:00", ScheduleWarningCode.TIMES_READ_AS_MINUTES, "1,13:00"),
        ("01:00,13:30", ScheduleWarningCode.TIMES_READ_AS_MINUTES, ""),
        ("22:00..23:00", ScheduleWarningCode.RANGE_READ_AS_MINUTES, "22..23:00"),
        ("0/5:00", ScheduleWarningCode.STEP_SKIPS_START, "0..23/5"),
        ("*/25", ScheduleWarningCode.STEP_SKIPS_START, "0..59/25"),
        ("*-*-1/7", ScheduleWarningCode.STEP_SKIPS_START, "1..31/7"),
        ("*-*/5-1", ScheduleWarningCode.STEP_SKIPS_START, "1..12/5"),
        ("2-30", ScheduleWarningCode.NEVER_RUNS, None),
        ("1-0", ScheduleWarningCode.NEVER_RUNS, None),
        ("0-1", ScheduleWarningCode.NEVER_RUNS, None),
        ("*:*:0/15", ScheduleWarningCode.FINER_THAN_A_MINUTE, None),
    ],
)
def test_a_trap_gives_one_warning(text: str, code: ScheduleWarningCode, suggestion: str | None) -> None:  # F6, F9
    (warning,) = CalendarEvent.parse(text).warnings
    assert warning.code is code
    assert dict(warning.params).get("suggestion") == suggestion
    assert dict(warning.params)["schedule"] == text


@pytest.mark.parametrize(
    "text",
    [
        *("02:00", "daily", "*", "*/15", "*:0/15", "45", "sat 0/5:00", "22:*/25", "0..23/5:00", "8..17:00", "1,13:00"),
        *("*-31", "1:0,15,30:00", "4/3-1", "*/6:30", "minutely", "2-29", "*:00", "8..17:0/15", "mon..fri 22:30 UTC"),
        *(
            "*/23:*",
            "*/59",
            "*-*-1/2",
        ),  # the last value is the field's last: the clock goes on to the next round by itself
    ],
)
def test_what_is_meant_so_gives_no_warning(text: str) -> None:
    assert CalendarEvent.parse(text).warnings == ()


@pytest.mark.parametrize(
    ("text", "start", "expected"),
    [
        ("2:30", "2026-03-28T00:00", ["Sat 28 02:30", "Mon 30 02:30"]),
        ("2:00", "2026-03-28T00:00", ["Sat 28 02:00", "Mon 30 02:00"]),
        ("3:00", "2026-03-28T00:00", ["Sat 28 03:00", "Sun 29 03:00"]),
        ("hourly", "2026-03-29T00:30", ["Sun 29 01:00", "Sun 29 03:00"]),
        ("2:30", "2026-10-24T03:00", ["Sun 25 02:30", "Mon 26 02:30"]),
        ("hourly", "2026-10-25T00:30", ["Sun 25 01:00", "Sun 25 02:00", "Sun 25 03:00"]),
        ("*:0/30", "2026-10-25T01:30", ["Sun 25 02:00", "Sun 25 02:30", "Sun 25 03:00"]),
    ],
)
def test_a_skipped_hour_is_not_made_up_and_a_repeated_one_runs_once(
    text: str, start: str, expected: list[str]
) -> None:  # F8
    assert events(text, start, len(expected), BERLIN) == expected


def test_hourly_has_one_gap_of_two_hours_in_autumn() -> None:  # F8
    first_pass = epoch("2026-10-25T00:00")  # 02:00 CEST
    assert CalendarEvent.parse("hourly").next_after(first_pass - 1, BERLIN) == first_pass
    assert CalendarEvent.parse("hourly").next_after(first_pass, BERLIN) == first_pass + 2 * 3600


def test_the_second_pass_comes_only_after_the_first() -> None:  # M11
    first_pass = epoch("2026-10-25T00:30")  # 02:30 CEST
    half_past_two = CalendarEvent.parse("2:30")
    assert half_past_two.next_after(epoch("2026-10-24T12:00"), BERLIN) == first_pass
    assert half_past_two.next_after(first_pass + 1799, BERLIN) == first_pass + 3600  # asked at 02:59:59 CEST
    assert half_past_two.next_after(first_pass + 1800, BERLIN) == first_pass + 3600  # asked at 02:00:00 CET


def test_every_second_counts_through_both_passes() -> None:
    event, at = CalendarEvent.parse("*:*:*"), epoch("2026-10-24T23:59:58")
    for _ in range(7300):
        assert event.next_after(at, BERLIN) == at + 1
        at += 1


def test_utc_at_the_end_of_the_text_beats_the_local_zone() -> None:  # F5
    start = epoch("2026-07-01T00:00")
    assert CalendarEvent.parse("22:00 UTC").next_after(start, BERLIN) == epoch("2026-07-01T22:00")
    assert CalendarEvent.parse("22:00").next_after(start, BERLIN) == epoch("2026-07-01T20:00")


def test_a_backup_before_the_skipped_hour_is_due_a_day_later() -> None:  # case 65
    due = CalendarEvent.parse("2:30").next_after(epoch("2026-03-28T02:31", BERLIN), BERLIN)
    assert due == epoch("2026-03-30T02:30", BERLIN) == epoch("2026-03-30T00:30")


def test_a_friday_backup_is_due_on_monday() -> None:  # case 66
    due = CalendarEvent.parse("mon..fri 22:00").next_after(epoch("2026-03-06T22:05", BERLIN), BERLIN)
    assert due == epoch("2026-03-09T22:00", BERLIN)


@pytest.mark.parametrize("at", [10**15, -(10**15), 253402300799, -62135596800])
def test_an_instant_outside_the_calendar_has_no_next_event(at: int) -> None:
    assert CalendarEvent.parse("*-2-30").next_after(at, BERLIN) is None
    assert CalendarEvent.parse("daily").largest_gap(at, BERLIN) is None or abs(at) < 10**12


def test_events_are_equal_by_their_text() -> None:
    assert CalendarEvent.parse("daily") == CalendarEvent.parse("daily") != CalendarEvent.parse("0:00")
    assert len({CalendarEvent.parse("daily"), CalendarEvent.parse("daily")}) == 1


@given(st.text() | st.text(alphabet="0123456789*/.,:-UTC monfrisatdaily\t", max_size=25))
@settings(deadline=None, max_examples=1000)
def test_any_text_is_parsed_or_refused(text: str) -> None:
    parsed = parse_or_error(text)
    if isinstance(parsed, ScheduleError):
        assert 0 <= parsed.position <= len(text)
        assert parsed.hint
    else:
        assert parsed.text == text == text.strip()
        assert isinstance(parsed.warnings, tuple)


def parse_or_error(text: str) -> CalendarEvent | ScheduleError:
    try:
        return CalendarEvent.parse(text)
    except ScheduleError as error:
        return error


def test_numbers_of_any_length_are_read() -> None:
    assert events("0" * 6000 + "1:00", "2026-03-02T00:00", 1) == ["Mon 02 01:00"]
    with pytest.raises(ScheduleError):
        CalendarEvent.parse("1" * 6000)


@given(schedules, st.sampled_from(ZONES), EPOCHS)
@settings(deadline=None, max_examples=300)
def test_events_follow_each_other_and_match_their_fields(text: str, zone: ZoneInfo, start: int) -> None:
    event, at = CalendarEvent.parse(text), start
    for _ in range(30):
        following = event.next_after(at, zone)
        if following is None:
            return
        assert following > at
        at = following
        local = datetime.fromtimestamp(at, UTC if event.utc else zone)
        fields = event.fields
        assert not fields.weekdays or local.weekday() in fields.weekdays
        assert fields.year.land(local.year) == local.year
        assert local.month in fields.month.values
        assert local.day in fields.day.values
        assert local.hour in fields.hour.values
        assert local.minute in fields.minute.values
        assert local.second in fields.second.values


@given(closed_schedules, EPOCHS)
@settings(deadline=None, max_examples=300)
def test_without_open_steps_no_event_is_left_out(text: str, start: int) -> None:
    """Where nothing overshoots and no clock changes, the next event is the first instant that matches."""
    event = CalendarEvent.parse(text)
    following = event.next_after(start, UTC)
    fields = event.fields
    times = [
        hour * 3600 + minute * 60 + second
        for hour in fields.hour.values
        for minute in fields.minute.values
        for second in fields.second.values[:1]
    ]
    today = datetime.fromtimestamp(start, UTC).date()
    for offset in range(400):
        day = today + timedelta(days=offset)
        if not matches(event, day):
            continue
        midnight = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
        candidates = [midnight + time for time in times if midnight + time > start]
        if candidates:
            assert following is not None
            assert following <= candidates[0]
            assert (following == candidates[0]) or len(fields.second.values) > 1
            return
    assert following is None or following > start + 399 * 86400


def matches(event: CalendarEvent, day: date) -> bool:
    """Say whether a day matches the event's weekdays and date."""
    fields = event.fields
    return (
        (not fields.weekdays or day.weekday() in fields.weekdays)
        and day.month in fields.month.values
        and day.day in fields.day.values
        and fields.year.land(day.year) == day.year
    )
