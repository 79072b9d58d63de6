"""Which snapshots a keep policy keeps: the genuine marks, the rulebook's examples, and the laws (E12–E23)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from report.pruning import OPTIONS, marks
from tests.shared_data import cases, recorded

TABLES = ("pve-prune-backups", "pve-prune-corpus", "pbs-prune-upstream", "pbs-prune-genuine")
PVE_UPSTREAM, PVE_CORPUS, PBS_UPSTREAM, PBS_GENUINE = (cases(f"{table}.json") for table in TABLES)
ZONES = ("UTC", "Europe/Vienna", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "Australia/Lord_Howe")

Case = tuple[list[int], Mapping[str, int], str, list[int], list[int], list[str]]


@pytest.mark.parametrize("table", TABLES)
def test_the_tables_are_there(table: str) -> None:
    assert recorded("cases", f"{table}.json").stat().st_size > 1000


def pve_cases() -> list[Case]:
    """Return PVE's groups, upstream's (cut into type and vmid, E12) and the random ones; renamed files are left out."""
    table: list[Case] = []
    for case in PVE_UPSTREAM.get("cases", ()):
        groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
        protected = {row["volid"] for row in PVE_UPSTREAM["backup_lists"][case["list"]] if row.get("protected")}
        for row in case["genuine_result"]:
            if row["mark"] != "renamed":
                groups.setdefault((row["type"], str(row["vmid"])), []).append(row)
        for rows in groups.values():
            rows.sort(key=lambda row: int(row["ctime"]))
            table.append(
                (
                    [row["ctime"] for row in rows],
                    case["keep"],
                    "UTC",
                    [at for at, row in enumerate(rows) if row["volid"] in protected],
                    [],
                    [row["mark"] for row in rows],
                )
            )
    for case in PVE_CORPUS.get("cases", ()):
        # PVE takes the first listed of equal times as the newer
        rows = sorted(case["group"], key=lambda row: int(row["ctime"]), reverse=True)[::-1]
        rows = [row for row in rows if row.get("mark") != "renamed"]
        protected_at = [at for at, row in enumerate(rows) if row.get("mark") == "protected"]
        expected = [case["marks"][row["volid"]] for row in rows]
        table.append(([row["ctime"] for row in rows], case["keep"], case["tz"], protected_at, [], expected))
    return table


def pbs_cases() -> list[Case]:
    """Return PBS's groups; where the server's guard keeps everything, what is listed as removed is kept (E13)."""
    table: list[Case] = []
    for case in PBS_UPSTREAM.get("cases", ()):
        rows = sorted((row["path"], row["partial"], row["protected"]) for row in case["snapshots"])
        listed = [case["genuine_marks_utc"][path] for path, _, _ in rows]
        table.append(pbs_case(rows, case["keep"], "UTC", case["api_keep_all"], listed))
    table += [
        pbs_case(case["snapshots"], case["keep"], case["tz"], case["keep_all"], case["marks"])
        for case in PBS_GENUINE.get("cases", ())
    ]
    return table


def pbs_case(
    rows: Sequence[Sequence[Any]], keep: Mapping[str, int], zone: str, keep_all: bool, listed: list[str]
) -> Case:
    times = [int(datetime.fromisoformat(row[0].rsplit("/", 1)[1]).timestamp()) for row in rows]
    expected = ["keep" if keep_all and mark == "remove" else mark for mark in listed]
    unfinished = [at for at, row in enumerate(rows) if row[1]]
    return times, keep, zone, [at for at, row in enumerate(rows) if row[2]], unfinished, expected


@pytest.mark.parametrize(("times", "keep", "zone", "protected", "unfinished", "genuine"), pve_cases() + pbs_cases())
def test_the_marks_are_the_genuine_ones(
    times: list[int],
    keep: Mapping[str, int],
    zone: str,
    protected: list[int],
    unfinished: list[int],
    genuine: list[str],
) -> None:
    assert marks(times, keep, ZoneInfo(zone), protected, unfinished) == genuine


def test_the_genuine_tables_hold_what_they_should() -> None:
    if not recorded("cases"):
        return
    assert len(PVE_UPSTREAM["cases"]) == 22
    assert (len(PVE_CORPUS["cases"]), len(PBS_UPSTREAM["cases"]), len(PBS_GENUINE["cases"])) == (150, 22, 1000)


EDGE_CASES = [
    # (case, times, policy, zone, protected, unfinished, marks: k keep, r remove, p protected, u keep-partial)
    (46, "2019-12-25 12-31 2020-01-01", "daily=1 weekly=1 monthly=1", "UTC", "", "", "krk"),
    (47, "2026-12-27 12-28 12-31 2027-01-01 01-03 01-04", "weekly=3", "UTC", "", "", "krrrkk"),
    (48, "2026-12-27 12-28 12-31 2027-01-01 01-03 01-04", "yearly=2", "UTC", "", "", "rrkrrk"),
    (49, "2026-06-01 06-02 06-03 06-04 06-05", "last=2", "UTC", "2 4", "", "rkpkp"),
    (
        50,
        "2026-06-01 06-02 06-03 06-04 06-05 06-06 06-07 06-08 06-09 06-10",
        "daily=7",
        "UTC",
        "5 9",
        "",
        "rkkkkpkkkp",
    ),
    (51, "2026-06-09T21:00 06-10T03:00 06-10T21:00 06-10T22:00", "last=1 daily=2", "UTC", "", "", "krrk"),
    (52, "2026-06-01 06-02 06-03 06-04 06-05", "last=2", "UTC", "", "2 4", "rkrku"),
    (53, "2026-06-10T21:30 06-10T22:30", "daily=5", "UTC", "", "", "rk"),
    (53, "2026-06-10T21:30 06-10T22:30", "daily=5", "Europe/Berlin", "", "", "kk"),
    (54, "2026-06-01 06-02", "last=0 daily=0", "UTC", "", "", "kk"),
]
MARKS = {"k": "keep", "r": "remove", "p": "protected", "u": "keep-partial"}


def instants(text: str) -> list[int]:
    """Given dates, each with a year or in that of the one before, return them as epoch seconds; 21:00 UTC without a time."""
    found, year = [], ""
    for word in text.split():
        day, _, clock = word.partition("T")
        year, day = (day[:4], day[5:]) if len(day) > 5 else (year, day)
        found.append(int(datetime.fromisoformat(f"{year}-{day}T{clock or '21:00'}+00:00").timestamp()))
    return found


def policy(text: str) -> dict[str, int]:
    """Given `last=1 daily=2`, return the policy."""
    return {f"keep-{name}": int(count) for name, count in (word.split("=") for word in text.split())}


@pytest.mark.parametrize(("case", "times", "keep", "zone", "protected", "unfinished", "expected"), EDGE_CASES)
def test_an_edge_case_of_the_rulebook_gives_its_marks(
    case: int, times: str, keep: str, zone: str, protected: str, unfinished: str, expected: str
) -> None:
    positions = ([int(word) for word in text.split()] for text in (protected, unfinished))
    assert marks(instants(times), policy(keep), ZoneInfo(zone), *positions) == [MARKS[letter] for letter in expected]


def test_the_two_hours_of_the_autumn_change_count_as_one() -> None:
    start = int(datetime(2026, 10, 24, 12, tzinfo=UTC).timestamp())
    hourly = [start + hour * 3600 for hour in range(26)]
    assert marks(hourly, {"keep-hourly": 30}, ZoneInfo("Europe/Berlin")).count("keep") == 25  # E23


def test_days_are_told_apart_to_the_second_of_a_clock_change() -> None:
    # Auckland goes back at 14:00:00 UTC; midnight is at 11:00 UTC on the day before and at 12:00 UTC after
    before, after = (int(datetime(2026, 4, day, hour, tzinfo=UTC).timestamp()) for day, hour in ((4, 11), (5, 12)))
    times = [before - 1, before, after - 1, after]
    assert marks(times, {"keep-daily": 9}, ZoneInfo("Pacific/Auckland")) == ["keep", "remove", "keep", "keep"]


def test_what_two_policies_leave_depends_on_their_order() -> None:
    days = instants(" ".join(f"2026-03-{day:02d}" for day in range(1, 16)))  # M12; 1 March is a Sunday
    last, weekly = {"keep-last": 5}, {"keep-weekly": 4}
    assert kept(kept(days, last), weekly) == [days[14]]
    assert kept(kept(days, weekly), last) == [days[0], days[7], days[14]]


def kept(times: Sequence[int], keep: Mapping[str, int]) -> list[int]:
    return [at for at, mark in zip(times, marks(times, keep, UTC), strict=True) if mark == "keep"]


def test_odd_times_stop_nothing() -> None:
    times = [-(10**20), -(10**12), -1, 0, 2**33, 10**12, 10**20]
    assert marks(times, dict.fromkeys(OPTIONS, 9), ZoneInfo("Europe/Berlin")) == ["keep"] * 7


def test_an_empty_group_has_no_marks() -> None:
    assert marks([], {"keep-last": 1}, UTC) == []


def test_ten_thousand_groups_of_a_hundred_take_a_few_seconds_at_most() -> None:
    groups = [[1_700_000_000 + 37 * group + 60_000 * number for number in range(100)] for group in range(1000)]
    zone = ZoneInfo("Europe/Berlin")
    keep = {"keep-last": 3, "keep-hourly": 24, "keep-daily": 7, "keep-weekly": 4, "keep-monthly": 12, "keep-yearly": 3}
    begun = time.process_time()
    for group in groups:
        marks(group, keep, zone)
    assert time.process_time() - begun < 0.6  # a tenth; measured: 0.05 s


_MOMENTS = [  # clock changes of the zones, ends of ISO years
    int(datetime(*day, tzinfo=UTC).timestamp())
    for day in ((2026, 3, 29), (2026, 10, 25), (2026, 3, 8), (2026, 11, 1), (2026, 4, 4), (2025, 12, 29), (2027, 1, 1))
]
_TIMES = st.one_of(
    st.lists(st.integers(1_770_000_000, 1_830_000_000), max_size=25),
    st.lists(st.builds(lambda at, off: at + off, st.sampled_from(_MOMENTS), st.integers(-90_000, 90_000)), max_size=25),
    st.lists(st.builds(lambda k: 1_790_000_000 + 1800 * k, st.integers(0, 80)), max_size=25),
).map(sorted)
_KEEP = st.dictionaries(st.sampled_from(OPTIONS), st.integers(0, 6))
_POSITIVE = _KEEP.filter(lambda keep: any(keep.values()))
_ZONES = st.sampled_from(ZONES).map(ZoneInfo)


@st.composite
def groups(draw: st.DrawFn) -> tuple[list[int], list[int], list[int]]:
    times = draw(_TIMES)
    positions = st.lists(st.sampled_from(range(len(times))), unique=True) if times else st.just([])
    return times, draw(positions), draw(positions)


def by_the_book(
    times: Sequence[int], keep: Mapping[str, int], zone: ZoneInfo, protected: Sequence[int], unfinished: Sequence[int]
) -> list[str]:
    """Follow E13–E22 to the letter, with the C library's formats for the periods."""
    formats = ("", "%Y/%m/%d/%H", "%Y/%m/%d", "%G/%V", "%Y/%m", "%Y")
    found: dict[int, str] = {}
    newest_first = list(reversed(range(len(times))))
    for at in newest_first:
        if at in unfinished:
            found[at] = "keep-partial" if at == newest_first[0] else "remove"
    if not any(count > 0 for count in keep.values()):
        found = {at: mark for at, mark in found.items() if mark == "keep-partial"}
    found.update(dict.fromkeys(protected, "protected"))
    for option, layout in zip(OPTIONS, formats, strict=True):
        count = keep.get(option, 0)
        if count <= 0:
            continue

        def period(at: int, layout: str = layout) -> str:
            local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=times[at])).astimezone(zone)
            return local.strftime(layout) if layout else str(times[at])

        covered = {period(at) for at, mark in found.items() if mark == "keep"}
        taken: set[str] = set()
        for at in newest_first:
            if at in found or period(at) in covered:
                continue
            if period(at) in taken:
                found[at] = "remove"
            elif len(taken) >= count:
                break
            else:
                taken.add(period(at))
                found[at] = "keep"
    rest = "remove" if any(count > 0 for count in keep.values()) else "keep"
    return [found.get(at, rest) for at in range(len(times))]


