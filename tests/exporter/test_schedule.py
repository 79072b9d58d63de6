"""Due times across clock changes, on all days and on some."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.schedule import WEEKDAYS, Days, DueTimes, missed

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu", "UTC")
DAY = 86_400

times = st.times().map(lambda at: at.replace(microsecond=0))
zones = st.sampled_from(ZONES).map(ZoneInfo)
dailies = st.builds(DueTimes, times, zones)
words = st.sampled_from([*WEEKDAYS, "last", *(str(day) for day in range(1, 32))])
some_days = st.sets(words, min_size=1, max_size=4).map(Days.of)
schedules = st.builds(DueTimes, times, zones, some_days) | dailies
# 2000 to 2037: what the zones' tables tell day by day
instants = st.integers(946_684_800, 2_114_380_800)


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def local(epoch: int, daily: DueTimes) -> datetime:
    return datetime.fromtimestamp(epoch, daily.zone)


# 2026: clocks go forward on 29 March at 01:00 UTC (02:00 → 03:00) and back on 25 October at 01:00 UTC (03:00 → 02:00)
@pytest.mark.parametrize(
    ("at", "after", "due"),
    [
        (time(2, 30), "2026-03-28 00:00", "2026-03-28 01:30"),
        (time(2, 30), "2026-03-28 01:30", "2026-03-29 01:30"),  # 02:30 is skipped: 03:30 summer time
        (time(2, 30), "2026-03-29 01:30", "2026-03-30 00:30"),
        (time(6, 0), "2026-03-28 05:00", "2026-03-29 04:00"),
        (time(2, 0), "2026-03-28 12:00", "2026-03-29 01:00"),
        (time(3, 0), "2026-03-28 12:00", "2026-03-29 01:00"),
        (time(2, 30), "2026-10-24 00:30", "2026-10-25 00:30"),  # the first of two
        (time(2, 30), "2026-10-25 00:30", "2026-10-26 01:30"),  # and not the second, at 01:30
        (time(6, 0), "2026-10-24 04:00", "2026-10-25 05:00"),
        (time(0, 0), "2026-10-24 23:00", "2026-10-25 23:00"),
    ],
)
def test_the_next_due_time_in_berlin(at: time, after: str, due: str) -> None:
    assert DueTimes(at, BERLIN).next_after(utc(after)) == utc(due)


@pytest.mark.parametrize(
    ("at", "now", "due"),
    [
        (time(2, 30), "2026-03-29 01:29", "2026-03-28 01:30"),
        (time(2, 30), "2026-03-29 01:30", "2026-03-29 01:30"),
        (time(2, 30), "2026-10-25 00:29", "2026-10-24 00:30"),
        (time(2, 30), "2026-10-25 00:30", "2026-10-25 00:30"),
        (time(2, 30), "2026-10-25 01:30", "2026-10-25 00:30"),
        (time(2, 30), "2026-10-25 23:59", "2026-10-25 00:30"),
    ],
)
def test_the_last_due_time_in_berlin(at: time, now: str, due: str) -> None:
    assert DueTimes(at, BERLIN).last_until(utc(now)) == utc(due)


@given(schedules, instants)
def test_the_next_due_time_lies_ahead_and_the_last_one_does_not(daily: DueTimes, now: int) -> None:
    assert daily.last_until(now) <= now < daily.next_after(now)


@given(schedules, instants)
def test_next_and_last_undo_each_other(daily: DueTimes, now: int) -> None:
    following = daily.next_after(now)

    assert daily.last_until(following) == following
    assert daily.last_until(following - 1) == daily.last_until(now)
    assert daily.next_after(daily.last_until(now)) == following


@given(dailies, instants)
def test_every_local_date_has_one_due_time_and_they_never_go_back(daily: DueTimes, now: int) -> None:
    due, dates = now, []
    for _ in range(5):
        following = daily.next_after(due)
        assert following > due
        due = following
        dates.append(local(due, daily).date())

    assert dates == [dates[0] + timedelta(days=days) for days in range(5)]


@given(st.builds(DueTimes, times, zones, some_days), st.dates(date(2000, 1, 1), date(2037, 11, 1)))
def test_every_local_date_that_is_meant_has_one_due_time_and_no_other_has_one(due_times: DueTimes, first: date) -> None:
    # a time that a spring night skips may fall on the day after: times from 02:00 on stay on their date in these zones
    due_times = replace(due_times, at=due_times.at.replace(hour=2 + due_times.at.hour % 21))
    begin = int(datetime.combine(first, time(), due_times.zone).timestamp())
    due, dates = begin - 1, []
    while (due := due_times.next_after(due)) < begin + 62 * DAY:
        dates.append(local(due, due_times).date())

    meant = [first + timedelta(days=days) for days in range(64)]
    assert dates == [day for day in meant if due_times.days.include(day)][: len(dates)]
    assert dates


@given(dailies, instants)
def test_a_due_time_reads_as_the_time_of_day_unless_that_day_skips_it(daily: DueTimes, now: int) -> None:
    due = local(daily.next_after(now), daily)
    there = datetime.combine(due.date(), daily.at, daily.zone)
    skipped = there.astimezone(UTC).astimezone(daily.zone).time() != daily.at

    assert due.time() == daily.at or skipped
    assert due.fold == 0


# 2026: 1 January is a Thursday; February has 28 days, April 30
@pytest.mark.parametrize(
    ("words", "after", "dates"),
    [
        (("monday",), "2026-01-01", ["2026-01-05", "2026-01-12", "2026-01-19"]),
        (("saturday", "sunday"), "2026-01-01", ["2026-01-03", "2026-01-04", "2026-01-10"]),
        (("1", "15"), "2026-01-01", ["2026-01-15", "2026-02-01", "2026-02-15"]),
        (("31",), "2026-01-01", ["2026-01-31", "2026-03-31", "2026-05-31"]),  # not due in shorter months
        (("30",), "2026-01-30", ["2026-03-30", "2026-04-30", "2026-05-30"]),
        (("last",), "2026-01-01", ["2026-01-31", "2026-02-28", "2026-03-31"]),
        (("last",), "2028-02-01", ["2028-02-29", "2028-03-31", "2028-04-30"]),
        (("31", "last"), "2026-03-01", ["2026-03-31", "2026-04-30", "2026-05-31"]),  # a day that two name is one
        (("1", "monday"), "2026-05-31", ["2026-06-01", "2026-06-08", "2026-06-15"]),
        ((), "2026-02-27", ["2026-02-28", "2026-03-01", "2026-03-02"]),
    ],
)
def test_days_are_weekdays_days_of_the_month_or_its_last(words: tuple[str, ...], after: str, dates: list[str]) -> None:
    due_times, due, found = DueTimes(time(6, 0), BERLIN, Days.of(words)), utc(f"{after} 12:00"), []
    for _ in dates:
        due = due_times.next_after(due)
        found.append(str(local(due, due_times).date()))

    assert found == dates


@pytest.mark.parametrize(
    ("words", "after", "due"),
    [
        (("sunday",), "2026-03-23 00:00", "2026-03-29 01:30"),  # 02:30 is skipped: 03:30 summer time
        (("29",), "2026-03-23 00:00", "2026-03-29 01:30"),
        (("sunday",), "2026-10-19 00:00", "2026-10-25 00:30"),  # the first of two
        (("sunday",), "2026-10-25 00:30", "2026-11-01 01:30"),  # and not the second
    ],
)
def test_clock_changes_cost_a_weekly_report_nothing(words: tuple[str, ...], after: str, due: str) -> None:
    assert DueTimes(time(2, 30), BERLIN, Days.of(words)).next_after(utc(after)) == utc(due)


@given(schedules, instants, instants)
def test_whatever_was_served_before_the_newest_due_time_alone_is_missed_and_then_nothing(
    due_times: DueTimes, served: int, now: int
) -> None:
    due = missed(due_times.last_until(served), due_times, now)

    assert due in (None, due_times.last_until(now))
    assert (due is None) == (due_times.last_until(served) >= due_times.last_until(now))
    assert missed(due, due_times, now) is None


def test_a_date_that_a_zone_leaves_out_has_no_due_time_of_its_own() -> None:
    # Samoa went from 29 to 31 December 2011
    samoa = DueTimes(time(6, 0), ZoneInfo("Pacific/Apia"))
    due, dates = utc("2011-12-28 12:00"), []
    for _ in range(3):
        due = samoa.next_after(due)
        dates.append(local(due, samoa).date())

    assert dates == [date(2011, 12, 28), date(2011, 12, 29), date(2011, 12, 31)]


@pytest.mark.parametrize(
    ("last_due", "now", "due"),
    [
        (None, "2026-05-10 12:00", None),  # nothing is known: nothing was missed
        ("2026-05-10 04:00", "2026-05-10 12:00", None),
        ("2026-05-10 04:00", "2026-05-11 03:59", None),
        ("2026-05-10 04:00", "2026-05-11 04:00", "2026-05-11 04:00"),
        ("2026-05-01 04:00", "2026-05-11 12:00", "2026-05-11 04:00"),  # ten missed, the newest is made up
        ("2026-05-12 04:00", "2026-05-11 12:00", None),
    ],
)
def test_the_newest_report_not_served_is_missed(last_due: str | None, now: str, due: str | None) -> None:
    daily = DueTimes(time(6, 0), BERLIN)

    served = None if last_due is None else utc(last_due)
    assert missed(served, daily, utc(now)) == (None if due is None else utc(due))
