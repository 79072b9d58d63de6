"""`python -m bench.peers`: vzcover beside prometheus-pve-exporter; prints the comparison, or writes it where --output says."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.peers.document import document
from bench.peers.exporter import VENV, peer_versions
from bench.peers.measure import Case, measured
from report.version import VERSION

GUESTS, LATENCIES = (100, 2_000), (0, 50)


def main(arguments: Sequence[str] | None = None) -> int:
    """Given the command line (default: the process's), measure and write; return 0, or 2 where the other exporter is not installed."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description="Compare with prometheus-pve-exporter.")
    parser.add_argument("--guests", type=int, nargs="+", default=GUESTS, metavar="N", help="sizes of the cluster")
    parser.add_argument("--latency", type=int, nargs="+", default=LATENCIES, metavar="MS", help="waits of each call")
    parser.add_argument("--scrapes", type=int, default=20, metavar="N", help="scrapes that are timed (default 20)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the document there")
    options = parser.parse_args(arguments)
    if not (VENV / "bin" / "pve_exporter").exists():
        print("prometheus-pve-exporter is not installed: run `make bench-peers`", file=sys.stderr)
        return 2
    about = {
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "vzcover": f"vzcover {VERSION}",
        "the other": peer_versions(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "load at the start": f"{os.getloadavg()[0]:.1f}",
        "scrapes timed": f"{options.scrapes} each, each on a new connection",
    }
    rows = []
    for guests in options.guests:
        for latency in options.latency:
            for row in measured(Case(guests, latency), options.scrapes):
                rows.append(row)
                print(f"measured: {row.who}, {guests} guests, {latency} ms", file=sys.stderr, flush=True)
    text = document(about, rows)
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    else:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
