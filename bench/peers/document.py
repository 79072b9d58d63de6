"""What was measured → docs/comparison.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from bench.peers.measure import FAULT, Fault, Measured

HEAD = """# Side by side

Written by `make bench-peers`, which is never part of CI; every figure and every word about the other exporter is what that run showed.
To repeat it, run the same (Linux; it needs the package registry once, for the other exporter in a virtual environment of its own, from
`bench/peers/requirements.lock`).

Both read the same simulated PVE over loopback with the same token, one after the other; there is no Proxmox Backup Server. They answer
different questions ([metrics.md](metrics.md) tells what vzcover says), and they ask at different times: prometheus-pve-exporter at every
scrape, vzcover at every refresh, 5 minutes apart by default, so that its values are up to one interval old and a scrape only copies
them. The time of a scrape alone says little, therefore; the calls stand beside it. The steady refresh of vzcover was asked for right after
the first, by SIGHUP.

The other exporter ran with its defaults and `cluster=1&node=0`: the simulator does not have the calls of its node collectors (list of the
guests of a node, subscription, replication).

Calls, series and what a fault did are counted; times vary where others use the machine too (load).
"""


def document(about: Mapping[str, str], rows: Sequence[Measured]) -> str:
    """Given date, versions and machine, and what was measured, return the whole document."""
    parts = [HEAD, "\n| | |\n|---|---|\n", *(f"| {name} | {value} |\n" for name, value in about.items())]
    parts += ["\n## Scrapes and calls\n\n", *_table(SCRAPES, map(_scrapes, rows))]
    parts += [
        "\nA refresh of vzcover also reads tasks, logs and configurations of guests, some in each refresh; the first one reads most.\n",
        f"\n## One endpoint answers {FAULT}\n\n",
        *_table(FAULTY, (_fault(row, fault) for row in rows for fault in row.faults)),
        "\n## Metrics with *backup* or *backed* in their name\n\n",
        *_table(("exporter", "metrics"), ((who, names) for who, names in _backup_families(rows).items())),
    ]
    return "".join(parts)


SCRAPES = (
    "guests",
    "latency of a call",
    "exporter",
    "scrape, median",
    "scrape, longest",
    "calls a scrape",
    "calls, first refresh",
    "calls, steady refresh",
    "steady refresh",
    "series",
)
FAULTY = (
    "guests",
    "latency of a call",
    "endpoint",
    "exporter",
    "status",
    "series, without and with the fault",
    "what the scrape says of it",
)


def _scrapes(row: Measured) -> tuple[str, ...]:
    first, steady, took = ("–", "–", "–")
    if row.refresh:
        took, first, steady = f"{row.refresh[0]:.2f} s", f"{row.refresh[1]:,}", f"{row.refresh[2]:,}"
    return (
        f"{row.case.guests:,}",
        f"{row.case.latency_ms} ms",
        row.who,
        _ms(row.median),
        _ms(max(row.scrapes)),
        str(row.calls_a_scrape),
        first,
        steady,
        took,
        f"{row.series:,}",
    )


def _fault(row: Measured, fault: Fault) -> tuple[str, ...]:
    return (
        f"{row.case.guests:,}",
        f"{row.case.latency_ms} ms",
        f"`{fault.path}`",
        row.who,
        str(fault.status),
        f"{row.series:,} → {fault.series:,}",
        fault.told,
    )


def _backup_families(rows: Sequence[Measured]) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row.who, set()).update(row.backup_families)
    return {who: ", ".join(f"`{name}`" for name in sorted(names)) for who, names in found.items()}


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}\n"
    for row in rows:
        yield f"| {' | '.join(row)} |\n"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
