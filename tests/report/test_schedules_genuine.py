"""Every recorded and upstream answer about calendar events: parse and next event (F1–F8)."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from report.schedules import CalendarEvent, ScheduleError
from tests.shared_data import cases, recorded

TABLES = ("pve-calendar-event", "pve-calendar-corpus", "pbs-calendar-upstream", "pbs-calendar-genuine")
PVE_UPSTREAM, PVE_CORPUS, PBS_UPSTREAM, PBS_GENUINE = (cases(f"{table}.json") for table in TABLES)

# M11: the genuine engine takes the first pass of the repeated hour though the last event lies in the second
GOES_BACK = {
    (event, "Europe/Vienna", 1792890000)  # 02:00:00 CET on 2026-10-25, the second pass
    for event in ("minutely", "02:30", "*:0/15", "15", "*")
}


def other_pass(epoch: int, zone: ZoneInfo) -> int:
    """Return the other of the two instants that show this local time."""
    local = datetime.fromtimestamp(epoch, zone)
    return int(local.replace(fold=1 - local.fold).timestamp())


def rows() -> list[tuple[str, str, int, int | None]]:
    """Return all (event, zone, last, genuine answer) of the tables, except those about errors."""
    table = [
        (case["event"], "UTC", step["last"], step["genuine"])
        for case in PVE_UPSTREAM.get("cases", ())
        for step in case["next"]
    ]
    for case in PVE_CORPUS.get("cases", ()):
        table += [(case["event"], case["tz"], last, answer) for last, answer in case.get("next", ())]
    for pbs in (PBS_UPSTREAM, PBS_GENUINE):
        table += [(case["event"], case["tz"], case["last"], case["next"]) for case in pbs.get("next_event", ())]
    return table


def parse_rows() -> list[tuple[str, str | None]]:
    """Return all (event, genuine error or None) of the tables; PVE's are trimmed first, as PVE does (F1)."""
    table = [(case["event"].strip(), case["genuine_parse_error"]) for case in PVE_UPSTREAM.get("cases", ())]
    table += [(case["event"], case.get("parse_error")) for case in PVE_CORPUS.get("cases", ())]
    table += [(event, None) for event in PBS_UPSTREAM.get("parse_ok", ())]
    table += [(case["event"], case.get("parse-error")) for case in PBS_GENUINE.get("parse", ())]
    return table


@pytest.mark.parametrize("table", TABLES)
def test_the_tables_are_there(table: str) -> None:
    assert recorded("cases", f"{table}.json").stat().st_size > 1000


@pytest.mark.parametrize(("event", "zone", "last", "genuine"), rows())
def test_the_next_event_is_the_genuine_one(event: str, zone: str, last: int, genuine: int | None) -> None:
    expected = genuine
    if genuine is not None and genuine <= last:
        assert (event, zone, last) in GOES_BACK
        expected = other_pass(genuine, ZoneInfo(zone))
        assert expected > last

    assert CalendarEvent.parse(event).next_after(last, ZoneInfo(zone)) == expected


def test_only_these_genuine_answers_go_back() -> None:
    recorded("cases", "pbs-calendar-genuine.json")
    assert {row[:3] for row in rows() if row[3] is not None and row[3] <= row[2]} == GOES_BACK


@pytest.mark.parametrize(("event", "error"), parse_rows())
def test_a_text_is_accepted_or_rejected_as_by_the_genuine_parser(event: str, error: str | None) -> None:
    if error is None:
        assert CalendarEvent.parse(event).text == event
        return
    with pytest.raises(ScheduleError) as caught:
        CalendarEvent.parse(event)
    assert caught.value.hint
    assert_same_position(caught.value, error)


def assert_same_position(error: ScheduleError, genuine: Any) -> None:
    """The genuine message quotes the text from where it gave up (of an unknown weekday only the word)."""
    quoted = re.search(r"at '(.*?)' - ", genuine, re.DOTALL)
    if quoted and "range end" not in genuine:
        assert error.text[error.position :].startswith(quoted[1])
