"""Steps of the daemon's work, each in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import mean

from bench.decoding import WAYS
from bench.measurements.common import PDF_COST, REFRESH_CPU, Bench, child, cost_row
from bench.table import MEGA, MILLI, Row, limited


def decoding_rows(bench: Bench) -> Iterator[Row]:
    """Read the greatest answer through proxmoxer as it comes and through our client, each in a process of its own."""
    found = {way: child("bench.decoding", bench.config, way, bench.simulator.ca_file) for way in WAYS}
    for step, words in (("decode", "decode alone"), ("read", "GET and decode")):
        parts: list[str] = []
        figures: dict[str, float] = {}
        for way, costs in found.items():
            cpu = MILLI * min(cost["cpu"] for cost in costs[step])
            growth = max(cost["growth"] for cost in costs[step]) / MEGA
            parts.append(f"{way} {cpu:.1f} ms CPU, +{growth:.0f} MB")
            figures |= {f"{way}_cpu_ms": cpu, f"{way}_growth_mb": growth}
        yield Row(f"/cluster/resources ({found[WAYS[0]]['rows']:,} rows), {words}", "; ".join(parts), figures)


def stage_rows(bench: Bench) -> Iterator[Row]:
    """Do the daemon's work step by step, alone in a process."""
    found = child("bench.stages", bench.config)
    first, *steady = found["rounds"]
    yield _split_row("refresh alone, first, CPU by step", [first])
    yield _split_row("refresh alone, steady, CPU by step", steady)
    for name, cost in found["renderings"].items():
        yield cost_row(f"{name} alone", cost, PDF_COST if name == "PDF" else {})


def _split_row(what: str, rounds: Sequence[Mapping[str, Mapping[str, float]]]) -> Row:
    steps = {step: mean(costs[step]["cpu"] for costs in rounds) for step in rounds[0]}
    figures = {f"{step}_cpu_seconds": cpu for step, cpu in steps.items()} | {"cpu_seconds": sum(steps.values())}
    split = " + ".join(f"{step} {cpu:.2f}" for step, cpu in steps.items())
    return limited(what, f"{figures['cpu_seconds']:.2f} s = {split}", figures, REFRESH_CPU)
