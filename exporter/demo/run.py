"""`vzcover demo`: the real daemon on a complete configuration for simulated clusters, which run as a process of their own."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from exporter.app import build_daemon, exposition_of, reader_of, refresh_once
from exporter.command_line import clock
from exporter.config.load import LoadedConfig, load_config
from exporter.counters import Counters
from exporter.daemon import Started
from exporter.deliver import FORMATS, write_files
from exporter.demo.configuration import Endpoint, Simulator, write_configuration
from exporter.errors import VzcoverError
from exporter.files import write_atomically
from exporter.signals import postponed
from exporter.terminal import print_section, progress
from report.model.report import Report
from report.rows.paper import status_rows

READY_SECONDS = 60.0
END_SECONDS = 5.0
CLUSTER = "lab"


def demo_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of demo."""
    parser.add_argument("--once", action="store_true", help="one refresh, write all files, end")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="where to (default: a temporary folder)")
    parser.add_argument("--guests", type=int, default=60, metavar="N", help="size of the large cluster (default 60)")
    parser.add_argument("--nodes", type=int, default=3, metavar="N", help="its nodes (default 3)")
    parser.add_argument("--pbs", type=int, default=2, metavar="N", help="backup servers beside it (default 2)")
    parser.add_argument(
        "--listen", default="127.0.0.1:0", metavar="ADDRESS", help="where it serves (default: 127.0.0.1, any free port)"
    )
    parser.add_argument("--language", choices=("en", "fr"), default="en", help="language of page and PDF (default en)")


def demo(options: argparse.Namespace) -> int:
    """Start the simulator, write a configuration for it, and run the daemon on that; with --once one refresh and its files."""
    with ExitStack() as stack:
        folder = options.output or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vzcover-demo-")))
        with progress("starting the simulated clusters"):
            simulator = stack.enter_context(_simulator(options))
        config = write_configuration(folder, simulator, options.language, int(clock(options)()), options.listen)
        loaded = load_config(config, {})
        if options.once:
            return _once(loaded, folder, int(clock(options)()))
        daemon = build_daemon(loaded, lambda: load_config(config, {}), report_at_start=True, clock=clock(options))
        print(f"configuration: {config}", flush=True)
        # the demo belongs to its terminal, and ends with it
        return daemon.run(lambda started: _show(loaded, started), hang_up_ends=sys.stdin.isatty())


def _once(loaded: LoadedConfig, folder: Path, now: int) -> int:
    with progress("reading the simulated clusters"):
        counters = Counters()
        report = refresh_once(loaded, now, counters)
    with progress("writing the report"):
        written = write_files(folder, report, reader_of(loaded.config), tuple(FORMATS))
    exposition = exposition_of(report, loaded.sha256, counters)
    for name, body in (("metrics.prom", exposition.text), ("metrics.openmetrics", exposition.openmetrics)):
        write_atomically(folder / name, body.plain)
        written.append(folder / name)
    _print_status(loaded, report)
    for path in written:
        print(path)
    return 0


def _show(loaded: LoadedConfig, started: Started) -> None:
    """Tell where everything is, once there is something to see."""
    _print_status(loaded, started.report)
    print()
    for url in started.urls:
        print(f"page:    {url}")
        print(f"metrics: {url}metrics")
        print(f"JSON:    {url}api/v1/report")
    print(f"PDF:     {started.pdf or 'not written, as said above'}")
    print("Ctrl-C ends it.", flush=True)


def _print_status(loaded: LoadedConfig, report: Report) -> None:
    reader = reader_of(loaded.config)
    print_section(status_rows(report, reader.language, reader.zone))


@contextmanager
def _simulator(options: argparse.Namespace) -> Iterator[Simulator]:
    """Run the simulator as a process; it is told to end, by its id, when the demo does, and ends by itself when that is killed."""
    command = [
        sys.executable,
        "-m",
        "simulator",
        "serve",
        "--guests",
        str(options.guests),
        "--nodes",
        str(options.nodes),
        "--pbs",
        str(options.pbs),
        "--end-with-stdin",
    ]
    if options.pbs:
        command.append("--branch")
    if options.now is not None:
        command += ["--now", str(options.now)]
    process: subprocess.Popen[str] | None = None
    try:
        # a signal between the process's birth and its name would leave it behind
        with postponed():
            # in a session of its own: Ctrl-C is for us, and we end it when we are done
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
                env=dict(os.environ),
            )
        yield _ready(process)
    finally:
        if process is not None:
            with postponed():
                _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()


def _ready(process: subprocess.Popen[str]) -> Simulator:
    """Wait for the simulator's ready line; raise VzcoverError if it ends, or says nothing in time."""
    timer = threading.Timer(READY_SECONDS, process.kill)
    timer.daemon = True
    started = time.monotonic()
    try:
        timer.start()
        line = process.stdout.readline() if process.stdout else ""
    finally:
        timer.cancel()
    try:
        ready = json.loads(line)
    except ValueError:
        waited = time.monotonic() - started
        raise VzcoverError(
            f"the simulator did not start (waited {waited:.0f} s); run: python -m simulator serve"
        ) from None
    servers, further = (tuple(_endpoint(one["name"], one) for one in ready.get(key, ())) for key in ("pbs", "further"))
    return Simulator(_endpoint(CLUSTER, ready), servers, further)


def _endpoint(name: str, ready: Mapping[str, Any]) -> Endpoint:
    return Endpoint(name, ready["host"], ready["port"], ready["fingerprint"], ready["tokens"])
