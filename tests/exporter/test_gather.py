"""All sources at once: each is read in a thread of its own, costs no other anything, and the deadline bounds them all."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from exporter.client.deadline import Deadline
from exporter.client.settings import ClientSettings
from exporter.client.source import SourceClient
from exporter.collect import gather
from exporter.collect.gather import Gatherer
from exporter.collect.pve import ClusterCollector, Rhythm
from exporter.counters import Counters
from report.facts import ClusterFacts, Facts
from tests.builders import NOW, cluster, guest
from tests.exporter.clients import SECRET, TOKEN
from tests.exporter.collecting import collector_of
from tests.simulator_process import SimulatorHandle, running_simulator

SOON = 0.2

Collect = Callable[[ClusterFacts | None, int, Deadline], ClusterFacts]


class Scripted(ClusterCollector):
    """A collector that does what it is told, and knows how often it was asked."""

    def __init__(self, name: str, collect: Collect) -> None:
        settings = ClientSettings(name, "pve", (("127.0.0.1", 1),), TOKEN, SECRET)
        super().__init__(name, TOKEN, SourceClient(settings, Counters()), Counters(), Rhythm())
        self.script, self.asked = collect, 0

    def collect(self, before: ClusterFacts | None, now: int, deadline: Deadline) -> ClusterFacts:
        self.asked += 1
        return self.script(before, now, deadline)


def answering(name: str) -> Scripted:
    return Scripted(name, lambda before, now, deadline: cluster(name, guests=[guest(100)], attempted_at=now))


@contextmanager
def hanging(name: str) -> Iterator[tuple[Scripted, threading.Event]]:
    """A collector that first returns when its event is set, deadline or not."""
    let_go = threading.Event()

    def collect(before: ClusterFacts | None, now: int, deadline: Deadline) -> ClusterFacts:
        assert let_go.wait(30)
        return cluster(name, guests=[guest(200)], attempted_at=now)

    try:
        yield Scripted(name, collect), let_go
    finally:
        let_go.set()


@pytest.fixture
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "GRACE_SECONDS", 0.05)


def by_name(facts: Facts) -> dict[str, ClusterFacts]:
    return {each.name: each for each in facts.clusters}


def until(condition: Callable[[], Any]) -> None:
    """Wait for a thread to get there."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)


def test_every_source_is_in_the_facts_in_the_order_of_the_configuration() -> None:
    gatherer = Gatherer([answering("b"), answering("a")], 5)
    facts = gatherer.gather(NOW)
    assert [each.name for each in facts.clusters] == ["b", "a"]
    assert {each.attempted_at for each in facts.clusters} == {NOW}
    assert gatherer.held() == by_name(facts)


def test_each_refresh_is_given_the_facts_of_the_one_before() -> None:
    seen: list[ClusterFacts | None] = []

    def collect(before: ClusterFacts | None, now: int, deadline: Deadline) -> ClusterFacts:
        seen.append(before)
        return cluster("lab", attempted_at=now)

    gatherer = Gatherer([Scripted("lab", collect)], 5)
    gatherer.gather(NOW)
    gatherer.gather(NOW + 300)
    taken_over = Gatherer([Scripted("lab", collect)], 5, gatherer.held())
    taken_over.gather(NOW + 600)
    assert [before and before.attempted_at for before in seen] == [None, NOW, NOW + 300]


@pytest.mark.usefixtures("short_grace")
def test_a_source_that_overstays_costs_another_nothing() -> None:
    with hanging("slow") as (slow, _):
        started = time.monotonic()
        facts = by_name(Gatherer([slow, answering("lab")], SOON).gather(NOW))
        assert time.monotonic() - started < 5
    assert facts["lab"].up is True
    assert facts["slow"].up is False
    failure = facts["slow"].failure
    assert failure is not None
    assert failure.code == "deadline"
    assert "pve slow" in failure.message
    assert "refresh.deadline" in failure.message


