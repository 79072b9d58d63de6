"""`python -m bench.rendering CONFIG`: reads everything once, then renders the metrics again and again; what they are and cost, as JSON."""

from __future__ import annotations

import gzip
import json
import platform
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench.process import Costs, measured
from exporter.app import build_gatherer
from exporter.bodies import Exposition
from exporter.config.load import load_config
from exporter.counters import Counters
from exporter.expectations import policy_of
from exporter.interpreter import prepare
from exporter.metrics.exposition import render_exposition
from exporter.metrics.own import SelfStatus
from report.analyse import analyse
from report.model.report import Report
from report.version import VERSION

ROUNDS = 3


def main(config: Path) -> None:
    """Given a configuration, print guests, groups, series and bytes, and the CPU time of each rendering."""
    loaded, counters = load_config(config, {}), Counters()
    status = SelfStatus(VERSION, platform.python_version(), loaded.sha256)
    gatherer, now = build_gatherer(loaded.config, counters), int(time.time())
    try:
        report = analyse(gatherer.gather(now), policy_of(loaded.config), now)
    finally:
        gatherer.close()
    prepare()
    json.dump(rendered(report, lambda: render_exposition(report, status, counters)), sys.stdout)


def rendered(report: Report, render: Callable[[], Exposition]) -> Mapping[str, Any]:
    """Given a Report and what renders it, do that some times and return the figures."""
    costs: Costs = {}
    made = [measured(costs, str(number), render) for number in range(ROUNDS)][-1]
    plain = made.text.plain
    if gzip.decompress(made.text.gzip) != plain:
        raise RuntimeError("the compressed exposition is not the plain one")
    return {
        "guests": len(report.guests),
        "groups": len(report.groups),
        "series": sum(1 for line in plain.splitlines() if not line.startswith(b"#")),
        "bytes": len(plain),
        "gzip_bytes": len(made.text.gzip),
        "cpu": [cost["cpu"] for cost in costs.values()],
        "growth": max(cost["growth"] for cost in costs.values()),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
