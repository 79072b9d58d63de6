"""What a cluster's tasks tell of each guest: attempts with their result, what runs now, which expected runs never happened (section G).

A task names neither job nor storage (G2), so that a multi-guest task is tied to a job by its start alone. Tasks that ended do not age:
what was read of them stays true; only what started since the last reading is unseen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from report.facts import BackupJob, ClusterFacts, Guest, GuestResult, Task, TaskOutcome
from report.jobs import JudgedJob
from report.model import Reason, ReasonCode
from report.runs import job_of_task, task_result
from report.view import ClusterView

# a task that the scheduler starts is there within this time of its event (B16)
STARTED_WITHIN_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to back a guest up. `result`: ok, failed, aborted or not_reached (G8); `started_at` of the guest's own part where its
    log tells, else of the task; `ended_at` of the task; `has_part`: the guest's backup had begun.
    """

    node: str
    result: str
    started_at: int
    ended_at: int
    duration_seconds: int | None = None
    message: str = ""
    job: str = ""
    has_part: bool = True


@dataclass(frozen=True, slots=True)
class ClusterHistory:
    """Attempts by guest, newest first; by node: tasks of the scheduler, running tasks, the oldest end that is listed, when it was read.
    `unread_logs`: by node, tasks that failed and whose log was not read. `fresh`: nodes whose tasks are those of now; `unread_nodes`:
    those that have guests and whose tasks were never read.
    """

    attempts: Mapping[int, tuple[Attempt, ...]] = field(default_factory=dict)
    scheduled: Mapping[str, tuple[Task, ...]] = field(default_factory=dict)
    running: Mapping[str, tuple[Task, ...]] = field(default_factory=dict)
    job_of_running: Mapping[str, str] = field(default_factory=dict)
    reach: Mapping[str, int] = field(default_factory=dict)
    read_at: Mapping[str, int] = field(default_factory=dict)
    unread_logs: Mapping[str, tuple[Task, ...]] = field(default_factory=dict)
    fresh: frozenset[str] = frozenset()
    unread_nodes: tuple[str, ...] = ()

    def was_read(self, node: str) -> bool:
        """Given a node, say whether its tasks were ever read: what ended before then is known."""
        return node in self.read_at

    def running_since(self, guest: Guest, active: Sequence[BackupJob]) -> int | None:
        """Given a guest and its active jobs, return the start of a running task that contains it, as far as tasks tell (G2, F11)."""
        names = {job.id for job in active}
        for task in self.running.get(guest.node, ()):
            if task.subject == str(guest.vmid) or (
                not task.subject and self.job_of_running.get(task.upid, "") in names
            ):
                return task.started_at
        return None

    def missed(self, node: str, event: int, now: int) -> bool:
        """Given a node, an event of a job that has a part there, and now, say whether it certainly passed without a task (B25).

        Only within what the node's history reaches (a task that is not listed any more ended before all that are), and only where it was
        read after the event; a task that ran across the event may have kept it waiting (B17, B20), and one that started later may have
        made it up.
        """
        reach, read_at = self.reach.get(node), self.read_at.get(node)
        if reach is None or read_at is None or event < reach or read_at < event + STARTED_WITHIN_SECONDS:
            return False
        tasks = (*self.scheduled.get(node, ()), *self.running.get(node, ()))
        return not any(task.started_at >= event or (task.ended_at or now) >= event for task in tasks)


