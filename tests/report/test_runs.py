"""What tasks tell of a guest's backups: which failure is over, what excuses, what was missed, what is not known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from report.analyse import analyse
from report.facts import Facts, GuestConfig, GuestOutcome, GuestResult, TaskOutcome
from report.findings import FindingCode
from report.model.guests import Protection
from report.model.reasons import ReasonCode
from report.past import NOTHING, remember
from report.policy import Expectation, Policy
from report.readings import Reading
from tests import builders as a
from tests.report import estates as e
from tests.report.estates import DAY, HOUR, NIGHT, SAVED, Judged, dailies, group, judge, rows

F = FindingCode
WITHIN_26_HOURS = Policy(default=Expectation(max_age_seconds=26 * HOUR))


def reasons(judged: Judged) -> set[ReasonCode]:
    return {reason.code for reason in judged.guest().reasons}


# --- two stores

TWO_STORES: dict[str, Any] = {
    "jobs": [e.job(), e.job("second", storage="off", schedule="01:00")],
    "storages": [e.entry(), e.entry("off", datastore="offsite", namespace=None)],
}
SECOND = NIGHT - HOUR


def failing(nights: int = 9, storage: str | None = "off", logs: bool = True) -> dict[str, Any]:
    """Return tasks of two jobs: `nightly` ends well, `second` failed so many nights, with logs that name a storage, or unread."""
    failed = [e.task(SECOND - night * DAY, "job errors", upid=f"F{night}") for night in range(nights)]
    said = "backup owner check failed"
    told = [GuestOutcome(100, GuestResult.FAILED, each.started_at + 5, 60, said) for each in failed]
    outcomes = [TaskOutcome((guest,), storage=storage) for guest in told]
    read = e.logs(*zip(failed, outcomes, strict=True))
    return {
        "tasks": {"pve1": a.reading((*e.nightly_tasks(), *failed)), "pve2": a.reading(())},
        "outcomes": read if logs else {},
        **TWO_STORES,
    }


@pytest.mark.parametrize("storage", ["off", None])
def test_a_backup_elsewhere_does_not_end_the_failure_of_a_second_store(storage: str | None) -> None:
    """The log names the storage; where it does not, the only job that could have started the task does (G2)."""
    judged = judge(group(), **failing(storage=storage))
    assert judged.guest().protection is Protection.AT_RISK
    assert judged.finding(F.BACKUP_FAILED)


def test_a_newer_backup_on_the_second_store_ends_its_failure() -> None:
    repeated = e.copy(rows([SECOND + 900]), owner=e.TOKEN)
    assert judge(group(), repeated, **failing()).guest().protection is Protection.PROTECTED


def test_a_failure_on_a_store_that_no_job_writes_to_any_more_is_over_with_a_newer_backup() -> None:
    facts = failing() | {"jobs": [e.job()]}
    assert F.BACKUP_FAILED not in judge(group(), **facts).codes


def test_an_unread_log_of_the_second_store_is_a_doubt_until_a_backup_there_ends_it() -> None:
    unread = failing(logs=False)
    assert reasons(judge(group(), **unread)) >= {ReasonCode.LOG_NOT_READ}
    repeated = e.copy(rows([SECOND + 900]), owner=e.TOKEN)
    assert judge(group(), repeated, **unread).guest().protection is Protection.PROTECTED


@pytest.mark.parametrize(
    ("newest", "policy", "late"),
    [
        pytest.param(SAVED - 20 * DAY, WITHIN_26_HOURS, True, id="older than both allow"),
        pytest.param(SAVED - 20 * DAY, Policy(default=Expectation(max_age_seconds=30 * DAY)), False, id="as allowed"),
    ],
)
def test_a_store_that_fell_behind_is_late_whatever_age_the_policy_gives(
    newest: int, policy: Policy, late: bool
) -> None:
    old = e.copy(rows(dailies(5, newest)), owner=e.TOKEN)
    assert (F.STORE_LATE in judge(group(), old, policy=policy, **TWO_STORES).codes) is late


def test_the_policys_age_asks_no_weekly_job_for_a_backup_each_night() -> None:
    weekly = TWO_STORES | {"jobs": [e.job(), e.job("second", storage="off", schedule="sat 01:00")]}
    old = e.copy(rows([SAVED - 4 * DAY]), owner=e.TOKEN)
    assert judge(group(), old, policy=WITHIN_26_HOURS, **weekly).guest().protection is Protection.PROTECTED


# --- two jobs that start in the same minute

LONG = 3 * HOUR


def same_minute(*tonight: Any, now: int) -> Judged:
    """Judge guest 100 of job `first`, saved until the night before; `first` and `other` both start at 02:00 and took three hours."""
    guests = [a.guest(100), a.guest(101)]
    jobs = [e.job("first", all=False, vmid="100"), e.job("other", all=False, vmid="101")]
    before = [e.task(NIGHT - DAY + second, lasts=LONG, upid=f"B{second}") for second in (2, 3)]
    facts = e.cluster(guests=guests, jobs=jobs, tasks={"pve1": a.reading((*tonight, *before)), "pve2": a.reading(())})
    vault = e.server(*(group(rows(dailies(5, SAVED - DAY)), str(guest.vmid)) for guest in guests))
    return Judged(analyse(Facts((moved(facts, now),), (moved(vault, now),)), Policy(), now))


def moved(source: Any, now: int) -> Any:
    """Return a source of which everything was read just now."""
    names = source.__dataclass_fields__
    return replace(source, **{name: read_at(getattr(source, name), now) for name in names})


def read_at(value: Any, now: int) -> Any:
    if isinstance(value, dict):
        return {key: read_at(each, now) for key, each in value.items()}
    return replace(value, fetched_at=now) if isinstance(value, Reading) else value


def begun(*seconds: int) -> list[Any]:
    return [e.task(NIGHT + second, None, None, upid=f"N{second}") for second in seconds]


def test_a_run_that_may_be_either_jobs_excuses_the_guests_of_both() -> None:
    now = NIGHT + 5 * HOUR
    for vmid in (100, 101):
        assert {finding.code for finding in same_minute(*begun(2, 3), now=now).guest(vmid).findings} == {
            F.BACKUP_RUNNING
        }
    assert F.BACKUP_LATE in same_minute(now=now).codes


def test_how_long_jobs_take_that_share_their_minute_is_the_longest_that_either_took() -> None:
    assert F.BACKUP_DUE in same_minute(now=NIGHT + 4 * HOUR - 60).codes
    assert F.BACKUP_LATE in same_minute(now=NIGHT + 4 * HOUR + 60).codes


def test_a_stuck_run_that_may_be_another_jobs_is_no_fault_of_who_was_saved_since() -> None:
    jobs = [e.job("first", all=False, vmid="100"), e.job("other", all=False, vmid="101")]
    guests = [a.guest(100), a.guest(101)]
    tasks = {"pve1": a.reading((e.task(NIGHT - DAY, None, None), *e.nightly_tasks(5, NIGHT - 2 * DAY)))}
    saved, waiting = group(), group(rows(dailies(5, SAVED - 2 * DAY)), "101")
    judged = judge(saved, waiting, jobs=jobs, guests=guests, tasks=tasks | {"pve2": a.reading(())})
    stuck = {
        each.guest.vmid for each in judged.report.guests for found in each.findings if found.code is F.BACKUP_STUCK
    }
    assert stuck == {101}


# --- who was in a run


def after_a_run(status: str, **facts: Any) -> Judged:
    """Judge guest 101, which another job saved hours before tonight's run of `nightly`, whose log names guest 100 alone."""
    tonight = e.task(status=status)
    outcome = TaskOutcome((GuestOutcome(100, GuestResult.FAILED, SAVED, 60, "disk on fire"),))
    return judge(
        group(rows(dailies(5, SAVED - DAY))),
        group(rows(dailies(3, SAVED - 5 * HOUR)), "101"),
        guests=[a.guest(100), a.guest(101)],
        tasks={"pve1": a.reading((tonight, *e.nightly_tasks()[1:])), "pve2": a.reading(())},
        outcomes=e.logs((tonight, outcome)),
        policy=WITHIN_26_HOURS,
        **facts,
    )


