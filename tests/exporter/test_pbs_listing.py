"""Which groups are read again: tables and laws of the pure choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collect.pbs_listing import (
    WHOLE_AT_MOST,
    Cause,
    Due,
    ServerRhythm,
    Touched,
    choose,
    reads,
    touched_by,
    urgency,
)
from exporter.collect.pbs_parse import ListedGroup
from report.backups import BackupGroup, PbsJob, PbsTask, SnapshotFlag, Snapshots

PLACE = ("main", "")
NOTHING = Touched()
RHYTHM = ServerRhythm()


def listed(number: int, count: int = 3, digest: int = 1) -> ListedGroup:
    return ListedGroup("vm", str(number), count, 5, None, None, digest)


def held(number: int, read_at: int = 1000, *, count: int = 3, digest: int | None = 1, flags: int = 0) -> BackupGroup:
    snapshots = Snapshots.of([(time, 1, flags, 0) for time in range(count)])
    return BackupGroup("vault", *PLACE, "vm", str(number), snapshots, read_at, row_digest=digest)


def chosen(
    rows: list[ListedGroup],
    known: list[BackupGroup],
    verified: Touched = NOTHING,
    pruned: Touched = NOTHING,
    failed_at: Mapping[tuple[tuple[str, str], tuple[str, str]], int] | None = None,
) -> list[tuple[str, Cause]]:
    there = {PLACE: {(group.backup_type, group.backup_id): group for group in known}}
    due = choose({PLACE: rows}, there, verified, pruned, RHYTHM, failed_at or {})
    return [(each.listed.backup_id, each.cause) for each in due]


@pytest.mark.parametrize(
    ("row", "known", "expected"),
    [
        (listed(1), None, Cause.FIRST),
        (listed(1), held(1, digest=None), Cause.FIRST),
        (listed(1), held(1), None),
        (listed(1, digest=2), held(1), Cause.CHANGED),
        (listed(1, count=4), held(1), Cause.CHANGED),
        (listed(1), held(1, count=2), Cause.CHANGED),
        (listed(1), held(1, flags=SnapshotFlag.UNFINISHED), Cause.CHANGED),
        (listed(1), replace(held(1), incomplete=True), Cause.CHANGED),
        (listed(1), held(1, flags=SnapshotFlag.PROTECTED), None),
    ],
)
def test_what_makes_a_group_urgent(row: ListedGroup, known: BackupGroup | None, expected: Cause | None) -> None:
    assert urgency(row, known) is expected


def test_a_group_without_snapshots_is_not_asked_for_any() -> None:
    # from 4.0.17 on empty groups are listed
    assert chosen([listed(1, count=0)], []) == []


def test_the_slow_round_takes_its_share_the_longest_unread_first() -> None:
    rows = [listed(number) for number in range(600)]
    known = [held(number, read_at=5000 - number) for number in range(600)]
    # 600 groups in 288 refreshes of a day: 3 a refresh
    assert chosen(rows, known) == [("599", Cause.SLOW), ("598", Cause.SLOW), ("597", Cause.SLOW)]


def test_in_one_slow_period_every_group_has_had_its_turn() -> None:
    rows = [listed(number) for number in range(700)]
    known = {number: held(number, read_at=0) for number in range(700)}
    for refresh in range(1, 289):
        for name, _ in chosen(rows, list(known.values())):
            known[int(name)] = held(int(name), read_at=refresh * 300)
    assert min(group.read_at for group in known.values()) > 0


def test_a_group_that_cannot_be_read_lets_the_others_pass() -> None:
    rows = [listed(number) for number in range(3)]
    known = [held(number, read_at=100 + number) for number in range(3)]
    assert chosen(rows, known, failed_at={(PLACE, ("vm", "0")): 900}) == [("1", Cause.SLOW)]


def test_changed_groups_that_failed_before_come_last() -> None:
    rows = [listed(number, digest=2) for number in range(3)]
    known = [held(number) for number in range(3)]
    order = chosen(rows, known, failed_at={(PLACE, ("vm", "0")): 900})
    assert [name for name, _ in order] == ["1", "2", "0"]


def test_groups_touched_by_a_verification_since_they_were_read_are_read_soon() -> None:
    rows = [listed(number) for number in range(600)]
    known = [held(number, read_at=1000 if number % 2 else 3000) for number in range(600)]
    verified = Touched(reaches={("main", "", None): 2000})
    names = chosen(rows, known, verified)
    # 300 s of an hour: 600 / 12, and the slow round beside it
    assert sum(1 for _, cause in names if cause is Cause.TASK) == 50
    assert all(int(name) % 2 for name, cause in names if cause is Cause.TASK)
    assert sum(1 for _, cause in names if cause is Cause.SLOW) == 3


def test_a_small_estate_sees_verification_results_at_once() -> None:
    rows, known = [listed(number) for number in range(12)], [held(number) for number in range(12)]
    names = chosen(rows, known, Touched(reaches={("main", "", None): 1000}))
    assert [cause for _, cause in names] == [Cause.TASK] * 12


def test_a_prune_that_ran_has_a_day_because_its_row_shows_it_too() -> None:
    rows = [listed(number) for number in range(600)]
    known = [held(number, read_at=1000 + number) for number in range(600)]
    names = chosen(rows, known, pruned=Touched(reaches={("main", "", None): 5000}))
    assert [cause for _, cause in names] == [Cause.TASK] * 3 + [Cause.SLOW] * 3


def task(worker_type: str, worker_id: str, ended_at: int | None = 50) -> PbsTask:
    return PbsTask(f"UPID:{worker_id}", worker_type, worker_id, 5, ended_at, "OK", "root@pam")


JOBS = (PbsJob("verify", "v-prod", "main", "prod", 0), PbsJob("verify", "v-main", "main"))
PLACES = ("", "prod", "prod/db", "dev")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (task("verify", "main"), {"", "prod", "prod/db", "dev"}),
        (task("verify", "main:prod"), {"prod", "prod/db"}),
        (task("verify", "main:ns/prod/ns/db"), {"prod/db"}),
        (task("verificationjob", "main:v-prod"), {"prod"}),
        (task("verificationjob", "main:v-main"), {"", "prod", "prod/db", "dev"}),
        # a job that the token may not see: it may have touched anything
        (task("verificationjob", "main:hidden"), {"", "prod", "prod/db", "dev"}),
        (task("verify", "second"), set()),
        (task("verify", "main", None), set()),
        (task("prunejob", "main"), set()),
        (task("backup", "main:vm/100"), set()),
    ],
)
def test_what_a_verification_reaches(told: PbsTask, expected: set[str]) -> None:
    touched = touched_by([told], JOBS, "verif")
    assert {namespace for namespace in PLACES if touched.latest(("main", namespace)) == 50} == expected


@pytest.mark.parametrize("worker", ["main:vm/100", "main:ns/prod:vm/100", "main:prod/vm/100/6B00FA4C", "main:/vm/100"])
def test_a_task_for_one_group_touches_just_that(worker: str) -> None:
    touched = touched_by([task("verify_group", worker)], JOBS, "verif")
    assert touched.group("main", ("vm", "100")) == 50
    assert touched.group("main", ("vm", "101")) == -1
    assert touched.latest(PLACE) == -1


def test_the_clock_of_the_server_may_differ_from_ours() -> None:
    assert touched_by([task("verify", "main")], (), "verif", ahead=20).latest(PLACE) == 30


def test_the_last_task_counts() -> None:
    tasks = [task("prune", "main", 70), task("prunejob", "main", 90), task("prune", "main", 80)]
    assert touched_by(tasks, (), "prune").latest(PLACE) == 90


def test_a_namespace_is_read_whole_only_when_every_group_in_it_is_due() -> None:
    rows = {PLACE: [listed(1), listed(2), listed(3, count=0)], ("main", "a"): [listed(4), listed(5)]}
    both = [Due(PLACE, listed(1), Cause.FIRST), Due(PLACE, listed(2), Cause.CHANGED)]
    one = Due(("main", "a"), listed(4), Cause.CHANGED)
    calls = reads([*both, one], rows)
    assert [(call.place, call.whole, len(call.due)) for call in calls] == [(PLACE, True, 2), (("main", "a"), False, 1)]


def test_a_namespace_too_large_for_one_answer_is_read_group_by_group() -> None:
    rows = {PLACE: [listed(1, count=WHOLE_AT_MOST), listed(2, count=1)]}
    due = [Due(PLACE, row, Cause.FIRST) for row in rows[PLACE]]
    assert [call.whole for call in reads(due, rows)] == [False, False]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c"]),
            st.integers(0, 30),
            st.integers(0, 50),
            st.sampled_from([None, "same", "other"]),
            st.integers(0, 5000),
        ),
        unique_by=lambda row: row[:2],
    )
)
def test_every_due_group_is_read_by_exactly_one_call_and_no_other_is_opened(
    drawn: list[tuple[str, int, int, str | None, int]],
) -> None:
    listings: dict[tuple[str, str], list[ListedGroup]] = {}
    known: dict[tuple[str, str], dict[tuple[str, str], BackupGroup]] = {}
    for namespace, number, count, state, read_at in drawn:
        place = ("main", namespace)
        listings.setdefault(place, []).append(listed(number, count))
        if state is not None:
            group = held(number, read_at, count=count, digest=1 if state == "same" else 2)
            known.setdefault(place, {})["vm", str(number)] = group
    due = choose(listings, known, NOTHING, NOTHING, RHYTHM, {})
    calls = reads(due, listings)
    assert sorted((each.place, each.listed.key) for call in calls for each in call.due) == sorted(
        (each.place, each.listed.key) for each in due
    )
    assert len({(each.place, each.listed.key) for each in due}) == len(due)
    for call in calls:
        opened = [row for row in listings[call.place] if call.whole or row.key == call.due[0].listed.key]
        assert sum(row.count for row in opened) == call.expected
