"""Which ended vzdump tasks of one cluster were seen for the first time: each is counted once, however often it is listed."""

from __future__ import annotations

from dataclasses import dataclass

from exporter.counters import Counters
from report.facts import ClusterFacts, Task
from report.runs import task_result

# ended tasks are remembered for so long, and never counted when they are older
FORGET_SECONDS = 30 * 86400


@dataclass(slots=True)
class TaskCounter:
    """Counts into `counters`. Tasks that ended before the first refresh are history, whenever they come to be read."""

    counters: Counters
    _since: int = 0
    _counted: dict[str, int] | None = None

    def count(self, before: ClusterFacts, facts: ClusterFacts) -> None:
        """Given the facts of the refresh before and of this one, count the tasks that ended since the start, each once, by UPID."""
        if self._counted is None:
            self._since = before.attempted_at
            self._counted = {task.upid: task.ended_at or 0 for task in _ended(before)}
        since = max(self._since, facts.attempted_at - FORGET_SECONDS)
        for task in _ended(facts):
            ended_at = task.ended_at or 0
            if ended_at > since and task.upid not in self._counted:
                self._counted[task.upid] = ended_at
                self.counters.count_vzdump_task(facts.name, task.node, task_result(task) or "")
        self._counted = {upid: ended_at for upid, ended_at in self._counted.items() if ended_at > since}


def _ended(facts: ClusterFacts) -> list[Task]:
    return [task for reading in facts.tasks.values() for task in reading.value or () if task_result(task)]
