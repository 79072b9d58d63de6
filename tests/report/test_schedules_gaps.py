"""The largest gap between events (F10): the rulebook's values, and equality with visiting every event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from report.schedules import CalendarEvent, largest_gap_of
from tests.report.schedule_texts import EPOCHS, ZONES, schedules

DAY_SECONDS = 86400
BERLIN = ZoneInfo("Europe/Berlin")
NEW_YEAR = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
TOO_MANY = 4000
Scheduled = tuple[CalendarEvent, tzinfo]


def hours(text: str, zone: tzinfo) -> float | None:
    """Return the largest gap in hours."""
    gap = CalendarEvent.parse(text).largest_gap(NEW_YEAR, zone)
    return None if gap is None else gap / 3600


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("21:00", 24),
        ("1,13:00", 12),
        ("0/5:00", 9),
        ("mon..fri 22:00", 72),
        ("mon..fri 22", 49),
        ("sat 3:00", 168),
        ("monthly", 744),
        ("Sat *-1..7 15:00", 840),
        ("quarterly", 2208),
        ("24:00", 1),
        ("*/45", 1),
        ("*/15", 0.25),
        ("*-31 1:00", 1464),
        ("*-12-* 3:00", 335 * 24 + 24),
        ("yearly", 366 * 24),  # 2028 is a leap year
        ("hourly", 1),
        ("minutely", 1 / 60),
        ("*:*:*", 1 / 3600),
        ("2-30", None),
        ("2026-12-24", None),
        ("2020-1-1", None),
        ("2-29", None),
        ("2026,2027-12-24", 365 * 24),
    ],
)
def test_the_nominal_gap_is_the_rulebooks(text: str, expected: float | None) -> None:  # F10, case 64
    assert hours(text, UTC) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("21:00", 25),
        ("2:30", 47),
        ("2:00", 47),
        ("3:00", 25),
        ("hourly", 2),
        ("*/15", 1.25),
        ("mon..fri 22:00", 73),
        ("sat 3:00", 169),
        ("monthly", 745),
        ("quarterly", 2209),
        ("*-31 1:00", 1465),
        ("*:*:*", 1 / 3600),
        ("21:00 UTC", 24),
    ],
)
def test_clock_changes_make_gaps_longer(text: str, expected: float) -> None:  # F8, F10
    assert hours(text, BERLIN) == expected


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ((), None),
        (("2-30",), None),
        (("21:00", "2-30"), 25),
        (("1:00", "13:00"), 13),
        (("mon..fri 22:00", "sat,sun 22:00"), 25),
        (("mon..fri 22:00", "sun 10:00"), 37),  # Friday 22:00 to Sunday 10:00 on the autumn day
        (("2026-12-24", "2026-12-25"), 24),
        (("monthly", "*-15"), 17 * 24 + 1),
        (("*:*:*", "*-*-1 3:00"), 1 / 3600),
        (("2:30", "2:30 UTC"), 24),  # the skipped hour has the other's event on both sides,
    ],
)
def test_several_schedules_share_the_time_between_their_events(texts: Sequence[str], expected: float | None) -> None:
    gap = largest_gap_of([(CalendarEvent.parse(text), BERLIN) for text in texts], NEW_YEAR)
    assert (None if gap is None else gap / 3600) == expected


def test_zones_of_their_own_count_for_each_schedule() -> None:
    event = CalendarEvent.parse("12:00")
    zones = (ZoneInfo("Asia/Kolkata"), ZoneInfo("Asia/Tokyo"))  # noon is 06:30 and 03:00 UTC
    assert largest_gap_of([(event, zone) for zone in zones], NEW_YEAR) == 20.5 * 3600


def visited(schedule: Scheduled, start: int, end: int) -> list[int]:
    """Return the events in (start, end], one fed back in after the other; too many are not asked for."""
    event, zone = schedule
    found: list[int] = []
    at = event.next_after(start, zone)
    while at is not None and at <= end:
        assume(len(found) < TOO_MANY)
        found.append(at)
        at = event.next_after(at, zone)
    return found


def gap_by_visiting(scheduled: Sequence[Scheduled], start: int) -> int | None:
    """Return the largest gap by visiting every event: 400 days, or 1,100 if 32 of those days are empty."""
    events: list[int] = []
    for days in (400, 1100):
        end = start + days * DAY_SECONDS
        events = sorted({event for schedule in scheduled for event in visited(schedule, start, end)})
        if max(later - earlier for earlier, later in pairwise([start, *events, end])) <= 32 * DAY_SECONDS:
            break
    return max((later - earlier for earlier, later in pairwise(events)), default=None)


RARE = st.sampled_from(["", "sat ", "mon..fri ", "*-1 ", "*-*-1/7 ", "*-12-* ", "sun *-1..7 ", "*-31 ", "*-29/3 "])
DAILY_TIMES = st.sampled_from(["2:30", "0/5:00", "23:59:59", "2:00,30", "1/7:0/25", "0:00", "2:59:59", "3..5:0/40:7"])
SPARSE = st.tuples(RARE, DAILY_TIMES).map("".join).map(CalendarEvent.parse)


@given(SPARSE, st.sampled_from(ZONES), EPOCHS)
@settings(deadline=None, max_examples=40)
def test_the_gap_of_a_sparse_schedule_is_the_one_found_by_visiting(
    event: CalendarEvent, zone: ZoneInfo, start: int
) -> None:
    assert event.largest_gap(start, zone) == gap_by_visiting([(event, zone)], start)


@given(st.lists(st.tuples(SPARSE, st.sampled_from(ZONES)), min_size=2, max_size=3), EPOCHS)
@settings(deadline=None, max_examples=25)
def test_the_gap_of_several_is_the_one_found_by_visiting(scheduled: list[Scheduled], start: int) -> None:
    assert largest_gap_of(scheduled, start) == gap_by_visiting(scheduled, start)


@given(schedules.map(CalendarEvent.parse), st.sampled_from(ZONES), EPOCHS)
@settings(deadline=None, max_examples=150)
def test_no_gap_among_the_first_events_is_larger(event: CalendarEvent, zone: ZoneInfo, start: int) -> None:
    """For dense schedules as well, which can't be visited whole."""
    largest = event.largest_gap(start, zone)
    at = event.next_after(start, zone)
    for _ in range(300):
        following = None if at is None else event.next_after(at, zone)
        if at is None or following is None or following > start + 400 * DAY_SECONDS:
            return
        assert largest is not None
        assert following - at <= largest
        at = following


