"""All sources → Facts. Each source is read in a thread of its own and costs no other anything; the deadline bounds them all."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace

from exporter.client.deadline import Deadline
from exporter.collect.pbs import ServerCollector
from exporter.collect.pve import ClusterCollector
from exporter.errors import FailureReason
from report.backups import PbsFacts
from report.facts import ClusterFacts, Facts
from report.readings import Failure

Collector = ClusterCollector | ServerCollector
SourceFacts = ClusterFacts | PbsFacts

LOGGER = logging.getLogger("vzcover")
# how long a source may overstay the deadline (closing its sockets, parsing its last answer) before it is left behind
GRACE_SECONDS = 2.0


@dataclass(slots=True)
class Gatherer:
    """Holds one collector a source and the facts of the last refresh. `gather` is called by one thread at a time."""

    collectors: Sequence[Collector]
    deadline_seconds: float
    _held: dict[str, SourceFacts] = field(default_factory=dict)
    _late: dict[str, Future[SourceFacts]] = field(default_factory=dict)

    def gather(self, now: int) -> Facts:
        """Given now (epoch), read every source and return what is known; at the deadline what is held stands for the late ones."""
        deadline = Deadline.after(self.deadline_seconds)
        running = {collector.name: self._start(collector, now, deadline) for collector in self.collectors}
        wait(running.values(), timeout=deadline.remaining() + GRACE_SECONDS)
        for collector in self.collectors:
            name, future = collector.name, running[collector.name]
            if future.done():
                self._late.pop(name, None)
                self._held[name] = future.result()
            else:
                self._late[name] = future
                limit = f"{self.deadline_seconds:g} s"
                message = (
                    f"no end within the refresh's deadline of {limit}; raise refresh.deadline or look at the network"
                )
                self._held[name] = self._down(collector, now, FailureReason.DEADLINE, message)
        known = [self._held[collector.name] for collector in self.collectors]
        return Facts(
            tuple(facts for facts in known if isinstance(facts, ClusterFacts)),
            tuple(facts for facts in known if isinstance(facts, PbsFacts)),
        )

    def held(self) -> dict[str, SourceFacts]:
        """Return the facts of the last refresh by source, for a gatherer that takes over."""
        return dict(self._held)

    def close(self) -> None:
        """Close every source's connections."""
        for collector in self.collectors:
            collector.client.close()

    def _start(self, collector: Collector, now: int, deadline: Deadline) -> Future[SourceFacts]:
        """Start reading a source, unless its thread of an earlier refresh is still at it: then wait for that one."""
        late = self._late.get(collector.name)
        if late is not None and not late.done():
            return late
        future: Future[SourceFacts] = Future()

        def read() -> None:
            try:
                future.set_result(_collect(collector, self._held.get(collector.name), now, deadline))
            except Exception as error:  # a bug costs this source and no other
                LOGGER.exception("reading %s failed; its last facts stay", collector.client.settings.label)
                message = f"vzcover failed on its answers ({type(error).__name__}: {error}); please report this"
                future.set_result(self._down(collector, now, FailureReason.OTHER, message))

        threading.Thread(target=read, name=f"source-{collector.name}", daemon=True).start()
        return future

    def _down(self, collector: Collector, now: int, reason: FailureReason, message: str) -> SourceFacts:
        """Return what is held of a source that could not be read this time, and why."""
        failure = Failure(reason, "", f"{collector.client.settings.label}: {message}")
        held = self._held.get(collector.name) or _nothing_known(collector, now)
        return replace(held, attempted_at=now, up=False, failure=failure)


def _collect(collector: Collector, held: SourceFacts | None, now: int, deadline: Deadline) -> SourceFacts:
    """Let a collector read its source, with the facts of its own kind that are held from before."""
    if isinstance(collector, ClusterCollector):
        return collector.collect(held if isinstance(held, ClusterFacts) else None, now, deadline)
    return collector.collect(held if isinstance(held, PbsFacts) else None, now, deadline)


def _nothing_known(collector: Collector, now: int) -> SourceFacts:
    if isinstance(collector, ClusterCollector):
        return ClusterFacts(collector.name, now, False)
    return PbsFacts(collector.name, now, False)
