"""The measurements: each takes what runs and returns rows."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from typing import Any

from bench.decoding import WAYS
from bench.scrapes import GZIP, OPENMETRICS, Timings, fetch_once, scrape
from bench.serving import DaemonProcess, write_configuration
from bench.table import MEGA, MILLI, Row, limited, times_row
from tests.simulator_process import REPOSITORY, SimulatorHandle

STEADY_REFRESHES = 3
MOST_STARTS = 4
REFRESH_CPU = {"cpu_seconds": (2.0, "CPU ≤ 2 s")}
PDF_TIME = {"wall_seconds": (8.0, "≤ 8 s")}
PDF_COST = {**PDF_TIME, "growth_mb": (200.0, "≤ 200 MB")}
PEAK = {"peak_mb": (250.0, "≤ 250 MB")}
IDLE_MS, BUSY_MS = 10.0, 50.0


@dataclass(frozen=True, slots=True)
class Bench:
    """What all measurements share: the simulated cluster, the folder of the configuration, and how many scrapes to make."""

    simulator: SimulatorHandle
    folder: Path
    config: Path
    scrapes: int


# --- steps in a process of their own ---------------------------------------------------------------------------------


def decoding_rows(bench: Bench) -> Iterator[Row]:
    """Read the greatest answer through proxmoxer as it comes and through our client, each in a process of its own."""
    found = {way: _child("bench.decoding", bench.config, way, bench.simulator.ca_file) for way in WAYS}
    for step, words in (("decode", "decode alone"), ("read", "GET and decode")):
        parts: list[str] = []
        figures: dict[str, float] = {}
        for way, costs in found.items():
            cpu = MILLI * min(cost["cpu"] for cost in costs[step])
            growth = max(cost["growth"] for cost in costs[step]) / MEGA
            parts.append(f"{way} {cpu:.1f} ms CPU, +{growth:.0f} MB")
            figures |= {f"{way}_cpu_ms": cpu, f"{way}_growth_mb": growth}
        yield Row(f"/cluster/resources ({found[WAYS[0]]['rows']:,} rows), {words}", "; ".join(parts), figures)


def stage_rows(bench: Bench) -> Iterator[Row]:
    """Do the daemon's work step by step, alone in a process."""
    found = _child("bench.stages", bench.config)
    first, *steady = found["rounds"]
    yield _split_row("refresh alone, first, CPU by step", [first])
    yield _split_row("refresh alone, steady, CPU by step", steady)
    for name, cost in found["renderings"].items():
        yield _cost_row(f"{name} alone", cost, PDF_COST if name == "PDF" else {})


