"""What a scrape gets at several sizes, and what rendering it costs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from bench.estate import OTHER_STORES
from bench.measurements.common import child
from bench.serving import write_configuration
from bench.table import MEGA, Row, limited
from tests.simulator_process import running_simulator

SNAPSHOTS = 3
# a small estate beside that of the bench
SMALLER, LEAST_GUESTS = 10, 5
RENDERING = {"cpu_seconds": (1.0, "CPU ≤ 1 s")}


def exposition_rows(guests: int) -> Iterator[Row]:
    """Given a number of guests, render the metrics of an estate of a tenth of that and of one of that, with as many backup groups."""
    for size in (max(LEAST_GUESTS, guests // SMALLER), guests):
        yield _row(size)


def _row(size: int) -> Row:
    options = ("--guests", size, "--pbs", 1, "--groups", size, "--groups-times", SNAPSHOTS)
    with (
        tempfile.TemporaryDirectory(prefix="vzcover-bench-") as name,
        running_simulator("serve", *options) as simulator,
    ):
        # the groups of the bulk datastore alone, beside the files on storages
        for store in OTHER_STORES:
            simulator.pbs[0].set_datastore(store, "gone")
        config = write_configuration(Path(name), simulator, datetime.now(UTC))
        told = child("bench.rendering", config)
    figures = {
        "cpu_seconds": max(told["cpu"]),
        "growth_mb": told["growth"] / MEGA,
        **{name: told[name] for name in ("guests", "groups", "series", "bytes", "gzip_bytes")},
    }
    measured = (
        f"{told['series']:,} series, {told['bytes']:,} B, gzip {told['gzip_bytes']:,}; {told['groups']:,} groups;"
        f" CPU {figures['cpu_seconds']:.2f} s, +{figures['growth_mb']:.0f} MB"
    )
    return limited(f"exposition of {size:,} guests with {size:,} groups", measured, figures, RENDERING)
