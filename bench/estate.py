"""A simulated backup server of some size, and a process that reads it again and again: each refresh seen from both sides."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.serving import END_SECONDS, write_configuration
from tests.simulator_process import REPOSITORY, PbsHandle, running_simulator

STORE, OTHER_STORES = "bulk", ("main", "archive")


@dataclass(frozen=True, slots=True)
class Size:
    """So many groups on one datastore, of so many snapshots each; as many guests, up to a most."""

    groups: int
    times: int
    most_guests: int

    @property
    def name(self) -> str:
        return f"PBS {self.groups:,} × {self.times:,}"

    @property
    def guests(self) -> int:
        return min(self.groups, self.most_guests)


@dataclass(frozen=True, slots=True)
class Refresh:
    """One refresh: what the process that made it told, and what the server counted meanwhile."""

    told: Mapping[str, Any]
    cost: Mapping[str, Any]
    requests: Mapping[str, int]

    @property
    def opened(self) -> dict[str, int]:
        """Manifests by cause, as the collector counted them."""
        return dict(self.told["opened"])

    @property
    def by_group(self) -> dict[str, int]:
        """Manifests by group (STORE:NS:TYPE/ID), as the server counted them."""
        return {name: count for name, count in self.cost["manifests_opened_by_group"].items() if count}

    @property
    def agreed(self) -> bool:
        return sum(self.opened.values()) == int(self.cost["manifests_opened"])

    def step(self, name: str, figure: str = "cpu") -> float:
        return float(self.told["steps"][name][figure])

    def figures(self) -> dict[str, float]:
        """What it asked for, as numbers."""
        causes = {f"{cause}_manifests": count for cause, count in self.opened.items()}
        return {"calls": sum(self.requests.values()), "server_manifests": self.cost["manifests_opened"], **causes}


@dataclass(slots=True)
class Estate:
    """A simulated server of one size, and the process that reads it again and again."""

    size: Size
    server: PbsHandle
    process: subprocess.Popen[str]

    def refresh(self) -> Refresh:
        """Let the process make one refresh; raise RuntimeError if it has ended."""
        self.server.clear_cost()
        self.server.clear_requests()
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("the collecting process has no pipes")
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the collecting process has ended; what it said is above")
        return Refresh(json.loads(line), self.server.cost(), self.server.requests())


@contextmanager
def running_estate(size: Size) -> Iterator[Estate]:
    """Given a size, run both meanwhile."""
    options = ("--pbs", 1, "--guests", size.guests, "--groups", size.groups, "--groups-times", size.times)
    with (
        tempfile.TemporaryDirectory(prefix="vzcover-bench-") as name,
        running_simulator("serve", *options) as simulator,
    ):
        server = simulator.pbs[0]
        # their groups with unfinished snapshots are read at every refresh and would blur what is shown here
        for store in OTHER_STORES:
            server.set_datastore(store, "gone")
        config = write_configuration(Path(name), simulator, datetime.now(UTC))
        command = [sys.executable, "-m", "bench.collecting", str(config)]
        process = subprocess.Popen(
            command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        with process:  # leaving it closes the pipes, which ends the process, and waits
            try:
                yield Estate(size, server, process)
                process.communicate(timeout=END_SECONDS)
            finally:
                if process.poll() is None:
                    process.kill()
