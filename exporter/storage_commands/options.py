"""The options of `storages`, `pbs` and `audit`: one row a command below them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from exporter.command_line import epoch
from exporter.storage_commands import looking, writing
from exporter.storages.formats import FORMATS

EPILOG = """\
exit codes:
  0  in line
  1  differences or findings
  2  the file, or the configuration, cannot be used
  3  a cluster or a backup server could not be reached
  4  apply failed
"""
AUDIT_EPILOG = """\
exit codes:
  0  the chain is whole
  1  a line was changed or taken out
  2  the configuration cannot be used
  4  the log cannot be read
"""


@dataclass(frozen=True, slots=True)
class Below:
    """A command below `storages`: what `--help` says of it, its own options, and what it does."""

    name: str
    summary: str
    options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def _validate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--verbose", action="store_true", help="show also what is fine")
    _skip(parser)


def _skip(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--skip-connectivity",
        "--skip-validation",
        dest="skip_connectivity",
        action="store_true",
        help="do not connect to the backup servers; validate asks PVE's nodes how they see the entries instead",
    )


def _format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format", choices=("text", *FORMATS), default="text", help="the same change for another tool (default text)"
    )


def _apply(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="the same as plan")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--share-namespace", action="store_true", help="write although clusters would share a namespace"
    )
    parser.add_argument("--allow-root", action="store_true", help="use a token of root@pam")
    _skip(parser)
    _format(parser)


def _fingerprint(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("address", metavar="HOST[:PORT]", help="the server; port 8007 unless given")


def _nothing(parser: argparse.ArgumentParser) -> None:
    """Add nothing."""


STORAGES = (
    Below("validate", "check the file, and whether its entries could work", _validate, looking.validate),
    Below("status", "show the entries of file and PVE side by side", _nothing, looking.status),
    Below("plan", "show what would have to change; writes nothing", _format, looking.plan),
    Below("apply", "show what would change, ask, and write it to PVE", _apply, writing.apply),
    Below("fingerprint", "print the SHA-256 of a server's certificate", _fingerprint, looking.fingerprint),
    Below("import", "write a file from what PVE has now (no secrets)", _nothing, looking.import_file),
)
AUDIT = (Below("verify", "check the chain of the audit log", _nothing, looking.verify_audit),)


def storages_options(parser: argparse.ArgumentParser) -> None:
    """Add the commands of `storages`."""
    _file(parser, None, "the entries (default: storages_file of the configuration)", "--file")
    _add(parser, STORAGES, "the entries (default: storages_file of the configuration)", ("--file",), main_config=True)


def pbs_options(parser: argparse.ArgumentParser) -> None:
    """Add the commands of `pbs`, the same with `--config` for the file; the configuration is then $VZCOVER_CONFIG or the default."""
    parser.set_defaults(file=None)
    _add(
        parser,
        STORAGES,
        "the entries (the configuration is $VZCOVER_CONFIG)",
        ("--config", "--file"),
        main_config=False,
    )


def audit_options(parser: argparse.ArgumentParser) -> None:
    """Add the commands of `audit`."""
    what = "the log (default: the one in state_dir)"
    _file(parser, None, what, "--file")
    _add(parser, AUDIT, what, ("--file",), main_config=True, epilog=AUDIT_EPILOG)


def _file(parser: argparse.ArgumentParser, default: object, what: str, *names: str) -> None:
    parser.add_argument(*names, dest="file", metavar="FILE", type=Path, default=default, help=what)


def _add(
    parser: argparse.ArgumentParser,
    commands: tuple[Below, ...],
    what: str,
    names: tuple[str, ...],
    main_config: bool,
    epilog: str = EPILOG,
) -> None:
    parser.epilog = epilog
    below = parser.add_subparsers(dest="below", metavar="COMMAND", title="commands", required=True)
    for command in commands:
        own = below.add_parser(
            command.name,
            help=command.summary,
            description=command.summary[0].upper() + command.summary[1:] + ".",
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if main_config:
            own.add_argument(
                "--config",
                "--config.file",
                metavar="FILE",
                type=Path,
                default=argparse.SUPPRESS,
                help="configuration file",
            )
        own.add_argument("--now", metavar="EPOCH", type=epoch, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        _file(own, argparse.SUPPRESS, what, *names)
        command.options(own)
        own.set_defaults(run_below=command.run)


def run(options: argparse.Namespace) -> int:
    """Run the command below."""
    return int(options.run_below(options))
