"""`python -m bench.stages CONFIG`: the daemon's work done step by step in a process of its own, each step's cost as JSON."""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench.process import Costs, measured
from exporter.app import build_gatherer, reader_of
from exporter.config.load import LoadedConfig, load_config
from exporter.counters import Counters
from exporter.deliver import render
from exporter.expectations import policy_of
from exporter.metrics.exposition import render_exposition
from exporter.metrics.own import SelfStatus
from exporter.web.page import render_page
from report.analyse import analyse
from report.model.report import Report
from report.rows.paper import build_paper
from report.version import VERSION

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
        facts = measured(costs, "collect", lambda: gatherer.gather(now))
        report = measured(costs, "analyse", lambda: analyse(facts, policy, now))
        measured(costs, "exposition", lambda: render_exposition(report, status, counters))
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
        "CSV": lambda: b"".join(render(report, reader, ("csv",)).values()),
        "JSON": lambda: render(report, reader, ("json",))["json"],
        "PDF": lambda: render(report, reader, ("pdf",))["pdf"],
    }
    costs: Costs = {}
    for name, work in works.items():
        made = measured(costs, name, work)
        costs[name]["bytes"] = len(made)
    return costs


if __name__ == "__main__":
    main(Path(sys.argv[1]))
