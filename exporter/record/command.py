"""The command: options, and what it does with them."""

from __future__ import annotations

import argparse
from pathlib import Path

from exporter.command_line import clock, load, warn
from exporter.record.folder import CONFIG_FILE, check_folder, write_recording
from exporter.record.recording import record
from exporter.terminal import complain, progress


def record_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of record."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="where to; a folder that is empty or does not exist")
    parser.add_argument("--force", action="store_true", help="replace an older recording")


def record_command(options: argparse.Namespace) -> int:
    """Refresh once and write what the sources answered, scrubbed; return 3 if none answered. Raises OutputError."""
    loaded = load(options)
    warn(loaded)
    check_folder(options.folder, options.force)
    with progress("reading the sources"):
        made = record(loaded, int(clock(options)()))
    if not any(made.sources.values()):
        complain("no source answered; nothing was written. `vzcover doctor` tells why")
        return 3
    write_recording(options.folder, made.now, made.sources, made.config, force=options.force)
    for name, answers in made.sources.items():
        print(f"{options.folder / name}: {len(answers)} answers")
    print("\nSecrets, names and addresses are other ones now; look through it before you pass it on. To replay it:")
    for name, listen in made.listen.items():
        print(f"  python -m simulator replay {options.folder / name} --listen {listen} &")
    print(f"  vzcover --config {options.folder / CONFIG_FILE} --now {made.now} status")
    return 0
