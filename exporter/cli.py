"""The command line: commands, options, exit codes. Exit codes: 0 fine, 1 findings, 2 configuration, 3 no source could be reached or
authenticated, 4 the report could not be written.
"""

from __future__ import annotations

import argparse
import errno
import io
import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from exporter import commands
from exporter.bundle.command import verify_bundle, verify_options
from exporter.concealed import guard_tracebacks
from exporter.demo import run as demo
from exporter.doctor.command import doctor, doctor_options
from exporter.errors import OutputError, VzcoverError
from exporter.history_command import history, history_options
from exporter.logs import set_up
from exporter.notify import notify, notify_options
from exporter.record.command import record_command, record_options
from exporter.report_command import report, report_options
from exporter.signals import Terminated, ended_in_order
from exporter.storage_commands.options import audit_options, pbs_options, storages_options
from exporter.storage_commands.options import run as run_below
from exporter.terminal import complain
from report.version import VERSION

LIBRARIES = (
    "proxmoxer",
    "requests",
    "urllib3",
    "msgspec",
    "prometheus-client",
    "fpdf2",
    "xlsxwriter",
    "pyyaml",
    "pydantic",
    "tenacity",
    "starlette",
    "uvicorn",
    "bcrypt",
    "rich",
    "babel",
    "cryptography",
)
EPILOG = """\
exit codes:
  0  fine
  1  findings: a demanded guest is in no active backup job, or what --fail-on names, or what doctor found
  2  the configuration cannot be used
  3  no source could be reached or authenticated (the report is written all the same, and says so)
  4  the report could not be written, the history not be read, a test message
     not be sent, or storages apply failed

The configuration is --config FILE, else $VZCOVER_CONFIG, else /etc/vzcover/config.yaml. Every setting may also come from
the environment, as VZCOVER__PVE__0__TOKEN_ID does.

--generate-pdf stands for `report --format pdf`, --dump-report-data for `report --format json --output -`.
"""
# what says that standard output takes no more
OUTPUT_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


@dataclass(frozen=True, slots=True)
class Command:
    """A command: what `--help` says of it, its own options, and what it does with them; a new command is one row."""

    name: str
    summary: str
    options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


COMMANDS = (
    Command(
        "serve",
        "run the daemon: refresh, serve /metrics and the page, write the reports",
        commands.serve_options,
        commands.serve,
    ),
    Command("report", "refresh once and write the report as files", report_options, report),
    Command(
        "status",
        "refresh once and show the guests that are not protected or in no active job, worst first",
        commands.status_options,
        commands.status,
    ),
    Command(
        "history",
        "show the days that the daemon kept: of a guest, or of all together",
        history_options,
        history,
    ),
    Command(
        "verify-bundle",
        "check audit bundles: every file, and the chain from day to day",
        verify_options,
        verify_bundle,
    ),
    Command(
        "check-config",
        "read the configuration and say what is wrong with it",
        commands.no_options,
        commands.check_config,
    ),
    Command(
        "doctor",
        "look at every source: address, certificate, token, clock and privileges, and say what to do",
        doctor_options,
        doctor,
    ),
    Command(
        "storages",
        "PBS storage entries as code: validate, status, plan, apply, fingerprint, import",
        storages_options,
        run_below,
    ),
    Command("pbs", "the same as storages, where --config names the file of entries", pbs_options, run_below),
    Command("audit", "check the log of what `storages apply` wrote: verify", audit_options, run_below),
    Command(
        "record",
        "write what the sources answer into a folder, without secrets, names and addresses: for a bug report",
        record_options,
        record_command,
    ),
    Command("notify", "send a test message by the channels under deliver:, now", notify_options, notify),
    Command("demo", "run the daemon against simulated clusters", demo.demo_options, demo.demo),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Given the command line (default: the process's), run its command; return the exit code."""
    if arguments is None:
        guard_tracebacks()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # a terminal that cannot show a name must not end the program
            stream.reconfigure(errors="replace")
    try:
        with ended_in_order():
            code = _run(list(sys.argv[1:] if arguments is None else arguments))
            sys.stdout.flush()
    except VzcoverError as error:
        complain(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except Terminated as signalled:
        return signalled.exit_code
    except BrokenPipeError:
        # whoever read our output has seen enough
        _drop_output()
        return 0
    except OSError as error:
        if error.errno not in OUTPUT_FULL:
            raise
        _drop_output()
        complain(f"cannot write standard output: {(error.strerror or str(error)).lower()}")
        return OutputError.exit_code
    return code


def _run(arguments: list[str]) -> int:
    parser = build_parser()
    try:
        options = parser.parse_args(_with_old_flags(arguments))
    except SystemExit as end:
        # argparse has printed its help or its complaint
        return int(end.code or 0)
    if options.versions:
        print(versions())
        return 0
    if options.command is None:
        parser.print_help(sys.stderr)
        return 2
    set_up("keyvalue", "warning")
    return int(options.run(options))


def _drop_output() -> None:
    """Let what is still to be written go nowhere, or the interpreter complains when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def build_parser() -> argparse.ArgumentParser:
    """Return the parser, made from the table of commands."""
    parser = argparse.ArgumentParser(
        prog="vzcover",
        description="Tells, for every Proxmox guest, whether it is backed up as promised.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", dest="versions", action="store_true", help="print the versions of vzcover and its libraries"
    )
    _common_options(parser, None)
    parser.set_defaults(config=None, now=None)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for command in COMMANDS:
        own = subparsers.add_parser(
            command.name,
            help=command.summary,
            description=command.summary[0].upper() + command.summary[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        _common_options(own, argparse.SUPPRESS)
        command.options(own)
        own.set_defaults(run=command.run)
    return parser


def _common_options(parser: argparse.ArgumentParser, default: object) -> None:
    """Add the options that may stand before or behind the command's name."""
    parser.add_argument(
        "--config", "--config.file", metavar="FILE", type=Path, default=default, help="configuration file (YAML)"
    )
    parser.add_argument(
        "--now",
        metavar="EPOCH",
        type=commands.epoch,
        default=default,
        help="judge as of this instant instead of the clock (for recordings)",
    )


# flags of before there were commands, with what they stand for now
OLD_FLAGS = {
    "--generate-pdf": ["report", "--format", "pdf"],
    "--dump-report-data": ["report", "--format", "json", "--output", "-"],
}


def _with_old_flags(arguments: list[str]) -> list[str]:
    """Replace an older flag by the command it stands for; other arguments stay where they are."""
    for flag, command in OLD_FLAGS.items():
        if flag in arguments:
            position = arguments.index(flag)
            rest = arguments[:position] + arguments[position + 1 :]
            return [command[0], *command[1:], *rest]
    return arguments


def versions() -> str:
    """Return the versions of vzcover, Python and the libraries, one a line."""
    lines = [f"vzcover {VERSION}", f"python {platform.python_version()}"]
    for library in LIBRARIES:
        try:
            lines.append(f"{library} {version(library)}")
        except PackageNotFoundError:
            lines.append(f"{library} is not installed")
    return "\n".join(lines)
