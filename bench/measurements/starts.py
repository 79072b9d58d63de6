"""Daemons started one after the other: the first refresh, then the PDF, scraped meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bench.measurements.common import BUSY_MS, PDF_COST, Bench, calls_row, mean_of, refresh_row, scrape_rows
from bench.scrapes import Timings, scrape
from bench.serving import DaemonProcess
from bench.table import MEGA, Row, limited

MOST_STARTS = 4


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
        first, pdf = mean_of(self.refreshes), mean_of(self.pdfs)
        yield refresh_row("refresh, first", first["wall_seconds"], first["cpu_seconds"])
        yield calls_row("API calls, first refresh", self.requests)
        yield Row(
            "daemon's memory after it",
            f"{first['megabytes']:.0f} MB (peak {first['peak_mb']:.0f}; {first['empty_mb']:.0f} before)",
            {name: first[name] for name in ("empty_mb", "megabytes", "peak_mb")},
        )
        measured = (
            f"{pdf['wall_seconds']:.2f} s, CPU {pdf['cpu_seconds']:.2f} s with the scrapes, +{pdf['growth_mb']:.0f} MB"
        )
        yield limited("PDF in the daemon, scraped meanwhile", measured, pdf, PDF_COST)
        yield from scrape_rows("scrape during the PDF", self.timings, BUSY_MS, f", {len(self.pdfs)} PDFs")
