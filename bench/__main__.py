"""`python -m bench`: measures at size, prints what was measured beside the goals, and never fails for a number."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

from bench import measurements as measure
from bench.serving import DaemonProcess, pretend_missed_report, running_daemon, write_configuration
from bench.table import Row, text_of, write_json
from report.version import VERSION
from tests.simulator_process import running_simulator

LIBRARIES = ("proxmoxer", "requests", "msgspec", "fpdf2", "uvicorn", "starlette")
MOST_NODES, GUESTS_PER_NODE, LEAST_NODES = 20, 500, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Given the command line (default: the process's), measure and print; return 0."""
    options = _parser().parse_args(arguments)
    about = _about(options)
    print("\n".join(f"{name}: {value}" for name, value in about.items()), flush=True, end="\n\n")
    started, rows = time.monotonic(), []
    for row in _measured(options.guests, options.scrapes):
        rows.append(row)
        print(f"measured: {row.what}", file=sys.stderr, flush=True)
    print(
        f"\n{text_of(rows)}\n\nGoals are for 10,000 guests. Took {time.monotonic() - started:.0f} s, load {_load()} at the end."
    )
    if options.json:
        write_json(options.json, about, rows)
    return 0


def _measured(guests: int, scrapes: int) -> Iterator[Row]:
    """Start the simulated cluster, then the daemon on it, and yield row after row."""
    with (
        tempfile.TemporaryDirectory(prefix="vzcover-bench-") as name,
        running_simulator("serve", "--guests", guests, "--nodes", _nodes(guests)) as simulator,
    ):
        folder = Path(name)
        # an hour before now; the second report of the run is then due when the time of day is set to now
        config = write_configuration(folder, simulator, datetime.now(UTC) - timedelta(hours=1))
        bench = measure.Bench(simulator, folder, config, scrapes)
        yield from measure.decoding_rows(bench)
        yield from measure.stage_rows(bench)
        starts = measure.Starts()
        while True:
            pretend_missed_report(folder)
            simulator.clear_requests()
            with running_daemon(config) as daemon:
                starts.add(bench, daemon)
                if starts.enough(scrapes):
                    yield from starts.rows()
                    yield from _of_the_daemon(bench, daemon)
                    return


def _of_the_daemon(bench: measure.Bench, daemon: DaemonProcess) -> Iterator[Row]:
    """Given a daemon that has made its first refresh and PDF, yield the rows about everything after."""
    yield from measure.exposition_rows(daemon)
    yield from measure.idle_rows(bench, daemon)
    yield from measure.steady_rows(bench, daemon)
    yield from measure.refreshing_rows(bench, daemon)
    yield from measure.peak_rows(bench, daemon)


def _nodes(guests: int) -> int:
    return min(MOST_NODES, max(LEAST_NODES, guests // GUESTS_PER_NODE))


def _about(options: argparse.Namespace) -> dict[str, object]:
    """Say what is measured, when, and on what."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "size": f"{options.guests} guests on {_nodes(options.guests)} nodes, {options.scrapes} scrapes of each kind",
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()} {platform.release()}",
        "load": f"{_load()} at the start",
        "versions": ", ".join(
            [
                f"vzcover {VERSION}",
                f"python {platform.python_version()}",
                *(f"{name} {version(name)}" for name in LIBRARIES),
            ]
        ),
    }


def _load() -> str:
    """Return how many processes wanted a core in the last minute: above 0 before a run, others disturb it."""
    return f"{os.getloadavg()[0]:.1f}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure speed and memory at size.")
    parser.add_argument("--guests", type=int, default=10_000, metavar="N", help="size of the cluster (default 10000)")
    parser.add_argument("--scrapes", type=int, default=200, metavar="N", help="scrapes of each kind (default 200)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
