"""Which vzdump task was a job's newest run, as far as that can be told (rulebook G2): a task names neither job nor storage.

A scheduled job starts within a minute of its event on each node that has a part in it (B16), as root@pam. A task is matched to a
job when it is the only one that could have started it; where two jobs share the minute on a node, neither is matched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from functools import lru_cache

from report.facts import ClusterFacts, Task
from report.jobs import JudgedJob, parse_schedule
from report.model import LastRun
from report.view import ClusterView

START_WITHIN_SECONDS = 90
_SCHEDULER = "root@pam"
_WORST_FIRST = ("error", "warning", "ok")


def task_result(task: Task) -> str | None:
    """Given a task, return "ok", "warning" or "error" (G5); None while it runs."""
    if task.ended_at is None or task.status is None:
        return None
    if task.status == "OK":
        return "ok"
    return "warning" if task.status.startswith("WARNINGS") else "error"


def last_runs(judged: Sequence[JudgedJob], facts: ClusterFacts, view: ClusterView, now: int) -> Mapping[str, LastRun]:
    """Given a cluster's judged jobs and its facts, return the newest run of each job whose tasks can be told apart, by job id."""
    runs: dict[str, dict[int, list[Task]]] = {}
    for node, reading in facts.tasks.items():
        candidates = [job for job in judged if _has_part(job, node)]
        for task in reading.usable(now) or ():
            if task.user != _SCHEDULER or task_result(task) is None:
                continue
            started = [(job, event) for job in candidates if (event := _event_of(job, task, view)) is not None]
            if len(started) == 1:
                job, event = started[0]
                runs.setdefault(job.job.id, {}).setdefault(event, []).append(task)
    return {job: _summary(events[max(events)]) for job, events in runs.items()}


def _has_part(judged: JudgedJob, node: str) -> bool:
    """Say whether the node would start the job: not if it is switched off, bound elsewhere, or has no guest there (B18)."""
    job = judged.job
    if not job.enabled or job.node not in (None, "", node):
        return False
    return node in judged.by_node or bool(judged.selection.unknown_ids) or job.all


def _event_of(judged: JudgedJob, task: Task, view: ClusterView) -> int | None:
    """Return the job's event that the task may have answered to: the one in the 90 seconds before its start."""
    at = _first_event(judged.job.schedule or "", view.zone(task.node), task.started_at - START_WITHIN_SECONDS)
    return at if at is not None and at <= task.started_at else None


@lru_cache(maxsize=1 << 16)
def _first_event(schedule: str, zone: tzinfo, after: int) -> int | None:
    """Return a schedule's first event after an instant; remembered, because the same old tasks come with every refresh."""
    event = parse_schedule(schedule)
    return event.next_after(after, zone) if event else None


def _summary(tasks: Sequence[Task]) -> LastRun:
    """Return one run out of the tasks that the nodes made of it: the worst result, the first start, the longest part."""
    worst = min(tasks, key=lambda task: _WORST_FIRST.index(task_result(task) or "ok"))
    started = min(task.started_at for task in tasks)
    ended = max(task.ended_at or task.started_at for task in tasks)
    return LastRun(task_result(worst) or "ok", started, ended - started, worst.status or "")
