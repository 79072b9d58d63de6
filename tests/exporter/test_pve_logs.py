"""Which task logs are read, once, bounded, and what is kept of them: against the simulated cluster, and at a desk."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast
from urllib.parse import unquote

import pytest

from exporter.collect import pve_logs
from exporter.collect.pve_calls import PveCalls
from exporter.collect.pve_logs import LOGS_AT_MOST, RESTORE_LOGS_AT_MOST, RESTORES_SECONDS, read_outcomes, read_restores
from exporter.collect.steps import Steps
from exporter.errors import FailureReason, NotFound, ServerFailed
from report.facts import ClusterFacts, GuestResult, Restore, Task, TaskOutcome
from report.readings import Failure, Reading
from tests.builders import NOW, reading
from tests.exporter.collecting import collector_of, refresh
from tests.simulator_process import SimulatorHandle, running_simulator

DAY = 86_400
GONE, AWAY = (
    NotFound("pve lab", "/log", "gone"),
    ServerFailed("pve lab", "/log", "no", reason=FailureReason.SERVER_ERROR),
)
FAILED_LOG = ["ERROR: Backup of VM 100 failed - no", "TASK ERROR: job errors"]


# at a desk


@dataclass(slots=True)
class Calls:
    """Answers by UPID and by (node, type); an exception is raised."""

    logs: dict[str, Any] = field(default_factory=dict)
    lists: dict[tuple[str, str], Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def log(self, node: str, upid: str) -> Any:
        self.asked.append(upid)
        return self._said(self.logs.get(upid, FAILED_LOG))

    def restores(self, node: str, task_type: str) -> Any:
        self.asked.append(f"{node} {task_type}")
        return self._said(self.lists.get((node, task_type), ()))

    @staticmethod
    def _said(answer: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer


def upid(number: int, at: int, node: str = "pve1", kind: str = "vzdump") -> str:
    return f"UPID:{node}:{number:08X}:00000001:{at:08X}:{kind}:100:root@pam:"


def task(number: int, status: str | None = "job errors", node: str = "pve1", ago: int = 5000) -> Task:
    ended = None if status is None else NOW - ago + 60
    return Task(upid(number, NOW - ago, node), node, NOW - ago, ended, status, "root@pam", "100")


def restore(number: int, status: str = "OK", ago: int = 5000) -> Restore:
    started = NOW - ago
    return Restore(upid(number, started, kind="qmrestore"), "pve1", "qemu", 900 + number, started, started + 60, status)


@contextmanager
def steps(now: int = NOW, once: bool = False) -> Iterator[Steps]:
    with ThreadPoolExecutor(2) as pool:
        yield Steps("pve lab", now, 300, (), pool, once=once)


def outcomes(
    calls: Calls, *tasks: Task, held: dict[str, Reading[TaskOutcome]] | None = None, now: int = NOW, away: str = ""
) -> dict[str, Reading[TaskOutcome]]:
    facts = ClusterFacts("lab", now, True, outcomes=held or {})
    nodes = {one.node: reading(tuple(each for each in tasks if each.node == one.node), now) for one in tasks}
    gone = {away: Failure(FailureReason.NODE_UNREACHABLE, "", "away")} if away else {}
    with steps(now) as each:
        found = read_outcomes(each, cast(PveCalls, calls), facts, nodes, {"pve1": reading("Europe/Vienna")}, gone)
        (run,) = each.runs
        assert run.success is all(told.failure is None or pve_logs._final(told) for told in found.values())
    return found


def restores(
    calls: Calls, held: Reading[tuple[Restore, ...]] | None = None, now: int = NOW, away: str = ""
) -> Reading[tuple[Restore, ...]]:
    facts = ClusterFacts("lab", now, True, restores={"pve1": held} if held else {})
    gone = {away: Failure(FailureReason.NODE_UNREACHABLE, "", "away")} if away else {}
    with steps(now) as each:
        found = read_restores(each, cast(PveCalls, calls), facts, ["pve1"], gone)
    return found["pve1"]


def volumes(told: Reading[tuple[Restore, ...]]) -> dict[int, str | None]:
    return {one.vmid: one.volume for one in told.value or ()}


def test_the_log_of_a_task_that_did_not_end_ok_is_read_once() -> None:
    calls = Calls()
    tasks = [task(1), task(2, "OK"), task(3, None), task(4, "WARNINGS: 2"), task(5, "unexpected status")]
    found = outcomes(calls, *tasks)
    assert sorted(calls.asked) == sorted(tasks[number].upid for number in (0, 3, 4))
    assert {told.value.guests[0].result for told in found.values() if told.value} == {GuestResult.FAILED}
    assert outcomes(calls, *tasks, held=found, now=NOW + 300) == found
    assert len(calls.asked) == 3


def test_a_log_that_could_not_be_read_is_tried_again_and_one_that_is_gone_is_not() -> None:
    tasks = [task(1), task(2), task(3)]
    calls = Calls({tasks[0].upid: AWAY, tasks[1].upid: GONE})
    found = outcomes(calls, *tasks)
    codes = [failure.code if (failure := found[one.upid].failure) else None for one in tasks]
    assert codes == [FailureReason.SERVER_ERROR, FailureReason.NOT_FOUND, None]
    assert found[tasks[0].upid].value is None
    calls.asked.clear()
    calls.logs.clear()
    found = outcomes(calls, *tasks, held=found, now=NOW + 300)
    assert calls.asked == [tasks[0].upid]
    assert found[tasks[0].upid].value is not None


def test_where_no_refresh_follows_every_log_is_read_at_once() -> None:
    tasks = tuple(task(number, ago=1000 + number) for number in range(LOGS_AT_MOST + 5))
    restored = tuple(restore(number, ago=1000 + number) for number in range(RESTORE_LOGS_AT_MOST + 2))
    calls = Calls({}, {("pve1", "qmrestore"): restored})
    facts = ClusterFacts("lab", NOW, True)
    with steps(once=True) as each:
        found = read_outcomes(each, cast(PveCalls, calls), facts, {"pve1": reading(tasks, NOW)}, {}, {})
        proofs = read_restores(each, cast(PveCalls, calls), facts, ["pve1"], {})
    assert len(found) == len(tasks)
    assert (len(proofs["pve1"].value or ()), proofs["pve1"].partial) == (len(restored), False)


def test_the_newest_logs_come_first_and_the_rest_later_and_failures_do_not_stand_in_their_way() -> None:
    tasks = [task(number, ago=1000 + number) for number in range(LOGS_AT_MOST + 5)]
    calls = Calls({one.upid: AWAY for one in tasks[:LOGS_AT_MOST]})
    found = outcomes(calls, *tasks[::-1])
    assert sorted(calls.asked) == sorted(one.upid for one in tasks[:LOGS_AT_MOST])
    calls.asked.clear()
    found = outcomes(calls, *tasks, held=found, now=NOW + 300)
    assert len(calls.asked) == LOGS_AT_MOST
    assert {one.upid for one in tasks[LOGS_AT_MOST:]} <= set(calls.asked)
    assert set(found) == {one.upid for one in tasks}


def test_what_a_log_said_outlives_its_place_in_the_list_for_a_month() -> None:
    recent, old = task(1, ago=29 * DAY), task(2, ago=60 * DAY)
    held = outcomes(Calls(), recent, old)
    assert set(held) == {recent.upid, old.upid}, "as long as it is listed"
    calls = Calls()
    assert set(outcomes(calls, held=held)) == {recent.upid}
    assert calls.asked == []


def test_a_log_that_was_not_read_is_forgotten_with_its_task() -> None:
    failed = task(1)
    held = outcomes(Calls({failed.upid: AWAY}), failed)
    assert outcomes(Calls(), held=held) == {}


def test_outcomes_are_bounded_and_none_is_read_again_for_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pve_logs, "OUTCOMES_KEPT", 3)
    tasks = [task(number, ago=1000 + number) for number in range(6)]
    calls = Calls()
    found = outcomes(calls, *tasks)
    assert set(found) == {one.upid for one in tasks[:3]}
    outcomes(calls, *tasks, held=found, now=NOW + 300)
    assert len(calls.asked) == 3


def test_a_node_that_is_away_is_not_asked_for_logs() -> None:
    there, away = task(1), task(2, node="pve2")
    calls = Calls()
    assert set(outcomes(calls, there, away, away="pve2")) == {there.upid}
    assert calls.asked == [there.upid]


def test_the_zone_of_a_node_dates_its_guests() -> None:
    lines = ["INFO: Starting Backup of VM 100 (qemu)", "INFO: Backup started at 2026-11-21 02:26:26"]
    known, unknown = task(1), task(2, node="pve2")
    found = outcomes(Calls({known.upid: lines, unknown.upid: lines}), known, unknown)
    starts = [told.value.guests[0].started_at for told in (found[known.upid], found[unknown.upid]) if told.value]
    assert starts == [1_795_224_386, None]


def test_restores_are_listed_once_an_hour_and_their_logs_read_once() -> None:
    source = ["restoring 'nas:backup/vzdump-lxc-104-2026_11_20-10_00_00.tar' now.."]
    good, warned, failed = restore(1), restore(2, "WARNINGS: 1"), restore(3, "unable to restore")
    calls = Calls({good.upid: source, warned.upid: GONE}, {("pve1", "qmrestore"): (good, warned, failed)})
    told = restores(calls)
    assert sorted(calls.asked) == sorted(["pve1 qmrestore", "pve1 vzrestore", good.upid, warned.upid])
    assert volumes(told) == {901: "nas:backup/vzdump-lxc-104-2026_11_20-10_00_00.tar", 902: None, 903: None}
    assert (told.failure, told.partial) == (None, False)
    calls.asked.clear()
    assert restores(calls, told, NOW + RESTORES_SECONDS - 1) == told
    assert calls.asked == []
    again = restores(calls, told, NOW + RESTORES_SECONDS)
    assert (again.value, again.fetched_at) == (told.value, NOW + RESTORES_SECONDS)
    assert sorted(calls.asked) == ["pve1 qmrestore", "pve1 vzrestore"]


def test_a_restore_shows_when_its_log_was_looked_for_and_the_reading_is_partial_until_then() -> None:
    many = tuple(restore(number, ago=1000 + number) for number in range(RESTORE_LOGS_AT_MOST + 2))
    calls = Calls(lists={("pve1", "qmrestore"): many})
    first = restores(calls)
    assert (len(first.value or ()), first.partial, first.failure) == (RESTORE_LOGS_AT_MOST, True, None)
    calls.asked.clear()
    second = restores(calls, first, NOW + 300)
    assert (len(second.value or ()), second.partial) == (len(many), False)
    assert len(calls.asked) == 2 + 2


def test_a_log_of_a_restore_that_could_not_be_read_is_tried_again() -> None:
    one = restore(1)
    calls = Calls({one.upid: AWAY}, {("pve1", "qmrestore"): (one,)})
    told = restores(calls)
    assert (told.value, told.partial) == ((), True)
    assert told.failure is not None
    calls.logs.clear()
    assert len(restores(calls, told, NOW + 300).value or ()) == 1


def test_a_list_that_fails_costs_nothing_that_is_held() -> None:
    one = replace(restore(1), volume="vm/104/2026-11-20T10:00:00Z")
    held = Reading((one,), NOW - RESTORES_SECONDS, 9000)
    half = restores(Calls(lists={("pve1", "qmrestore"): AWAY}), held)
    assert (half.value, half.partial, half.fetched_at) == ((one,), True, NOW)
    whole = restores(Calls(lists={("pve1", "qmrestore"): AWAY, ("pve1", "vzrestore"): AWAY}), held)
    assert (whole.value, whole.fetched_at) == ((one,), NOW - RESTORES_SECONDS)
    assert whole.failure is not None
    away = restores(Calls(), held, away="pve1")
    assert (away.value, away.fetched_at) == ((one,), NOW - RESTORES_SECONDS)
    never = restores(Calls(lists={("pve1", "qmrestore"): AWAY, ("pve1", "vzrestore"): AWAY}))
    assert (never.value, never.fetched_at) == (None, None)


def test_restores_that_left_the_list_are_kept_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    ages = (10, 300, 500)
    held = Reading(tuple(restore(number, ago=age * DAY) for number, age in enumerate(ages)), NOW - DAY, 9000)
    assert [one.vmid for one in restores(Calls(), held).value or ()] == [900, 901]
    monkeypatch.setattr(pve_logs, "RESTORES_KEPT", 1)
    assert [one.vmid for one in restores(Calls(), held).value or ()] == [900]


# against the simulated cluster


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorHandle]:
    with running_simulator("serve", "--guests", 60, "--nodes", 3, "--now", NOW) as handle:
        yield handle


@pytest.fixture(autouse=True)
def healthy(simulator: SimulatorHandle) -> Iterator[None]:
    simulator.clear_requests()
    yield
    simulator.set_faults({})


def logs_asked(simulator: SimulatorHandle) -> int:
    return sum(unquote(request).endswith("/log") for request in simulator.requests())


def bad_tasks(facts: ClusterFacts) -> set[str]:
    tasks = (task for told in facts.tasks.values() for task in told.value or ())
    return {task.upid for task in tasks if task.ended_at is not None and task.status != "OK"}


def test_in_some_refreshes_every_log_is_read_and_then_none(simulator: SimulatorHandle) -> None:
    facts: ClusterFacts | None = None
    asked = []
    with collector_of(simulator) as collector:
        for number in range(8):
            facts = refresh(collector, facts, NOW + 300 * number)
            asked.append(logs_asked(simulator))
            simulator.clear_requests()
    assert facts is not None
    assert set(facts.outcomes) == bad_tasks(facts)
    assert all(told.failure is None for told in facts.outcomes.values())
    assert max(asked) <= LOGS_AT_MOST + RESTORE_LOGS_AT_MOST
    assert asked[-1] == 0
    guests = [one for told in facts.outcomes.values() if told.value for one in told.value.guests]
    messages = " ".join(one.message for one in guests)
    assert {one.result for one in guests} == set(GuestResult)
    assert all(
        text in messages for text in ("No space left", "error pruning backups", "is locked", "unable to find VM")
    )
    assert any("could not activate" in told.value.error for told in facts.outcomes.values() if told.value)
    assert all(one.started_at is None or one.started_at <= NOW for one in guests)


def test_restores_of_the_cluster_are_proofs_with_their_sources(simulator: SimulatorHandle) -> None:
    with collector_of(simulator) as collector:
        facts = refresh(collector, None, NOW)
    found = [one for told in facts.restores.values() for one in told.value or ()]
    assert {one.guest_type for one in found} == {"qemu", "lxc"}
    sources = [one.volume for one in found if one.status == "OK"]
    assert all(sources)
    assert [one.volume for one in found if one.status != "OK"] == [None]
    assert any(source and ":backup/" in source for source in sources)


def test_faults_of_tasks_and_logs_keep_what_is_held(simulator: SimulatorHandle) -> None:
    with collector_of(simulator) as collector:
        before = refresh(collector, None, NOW)
        simulator.set_faults({"/nodes/*/tasks": "500", "/nodes/*/tasks/*/log": "reset"})
        after = refresh(collector, before, NOW + RESTORES_SECONDS)
    read = {upid: told for upid, told in before.outcomes.items() if told.value}
    assert {upid: told for upid, told in after.outcomes.items() if told.value} == read
    assert {node: told.value for node, told in after.restores.items()} == {
        node: told.value for node, told in before.restores.items()
    }
    runs = {run.collector: run.success for run in after.collectors}
    assert (runs["task_logs"], runs["restores"]) == (False, False)
    assert {run.collector: run.success for run in before.collectors}["task_logs"]
