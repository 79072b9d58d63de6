"""A small world over real HTTPS, read by the real collectors under a fake clock: what faults are tried on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from exporter.client.settings import ClientSettings
from exporter.client.source import SourceClient
from exporter.collect.gather import Collector, Gatherer, SourceFacts
from exporter.collect.pbs import ServerCollector
from exporter.collect.pbs_listing import ServerRhythm
from exporter.collect.pve import ClusterCollector, Rhythm
from exporter.counters import Counters
from report.analyse import analyse
from report.backups import PbsFacts
from report.facts import ClusterFacts, Facts
from report.model.report import Report
from report.policy import Expectation, Policy, Rule, Scope, StoreMark
from report.value import changed
from tests.exporter.clients import Naps
from tests.simulator_process import Endpoint, SimulatorHandle, running_simulator

NOW = 1_795_233_600  # 2026-11-21 04:00:00 UTC, long before the next event of any job
PERIOD = 300
SOURCES = ("lab", "pbs1", "pbs2")
DAY = 86_400
# what nothing says by itself: a proof of restore, a second copy, a verification are each demanded of some guests
POLICY = Policy(
    rules=(
        Rule("proof", Scope(vmids=((103, 103),)), Expectation(restore_proven_within_seconds=30 * DAY)),
        Rule("copies", Scope(vmids=((101, 102),)), Expectation(copies=2, offsite=True)),
        Rule("verified", Scope(vmids=((107, 107),)), Expectation(verified_within_seconds=20 * DAY)),
    ),
    stores=(StoreMark("pbs2", offsite=True),),
    waive_in_notes=True,
)


@contextmanager
def running_world(*more: object) -> Iterator[SimulatorHandle]:
    """Run a cluster of twelve guests on two nodes and two backup servers."""
    options = ("--guests", 12, "--nodes", 2, "--pbs", 2, "--history-days", 10, "--now", NOW)
    with running_simulator("serve", *options, *more) as simulator:
        yield simulator


def handle_of(simulator: SimulatorHandle, source: str) -> Endpoint:
    """Given a source's name, return where it is."""
    return simulator if source == "lab" else next(server for server in simulator.pbs if server.name == source)


def collector(simulator: SimulatorHandle, source: str, **changed: Any) -> Collector:
    """Make a collector of a source that waits little; its client is the caller's to close."""
    handle = handle_of(simulator, source)
    kind: Literal["pve", "pbs"] = "pve" if source == "lab" else "pbs"
    token, secret = next(pair for pair in handle.tokens.items() if pair[0].startswith("auditor@"))
    values: dict[str, Any] = {
        "hosts": ((handle.host, handle.port),),
        "token_id": token,
        "token_secret": secret,
        "ca_file": str(handle.ca_file),
        "attempts": 1,
    }
    settings = ClientSettings(name=source, kind=kind, **{**values, **changed})
    counters = Counters()
    client = SourceClient(settings, counters, sleep=Naps())
    if kind == "pve":
        return ClusterCollector(source, token, client, counters, Rhythm(PERIOD, PERIOD))
    return ServerCollector(source, token, client, ServerRhythm(PERIOD, PERIOD))


COLD, SECOND = NOW, NOW + PERIOD
WARM, HELD, STALE, BACK = NOW, NOW + 3 * PERIOD, NOW + 6 * PERIOD, NOW + 7 * PERIOD
Known = Mapping[str, SourceFacts]


def report_of(known: Known, now: int) -> Report:
    """Given the facts of every source and now, return the Report."""
    facts = [known[source] for source in SOURCES if source in known]
    return analyse(
        Facts(
            tuple(each for each in facts if isinstance(each, ClusterFacts)),
            tuple(each for each in facts if isinstance(each, PbsFacts)),
        ),
        POLICY,
        now,
    )


def refreshed(each: Collector, held: SourceFacts | None, now: int, seconds: float = 60.0) -> SourceFacts:
    """Refresh one source, with what is held of it."""
    gatherer = Gatherer([each], seconds, {} if held is None else {each.name: held})
    facts = gatherer.gather(now)
    return facts.clusters[0] if facts.clusters else facts.servers[0]


@dataclass(frozen=True, slots=True)
class Phase:
    """One refresh of a trial: its facts, its Report, and the Report without a fault at the same instant."""

    name: str
    known: Known
    report: Report
    healthy: Report