@pytest.mark.parametrize(
    ("status", "created_at", "reached"),
    [
        pytest.param("job errors", None, True, id="it went through its guests: 101 came to the job later (G5)"),
        pytest.param("WARNINGS: 1", None, True, id="so does one with warnings"),
        pytest.param("unexpected status", None, False, id="it died, maybe before its turn"),
        pytest.param("unexpected status", NIGHT + HOUR, True, id="it died before the guest was there"),
    ],
)
def test_a_guest_is_not_reached_only_by_a_run_that_may_have_held_it(
    status: str, created_at: int | None, reached: bool
) -> None:
    configs = {101: GuestConfig(e.NOW, created_at=created_at)}
    guest = after_a_run(status, configs=configs).guest(101)
    assert (F.BACKUP_NOT_REACHED not in {finding.code for finding in guest.findings}) is reached


# --- what a backup leaves behind

LOCKED: dict[str, Any] = {"guests": [a.guest(100, lock="backup")]}


def listed(*tasks: Any, at: int = e.NOW) -> dict[str, Any]:
    return {"tasks": {"pve1": a.reading((*tasks, *e.nightly_tasks()), at), "pve2": a.reading(())}}


@pytest.mark.parametrize(
    ("tasks", "protection"),
    [
        pytest.param(listed(), Protection.AT_RISK, id="nothing runs"),
        pytest.param(listed(at=e.NOW - 2000), Protection.UNKNOWN, id="tasks were read too long ago"),
        pytest.param(listed(at=e.NOW - 60), Protection.UNKNOWN, id="tasks were read before the lock was"),
        pytest.param(
            listed(e.task(e.NOW - 1200, lasts=1203)), Protection.PROTECTED, id="it ended while they were read"
        ),
        pytest.param(listed(e.task(e.NOW - 1200, lasts=600)), Protection.AT_RISK, id="it ended long before"),
        pytest.param(listed(e.task(e.NOW - 1200, None, None)), Protection.PROTECTED, id="it runs"),
        pytest.param(
            listed(e.task(e.NOW - 1200, None, None), at=e.NOW - 2000),
            Protection.UNKNOWN,
            id="it ran when tasks were read last",
        ),
    ],
)
def test_a_lock_is_stale_where_it_is_known_that_no_backup_ran_when_it_was_read(
    tasks: dict[str, Any], protection: Protection
) -> None:
    judged = judge(group(), **LOCKED, **tasks)
    assert judged.guest().protection is protection
    assert (F.STALE_LOCK in judged.codes) is (protection is Protection.AT_RISK)