@settings(max_examples=300)
@given(groups(), _KEEP, _ZONES)
def test_the_marks_are_those_of_the_rules_read_slowly(
    group: tuple[list[int], list[int], list[int]], keep: dict[str, int], zone: ZoneInfo
) -> None:
    times, protected, unfinished = group
    assert marks(times, keep, zone, protected, unfinished) == by_the_book(times, keep, zone, protected, unfinished)


@given(groups(), _KEEP, _ZONES)
def test_protected_snapshots_change_no_other_mark(
    group: tuple[list[int], list[int], list[int]], keep: dict[str, int], zone: ZoneInfo
) -> None:
    times, protected, _ = group
    marked = marks(times, keep, zone, protected)
    rest = [at for at in range(len(times)) if at not in protected]
    assert all(marked[at] == "protected" for at in protected)
    assert [marked[at] for at in rest] == marks(
        [times[at] for at in rest], keep, zone
    )  # E20: as if they were not there


@given(groups(), _KEEP, _ZONES)
def test_unfinished_snapshots_change_no_mark_of_a_finished_one(
    group: tuple[list[int], list[int], list[int]], keep: dict[str, int], zone: ZoneInfo
) -> None:
    times, _, unfinished = group
    marked = marks(times, keep, zone, (), unfinished)
    rest = [at for at in range(len(times)) if at not in unfinished]
    assert [marked[at] for at in rest] == marks([times[at] for at in rest], keep, zone)
    assert marked.count("keep-partial") == (len(times) - 1 in unfinished)  # E21


