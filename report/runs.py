"""Which vzdump task was a job's newest run, as far as that can be told (rulebook G2): a task names neither job nor storage.

A scheduled job starts within a minute of its event on each node that has a part in it (B16), as root@pam. A task is matched to a
job when it is the only one that could have started it; where two jobs share the minute on a node, it may be either's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from report.facts import BackupJob, ClusterFacts, Task
from report.jobs import JudgedJob, next_event
from report.model.jobs import LastRun
from report.view import ClusterView

START_WITHIN_SECONDS = 90
# how long after its event a backup may start and run before it counts as late; the job's usual duration is added (F11, B21)
GRACE_SECONDS = 3600
# a run that took longer excuses no more lateness than this
USUAL_AT_MOST_SECONDS = 12 * 3600
# who scheduled jobs run as (B16)
SCHEDULER = "root@pam"
# by UPID of a task: the jobs that could have started it, each with its event (epoch)
Starts = Mapping[str, tuple[tuple[str, int], ...]]
_WORST_FIRST = ("error", "warning", "ok")


def task_result(task: Task) -> str | None:
    """Given a task, return "ok", "warning" or "error" (G5); None while it runs."""
    if task.ended_at is None or task.status is None:
        return None
    if task.status == "OK":
        return "ok"
    return "warning" if task.status.startswith("WARNINGS") else "error"


def starts_of(judged: Sequence[JudgedJob], facts: ClusterFacts, view: ClusterView) -> Starts:
    """Given a cluster's judged jobs, its facts and view, return of each task of the scheduler which jobs could have started it, with the
    event that it would answer to (G2).
    """
    found: dict[str, tuple[tuple[str, int], ...]] = {}
    for node, reading in facts.tasks.items():
        candidates = [job for job in judged if has_part(job, node)]
        for task in reading.value or ():
            if task.user == SCHEDULER:
                events = ((job.job.id, _event_of(job, task, view)) for job in candidates)
                found[task.upid] = tuple((job, event) for job, event in events if event is not None)
    return found


def only_job(starts: Starts, task: Task) -> str:
    """Given which jobs could have started tasks, and a task, return the id of the only one, "" where none or several could."""
    started = starts.get(task.upid, ())
    return started[0][0] if len(started) == 1 else ""


def last_runs(starts: Starts, facts: ClusterFacts, now: int) -> Mapping[str, LastRun]:
    """Given which jobs could have started a cluster's tasks, its facts, and now (epoch), return the newest run of each job whose tasks can
    be told apart, by job id.
    """
    runs: dict[str, dict[int, list[Task]]] = {}
    for reading in facts.tasks.values():
        for task in reading.usable(now) or ():
            started = starts.get(task.upid, ())
            if task_result(task) is not None and len(started) == 1:
                job, event = started[0]
                runs.setdefault(job, {}).setdefault(event, []).append(task)
    return {job: _summary(events[max(events)]) for job, events in runs.items()}


def durations(starts: Starts, facts: ClusterFacts) -> Mapping[str, int]:
    """Given the same, return how long the newest run of each job took, in seconds, by job id, whenever it was read; where tasks may be
    one job's or another's, the longest it may have been.
    """
    runs: dict[str, dict[int, list[Task]]] = {}
    for reading in facts.tasks.values():
        for task in reading.value or ():
            for job, event in starts.get(task.upid, ()) if task_result(task) is not None else ():
                runs.setdefault(job, {}).setdefault(event, []).append(task)
    return {job: _summary(events[max(events)]).duration_seconds or 0 for job, events in runs.items()}


def usual_seconds(jobs: Iterable[BackupJob], lasted: Mapping[str, int]) -> int:
    """Given jobs and how long the newest run of each took, return how long a run of them may take before a backup is late (B21, F11): what
    the longest took last time, in seconds, up to USUAL_AT_MOST_SECONDS; 0 where that is known of none.
    """
    longest = max((lasted.get(job.id, 0) for job in jobs), default=0)
    return min(longest, USUAL_AT_MOST_SECONDS)


def has_part(judged: JudgedJob, node: str) -> bool:
    """Given a job and a node, say whether the node would start it: not if it is off, bound elsewhere, or has no guest there (B18)."""
    job = judged.job
    if not job.enabled or job.node not in (None, "", node):
        return False
    return node in judged.by_node or bool(judged.selection.unknown_ids) or job.all


def _event_of(judged: JudgedJob, task: Task, view: ClusterView) -> int | None:
    """Return the job's event that the task may have answered to: the one in the 90 seconds before its start."""
    at = next_event(judged.job.schedule or "", view.zone(task.node), task.started_at - START_WITHIN_SECONDS)
    return at if at is not None and at <= task.started_at else None


def _summary(tasks: Sequence[Task]) -> LastRun:
    """Return one run out of the tasks that the nodes made of it: the worst result, the first start, the longest part."""
    worst = min(tasks, key=lambda task: _WORST_FIRST.index(task_result(task) or "ok"))
    started = min(task.started_at for task in tasks)
    ended = max(task.ended_at or task.started_at for task in tasks)
    return LastRun(task_result(worst) or "ok", started, ended - started, worst.status or "")
