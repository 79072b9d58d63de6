"""All sources → Facts. Each source is read in a thread of its own and costs no other anything; the deadline bounds them all."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace
from typing import Any

from exporter.client.deadline import Deadline
from exporter.collect.drills import DrillFolder, Reported
from exporter.collect.patience import Backoff
from exporter.collect.pbs import ServerCollector
from exporter.collect.pve import ClusterCollector
from exporter.concealed import blotted
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
    """Holds one collector a source and the facts of the last refresh, and the folder of drills where there is one.

    `gather` is called by one thread at a time.
    """

    collectors: Sequence[Collector]
    deadline_seconds: float
    _held: dict[str, SourceFacts] = field(default_factory=dict)
    _late: dict[str, Future[SourceFacts]] = field(default_factory=dict)
    drills: DrillFolder | None = None
    _reported: Reported = field(default_factory=Reported)
    _reading: Future[Reported] | None = None
    _backoff: dict[str, Backoff] = field(default_factory=dict)

    def gather(self, now: int) -> Facts:
        """Given now (epoch), read every source and return what is known; at the deadline what is held stands for the late ones, and a
        source that has been down is not asked every time (`Backoff`).
        """
        deadline = Deadline.after(self.deadline_seconds)
        due = [collector for collector in self.collectors if self._is_due(collector, now)]
        running = {collector.name: self._start(collector, now, deadline) for collector in due}
        reading = self._read_drills(now)
        started: list[Future[Any]] = [*running.values(), *reading]
        wait(started, timeout=deadline.remaining() + GRACE_SECONDS)
        for collector in due:
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
            self._backoff[name].note(now, up=self._held[name].up)
        known = [self._held[collector.name] for collector in self.collectors]
        reported = self._drills(reading)
        return Facts(
            tuple(facts for facts in known if isinstance(facts, ClusterFacts)),
            tuple(facts for facts in known if isinstance(facts, PbsFacts)),
            reported.drills,
            reported.problems,
        )

    def held(self) -> dict[str, SourceFacts]:
        """Return the facts of the last refresh by source, for a gatherer that takes over."""
        return dict(self._held)

    def close(self) -> None:
        """Close every source's connections."""
        for collector in self.collectors:
            collector.client.close()

    def _is_due(self, collector: Collector, now: int) -> bool:
        """Say whether a source is asked now: one that is still being read, or was never read, is."""
        backoff = self._backoff.setdefault(collector.name, Backoff(collector.rhythm.refresh_seconds))
        return collector.name not in self._held or collector.name in self._late or backoff.is_due(now)

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
                bug = f"{type(error).__name__}: {blotted(str(error))}"
                message = f"vzcover failed on its answers ({bug}); please report this"
                future.set_result(self._down(collector, now, FailureReason.OTHER, message))

        threading.Thread(target=read, name=f"source-{collector.name}", daemon=True).start()
        return future

    def _read_drills(self, now: int) -> list[Future[Reported]]:
        """Start reading the folder of drills in a thread of its own (it may lie on a file system that hangs); none without a folder."""
        folder = self.drills
        if folder is None:
            return []
        if self._reading is not None:
            return [self._reading]
        future = self._reading = Future()
        clusters = {one.name for one in self.collectors if isinstance(one, ClusterCollector)}

        def read() -> None:
            try:
                future.set_result(folder.read(now, clusters))
            except Exception as error:  # a bug costs the drills and nothing else
                LOGGER.exception("reading %s failed", folder.folder)
                problem = f"{folder.folder}: vzcover failed on it ({blotted(str(error))}); please report this"
                future.set_result(Reported(None, (problem,)))

        threading.Thread(target=read, name="drills", daemon=True).start()
        return [future]

    def _drills(self, reading: Sequence[Future[Reported]]) -> Reported:
        """Return what is reported; while the folder does not answer, what it said last."""
        for future in reading:
            if not future.done():
                problem = f"{self.drills and self.drills.folder}: no answer within the refresh's deadline"
                return replace(self._reported, problems=(*self._reported.problems, problem))
            self._reported, self._reading = future.result(), None
        return self._reported

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
