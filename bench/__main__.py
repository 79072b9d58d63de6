"""`python -m bench`: measures at size, prints what was measured beside the goals, and never fails for a number."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from itertools import chain
from pathlib import Path

from bench.estate import Size
from bench.measurements import alone, running
from bench.measurements.backups import backup_rows
from bench.measurements.common import Bench
from bench.measurements.exposition import exposition_rows
from bench.measurements.history import history_rows
from bench.measurements.judging import judging_rows
from bench.measurements.papers import paper_rows
from bench.measurements.soak import soak_rows
from bench.measurements.starts import Starts
from bench.serving import DaemonProcess, pretend_missed_report, running_daemon, write_configuration
from bench.table import Row, text_of, write_json
from report.version import VERSION
from tests.simulator_process import running_simulator

LIBRARIES = ("proxmoxer", "requests", "msgspec", "fpdf2", "uvicorn", "starlette")
BACKUPS = ((2_000, 50), (10_000, 100))
MOST_NODES, GUESTS_PER_NODE, LEAST_NODES = 20, 500, 3
# all there is to measure, in this order; `--only` names some
MEASUREMENTS: Mapping[str, Callable[[argparse.Namespace], Iterable[Row]]] = {
    "daemon": lambda options: _measured(options.guests, options.scrapes),
    "exposition": lambda options: exposition_rows(options.guests),
    "history": lambda options: history_rows(options.guests),
    "papers": lambda options: paper_rows(options.guests),
    "analysis": lambda options: judging_rows(options.guests),
    "backups": lambda options: chain(*map(backup_rows, _sizes(options))),
    "soak": lambda options: soak_rows(options.refreshes),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Given the command line (default: the process's), measure and print; return 0."""
    options = _parser().parse_args(arguments)
    about = _about(options)
    print("\n".join(f"{name}: {value}" for name, value in about.items()), flush=True, end="\n\n")
    started, rows = time.monotonic(), list[Row]()
    for name in options.only or MEASUREMENTS:
        found = []
        for row in MEASUREMENTS[name](options):
            found.append(row)
            print(f"measured: {row.what}", file=sys.stderr, flush=True)
        print(f"{text_of(found)}\n", flush=True)
        rows += found
    print(
        "Goals are for 10,000 guests and a million snapshots."
        f" Took {time.monotonic() - started:.0f} s, load {_load()} at the end."
    )
    if options.json:
        write_json(options.json, about, rows)
    return 0


def _sizes(options: argparse.Namespace) -> list[Size]:
    return [Size(groups, times, options.guests) for groups, times in options.backups]


def _measured(guests: int, scrapes: int) -> Iterator[Row]:
    """Start the simulated cluster, then the daemon on it, and yield row after row."""
    with (
        tempfile.TemporaryDirectory(prefix="vzcover-bench-") as name,
        running_simulator("serve", "--guests", guests, "--nodes", _nodes(guests)) as simulator,
    ):
        folder = Path(name)
        # an hour before now; the second report of the run is then due when the time of day is set to now
        config = write_configuration(folder, simulator, datetime.now(UTC) - timedelta(hours=1))
        bench = Bench(simulator, folder, config, scrapes)
        yield from alone.decoding_rows(bench)
        yield from alone.stage_rows(bench)
        starts = Starts()
        while True:
            pretend_missed_report(folder)
            simulator.clear_requests()
            with running_daemon(config) as daemon:
                starts.add(bench, daemon)
                if starts.enough(scrapes):
                    yield from starts.rows()
                    yield from _of_the_daemon(bench, daemon)
                    return


def _of_the_daemon(bench: Bench, daemon: DaemonProcess) -> Iterator[Row]:
    """Given a daemon that has made its first refresh and PDF, yield the rows about everything after."""
    yield from running.exposition_rows(daemon)
    yield from running.idle_rows(bench, daemon)
    yield from running.steady_rows(bench, daemon)
    yield from running.refreshing_rows(bench, daemon)
    yield from running.peak_rows(bench, daemon)


def _nodes(guests: int) -> int:
    return min(MOST_NODES, max(LEAST_NODES, guests // GUESTS_PER_NODE))


def _about(options: argparse.Namespace) -> dict[str, object]:
    """Say what is measured, when, and on what."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "size": f"{options.guests} guests on {_nodes(options.guests)} nodes, {options.scrapes} scrapes of each kind; backup servers"
        f" of {_listed(options.backups)} (groups × snapshots of each)",
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
    parser.add_argument(
        "--backups",
        type=_size,
        nargs="*",
        default=BACKUPS,
        metavar="NxM",
        help=f"backup servers of N groups with M snapshots each, one after the other (default {_listed(BACKUPS)})",
    )
    parser.add_argument(
        "--refreshes", type=int, default=1_000, metavar="N", help="refreshes of the soak (default 1000)"
    )
    parser.add_argument(
        "--only", nargs="+", choices=MEASUREMENTS, metavar="NAME", help=f"make only these of: {', '.join(MEASUREMENTS)}"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there too")
    return parser


def _size(text: str) -> tuple[int, int]:
    groups, by, times = text.partition("x")
    if not (by and groups.isdecimal() and times.isdecimal() and int(groups) and int(times)):
        raise argparse.ArgumentTypeError(f"{text!r} is not GROUPSxSNAPSHOTS, such as 2000x50")
    return int(groups), int(times)


def _listed(sizes: Sequence[tuple[int, int]]) -> str:
    return ", ".join(f"{groups}x{times}" for groups, times in sizes) or "no size"


if __name__ == "__main__":
    sys.exit(main())
