"""A guest's days: what is there, what tasks tell, what is remembered, and what may not be claimed."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from report.attempts import Attempt
from report.backups import SnapshotFlag
from report.days import strip
from report.facts import GuestConfig, GuestOutcome, GuestResult, TaskOutcome
from report.past import Past, RememberedDays, remember
from report.policy import Policy
from report.timeline import (
    BACKUP,
    FAILED,
    GONE,
    MISSED,
    NONE_EXPECTED,
    STRIP_DAYS,
    DayState,
    aligned,
    codes_of,
    date_of,
    day_number,
    states_of,
    window_of,
)
from tests import builders as a
from tests.report import estates as e

TODAY = STRIP_DAYS - 1
LETTERS = {".": GONE, "-": NONE_EXPECTED, "m": MISSED, "f": FAILED, "B": BACKUP}
WINDOW = window_of(e.NOW, UTC)
LORD_HOWE, HAVANA, APIA = (ZoneInfo(name) for name in ("Australia/Lord_Howe", "America/Havana", "Pacific/Apia"))
ZONES = st.sampled_from((UTC, ZoneInfo("Europe/Paris"), LORD_HOWE, HAVANA, APIA, ZoneInfo("America/Asuncion")))


def days(text: str) -> bytes:
    """Return days written as letters, the others before them not known."""
    return bytes(LETTERS[letter] for letter in text.rjust(STRIP_DAYS, "."))


def shown(states: tuple[DayState, ...] | bytes, last: int = STRIP_DAYS) -> str:
    """Return the last of the days as letters."""
    letters = {code: letter for letter, code in LETTERS.items()}
    return "".join(letters[code] for code in (states if isinstance(states, bytes) else codes_of(states)))[-last:]


def ago(count: int, hour: int = 2) -> int:
    """Return an hour of the day that was so many days ago."""
    return WINDOW.starts[TODAY - count] + hour * 3600


def attempt(at: int, result: str) -> Attempt:
    return Attempt("pve1", result, at, at + 60)


# --- one day out of all that tells of it


@pytest.mark.parametrize(
    ("told", "cell"),
    [
        pytest.param({}, ".", id="nothing tells"),
        pytest.param({"expected": "-"}, "-", id="none was due"),
        pytest.param({"expected": "m"}, "m", id="one was due and no task ran"),
        pytest.param({"remembered": "-", "expected": "m"}, "-", id="the schedule was another one then"),
        pytest.param({"remembered": "m", "expected": "-"}, "m", id="missed then, and switched off since"),
        pytest.param({"remembered": "B"}, "B", id="a backup that was pruned since"),
        pytest.param({"tried": "failed", "expected": "m"}, "f", id="it was tried"),
        pytest.param({"tried": "aborted"}, "f", id="stopped"),
        pytest.param({"tried": "not_reached"}, "f", id="the task died before it"),
        pytest.param({"tried": "ok"}, "B", id="made, and pruned since"),
        pytest.param({"tried": "failed", "remembered": "B"}, "B", id="a backup beside a failure"),
        pytest.param({"tried": "failed", "remembered": "m"}, "f", id="what tasks tell goes before memory"),
        pytest.param({"corrupt": True, "remembered": "B"}, "f", id="it failed verification since"),
        pytest.param({"usable": True, "corrupt": True, "tried": "failed"}, "B", id="one good version is enough"),
        pytest.param({"usable": True, "remembered": "f"}, "B", id="verified again and found good"),
    ],
)
def test_what_is_known_of_a_day_decides_it(told: dict[str, Any], cell: str) -> None:
    at = ago(5)
    codes = strip(
        WINDOW,
        usable=((at,),) if told.get("usable") else (),
        corrupt=(at,) if told.get("corrupt") else (),
        attempts=(attempt(at, told["tried"]),) if "tried" in told else (),
        remembered=days(told.get("remembered", ".") + "....."),
        expected=days(told.get("expected", ".") + "....."),
    )
    assert shown(codes, 6) == cell + "....."


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (WINDOW.starts[0] - 1, None),
        (WINDOW.starts[0], 0),
        (WINDOW.starts[1] - 1, 0),
        (WINDOW.starts[TODAY], TODAY),
        (WINDOW.starts[-1] - 1, TODAY),
        (WINDOW.starts[-1], None),
    ],
)
def test_a_backup_counts_on_the_day_on_which_it_began(instant: int, day: int | None) -> None:
    for codes in (
        strip(WINDOW, usable=((instant,),)),
        strip(WINDOW, attempts=(attempt(instant, "ok"),)),
    ):
        assert [place for place, code in enumerate(codes) if code == BACKUP] == ([] if day is None else [day])


CODES = st.binary(min_size=STRIP_DAYS, max_size=STRIP_DAYS).map(lambda text: bytes(byte % 5 for byte in text))
TIMES = st.lists(st.integers(WINDOW.starts[0] - e.DAY, WINDOW.starts[-1] + e.DAY), max_size=40).map(sorted)


@given(TIMES, TIMES, CODES, CODES)
def test_a_day_with_a_usable_backup_is_one_whatever_else_is_told(
    usable: list[int], corrupt: list[int], remembered: bytes, expected: bytes
) -> None:
    codes = strip(WINDOW, (usable,), corrupt, (), remembered, expected)
    assert len(codes) == STRIP_DAYS
    for place, code in enumerate(codes):
        start, end = WINDOW.starts[place : place + 2]
        if any(start <= at < end for at in usable):
            assert code == BACKUP
        elif any(start <= at < end for at in corrupt):
            assert code == FAILED
        else:
            assert code == (remembered[place] or expected[place])


def nights(first: int, others: set[int]) -> list[int]:
    """Return a backup on each of the first days, and on some others."""
    return [WINDOW.starts[place] + 7200 for place in sorted({*range(first), *others})]


NIGHTS = st.builds(nights, st.integers(0, STRIP_DAYS), st.sets(st.integers(0, TODAY)))


@given(st.lists(NIGHTS, max_size=3))
def test_backups_in_several_stores_count_as_those_in_one(stores: list[list[int]]) -> None:
    together = sorted(at for times in stores for at in times)
    assert strip(WINDOW, stores) == strip(WINDOW, (together,))


@given(CODES)
def test_states_and_bytes_are_the_same(codes: bytes) -> None:
    assert codes_of(states_of(codes)) == codes


@given(st.binary(max_size=60), st.integers(-70, 70))
def test_remembered_days_stay_on_their_dates(codes: bytes, shift: int) -> None:
    found = aligned(codes, 20_000, 20_000 + shift)
    assert len(found) == STRIP_DAYS
    for place, code in enumerate(found):
        held = place + shift
        assert code == (codes[held] if 0 <= held < len(codes) else GONE)


# --- days and their borders


@given(st.integers(0, 4_000_000_000), ZONES)
def test_the_days_of_a_window_follow_each_other_up_to_now(now: int, zone: Any) -> None:
    window = window_of(now, zone)
    assert len(window.starts) == STRIP_DAYS + 1
    assert list(window.starts) == sorted(window.starts)
    assert window.starts[-2] <= now < window.starts[-1]
    assert window.today == day_number(now, zone)
    for place, (start, end) in enumerate(zip(window.starts, window.starts[1:], strict=False)):
        if start < end:  # Apia skipped a whole day once
            assert day_number(start, zone) == day_number(end - 1, zone) == window.first + place


def test_a_day_of_a_clock_change_has_23_or_25_hours() -> None:
    paris = ZoneInfo("Europe/Paris")
    window = window_of(int(datetime(2026, 10, 25, 12, tzinfo=paris).timestamp()), paris)
    assert window.starts[-1] - window.starts[-2] == 25 * 3600
    assert date_of(window.today).isoformat() == "2026-10-25"


# --- in an estate


def strip_of(*groups: Any, last: int = STRIP_DAYS, **fields: Any) -> str:
    return shown(e.judge(*groups, **fields).guest().days, last)


def test_a_guest_that_is_saved_every_night_has_a_backup_on_every_day() -> None:
    assert strip_of(e.group(e.rows(e.dailies(40)))) == "B" * STRIP_DAYS


def test_what_was_pruned_and_nobody_remembers_is_not_known() -> None:
    assert strip_of(e.group(e.rows(e.dailies(10)))) == "." * 18 + "B" * 10


def test_days_are_those_of_the_report_s_zone() -> None:
    late = [e.NOW - 9 * e.HOUR - 30 * 60 - day * e.DAY for day in reversed(range(3))]  # 23:30 UTC
    utc = strip_of(e.group(e.rows(late)), last=4)
    paris = strip_of(e.group(e.rows(late)), last=4, policy=Policy(zone=ZoneInfo("Europe/Paris")))
    assert (utc[-2:], paris[-2:]) == ("B.", "BB")


def test_a_night_without_task_and_without_backup_was_missed() -> None:
    nights = [at for at in e.dailies(12) if day_number(at, UTC) != day_number(e.NOW - 3 * e.DAY, UTC)]
    tasks = {
        node: a.reading(
            tuple(each for each in e.nightly_tasks(20, node=node) if each.started_at != e.NIGHT - 3 * e.DAY)
        )
        for node in e.NODES
    }
    assert strip_of(e.group(e.rows(nights)), last=6, tasks=tasks) == "BBmBBB"


def test_a_night_without_backup_on_which_a_task_ran_may_have_been_pruned() -> None:
    nights = [at for at in e.dailies(12) if at != e.SAVED - 3 * e.DAY]
    assert strip_of(e.group(e.rows(nights)), last=6) == "BB.BBB"


def test_nothing_was_missed_beyond_the_reach_of_task_history() -> None:
    tasks = {node: a.reading(e.nightly_tasks(3, node=node)) for node in e.NODES}
    assert "m" not in strip_of(e.group(e.rows([e.SAVED - 27 * e.DAY, e.SAVED])), tasks=tasks)


def missed_nights(**fields: Any) -> str:
    """Return the last days of an estate with a first backup 12 nights ago, one last night, and tasks on no night between."""
    tasks = {node: a.reading((e.task(e.NIGHT - 20 * e.DAY, node=node), e.task(node=node))) for node in e.NODES}
    first, last = e.SAVED - 12 * e.DAY, e.SAVED
    return strip_of(e.group(e.rows([first, last])), last=16, **({"tasks": tasks} | fields))


def test_nothing_was_missed_before_the_first_backup_that_is_known() -> None:
    assert missed_nights() == "...B" + "m" * 11 + "B"


def test_a_night_cannot_have_been_missed_while_a_store_was_not_read() -> None:
    partial = replace(e.group(e.rows([e.SAVED - 12 * e.DAY, e.SAVED])), incomplete=True)
    tasks = {node: a.reading((e.task(e.NIGHT - 20 * e.DAY, node=node), e.task(node=node))) for node in e.NODES}
    assert "m" not in strip_of(partial, tasks=tasks)


def test_a_guest_is_not_expected_to_be_saved_before_it_was_made() -> None:
    configs = {100: GuestConfig(e.NOW, created_at=e.NOW - 2 * e.DAY)}
    assert strip_of(e.group(e.rows([e.SAVED])), last=4, configs=configs) == "-" + ".." + "B"


def test_days_without_an_event_expect_none() -> None:
    weekly = e.job(schedule="sun 02:00")
    assert strip_of(e.group([]), last=8, jobs=(weekly,)) == "----.---"  # NOW is a Wednesday


def test_a_guest_without_job_expects_none() -> None:
    assert strip_of(e.group([]), jobs=(e.job(enabled=False),)) == "-" * STRIP_DAYS


def test_today_expects_none_before_its_event() -> None:
    assert strip_of(e.group([]), last=2, jobs=(e.job(schedule="22:00"),)) == ".-"


def test_a_failed_night_is_told_by_the_log() -> None:
    failed = e.task(status="job errors")
    outcome = TaskOutcome((GuestOutcome(100, GuestResult.FAILED, e.SAVED, 10, "no space"),))
    tasks = {"pve1": a.reading((failed, *e.nightly_tasks(9, newest=e.NIGHT - e.DAY))), "pve2": a.reading(())}
    found = strip_of(
        e.group(e.rows(e.dailies(9, newest=e.SAVED - e.DAY))), last=3, tasks=tasks, outcomes=e.logs((failed, outcome))
    )
    assert found == "BBf"


def test_versions_that_failed_verification_are_no_backup() -> None:
    bad = e.rows([e.SAVED], SnapshotFlag.VERIFY_FAILED)
    assert strip_of(e.group(e.rows(e.dailies(3, newest=e.SAVED - e.DAY)) + bad), last=3) == "BBf"


def test_an_unfinished_backup_is_none() -> None:
    running = e.rows([e.SAVED], SnapshotFlag.UNFINISHED)
    assert strip_of(e.group(e.rows(e.dailies(3, newest=e.SAVED - e.DAY)) + running), last=2) == "B."


# --- what is remembered


def test_a_backup_is_remembered_after_it_was_pruned() -> None:
    before = remember(e.judge(e.group(e.rows(e.dailies(20)))).report)
    assert strip_of(e.group(e.rows(e.dailies(5))), past=before) == "." * 8 + "B" * 20


def test_a_missed_day_is_remembered_when_task_history_is_gone() -> None:
    past = Past(e.NOW, days=RememberedDays(WINDOW.first - 1, {("lab", 100): days("mB.")}))
    assert strip_of(e.group(e.rows([e.SAVED])), last=4, past=past) == "mB.B"


def test_that_nothing_was_due_in_the_morning_is_not_remembered_of_the_day() -> None:
    evening = e.job(schedule="22:00")
    before = remember(e.judge(e.group([]), jobs=(evening,)).report)
    assert e.judge(e.group([]), jobs=(evening,)).guest().days[-1] is DayState.NONE_EXPECTED
    assert before.days.cells[("lab", 100)][-1] == GONE


def test_the_days_of_a_guest_that_is_away_stay_remembered() -> None:
    whole = remember(e.judge(e.group(e.rows(e.dailies(5)))).report)
    report = e.judge(clusters=(e.cluster(guests=()),), now=e.NOW + e.DAY, vault=e.server()).report
    later = remember(replace(report, created_at=e.NOW + e.DAY), whole)
    assert shown(later.days.cells[("lab", 100)], 6) == "BBBBB."


def test_a_clock_that_went_back_loses_no_day() -> None:
    ahead = Past(e.NOW + 3 * e.DAY, days=RememberedDays(WINDOW.first + 3, {("lab", 100): days("BBBBBBBB")}))
    assert strip_of(e.group([]), past=ahead, last=6) == ".BBBBB"


# --- speed


def test_the_days_of_ten_thousand_guests_cost_a_fraction_of_a_second() -> None:
    usable = [e.dailies(60), e.dailies(60)]
    remembered, expected = days("B" * 20 + "m" * 8), days("-" * 28)
    started = time.process_time()
    for _ in range(10_000):
        strip(WINDOW, usable, (), (), remembered, expected)
    assert time.process_time() - started < 1.0  # a third of that on the machines it was measured on


def test_days_of_a_former_guest_with_its_id_are_not_shown_for_the_new_one() -> None:  # D16
    past = Past(e.NOW, days=RememberedDays(WINDOW.first, {("lab", 100): days("BBfmB.")}))
    configs = {100: GuestConfig(e.NOW, created_at=ago(2, 12))}
    assert strip_of(e.group(e.rows([e.SAVED])), last=6, past=past, configs=configs) == "---mBB"