@pytest.mark.usefixtures("short_grace")
def test_what_is_held_stands_for_a_late_source_and_its_thread_is_waited_for_and_not_doubled() -> None:
    with hanging("slow") as (slow, let_go):
        let_go.set()
        gatherer = Gatherer([slow], SOON)
        first = gatherer.gather(NOW).clusters[0]
        let_go.clear()
        late = gatherer.gather(NOW + 300).clusters[0]
        later = gatherer.gather(NOW + 600).clusters[0]
        assert slow.asked == 2
        assert (late.up, late.attempted_at, late.inventory) == (False, NOW + 300, first.inventory)
        assert (later.up, later.attempted_at) == (False, NOW + 600)
        let_go.set()
        until(lambda: not [thread for thread in threading.enumerate() if thread.name == "source-slow"])
        back = gatherer.gather(NOW + 900).clusters[0]
    assert (back.up, back.attempted_at, slow.asked) == (True, NOW + 900, 3)


def test_a_late_thread_that_ends_in_the_next_refresh_gives_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "GRACE_SECONDS", 0.05)
    with hanging("slow") as (slow, let_go):
        gatherer = Gatherer([slow], SOON)
        assert gatherer.gather(NOW).clusters[0].up is False
        gatherer.deadline_seconds = 10
        threading.Timer(0.05, let_go.set).start()
        facts = gatherer.gather(NOW + 300).clusters[0]
    assert (facts.up, facts.attempted_at, slow.asked) == (True, NOW, 1)


def test_a_bug_in_reading_one_source_costs_no_other(caplog: pytest.LogCaptureFixture) -> None:
    def fails(before: ClusterFacts | None, now: int, deadline: Deadline) -> ClusterFacts:
        if before is None:
            return cluster("odd", attempted_at=now)
        raise KeyError("never thought of")

    gatherer = Gatherer([Scripted("odd", fails), answering("lab")], 5)
    first = by_name(gatherer.gather(NOW))
    with caplog.at_level(logging.ERROR):
        facts = by_name(gatherer.gather(NOW + 300))
    assert facts["lab"].up is True
    assert facts["odd"] == replace(first["odd"], up=False, attempted_at=NOW + 300, failure=facts["odd"].failure)
    assert facts["odd"].failure is not None
    assert "KeyError" in facts["odd"].failure.message
    assert "reading pve odd failed" in caplog.text


# over HTTPS


@pytest.fixture(scope="module")
def simulators() -> Iterator[tuple[SimulatorHandle, SimulatorHandle]]:
    with ExitStack() as stack:
        first, second = (
            stack.enter_context(running_simulator("serve", "--guests", 20, "--now", NOW)) for _ in range(2)
        )
        yield first, second


@pytest.mark.parametrize("kind", ["timeout", "drip"])
def test_a_hanging_cluster_is_cut_off_at_the_deadline_and_costs_another_nothing(
    simulators: tuple[SimulatorHandle, SimulatorHandle], kind: str
) -> None:
    good, bad = simulators
    bad.set_faults({"*": kind})
    with collector_of(good, name="good") as first, collector_of(bad, name="bad", read_timeout=30.0) as second:
        gatherer = Gatherer([second, first], 1.5)
        started = time.monotonic()
        facts = by_name(gatherer.gather(NOW))
        took = time.monotonic() - started
    bad.set_faults({})
    assert took < 1.5 + gather.GRACE_SECONDS
    assert facts["good"].up is True
    assert all(run.success for run in facts["good"].collectors)
    assert facts["bad"].up is False
    failure = facts["bad"].failure
    assert failure is not None
    assert failure.code == "deadline"
    assert "pve bad" in failure.message


def test_closing_ends_all_connections(simulators: tuple[SimulatorHandle, SimulatorHandle]) -> None:
    with collector_of(simulators[0]) as collector:
        gatherer = Gatherer([collector], 20)
        assert gatherer.gather(NOW).clusters[0].up is True
        gatherer.close()
        closed = gatherer.gather(NOW + 300).clusters[0]
    assert closed.up is False
    assert closed.failure is not None
    assert "the client is closed" in closed.failure.message