@pytest.mark.parametrize(
    ("read_at", "left_over"),
    [
        pytest.param(NIGHT + 300, False, id="a backup ran when the configuration was read"),
        pytest.param(NIGHT + 2 * HOUR, True, id="none did"),
        pytest.param(NIGHT - 40 * DAY, False, id="the list of tasks does not reach so far"),
        pytest.param(e.NOW + 60, False, id="tasks were not read since"),
    ],
)
def test_a_snapshot_is_left_over_where_no_backup_ran_when_it_was_read(read_at: int, left_over: bool) -> None:
    configs = {100: GuestConfig(read_at, parent_snapshot="vzdump")}
    assert (F.LEFTOVER_SNAPSHOT in judge(group(), configs=configs).codes) is left_over


# --- a schedule that only PVE can read

ODD = e.job("odd", schedule="odd", next_run=e.NOW + HOUR)


@pytest.mark.parametrize(
    ("jobs", "policy", "age", "protection"),
    [
        pytest.param([ODD], Policy(), 300, Protection.UNKNOWN, id="nothing says when it is late"),
        pytest.param([ODD], Policy(), 0, Protection.UNKNOWN, id="nor that a new one is in time"),
        pytest.param([e.job(), ODD], Policy(), 0, Protection.UNKNOWN, id="another job is in time, it may not be"),
        pytest.param([e.job(), ODD], Policy(), 2, Protection.AT_RISK, id="another job is late, whatever it says"),
        pytest.param([ODD], WITHIN_26_HOURS, 0, Protection.PROTECTED, id="the policy decides"),
        pytest.param([ODD], WITHIN_26_HOURS, 2, Protection.AT_RISK, id="either way"),
    ],
)
def test_a_schedule_that_cannot_be_read_promises_nothing_that_could_be_kept(
    jobs: list[Any], policy: Policy, age: int, protection: Protection
) -> None:
    judged = judge(group(rows(dailies(5, SAVED - age * DAY))), jobs=jobs, policy=policy)
    assert judged.guest().protection is protection
    if protection is Protection.UNKNOWN:
        assert ReasonCode.SCHEDULE_NOT_READABLE in reasons(judged)
        assert judged.guest().limit_seconds is None