@given(groups(), _POSITIVE, _ZONES)
def test_any_positive_policy_keeps_the_newest_unprotected_finished_one(
    group: tuple[list[int], list[int], list[int]], keep: dict[str, int], zone: ZoneInfo
) -> None:
    times, protected, unfinished = group
    marked = marks(times, keep, zone, protected, unfinished)
    rest = [at for at in range(len(times)) if at not in protected and at not in unfinished]
    assert not rest or marked[rest[-1]] == "keep"
    assert marked.count("keep") <= sum(keep.values())


@given(_TIMES, _KEEP, _ZONES, st.randoms())
def test_neither_the_order_of_the_options_nor_that_of_the_listing_matters(
    times: list[int], keep: dict[str, int], zone: ZoneInfo, random: Any
) -> None:
    shuffled, names = list(times), list(keep)
    random.shuffle(shuffled)
    random.shuffle(names)
    assert marks(sorted(shuffled), {name: keep[name] for name in names}, zone) == marks(times, keep, zone)


@given(groups(), _KEEP, _ZONES)
def test_a_second_prune_removes_nothing(
    group: tuple[list[int], list[int], list[int]], keep: dict[str, int], zone: ZoneInfo
) -> None:
    times, protected, unfinished = group
    marked = marks(times, keep, zone, protected, unfinished)
    left = [at for at, mark in enumerate(marked) if mark != "remove"]
    renumbered = ([at for at, old in enumerate(left) if old in which] for which in (protected, unfinished))
    again = marks([times[at] for at in left], keep, zone, *renumbered)
    assert again == [marked[at] for at in left]