def _child(module: str, *arguments: object) -> Any:
    """Run a module of the bench and return what it printed, read as JSON."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    return json.loads(subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE).stdout)


def _split_row(what: str, rounds: Sequence[Mapping[str, Mapping[str, float]]]) -> Row:
    steps = {step: mean(costs[step]["cpu"] for costs in rounds) for step in rounds[0]}
    figures = {f"{step}_cpu_seconds": cpu for step, cpu in steps.items()} | {"cpu_seconds": sum(steps.values())}
    split = " + ".join(f"{step} {cpu:.2f}" for step, cpu in steps.items())
    return limited(what, f"{figures['cpu_seconds']:.2f} s = {split}", figures, REFRESH_CPU)


def _cost_row(what: str, cost: Mapping[str, Any], goals: Mapping[str, tuple[float, str]]) -> Row:
    figures = {
        "wall_seconds": cost["wall"],
        "cpu_seconds": cost["cpu"],
        "growth_mb": cost["growth"] / MEGA,
        "megabytes": cost["bytes"] / MEGA,
    }
    measured = (
        f"{cost['wall']:.2f} s, CPU {cost['cpu']:.2f} s, +{figures['growth_mb']:.0f} MB; {figures['megabytes']:.1f} MB"
    )
    return limited(what, measured, figures, goals)


# --- the daemon ------------------------------------------------------------------------------------------------------


@dataclass
class Starts:
    """What daemons cost that were started one after the other: the first refresh, then the PDF, scraped meanwhile."""

    timings: Timings = field(default_factory=Timings)
    refreshes: list[dict[str, float]] = field(default_factory=list)
    pdfs: list[dict[str, float]] = field(default_factory=list)
    requests: Mapping[str, int] = field(default_factory=dict)

    def enough(self, scrapes: int) -> bool:
        """Say whether so many scrapes fell into PDFs, or so many daemons were started that more would take too long."""
        return len(self.timings.fresh) >= scrapes or len(self.pdfs) >= MOST_STARTS

    def add(self, bench: Bench, daemon: DaemonProcess) -> None:
        """Measure a daemon that has just started; the report that it missed begins with the end of the first refresh."""
        started, cpu, empty = time.monotonic(), daemon.cpu, daemon.memory
        daemon.wait(daemon.is_ready)
        self.refreshes.append(
            {
                "wall_seconds": time.monotonic() - started,
                "cpu_seconds": daemon.cpu - cpu,
                "empty_mb": empty / MEGA,
                "megabytes": daemon.memory / MEGA,
                "peak_mb": daemon.peak / MEGA,
            }
        )
        before, cpu = daemon.memory, daemon.cpu
        daemon.reset_peak()
        while not daemon.reports():
            left = max(1, bench.scrapes - len(self.timings.fresh))
            scrape(daemon.address, left, self.timings, going_on=lambda body: not daemon.reports())
        self.pdfs.append(
            {
                "wall_seconds": daemon.reports()[0],
                "cpu_seconds": daemon.cpu - cpu,
                "growth_mb": (daemon.peak - before) / MEGA,
            }
        )
        self.requests = bench.simulator.requests()

    def rows(self) -> Iterator[Row]:
        """Tell the mean of all starts."""
        first, pdf = _mean(self.refreshes), _mean(self.pdfs)
        yield _refresh_row("refresh, first", first["wall_seconds"], first["cpu_seconds"])
        yield _calls_row("API calls, first refresh", self.requests)
        yield Row(
            "daemon's memory after it",
            f"{first['megabytes']:.0f} MB (peak {first['peak_mb']:.0f}; {first['empty_mb']:.0f} before)",
            {name: first[name] for name in ("empty_mb", "megabytes", "peak_mb")},
        )
        measured = (
            f"{pdf['wall_seconds']:.2f} s, CPU {pdf['cpu_seconds']:.2f} s with the scrapes, +{pdf['growth_mb']:.0f} MB"
        )
        yield limited("PDF in the daemon, scraped meanwhile", measured, pdf, PDF_COST)
        yield from _scrape_rows("scrape during the PDF", self.timings, BUSY_MS, f", {len(self.pdfs)} PDFs")


def _mean(figures: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: mean(each[name] for each in figures) for name in figures[0]}


def exposition_rows(daemon: DaemonProcess) -> Iterator[Row]:
    """Look at what a scrape gets."""
    plain, zipped = fetch_once(daemon.address, "/metrics"), daemon.metrics()
    openmetrics = fetch_once(daemon.address, "/metrics", **OPENMETRICS)
    openmetrics_zipped = fetch_once(daemon.address, "/metrics", **OPENMETRICS, **GZIP)
    if gzip.decompress(zipped) != plain:
        raise RuntimeError("the compressed exposition is not the plain one: did a refresh come between?")
    series = sum(1 for line in plain.splitlines() if not line.startswith(b"#"))
    figures = {
        "series": series,
        "text_bytes": len(plain),
        "openmetrics_bytes": len(openmetrics),
        "text_gzip_bytes": len(zipped),
        "openmetrics_gzip_bytes": len(openmetrics_zipped),
    }
    yield Row(
        "exposition",
        f"{series:,} series; text {len(plain):,} B, gzip {len(zipped):,};"
        f" OpenMetrics {len(openmetrics):,}, gzip {len(openmetrics_zipped):,}",
        figures,
    )


def idle_rows(bench: Bench, daemon: DaemonProcess) -> Iterator[Row]:
    """Scrape a daemon that does nothing else."""
    timings = Timings()
    scrape(daemon.address, bench.scrapes, timings)
    yield from _scrape_rows("scrape, idle", timings, IDLE_MS)


def steady_rows(bench: Bench, daemon: DaemonProcess) -> Iterator[Row]:
    """Make refreshes one after the other, unscraped."""
    walls, cpus = [], []
    for _ in range(STEADY_REFRESHES):
        bench.simulator.clear_requests()
        started, cpu = time.monotonic(), daemon.cpu
        daemon.refresh()
        walls.append(time.monotonic() - started)
        cpus.append(daemon.cpu - cpu)
    yield _refresh_row("refresh, steady (with SIGHUP's reload)", mean(walls), mean(cpus))
    yield _calls_row("API calls, steady refresh", bench.simulator.requests())


def refreshing_rows(bench: Bench, daemon: DaemonProcess) -> Iterator[Row]:
    """Scrape while refreshes run back to back: whenever a new one shows, the one after the running one is asked for."""
    timings, shown, ended = Timings(), daemon.metrics(), 0
    started, cpu = time.monotonic(), daemon.cpu

    def ask_for_more(body: bytes) -> bool:
        nonlocal shown, ended
        if body != shown:
            shown, ended = body, ended + 1
            daemon.hang_up()
        return True

    daemon.hang_up()
    time.sleep(1.0)  # the daemon takes the first one up within 0.2 s; the second one then waits for it to end
    daemon.hang_up()
    scrape(daemon.address, bench.scrapes, timings, going_on=ask_for_more)
    busy = (daemon.cpu - cpu) / (time.monotonic() - started)
    remark = f", {ended} refreshes ended, daemon busy {busy:.0%}"
    yield from _scrape_rows("scrape during refreshes", timings, BUSY_MS, remark)


def peak_rows(bench: Bench, daemon: DaemonProcess) -> Iterator[Row]:
    """Let the daemon write another PDF with refreshes beside it, the worst there is; tell the most memory it ever had."""
    before = len(daemon.reports())
    write_configuration(bench.folder, bench.simulator, datetime.now(UTC))
    daemon.hang_up()
    daemon.wait(lambda: len(daemon.reports()) > before, pause=0.1)
    peak = max(daemon.peak, daemon.highest) / MEGA
    figures = {"peak_mb": peak, "megabytes": daemon.memory / MEGA}
    measured = f"{peak:.0f} MB, now {figures['megabytes']:.0f} MB"
    yield limited("daemon's peak RSS: all refreshes, PDF, PDF with refreshes", measured, figures, PEAK)


def _scrape_rows(what: str, timings: Timings, goal_ms: float, remark: str = "") -> Iterator[Row]:
    yield times_row(f"{what}, keep-alive", timings.kept, goal_ms, remark)
    yield times_row(f"{what}, new connections", timings.fresh, goal_ms)


def _refresh_row(what: str, wall: float, cpu: float) -> Row:
    measured = f"CPU {cpu:.2f} s, wall {wall:.2f} s"
    return limited(what, measured, {"cpu_seconds": cpu, "wall_seconds": wall}, REFRESH_CPU)


def _calls_row(what: str, requests: Mapping[str, int]) -> Row:
    """Count calls; those for guest configurations, which belong to the slow round, apart."""
    configs = sum(count for request, count in requests.items() if request.endswith("/config"))
    calls = sum(requests.values()) - configs
    figures = {"calls": calls, "guest_configs": configs}
    return Row(what, f"{calls} and {configs} guest configurations of the slow round", figures)
