"""The command line: commands, options, exit codes. Exit codes: 0 fine, 1 findings, 2 configuration, 3 no source could be reached or
authenticated, 4 the report could not be written.
"""

from __future__ import annotations

import argparse
import errno
import io
import os
import platform
import re
import sys
import textwrap
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from exporter.command_line import epoch
from exporter.command_table import COMMANDS
from exporter.concealed import guard_tracebacks
from exporter.errors import OutputError, VzcoverError
from exporter.logs import set_up
from exporter.signals import Terminated, ended_in_order
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
  4  the report could not be written, the history not be read, a test message not be sent, or storages apply failed

The configuration is --config FILE, else $VZCOVER_CONFIG, else /etc/vzcover/config.yaml. Every setting may also come from \
the environment, as VZCOVER__PVE__0__TOKEN_ID does.

--generate-pdf stands for `report --format pdf`, --dump-report-data for `report --format json --output -`.
"""
_CODE = re.compile(r"  [0-9]  ")
# what says that standard output takes no more
OUTPUT_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


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
    arguments = _with_old_flags(arguments)
    parser = build_parser(arguments)
    try:
        options = parser.parse_args(arguments)
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


class _Help(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of a text, and breaks those that are longer than the terminal is wide."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines = []
        for line in text.splitlines():
            meaning = _CODE.match(line)
            below = indent + " " * (meaning.end() if meaning else 0)
            wrapper = textwrap.TextWrapper(width, indent, below, break_long_words=False, break_on_hyphens=False)
            lines.append(wrapper.fill(line))
        return "\n".join(lines) + "\n"


def build_parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Given the command line, return a parser for it, made from the table of commands: those that are not in it have no options."""
    parser = argparse.ArgumentParser(
        prog="vzcover",
        description="Tells, for every Proxmox guest, whether it is backed up as promised.",
        epilog=EPILOG,
        formatter_class=_Help,
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
            formatter_class=_Help,
            allow_abbrev=False,
        )
        _common_options(own, argparse.SUPPRESS)
        if command.name in arguments:
            add_options, run = command.handlers()
            add_options(own)
            own.set_defaults(run=run)
    return parser


def _common_options(parser: argparse.ArgumentParser, default: object) -> None:
    """Add the options that may stand before or behind the command's name."""
    parser.add_argument(
        "--config", "--config.file", metavar="FILE", type=Path, default=default, help="configuration file (YAML)"
    )
    parser.add_argument(
        "--now",
        metavar="EPOCH",
        type=epoch,
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