@pytest.mark.parametrize("start", [1774746000, 1792890000])
@pytest.mark.parametrize("text", ["*:*:*", "*:*:0/7", "*:0/25:30", "*:59:59", "2:*:*", "*/7", "*"])
@pytest.mark.parametrize("zone", ZONES, ids=str)
def test_the_days_of_clock_changes_are_right_for_dense_schedules(text: str, start: int, zone: ZoneInfo) -> None:
    """A schedule bound to one date is short enough to be visited around a clock change."""
    date = datetime.fromtimestamp(start, zone).strftime("%Y-%m-%d")
    event = CalendarEvent.parse(f"{date} {text}")
    events = [start - DAY_SECONDS]
    while len(events) < 20000 and (at := event.next_after(events[-1], zone)) is not None:
        events.append(at)
    if len(events) == 20000:
        event = CalendarEvent.parse(f"{date} 0..4:{text.split(':', 1)[-1]}")
        events = [start - DAY_SECONDS]
        while (at := event.next_after(events[-1], zone)) is not None:
            events.append(at)
    expected = max((later - earlier for earlier, later in pairwise(events[1:])), default=None)
    assert event.largest_gap(start - DAY_SECONDS, zone) == expected


def test_seconds_are_not_visited_one_by_one() -> None:
    began = datetime.now(UTC)
    for text in ("minutely", "*:*:*", "*/15", "*:*:0/7"):
        CalendarEvent.parse(text).largest_gap(NEW_YEAR, BERLIN)
    assert (datetime.now(UTC) - began).total_seconds() < 2  # 34 million events would take minutes
