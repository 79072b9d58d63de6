"""A thousand refreshes: whether memory stays what it was."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from bench.measurements.common import child
from bench.serving import write_configuration
from bench.table import MEGA, Row, limited
from tests.simulator_process import running_simulator

GUESTS = 20
# between the second tenth, when everything was met once, and the last
GROWTH = {"growth_mb": (10.0, "≤ 10 MB")}


def soak_rows(refreshes: int) -> Iterator[Row]:
    """Given how many refreshes, make them of a small cluster with a PBS in a process of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="vzcover-bench-") as name,
        running_simulator("serve", "--guests", GUESTS, "--nodes", 1, "--pbs", 1) as simulator,
    ):
        config = write_configuration(Path(name), simulator, datetime.now(UTC))
        told = child("bench.soak", config, refreshes)
    early, late = told["resident"][1] / MEGA, told["resident"][-1] / MEGA
    shown = f"{early:.0f} MB after a fifth, {late:.0f} MB at the end, {told['seconds']:.0f} s"
    yield limited(f"soak of {refreshes:,} refreshes, RSS", shown, {"growth_mb": late - early}, GROWTH)