@dataclass(slots=True)
class World:
    """The simulator, and what was read of it without faults: `cold` by instant from nothing, `warm` from a healthy past."""

    simulator: SimulatorHandle
    cold: dict[int, Known] = field(default_factory=dict)
    warm: dict[int, Known] = field(default_factory=dict)
    _reports: dict[tuple[str, int], Report] = field(default_factory=dict)

    def learn(self) -> None:
        """Read everything without faults, at every instant of a trial."""
        for chain, instants in ((self.cold, (COLD, SECOND)), (self.warm, (WARM - PERIOD, WARM, HELD, STALE, BACK))):
            collectors = {source: collector(self.simulator, source) for source in SOURCES}
            held: dict[str, SourceFacts] = {}
            for now in instants:
                held = {source: refreshed(each, held.get(source), now) for source, each in collectors.items()}
                chain[now] = held
            for each in collectors.values():
                each.client.close()

    def healthy(self, chain: str, now: int) -> Report:
        """Return the Report without a fault."""
        if (chain, now) not in self._reports:
            self._reports[chain, now] = report_of(getattr(self, chain)[now], now)
        return self._reports[chain, now]

    def trial(self, faults: Mapping[str, Mapping[str, str]], **changed: Any) -> dict[str, Phase]:
        """Given faults by source, try them after a healthy refresh until past what may be held, and on a first refresh; then without."""
        # long enough for a busy machine; what drips is cut off sooner
        drips = any(kind.startswith("drip") for kinds in faults.values() for kind in kinds.values())
        settings = {"read_timeout": 10.0, "answer_timeout": 0.8 if drips else 10.0, **changed}
        warm = {source: collector(self.simulator, source, **settings) for source in faults}
        cold = {source: collector(self.simulator, source, **settings) for source in faults}
        phases: dict[str, Phase] = {}
        try:
            self._put(faults)
            held = self._phase(phases, "held", warm, "warm", HELD, self.warm[WARM])
            stale = self._phase(phases, "stale", warm, "warm", STALE, held)
            first = self._phase(phases, "first", cold, "cold", COLD, {})
            self._put({source: {} for source in faults})
            self._phase(phases, "back", warm, "warm", BACK, stale)
            self._phase(phases, "second", cold, "cold", SECOND, first)
        finally:
            self._put({source: {} for source in faults})
            for each in (*warm.values(), *cold.values()):
                each.client.close()
        return phases

    def _put(self, faults: Mapping[str, Mapping[str, str]]) -> None:
        for source, kinds in faults.items():
            handle_of(self.simulator, source).set_faults(kinds)

    def _phase(
        self,
        phases: dict[str, Phase],
        name: str,
        collectors: Mapping[str, Collector],
        chain: str,
        now: int,
        held: Known,
    ) -> Known:
        told = {source: refreshed(each, held.get(source), now) for source, each in collectors.items()}
        known = {**getattr(self, chain)[now], **told}
        phases[name] = Phase(name, known, report_of(known, now), self.healthy(chain, now))
        return known


def essence(report: Report) -> Report:
    """Given a Report, return it without ages, counters and durations: what of it may differ though nothing else does."""
    groups = tuple(changed(group, read_at=0) for group in report.groups)
    sources = tuple(
        replace(source, fetched_at=None, collectors=(), failure=None, coverage_disagreements=None)
        for source in report.sources
    )
    return replace(report, sources=sources, groups=groups)


def verdict_parts(report: Report) -> dict[str, object]:
    """Given a Report, return every verdict in it: on guests, jobs and groups, the estate's findings, and their sum."""
    whole = essence(report)
    return {
        "guests": whole.guests,
        "jobs": whole.jobs,
        "groups": whole.groups,
        "findings": whole.findings,
        "summary": whole.summary,
    }


def differences(one: Report, other: Report) -> dict[str, list[str]]:
    """Given two Reports, return what differs, by part, for people."""
    found = {}
    for part in fields(one):
        a, b = getattr(one, part.name), getattr(other, part.name)
        if a == b:
            continue
        rows = (
            [f"{x} ≠ {y}" for x, y in zip(a, b, strict=False) if x != y] if isinstance(a, Iterable) else [f"{a} ≠ {b}"]
        )
        found[part.name] = [row[:400] for row in rows[:3]] or [f"{len(a)} ≠ {len(b)} rows"]
    return found
