"""What several measurements share."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from bench.scrapes import Timings
from bench.table import MEGA, Row, limited, times_row
from tests.simulator_process import REPOSITORY, SimulatorHandle

STEADY_REFRESHES = 3
REFRESH_CPU = {"cpu_seconds": (2.0, "CPU ≤ 2 s")}
PDF_COST = {"wall_seconds": (8.0, "≤ 8 s"), "growth_mb": (200.0, "≤ 200 MB")}
PEAK = {"peak_mb": (250.0, "≤ 250 MB")}
IDLE_MS, BUSY_MS = 10.0, 50.0


@dataclass(frozen=True, slots=True)
class Bench:
    """What all measurements share: the simulated cluster, the folder of the configuration, and how many scrapes to make."""

    simulator: SimulatorHandle
    folder: Path
    config: Path
    scrapes: int


def child(module: str, *arguments: object) -> Any:
    """Run a module of the bench and return what it printed, read as JSON; None where it printed nothing."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    return json.loads(subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE).stdout or "null")


def mean_of(figures: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Given figures of several runs, return the mean of each."""
    return {name: mean(each[name] for each in figures) for name in figures[0]}


def scrape_rows(what: str, timings: Timings, goal_ms: float, remark: str = "") -> Iterator[Row]:
    """Given timings, the 99th percentile hoped for and a remark, return a row for each way of scraping."""
    yield times_row(f"{what}, keep-alive", timings.kept, goal_ms, remark)
    yield times_row(f"{what}, new connections", timings.fresh, goal_ms)


def refresh_row(what: str, wall: float, cpu: float) -> Row:
    """Given what a refresh of the daemon cost, in seconds, return its row."""
    measured = f"CPU {cpu:.2f} s, wall {wall:.2f} s"
    return limited(what, measured, {"cpu_seconds": cpu, "wall_seconds": wall}, REFRESH_CPU)


def cost_row(what: str, cost: Mapping[str, Any], goals: Mapping[str, tuple[float, str]]) -> Row:
    """Given what writing something cost (`bench.process.Cost` and its `bytes`) and the goals, return its row."""
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


def calls_row(what: str, requests: Mapping[str, int]) -> Row:
    """Count calls; those for guest configurations, which belong to the slow round, apart."""
    configs = sum(count for request, count in requests.items() if request.endswith("/config"))
    calls = sum(requests.values()) - configs
    figures = {"calls": calls, "guest_configs": configs}
    return Row(what, f"{calls} and {configs} guest configurations of the slow round", figures)
