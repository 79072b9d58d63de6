"""`python -m bench.judging GUESTS SNAPSHOTS`: a site made in memory, judged as refresh after refresh does; what it costs, as JSON.

`rounds`: the cost of `analyse` in each, the first without a past, the others with that of the one before; `memory`: resident bytes
before there are facts, with them, and after each round, with its Report and the one before.
"""

from __future__ import annotations

import gc
import json
import os
import sys

from bench.process import Costs, measured, memory_bytes
from bench.site.cluster import cluster_of
from bench.site.plan import DAY, NOW, PVE, Site
from bench.site.server import server_of
from exporter.interpreter import prepare
from report.analyse import analyse
from report.facts import Drill, Facts
from report.model.report import Report
from report.past import NOTHING, Past, remember

ROUNDS = 6
REFRESH_SECONDS = 60
DRILLS = 20


def main(guests: int, snapshots: int) -> None:
    """Judge a site of that size, and print what it cost."""
    prepare()
    memory = [memory_bytes(os.getpid())]
    site = Site(guests, snapshots)
    facts, policy = facts_of(site), site.policy
    # as in the daemon, what is held from refresh to refresh is old to the collector
    gc.collect()
    memory.append(memory_bytes(os.getpid()))
    rounds: list[Costs] = []
    past: Past = NOTHING

    def judge(now: int) -> Report:
        return measured(rounds[-1], "analyse", lambda: analyse(facts, policy, now, past))

    for number in range(ROUNDS):
        rounds.append({})
        report = judge(NOW + REFRESH_SECONDS * number)
        memory.append(memory_bytes(os.getpid()))
        past = remember(report, past)
    held = [group.snapshots for reading in facts.servers[0].groups.values() for group in reading.value or ()]
    told = {"guests": guests, "groups": len(held), "snapshots": sum(map(len, held)), "findings": _findings(report)}
    json.dump({"rounds": rounds, "memory": memory, **told}, sys.stdout)


def facts_of(site: Site) -> Facts:
    """Given a site, return it as facts, with some drills that somebody reported."""
    drills = (Drill(PVE, guest.vmid, NOW - DAY, guest.vmid % 7 > 0, "anna") for guest in site.inventory[:DRILLS])
    return Facts((cluster_of(site),), (server_of(site),), tuple(drills))


def _findings(report: Report) -> int:
    return sum(len(guest.findings) + len(guest.waived) for guest in report.guests)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
