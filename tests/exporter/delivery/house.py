"""Deliveries as the daemon runs them, with doors that take messages, fail or hang."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, time
from pathlib import Path

from exporter.counters import Counters
from exporter.delivery.channel import Channel, Message, Sent
from exporter.delivery.deliveries import Deliveries
from exporter.delivery.outbox import Outbox
from exporter.errors import DeliveryError
from exporter.reports import PlannedReport
from exporter.schedule import DueTimes
from report.policy import EVERY_GUEST
from report.rows.shared import Reader
from tests.builders import NOW

READER = Reader("en", UTC)


def planned(*channels: str, name: str = "daily", reader: Reader = READER) -> PlannedReport:
    due = DueTimes(time(6), UTC)
    return PlannedReport(name, True, due, reader, EVERY_GUEST, ("csv",), Path(), 30, 90, frozenset(channels))


DAILY = planned("mail", "stuck", "broken", "fine", "other")


@dataclass
class FakeDoor:
    """Takes messages, unless it is told to fail or to hang."""

    targets: tuple[str, ...] = ("a", "b")
    taken: list[tuple[Message, tuple[str, ...]]] = field(default_factory=list)
    failing: bool = False
    leaves: tuple[str, ...] = ()
    hold: threading.Event | None = None
    tries: int = 0

    def send(self, message: Message, targets: Sequence[str]) -> Sent:
        self.tries += 1
        if self.hold is not None:
            self.hold.wait(20)
        if self.failing:
            raise DeliveryError("server", "connection refused")
        self.taken.append((message, tuple(targets)))
        return Sent(left=self.leaves)


def channel(name: str, door: FakeDoor, *when: str, **fields: object) -> Channel:
    both = frozenset(("critical", "warning"))
    made = Channel(name, frozenset(when or ("daily",)), (), both, READER, (), door)
    return replace(made, **fields)  # type: ignore[arg-type]


class House:
    """Deliveries on one outbox, with a clock; `running` is one life of the daemon."""

    def __init__(self, folder: Path, *channels: Channel) -> None:
        self.file, self.channels, self.now = folder / "state" / "outbox.db", channels, NOW
        self.counters = Counters()

    @contextmanager
    def running(self) -> Iterator[Deliveries]:
        deliveries = Deliveries((), self.file, self.counters, lambda: float(self.now))
        deliveries.use(self.channels)
        stopping = threading.Event()
        thread = threading.Thread(target=deliveries.loop, args=(stopping,), daemon=True)
        thread.start()
        try:
            yield deliveries
        finally:
            stopping.set()
            deliveries.use(self.channels)
            thread.join(10)
            assert not thread.is_alive()

    def waiting(self) -> int:
        with closing(Outbox(self.file)) as outbox:
            return len(outbox.waiting())

    def failures(self, name: str) -> float:
        lines = self.counters.render(openmetrics=False).decode().splitlines()
        label = f'vzcover_delivery_failures_total{{channel="{name}"}} '
        return float(next(line.removeprefix(label) for line in lines if line.startswith(label)))
