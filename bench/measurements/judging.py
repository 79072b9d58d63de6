"""The analysis alone, of facts that are held already: two backup groups a guest, 50 snapshots a group."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from bench.measurements.common import child
from bench.table import MEGA, Row, limited

SNAPSHOTS = 50
CPU = {"cpu_seconds": (3.0, "CPU ≤ 3 s")}
MEMORY = {"growth_mb": (300.0, "≤ 300 MB")}


def judging_rows(guests: int) -> Iterator[Row]:
    """Given how many guests, judge them in a process of its own, the first time and then at some refreshes."""
    told = child("bench.judging", guests, SNAPSHOTS)
    name = f"analysis of {guests:,} guests, {told['groups']:,} groups"
    first, *steady = (costs["analyse"]["cpu"] for costs in told["rounds"])
    counted = f"{told['snapshots']:,} snapshots; {told['findings']:,} findings"
    yield limited(f"{name}, first", f"CPU {first:.2f} s; {counted}", {"cpu_seconds": first}, CPU)
    figures = {"cpu_seconds": median(steady), "least_cpu_seconds": min(steady), "most_cpu_seconds": max(steady)}
    measured = f"CPU {median(steady):.2f} s ({min(steady):.2f} to {max(steady):.2f}), n {len(steady)}"
    yield limited(f"{name}, steady", measured, figures, CPU)
    empty, facts, *after = (count / MEGA for count in told["memory"])
    report = told["rounds"][0]["analyse"]["growth"] / MEGA
    figures = {"growth_mb": report, "facts_mb": facts - empty, "with_the_one_before_mb": max(after) - facts}
    measured = f"+{report:.0f} MB, with the one before +{max(after) - facts:.0f} MB; facts {facts - empty:.0f} MB"
    yield limited(f"{name}, Report beside the facts", measured, figures, MEMORY)
