"""The daily time across clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.schedule import DailyTime, missed

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu", "UTC")
DAY = 86_400

dailies = st.builds(
    DailyTime, st.times().map(lambda at: at.replace(microsecond=0)), st.sampled_from(ZONES).map(ZoneInfo)
)
# 2000 to 2037: what the zones' tables tell day by day
instants = st.integers(946_684_800, 2_114_380_800)


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def local(epoch: int, daily: DailyTime) -> datetime:
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
    assert DailyTime(at, BERLIN).next_after(utc(after)) == utc(due)


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
    assert DailyTime(at, BERLIN).last_until(utc(now)) == utc(due)


@given(dailies, instants)
def test_the_next_due_time_lies_ahead_and_the_last_one_does_not(daily: DailyTime, now: int) -> None:
    assert daily.last_until(now) <= now < daily.next_after(now)


@given(dailies, instants)
def test_next_and_last_undo_each_other(daily: DailyTime, now: int) -> None:
    following = daily.next_after(now)

    assert daily.last_until(following) == following
    assert daily.last_until(following - 1) == daily.last_until(now)
    assert daily.next_after(daily.last_until(now)) == following


@given(dailies, instants)
def test_every_local_date_has_one_due_time_and_they_never_go_back(daily: DailyTime, now: int) -> None:
    due, dates = now, []
    for _ in range(5):
        following = daily.next_after(due)
        assert following > due
        due = following
        dates.append(local(due, daily).date())

    assert dates == [dates[0] + timedelta(days=days) for days in range(5)]


@given(dailies, instants)
def test_a_due_time_reads_as_the_time_of_day_unless_that_day_skips_it(daily: DailyTime, now: int) -> None:
    due = local(daily.next_after(now), daily)
    there = datetime.combine(due.date(), daily.at, daily.zone)
    skipped = there.astimezone(UTC).astimezone(daily.zone).time() != daily.at

    assert due.time() == daily.at or skipped
    assert due.fold == 0


def test_a_date_that_a_zone_leaves_out_has_no_due_time_of_its_own() -> None:
    # Samoa went from 29 to 31 December 2011
    samoa = DailyTime(time(6, 0), ZoneInfo("Pacific/Apia"))
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
    daily = DailyTime(time(6, 0), BERLIN)

    served = None if last_due is None else utc(last_due)
    assert missed(served, daily, utc(now)) == (None if due is None else utc(due))
