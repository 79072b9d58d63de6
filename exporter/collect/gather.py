"""All sources → Facts. Each source is read in a thread of its own and costs no other anything; the deadline bounds them all."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace

from exporter.client.deadline import Deadline
from exporter.collect.pve import ClusterCollector
from exporter.errors import FailureReason
from report.facts import ClusterFacts, Facts, Failure

# how long a source may overstay the deadline (closing its sockets, parsing its last answer) before it is left behind
GRACE_SECONDS = 2.0


@dataclass(slots=True)
class Gatherer:
    """Holds one collector a source and the facts of the last refresh. `gather` is called by one thread at a time."""

    collectors: Sequence[ClusterCollector]
    deadline_seconds: float
    _held: dict[str, ClusterFacts] = field(default_factory=dict)
    _late: dict[str, Future[ClusterFacts]] = field(default_factory=dict)

    def gather(self, now: int) -> Facts:
        """Given now (epoch), read every source and return what is known; at the deadline what is held stands for the late ones."""
        deadline = Deadline.after(self.deadline_seconds)
        running = {collector.name: self._start(collector, now, deadline) for collector in self.collectors}
        wait(running.values(), timeout=deadline.remaining() + GRACE_SECONDS)
        for name, future in running.items():
            if future.done():
                self._late.pop(name, None)
                self._held[name] = future.result()
            else:
                self._late[name] = future
                self._held[name] = self._overdue(name, now)
        return Facts(tuple(self._held[collector.name] for collector in self.collectors))

    def held(self) -> dict[str, ClusterFacts]:
        """Return the facts of the last refresh by source, for a gatherer that takes over."""
        return dict(self._held)

    def close(self) -> None:
        """Close every source's connections."""
        for collector in self.collectors:
            collector.client.close()

    def _start(self, collector: ClusterCollector, now: int, deadline: Deadline) -> Future[ClusterFacts]:
        """Start reading a source, unless its thread of an earlier refresh is still at it: then wait for that one."""
        late = self._late.get(collector.name)
        if late is not None and not late.done():
            return late
        future: Future[ClusterFacts] = Future()

        def read() -> None:
            try:
                future.set_result(collector.collect(self._held.get(collector.name), now, deadline))
            except BaseException as error:
                future.set_exception(error)

        threading.Thread(target=read, name=f"source-{collector.name}", daemon=True).start()
        return future

    def _overdue(self, name: str, now: int) -> ClusterFacts:
        limit = f"{self.deadline_seconds:g} s"
        message = f"pve {name}: no end within the refresh's deadline of {limit}; raise refresh.deadline or look at the network"
        failure = Failure(FailureReason.DEADLINE, "", message)
        held = self._held.get(name) or ClusterFacts(name, now, False)
        return replace(held, attempted_at=now, up=False, failure=failure)
