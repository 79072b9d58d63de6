"""Attempts to back a guest up, as ended vzdump tasks and their logs tell (section G)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from report.facts import ClusterFacts, GuestResult, Task, TaskOutcome, VzdumpDefaults
from report.jobs import JudgedJob
from report.runs import Starts, only_job, task_result
from report.targets import Target, storage_of
from report.value import Value
from report.view import ClusterView

# how a task ends that went through all its guests, some of which failed (G5)
_SOME_FAILED = "job errors"


class Attempt(Value, frozen=True):
    """One attempt to back a guest up. `result`: ok, failed, aborted or not_reached (G8); `started_at` of the guest's own part where its
    log tells, else of the task; `ended_at` of the task; `has_part`: the guest's backup had begun; `target`: where it was to be written,
    None where nothing tells.
    """

    node: str
    result: str
    started_at: int
    ended_at: int
    duration_seconds: int | None = None
    message: str = ""
    job: str = ""
    has_part: bool = True
    target: Target | None = None


@dataclass(frozen=True, slots=True)
class TaskReader:
    """Reads the tasks of one cluster: its judged jobs by id, which of them may have started a task, where each storage leads."""

    facts: ClusterFacts
    jobs: Mapping[str, JudgedJob]
    view: ClusterView
    starts: Starts
    targets: Mapping[tuple[str, str], Target | None]

    def outcome(self, task: Task) -> TaskOutcome | None:
        """Given a task, return what its log says, None where it was not read."""
        reading = self.facts.outcomes.get(task.upid)
        return reading.value if reading else None

    def is_unread(self, task: Task) -> bool:
        """Say whether a task that ended has a log that would tell more and was not read."""
        return task_result(task) != "ok" and self.outcome(task) is None

    def target(self, task: Task) -> Target | None:
        """Given a task, return where it was to write: to the storage that its log names, else to that of the only job that could have
        started it (G2); None where nothing tells.
        """
        outcome = self.outcome(task)
        storage = outcome.storage if outcome else None
        judged = self.jobs.get(only_job(self.starts, task))
        if storage is None and judged is not None:
            storage = storage_of(judged.job, self.view.defaults.get(task.node) or VzdumpDefaults())
        return self.targets.get((self.facts.name, storage)) if storage else None

    def attempts(self, task: Task) -> Iterator[tuple[int, Attempt]]:
        """Yield what a task that ended tells of each guest: of one that ended OK only where a single guest was in it."""
        ended = task.ended_at or task.started_at
        if task_result(task) == "ok":
            if task.subject.isdecimal():
                yield int(task.subject), Attempt(task.node, "ok", task.started_at, ended, ended - task.started_at)
            return
        outcome = self.outcome(task)
        if outcome is None:
            return
        job, target = only_job(self.starts, task), self.target(task)
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
                    target,
                ),
            )
        message = outcome.error or task.status or ""
        for vmid in self._not_reached(task, outcome, job):
            yield (
                vmid,
                Attempt(
                    task.node, "not_reached", task.started_at, ended, None, message, job, has_part=False, target=target
                ),
            )

    def _not_reached(self, task: Task, outcome: TaskOutcome, job: str) -> Sequence[int]:
        """Return the guests that a task was to save and never began: the task died first, or as a whole (G8, cases 69, 70). One that went
        through its guests left none out: whom its log does not name came to the job later (G5).
        """
        if task.status == _SOME_FAILED or task_result(task) == "warning":
            return ()
        on_node = {
            guest.vmid
            for guest in self.view.guests or ()
            if guest.node == task.node and self._created_at(guest.vmid) <= task.started_at
        }
        named = set(outcome.selected) & on_node
        by_job = set(self.jobs[job].selection.guests) & on_node if job in self.jobs else set()
        begun = {guest.vmid for guest in outcome.guests}
        return sorted((named or by_job) - begun)

    def _created_at(self, vmid: int) -> int:
        config = self.facts.configs.get(vmid)
        return config.created_at or 0 if config else 0
