"""What a cluster's tasks tell of each guest: attempts with their result, what runs now, which expected runs never happened (section G).

A task names neither job nor storage (G2), so that a multi-guest task is tied to a job by its start alone; only the log of one that did
not end OK names the storage. Tasks that ended do not age: what was read of them stays true; only what started since the last reading is
unseen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from report.attempts import Attempt, TaskReader
from report.facts import BackupJob, Guest, Task
from report.runs import SCHEDULER, Starts, task_result
from report.targets import Target

# a task that the scheduler starts is there within this time of its event (B16)
STARTED_WITHIN_SECONDS = 300
# how far the clocks of a node and of whoever read it, and what one refresh reads, lie apart at most
READ_WITHIN_SECONDS = 300


@dataclass(frozen=True, slots=True)
class UnreadLog:
    """A task that failed and whose log was not read; `target`: where its job writes, None where no single job is known."""

    task: Task
    target: Target | None


@dataclass(frozen=True, slots=True)
class ClusterHistory:
    """Attempts by guest, newest first; by node: tasks that ended, running tasks, the oldest end that is listed, when it was read. `starts`:
    which jobs may have started a task, `answers`: how many tasks of a node may have answered to a job's event. `unread_logs`: by node.
    `fresh`: nodes whose tasks are those of now; `unread_nodes`: those that have guests and whose tasks were never read.
    """

    attempts: Mapping[int, tuple[Attempt, ...]] = field(default_factory=dict)
    ended: Mapping[str, tuple[Task, ...]] = field(default_factory=dict)
    running: Mapping[str, tuple[Task, ...]] = field(default_factory=dict)
    starts: Starts = field(default_factory=dict)
    answers: Mapping[tuple[str, str, int], int] = field(default_factory=dict)
    reach: Mapping[str, int] = field(default_factory=dict)
    read_at: Mapping[str, int] = field(default_factory=dict)
    unread_logs: Mapping[str, tuple[UnreadLog, ...]] = field(default_factory=dict)
    fresh: frozenset[str] = frozenset()
    unread_nodes: tuple[str, ...] = ()

    def was_read(self, node: str) -> bool:
        """Given a node, say whether its tasks were ever read: what ended before then is known."""
        return node in self.read_at

    def running_since(self, guest: Guest, active: Sequence[BackupJob]) -> tuple[int, bool] | None:
        """Given a guest and its active jobs, return the start of a running task that contains it (F11), and whether that is certain: a task
        that one of its jobs or another may have started is only likely to (G2).
        """
        names = {job.id for job in active}
        found: list[tuple[bool, int]] = []
        for task in self.running.get(guest.node, ()):
            started = {job for job, _ in self.starts.get(task.upid, ())}
            if task.subject == str(guest.vmid) or (not task.subject and started & names):
                found.append((bool(task.subject) or started <= names, task.started_at))
        if not found:
            return None
        certain, started_at = max(found, key=lambda each: (each[0], -each[1]))
        return started_at, certain

    def ran_at(self, node: str, at: int) -> bool | None:
        """Given a node and the time (epoch) at which something was read of one of its guests, say whether a backup may have run there then;
        None where its tasks were not read since.
        """
        tasks = (*self.running.get(node, ()), *self.ended.get(node, ()))
        if any(_ran_at(task, at) for task in tasks):
            return True
        return None if self.read_at.get(node, 0) < at else False

    def missed(self, job: str, node: str, event: int, now: int) -> bool:
        """Given a job, a node where it has a part, an event of it, and now, say whether it certainly passed without a task (B25).

        Only within what the node's history reaches (a task that is not listed any more ended before all that are), and only where it was
        read after the event; a task that ran across the event may have kept it waiting (B17, B20), and one that started later may have
        made it up, unless it is known to be another job's.
        """
        reach, read_at = self.reach.get(node), self.read_at.get(node)
        if reach is None or read_at is None or event < reach or read_at < event + STARTED_WITHIN_SECONDS:
            return False
        scheduled = (task for task in self.ended.get(node, ()) if task.user == SCHEDULER)
        tasks = (*scheduled, *self.running.get(node, ()))
        return not any((task.ended_at or now) >= event and not self._is_of_others(job, task) for task in tasks)

    def _is_of_others(self, job: str, task: Task) -> bool:
        """Say whether a task answered to events of other jobs: those could have started it, this one not, and each needs one of its own."""
        started = self.starts.get(task.upid, ())
        if not started or any(other == job for other, _ in started):
            return False
        return self.answers.get((task.node, *started[0]), 0) <= len(started)


def read_history(reader: TaskReader, now: int) -> ClusterHistory:
    """Given the reader of a cluster's tasks and now (epoch), return what they tell."""
    found: dict[int, list[Attempt]] = {}
    running: dict[str, tuple[Task, ...]] = {}
    unread: dict[str, tuple[UnreadLog, ...]] = {}
    over: dict[str, tuple[Task, ...]] = {}
    read = {node: reading for node, reading in reader.facts.tasks.items() if reading.value is not None}
    for node, reading in read.items():
        tasks = reading.value or ()
        ended = tuple(task for task in tasks if task_result(task) is not None)
        over[node] = ended
        running[node] = tuple(task for task in tasks if task.ended_at is None)
        unread[node] = tuple(UnreadLog(task, reader.target(task)) for task in ended if reader.is_unread(task))
        for task in ended:
            for vmid, attempt in reader.attempts(task):
                found.setdefault(vmid, []).append(attempt)
    return ClusterHistory(
        attempts={vmid: _newest_first(attempts) for vmid, attempts in found.items()},
        ended=over,
        running=running,
        starts=reader.starts,
        answers=Counter(
            (task.node, *start)
            for reading in read.values()
            for task in reading.value or ()
            for start in reader.starts.get(task.upid, ())
        ),
        reach={node: min(task.ended_at or 0 for task in tasks) for node, tasks in over.items() if tasks},
        read_at={node: reading.fetched_at for node, reading in read.items() if reading.fetched_at is not None},
        unread_logs={node: logs for node, logs in unread.items() if logs},
        fresh=frozenset(node for node, reading in read.items() if reading.usable(now) is not None),
        unread_nodes=tuple(sorted({guest.node for guest in reader.view.guests or ()} - read.keys())),
    )


def _ran_at(task: Task, at: int) -> bool:
    over = task.ended_at is not None and task.ended_at < at - READ_WITHIN_SECONDS
    return task.started_at <= at + READ_WITHIN_SECONDS and not over


def _newest_first(attempts: Iterable[Attempt]) -> tuple[Attempt, ...]:
    return tuple(sorted(attempts, key=lambda attempt: (attempt.started_at, attempt.ended_at), reverse=True))
