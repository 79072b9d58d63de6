"""`python -m bench.collecting CONFIG`: for each line that comes in, one refresh of the first PBS and what is made of it.

A line of JSON says what it cost: `steps` (collect, analyse, exposition), `memory` of the process (empty, before, after the collecting,
peak), what the collector counted (`opened` manifests by cause), and how many `groups` and `snapshots` are held.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.process import Costs, measured, memory_bytes, peak_bytes
from exporter.app import build_gatherer
from exporter.bodies import Exposition
from exporter.client.deadline import Deadline
from exporter.collect.gather import Gatherer
from exporter.collect.pbs import ServerCollector
from exporter.collect.pve import ClusterCollector
from exporter.config.load import LoadedConfig, load_config
from exporter.counters import Counters
from exporter.expectations import policy_of
from exporter.interpreter import prepare
from exporter.metrics.exposition import render_exposition
from exporter.metrics.own import SelfStatus
from report.analyse import analyse
from report.backups import PbsFacts
from report.facts import ClusterFacts, Facts
from report.model.report import Report
from report.version import VERSION

# the daemon goes on at the next refresh where its deadline ends one; here the whole is to be measured
DEADLINE_SECONDS = 600


def main(config: Path) -> None:
    """Given a configuration, make a refresh for each line on standard input, until that ends."""
    loaded, counters = load_config(config, {}), Counters()
    gatherer = build_gatherer(loaded.config, counters)
    try:
        refreshes = Refreshes(loaded, counters, *_collectors(gatherer))
        prepare()
        refreshes.empty = memory_bytes(os.getpid())
        for _ in sys.stdin:
            print(json.dumps(refreshes.make()), flush=True)
    finally:
        gatherer.close()


def _collectors(gatherer: Gatherer) -> tuple[ClusterCollector, ServerCollector]:
    clusters = [found for found in gatherer.collectors if isinstance(found, ClusterCollector)]
    servers = [found for found in gatherer.collectors if isinstance(found, ServerCollector)]
    return clusters[0], servers[0]


@dataclass(slots=True)
class Refreshes:
    """Makes refreshes as the daemon does; only what the PBS costs is measured, the cluster is read before."""

    loaded: LoadedConfig
    counters: Counters
    cluster: ClusterCollector
    server: ServerCollector
    empty: int = 0
    peak: int = 0
    _cluster: ClusterFacts | None = None
    _server: PbsFacts | None = None
    # as in the daemon, the last ones stay until the next ones are made
    _shown: tuple[Report, Exposition] | None = None

    def make(self) -> Mapping[str, Any]:
        """Make one and tell of it."""
        costs: Costs = {}
        pid, now = os.getpid(), int(time.time())
        cluster = self._cluster = self.cluster.collect(self._cluster, now, Deadline.after(DEADLINE_SECONDS))
        before, deadline = memory_bytes(pid), Deadline.after(DEADLINE_SECONDS)
        server = self._server = measured(costs, "collect", lambda: self.server.collect(self._server, now, deadline))
        after = memory_bytes(pid)
        self.peak = max(self.peak, peak_bytes(pid))
        self._render(costs, Facts((cluster,), (server,)), now)
        self.peak = max(self.peak, peak_bytes(pid))
        groups = [group for reading in server.groups.values() for group in reading.value or ()]
        return {
            "steps": costs,
            "memory": {"empty": self.empty, "before": before, "after": after, "peak": self.peak},
            "opened": {str(cause): count for cause, count in self.server.manifests_opened.items()},
            "groups": len(groups),
            "snapshots": sum(len(group.snapshots) for group in groups),
        }

    def _render(self, costs: Costs, facts: Facts, now: int) -> None:
        status = SelfStatus(VERSION, platform.python_version(), self.loaded.sha256)
        policy = policy_of(self.loaded.config)
        report = measured(costs, "analyse", lambda: analyse(facts, policy, now))
        self._shown = report, measured(costs, "exposition", lambda: render_exposition(report, status, self.counters))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