# --- runs that never happened


def missing(*later: Any) -> dict[str, Any]:
    """Return tasks without those of tonight, with others on pve1."""
    before = {node: e.nightly_tasks(9, NIGHT - DAY, node=node) for node in e.NODES}
    return {"tasks": {"pve1": a.reading((*later, *before["pve1"])), "pve2": a.reading(before["pve2"])}}


OTHERS = [e.job(), e.job("other", all=False, vmid="200", schedule="03:00")]
LATER = e.task(NIGHT + HOUR, upid="other")


@pytest.mark.parametrize(
    ("jobs", "later", "missed"),
    [
        pytest.param(OTHERS, (), True, id="no task"),
        pytest.param(OTHERS, (LATER,), True, id="another job's task answers to its own event"),
        pytest.param(OTHERS, (LATER, e.task(NIGHT + HOUR, upid="late")), False, id="a second one may have made it up"),
        pytest.param([e.job()], (LATER,), False, id="a task that no job explains may have made it up"),
        pytest.param(
            [e.job(), e.job("other", all=False, vmid="200", schedule="01:00")],
            (e.task(NIGHT - HOUR, lasts=2 * HOUR, upid="long"),),
            True,
            id="another job's task that ran across the event: this one's would be listed, waiting (B20)",
        ),
    ],
)
def test_a_run_is_missed_where_no_task_answered_that_may_have_been_its_own(
    jobs: list[Any], later: tuple[Any, ...], missed: bool
) -> None:
    judged = judge(
        group(rows(dailies(5, SAVED - DAY))),
        guests=[a.guest(100), a.guest(200)],
        jobs=jobs,
        policy=Policy(default=Expectation(max_age_seconds=7 * DAY)),
        **missing(*later),
    )
    assert (F.MISSED_RUN in judged.codes) is missed


def recorded(*reports: tuple[int, str]) -> Judged:
    """Judge a guest whose job `second` never ran nor wrote, with Reports of so many seconds ago in which it had such a schedule."""
    past = NOTHING
    for ago, schedule in reports:
        jobs = [e.job(), e.job("second", storage="off", schedule=schedule)]
        before = judge(group(), **TWO_STORES | {"jobs": jobs}).report
        past = remember(replace(before, created_at=e.NOW - ago), past)
    return judge(group(), past=past, **TWO_STORES)


@pytest.mark.parametrize(
    ("reports", "missed"),
    [
        pytest.param([], False, id="since when the job is there nobody tells"),
        pytest.param([(5 * DAY, "01:00")], True, id="it was there five days ago"),
        pytest.param([(5 * DAY, "01:00"), (60, "01:00")], True, id="and all the time since"),
        pytest.param([(60, "01:00")], False, id="it is known since its last event"),
        pytest.param([(5 * DAY, "05:00"), (60, "01:00")], False, id="it had another schedule at its last event"),
        pytest.param([(5 * DAY, "05:00")], False, id="its schedule was changed just now"),
    ],
)
def test_our_own_record_tells_that_a_job_was_there_at_its_event(reports: list[tuple[int, str]], missed: bool) -> None:
    assert (F.MISSED_RUN in recorded(*reports).codes) is missed


def test_a_store_that_holds_backups_does_not_tell_of_an_event_before_the_schedule_was_changed() -> None:
    before = judge(group(), jobs=[e.job(schedule="22:00")]).report
    past = remember(replace(before, created_at=e.NOW - 60))
    late = group(rows(dailies(5, SAVED - 4 * HOUR)))
    assert F.MISSED_RUN in judge(late, **missing()).codes
    assert F.MISSED_RUN not in judge(late, past=past, **missing()).codes
