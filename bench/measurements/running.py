"""A daemon that runs: what scrapes get, how long they take, refreshes, and the most memory it ever had."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from statistics import mean

from bench.measurements.common import (
    BUSY_MS,
    IDLE_MS,
    PEAK,
    STEADY_REFRESHES,
    Bench,
    calls_row,
    refresh_row,
    scrape_rows,
)
from bench.scrapes import GZIP, OPENMETRICS, Timings, fetch_once, scrape
from bench.serving import DaemonProcess, write_configuration
from bench.table import MEGA, Row, limited


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
    yield from scrape_rows("scrape, idle", timings, IDLE_MS)


def steady_rows(bench: Bench, daemon: DaemonProcess) -> Iterator[Row]:
    """Make refreshes one after the other, unscraped."""
    walls, cpus = [], []
    for _ in range(STEADY_REFRESHES):
        bench.simulator.clear_requests()
        started, cpu = time.monotonic(), daemon.cpu
        daemon.refresh()
        walls.append(time.monotonic() - started)
        cpus.append(daemon.cpu - cpu)
    yield refresh_row("refresh, steady (with SIGHUP's reload)", mean(walls), mean(cpus))
    yield calls_row("API calls, steady refresh", bench.simulator.requests())


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
    yield from scrape_rows("scrape during refreshes", timings, BUSY_MS, remark)


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
