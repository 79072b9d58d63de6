"""The command: options, and what it does with them."""

from __future__ import annotations

import argparse

from exporter.app import client_settings
from exporter.command_line import clock, load, warn
from exporter.doctor.examine import examine
from exporter.doctor.findings import exit_code
from exporter.doctor.table import render, to_json
from exporter.terminal import print_parts, progress

FORMATS = ("text", "json")


def doctor_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of doctor."""
    parser.add_argument("--format", choices=FORMATS, default="text", help="table or JSON (default text)")


def doctor(options: argparse.Namespace) -> int:
    """Examine every configured source; return 0 if all is fine, 1 with findings, 3 if no source could be used."""
    loaded = load(options)
    warn(loaded)
    now = clock(options)
    # one try: whoever asks wants to know what happens, not what might with patience
    settings = [client_settings(source, 1) for source in loaded.config.sources]
    with progress("examining the sources"):
        found = examine(settings, now, loaded.config.refresh.deadline)
    if options.format == "json":
        print(to_json(found, int(now())), end="")
    else:
        print_parts(lambda width: render(found, width))
    return exit_code(found)
