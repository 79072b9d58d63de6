"""The simulator's calendar agrees with the genuine engine's answers (F1-F8, M11)."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from simulator.calendar_events import EventError, between, following, parse
from tests.shared_data import cases, recorded

CORPUS: list[dict[str, Any]] = cases("pve-calendar-corpus.json").get("cases", [])
UPSTREAM: list[dict[str, Any]] = cases("pve-calendar-event.json").get("cases", [])


def test_the_tables_of_genuine_calendar_answers_are_there() -> None:
    recorded("cases", "pve-calendar-corpus.json")
    recorded("cases", "pve-calendar-event.json")
    assert CORPUS
    assert UPSTREAM


@pytest.mark.parametrize(
    "case", [case for case in CORPUS if "next" in case], ids=lambda case: f"{case['tz']} {case['event']}"
)
def test_the_next_event_is_the_genuine_one(case: dict[str, Any]) -> None:
    event, zone = parse(case["event"]), ZoneInfo(case["tz"])
    assert [[last, following(event, last, zone)] for last, _ in case["next"]] == case["next"]


@pytest.mark.parametrize("case", UPSTREAM, ids=lambda case: str(case["event"]))
def test_upstreams_own_table_holds(case: dict[str, Any]) -> None:
    if case["genuine_parse_error"]:
        with pytest.raises(EventError):
            parse(case["event"])
        return
    event = parse(case["event"])
    for row in case["next"]:
        assert following(event, row["last"], ZoneInfo("UTC")) == row["genuine"]


# a job's schedule is trimmed before it is read (F1), so blanks at the ends are none of the errors here
REFUSED = [case["event"] for case in CORPUS if "parse_error" in case and case["event"].strip() == case["event"]]


@pytest.mark.parametrize("text", [*REFUSED, "", "mon-fri", "Daily", "*/90", "60:00", "22:00 CET", "*,5:00"])
def test_what_the_genuine_parser_refuses_is_refused(text: str) -> None:
    with pytest.raises(EventError):
        parse(text)


def test_a_time_skipped_in_spring_is_not_made_up() -> None:
    zone = ZoneInfo("Europe/Berlin")
    first, second = between("2:30", 1774659600, 1774918800, zone)[:2]
    assert second - first == 47 * 3600


def test_a_broken_schedule_has_no_times() -> None:
    assert between("bogus", 0, 10**9, ZoneInfo("UTC")) == []


def test_enumerating_over_the_autumn_change_always_moves_forward() -> None:
    instants = between("*:0/15", 1792879200, 1792900800, ZoneInfo("Europe/Berlin"))
    assert instants == sorted(set(instants))