def read_history(facts: ClusterFacts, judged: Sequence[JudgedJob], view: ClusterView, now: int) -> ClusterHistory:
    """Given a cluster's facts, its judged jobs, its view and now (epoch), return what its tasks tell."""
    found: dict[int, list[Attempt]] = {}
    scheduled: dict[str, tuple[Task, ...]] = {}
    running: dict[str, tuple[Task, ...]] = {}
    unread: dict[str, tuple[Task, ...]] = {}
    over: dict[str, list[Task]] = {}
    job_of_running: dict[str, str] = {}
    read = {node: reading for node, reading in facts.tasks.items() if reading.value is not None}
    for node, reading in read.items():
        tasks = reading.value or ()
        ended = [task for task in tasks if task_result(task) is not None]
        over[node] = ended
        running[node] = tuple(task for task in tasks if task.ended_at is None)
        scheduled[node] = tuple(task for task in ended if task.user == "root@pam")
        unread[node] = tuple(task for task in ended if _is_unread(task, facts))
        for task in running[node]:
            job_of_running[task.upid] = job_of_task(task, judged, view)
        for task in ended:
            for vmid, attempt in _attempts(task, facts, judged, view):
                found.setdefault(vmid, []).append(attempt)
    return ClusterHistory(
        attempts={vmid: _newest_first(attempts) for vmid, attempts in found.items()},
        scheduled=scheduled,
        running=running,
        job_of_running=job_of_running,
        reach={node: min(task.ended_at or 0 for task in tasks) for node, tasks in over.items() if tasks},
        read_at={node: reading.fetched_at for node, reading in read.items() if reading.fetched_at is not None},
        unread_logs={node: tasks for node, tasks in unread.items() if tasks},
        fresh=frozenset(node for node, reading in read.items() if reading.usable(now) is not None),
        unread_nodes=tuple(sorted({guest.node for guest in view.guests or ()} - read.keys())),
    )


def _newest_first(attempts: Iterable[Attempt]) -> tuple[Attempt, ...]:
    return tuple(sorted(attempts, key=lambda attempt: (attempt.started_at, attempt.ended_at), reverse=True))


def _outcome(task: Task, facts: ClusterFacts) -> TaskOutcome | None:
    reading = facts.outcomes.get(task.upid)
    return reading.value if reading else None


def _is_unread(task: Task, facts: ClusterFacts) -> bool:
    return task_result(task) != "ok" and _outcome(task, facts) is None


def _attempts(
    task: Task, facts: ClusterFacts, judged: Sequence[JudgedJob], view: ClusterView
) -> Iterator[tuple[int, Attempt]]:
    """Yield what a task that ended tells of each guest: of one that ended OK only where a single guest was in it."""
    ended = task.ended_at or task.started_at
    if task_result(task) == "ok":
        if task.subject.isdecimal():
            yield int(task.subject), Attempt(task.node, "ok", task.started_at, ended, ended - task.started_at)
        return
    outcome = _outcome(task, facts)
    if outcome is None:
        return
    job = job_of_task(task, judged, view) if task.user == "root@pam" else ""
    for guest in outcome.guests:
        begun = guest.started_at is not None
        yield (
            guest.vmid,
            Attempt(
                task.node,
                guest.result,
                guest.started_at or task.started_at,
                ended,
                guest.duration_seconds,
                guest.message or (task.status or "" if guest.result is GuestResult.ABORTED else ""),
                job,
                begun,
            ),
        )
    yield from _not_reached(task, outcome, job, judged, view)


def _not_reached(
    task: Task, outcome: TaskOutcome, job: str, judged: Sequence[JudgedJob], view: ClusterView
) -> Iterator[tuple[int, Attempt]]:
    """Yield the guests that a task was to save and never began: the task died first, or as a whole (G8, cases 69, 70)."""
    on_node = {guest.vmid for guest in view.guests or () if guest.node == task.node}
    named = set(outcome.selected) & on_node
    by_job = {vmid for each in judged if each.job.id == job for vmid in each.selection.guests} & on_node
    begun = {guest.vmid for guest in outcome.guests}
    ended = task.ended_at or task.started_at
    message = outcome.error or task.status or ""
    for vmid in sorted((named or by_job) - begun):
        yield vmid, Attempt(task.node, "not_reached", task.started_at, ended, None, message, job, has_part=False)


def unread_log(history: ClusterHistory, guest: Guest, since: int) -> Reason | None:
    """Given a guest and the time of its newest backup, return that a failed task that may have held it since then has a log that was not
    read: one of its node, or of its own wherever that ran.
    """
    for node, tasks in history.unread_logs.items():
        own = (str(guest.vmid), "") if node == guest.node else (str(guest.vmid),)
        for task in tasks:
            if task.subject in own and (task.ended_at or 0) >= since:
                return Reason.of(ReasonCode.LOG_NOT_READ, node=node, at=task.started_at)
    return None
