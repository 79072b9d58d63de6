"""Runs that a job missed: events of the last 7 days that passed on a node without a task, as far as task history reaches (B25)."""

from __future__ import annotations

from typing import Any

import pytest

from report.analyse import analyse
from report.facts import BackupJob, Task
from report.policy import Policy
from tests import builders as a
from tests.report.estates import DAY, HOUR, NIGHT, NOW, cluster, job, nightly_tasks, task

DONE = nightly_tasks()


def missed(
    pve1: tuple[Task, ...] | None = DONE, pve2: tuple[Task, ...] | None = None, read_at: int = NOW, **fields: Any
) -> int | None:
    """Given the tasks of two nodes (without pve2 the job is bound to pve1; None: never read), fields of the job, return its missed runs."""
    planned: BackupJob = job(**({} if pve2 is not None else {"node": "pve1"}) | fields)
    tasks = {node: a.reading(ran, read_at) for node, ran in (("pve1", pve1), ("pve2", pve2)) if ran is not None}
    (judged,) = analyse(a.facts(cluster(jobs=(planned,), tasks=tasks)), Policy(), NOW).jobs
    return judged.missed_runs


@pytest.mark.parametrize("nights", [0, 1, 2, 6])
def test_every_event_since_the_last_task_is_counted(nights: int) -> None:
    assert missed(nightly_tasks(newest=NIGHT - nights * DAY)) == nights


def test_no_more_than_seven_days_are_counted() -> None:
    assert missed(nightly_tasks(newest=NIGHT - 20 * DAY)) == 7


def test_nothing_is_missed_before_the_oldest_task_that_is_listed() -> None:
    assert missed((task(NIGHT - 2 * DAY),)) == 2


def test_the_nodes_with_a_part_are_summed() -> None:
    assert missed(DONE, nightly_tasks(newest=NIGHT - 3 * DAY, node="pve2")) == 3
    assert missed(nightly_tasks(newest=NIGHT - DAY), nightly_tasks(newest=NIGHT - DAY, node="pve2")) == 2


def test_a_job_bound_to_a_node_misses_nothing_elsewhere() -> None:
    assert missed(DONE, nightly_tasks(newest=NIGHT - 3 * DAY, node="pve2"), node="pve1") == 0


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(task(NIGHT + 3 * HOUR), id="one that started later may have made it up"),
        pytest.param(task(NIGHT - DAY, lasts=25 * HOUR), id="one that ran across the event kept it waiting"),
        pytest.param(task(NIGHT - HOUR, status=None, lasts=None), id="one that still runs keeps it waiting"),
    ],
)
def test_an_event_that_a_task_may_account_for_is_not_missed(later: Task) -> None:
    assert missed((later, *nightly_tasks(newest=NIGHT - 2 * DAY))) == 0


def test_an_event_counts_after_the_grace_only() -> None:
    assert missed(schedule="08:30") == 0
    assert missed(schedule="07:30") == 1


def test_what_may_have_started_since_the_tasks_were_read_is_not_missed() -> None:
    assert missed(nightly_tasks(newest=NIGHT - 2 * DAY), read_at=NIGHT - HOUR) == 1


@pytest.mark.parametrize(
    "case",
    [
        pytest.param({"pve1": None}, id="the tasks were never read"),
        pytest.param({"pve1": ()}, id="history holds nothing, and reaches nowhere"),
        pytest.param({"pve2": ()}, id="one of the nodes is not known"),
        pytest.param({"enabled": False}, id="the job is off"),
        pytest.param({"schedule": "mon-fri 22:00"}, id="the schedule does not read"),
        pytest.param({"all": False, "vmid": "", "pool": ""}, id="no node has a part in it"),
    ],
)
def test_without_a_history_of_every_node_with_a_part_it_is_not_known(case: dict[str, Any]) -> None:
    assert missed(**case) is None
