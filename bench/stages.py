"""`python -m bench.stages CONFIG`: the daemon's work done step by step in a process of its own, each step's cost as JSON."""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from bench.process import own_cost
from exporter.app import build_gatherer, policy_of, reader_of
from exporter.config.load import LoadedConfig, load_config
from exporter.counters import Counters
from exporter.deliver import FORMATS
from exporter.metrics.exposition import render_exposition
from exporter.metrics.own import SelfStatus
from exporter.web.page import render_page
from report.analyse import analyse
from report.model import Report
from report.rows.paper import build_paper
from report.version import VERSION

T = TypeVar("T")
Costs = dict[str, dict[str, Any]]
ROUNDS = 3


def main(config: Path) -> None:
    """Given a configuration, make some refreshes and every rendering; print what each step cost."""
    loaded = load_config(config, {})
    rounds, report = _refreshes(loaded)
    json.dump({"rounds": rounds, "renderings": _renderings(loaded, report)}, sys.stdout)


def _refreshes(loaded: LoadedConfig) -> tuple[list[Costs], Report]:
    counters, status = Counters(), SelfStatus(VERSION, platform.python_version(), loaded.sha256)
    gatherer, policy = build_gatherer(loaded.config, counters), policy_of(loaded.config)

    def refresh() -> tuple[Costs, Report]:
        costs: Costs = {}
        now = int(time.time())
        facts = _measured(costs, "collect", lambda: gatherer.gather(now))
        report = _measured(costs, "analyse", lambda: analyse(facts, policy, now))
        _measured(costs, "exposition", lambda: render_exposition(report, status, counters))
        return costs, report

    try:
        rounds = []
        for _ in range(ROUNDS):
            costs, report = refresh()
            rounds.append(costs)
    finally:
        gatherer.close()
    return rounds, report


def _renderings(loaded: LoadedConfig, report: Report) -> Costs:
    reader = reader_of(loaded.config)
    works: dict[str, Callable[[], bytes]] = {
        "page": lambda: render_page(build_paper(report, reader.language, reader.zone), pdf=True).encode(),
        "CSV": lambda: FORMATS["csv"](report, reader),
        "JSON": lambda: FORMATS["json"](report, reader),
        "PDF": lambda: FORMATS["pdf"](report, reader),
    }
    costs: Costs = {}
    for name, work in works.items():
        made = _measured(costs, name, work)
        costs[name]["bytes"] = len(made)
    return costs


def _measured(costs: Costs, name: str, work: Callable[[], T]) -> T:
    with own_cost() as cost:
        made = work()
    costs[name] = asdict(cost)
    return made


if __name__ == "__main__":
    main(Path(sys.argv[1]))
