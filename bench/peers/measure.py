"""Both exporters on one simulated cluster: what a scrape takes, what it costs the cluster, and what is left of it under a fault."""

from __future__ import annotations

import gzip
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path

from bench.peers.exporter import running_peer
from bench.scrapes import GZIP, TIMEOUT, Address
from bench.serving import DaemonProcess, running_daemon, write_configuration
from tests.simulator_process import SimulatorHandle, running_simulator

FAULT = "500"
# each is asked by both
FAULTS = ("/cluster/backup-info/not-backed-up", "/cluster/resources")
NODES, GUESTS_PER_NODE = 3, 500
REFRESH = re.compile(r"^vzcover_refresh_duration_seconds (\S+)$", re.MULTILINE)
FAILED = re.compile(r'^vzcover_collector_success\{.*collector="([^"]+)".*\} 0$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Case:
    """How many guests there are, and how many ms the cluster waits before each answer."""

    guests: int
    latency_ms: int


@dataclass(frozen=True, slots=True)
class Scrape:
    """One scrape: seconds to the last byte, status, and the text."""

    seconds: float
    status: int
    text: str

    @property
    def series(self) -> int:
        return sum(not line.startswith("#") for line in self.text.splitlines()) if self.status == 200 else 0

    @property
    def families(self) -> set[str]:
        return {line.split(" ")[2] for line in self.text.splitlines() if line.startswith("# TYPE ")}


@dataclass(frozen=True, slots=True)
class Fault:
    """What a scrape gave while one endpoint answered 500; `told`: what it says of that by itself."""

    path: str
    status: int
    series: int
    told: str


@dataclass(frozen=True, slots=True)
class Measured:
    """One exporter in one case: scrapes in seconds, calls to the cluster for each scrape and each refresh, series, faults."""

    who: str
    case: Case
    scrapes: tuple[float, ...]
    calls_a_scrape: int
    refresh: tuple[float, int, int] | None  # seconds of a steady one, calls of the first, calls of the steady one
    series: int
    backup_families: tuple[str, ...]
    faults: tuple[Fault, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.scrapes)


def measured(case: Case, scrapes: int) -> Iterator[Measured]:
    """Given a case and how many scrapes to time, yield what each exporter did, one after the other on the same cluster."""
    nodes = max(NODES, case.guests // GUESTS_PER_NODE)
    with (
        tempfile.TemporaryDirectory(prefix="vzcover-peers-") as name,
        running_simulator(
            "serve", "--guests", case.guests, "--nodes", nodes, "--latency", case.latency_ms
        ) as simulator,
    ):
        folder = Path(name)
        with running_peer(folder, simulator) as peer:
            yield _peer(case, peer.address, peer.path, simulator, scrapes)
        config = write_configuration(folder, simulator, datetime.now(UTC) - timedelta(hours=1))
        simulator.clear_requests()
        with running_daemon(config) as daemon:
            yield _vzcover(case, daemon, simulator, scrapes)


def _peer(case: Case, address: Address, path: str, simulator: SimulatorHandle, count: int) -> Measured:
    scrape(address, path)
    simulator.clear_requests()
    first = scrape(address, path)
    calls = _calls(simulator)
    times = tuple(scrape(address, path).seconds for _ in range(count))
    faults = []
    for endpoint in FAULTS:
        simulator.set_faults({endpoint: FAULT})
        found = scrape(address, path)
        told = "the scrape fails" if found.status != 200 else "nothing"
        faults.append(Fault(endpoint, found.status, found.series, told))
    simulator.set_faults({})
    return Measured("prometheus-pve-exporter", case, times, calls, None, first.series, _backup(first), tuple(faults))


def _vzcover(case: Case, daemon: DaemonProcess, simulator: SimulatorHandle, count: int) -> Measured:
    daemon.wait(daemon.is_ready)
    first_calls = _calls(simulator)
    simulator.clear_requests()
    daemon.refresh()
    steady_calls = _calls(simulator)
    simulator.clear_requests()
    times = tuple(scrape(daemon.address, "/metrics").seconds for _ in range(count))
    calls = _calls(simulator)
    steady = scrape(daemon.address, "/metrics")
    seconds = REFRESH.search(steady.text)
    faults = []
    for endpoint in FAULTS:
        simulator.set_faults({endpoint: FAULT})
        daemon.refresh()
        found = scrape(daemon.address, "/metrics")
        failed = ", ".join(sorted(FAILED.findall(found.text)))
        told = f"`collector_success` 0 of {failed}" if failed else "nothing"
        faults.append(Fault(endpoint, found.status, found.series, told))
    simulator.set_faults({})
    refresh = (float(seconds[1]) if seconds else 0.0, first_calls, steady_calls)
    return Measured("vzcover", case, times, calls, refresh, steady.series, _backup(steady), tuple(faults))


def scrape(address: Address, path: str) -> Scrape:
    """Scrape once over a new connection, as Prometheus asks (gzip is taken); any status is an answer."""
    with closing(HTTPConnection(address.host, address.port, timeout=TIMEOUT)) as connection:
        started = time.perf_counter()
        connection.request("GET", path, headers=GZIP)
        answer = connection.getresponse()
        body = answer.read()
        took = time.perf_counter() - started
    plain = gzip.decompress(body) if answer.getheader("Content-Encoding") == "gzip" else body
    return Scrape(took, answer.status, plain.decode())


def _calls(simulator: SimulatorHandle) -> int:
    return sum(simulator.requests().values())


def _backup(found: Scrape) -> tuple[str, ...]:
    return tuple(sorted(name for name in found.families if "backup" in name or "backed" in name))
