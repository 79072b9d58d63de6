"""The commands that only read: validate, status, plan, fingerprint, import, and audit verify.

Exit codes: 0 in line, 1 differences or findings, 2 bad file, 3 unreachable, 4 apply failed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from exporter.client.probe import Probe, probe
from exporter.command_line import clock, load, usage
from exporter.config.addresses import parse_address
from exporter.config.load import LoadedConfig
from exporter.errors import OutputError
from exporter.files import write_atomically
from exporter.storage_commands.estate import (
    clients_of,
    complain_of,
    entries_of,
    open_config,
    read_estate,
    shelves_of,
)
from exporter.storages.audit import FILE_NAME, verify
from exporter.storages.checks import Check, Grade, look, nodes_view
from exporter.storages.entries import Desired
from exporter.storages.formats import FORMATS
from exporter.storages.importing import storages_file
from exporter.storages.plan import Plan, advice_on, make_plan
from exporter.storages.sharing import shared_targets
from exporter.storages.tables import checks_section, plan_section, shared_checks, status_section
from exporter.terminal import complain, print_section, progress, shown
from report.storage_options import DEFAULT_PORT

FINE, DIFFERENT, UNREACHABLE = 0, 1, 3
SHOW = "proxmox-backup-manager cert info | grep Fingerprint"


def validate(options: argparse.Namespace) -> int:
    """Check the file, and whether its entries could work."""
    loaded = open_config(options)
    desired = entries_of(options, loaded.config)
    checks = [
        *shared_checks(shared_targets(desired, {})),
        *connectivity(options, loaded, desired),
        *(
            Check(advice.entry, advice.clusters, "account", Grade.WARNING, advice.message, advice.remedy)
            for advice in advice_on(desired)
        ),
    ]
    print_section(checks_section(checks, options.verbose))
    return exit_code_of(checks)


def connectivity(options: argparse.Namespace, loaded: LoadedConfig, desired: Sequence[Desired]) -> tuple[Check, ...]:
    """Look at the servers of the entries; with --skip-connectivity ask the nodes how they see the entries instead."""
    if options.skip_connectivity:
        with clients_of(loaded.config) as clients:
            estate = read_estate(clients, loaded.config, states=True)
        complain_of(estate, tuple(desired))
        return nodes_view(desired, estate.actual)
    with progress("connecting to the backup servers"):
        return look(desired, _patient_probe, shelves_of(loaded.config), int(clock(options)()))


def _patient_probe(server: str, port: int) -> Probe:
    return probe(server, port)


def exit_code_of(checks: Sequence[Check]) -> int:
    """Given checks, return 3 if a server could not be reached, 1 with any other finding, 0 without."""
    if any(check.grade is Grade.UNREACHABLE for check in checks):
        return UNREACHABLE
    return DIFFERENT if any(check.grade is not Grade.GOOD for check in checks) else FINE


def status(options: argparse.Namespace) -> int:
    """Show the entries of file and PVE side by side."""
    loaded = open_config(options)
    desired = entries_of(options, loaded.config)
    with clients_of(loaded.config) as clients:
        estate = read_estate(clients, loaded.config, states=True)
    unreachable = complain_of(estate, desired)
    section = status_section(desired, estate.actual, estate.unreadable)
    print_section(section)
    if unreachable:
        return UNREACHABLE
    return DIFFERENT if any(row.state not in ("active", "") for row in section.rows) else FINE


def plan(options: argparse.Namespace) -> int:
    """Show what would have to change; nothing is written."""
    loaded = open_config(options)
    desired = entries_of(options, loaded.config)
    with clients_of(loaded.config) as clients:
        estate = read_estate(clients, loaded.config)
    unreachable = complain_of(estate, desired)
    made = make_plan(desired, estate.actual)
    show_plan(made, options.format)
    return UNREACHABLE if unreachable else code_of_plan(made)


def show_plan(made: Plan, form: str) -> None:
    """Given a plan and `text` or a format for other tools, print it."""
    if form == "text":
        print_section(plan_section(made))
    else:
        print(FORMATS[form](made), end="")


def code_of_plan(made: Plan) -> int:
    """Given a plan, return 0 if PVE is in line with the file and nothing is found, else 1."""
    return FINE if made.in_line and not made.shared and not made.advice else DIFFERENT


def fingerprint(options: argparse.Namespace) -> int:
    """Print the certificate's SHA-256 of a server, and how to check it there."""
    try:
        address = parse_address(options.address, DEFAULT_PORT)
    except ValueError as error:
        raise usage("fingerprint", str(error)) from None
    with progress("connecting"):
        found = probe(address.host, address.port)
    if found.certificate is None:
        complain(f"{address}: {found.detail or 'the certificate cannot be read'}")
        return UNREACHABLE
    until = datetime.fromtimestamp(found.certificate.not_after, UTC).strftime("%Y-%m-%d %H:%M UTC")
    print(found.certificate.fingerprint)
    print(f"names: {shown(', '.join(found.certificate.names)) or 'none'}; valid until {until}")
    print("Whoever answers on the way can show a certificate of his own: compare before you trust it. On the server:")
    print(f"  {SHOW}")
    return FINE


def import_file(options: argparse.Namespace) -> int:
    """Write a file of entries from what PVE has now."""
    loaded = (
        load(argparse.Namespace(config=None)) if options.command == "pbs" and options.file is None else load(options)
    )
    target = options.file or (options.config if options.command == "pbs" else None)
    if target is not None and Path(target).exists():
        raise OutputError(
            str(target), "it exists", "import writes a new file; choose another name, or leave --file out"
        )
    with clients_of(loaded.config) as clients:
        estate = read_estate(clients, loaded.config)
    complain_of(estate, ())
    text = storages_file(list(estate.actual.values()))
    if estate.actual:
        _write(text, target)
    return UNREACHABLE if estate.unreadable else FINE


def _write(text: str, target: Path | None) -> None:
    if target is None:
        print(text, end="")
    else:
        write_atomically(Path(target), text.encode())
        print(target)


def verify_audit(options: argparse.Namespace) -> int:
    """Check that each line of the audit log carries the hash of the one before."""
    path = Path(options.file) if options.file else load(options).config.state_dir / FILE_NAME
    try:
        verdict = verify(path)
    except FileNotFoundError:
        print(f"{path}: there is none, so nothing was written from this machine")
        return FINE
    except OSError as error:
        raise OutputError(str(path), f"it cannot be read: {(error.strerror or str(error)).lower()}") from None
    for number, problem in verdict.problems:
        print(f"{path}:{number}: {problem}")
    for number in verdict.cut:
        print(f"{path}:{number}: cut short: the program or the machine stopped while it was written")
    state = "broken" if verdict.problems else "whole"
    print(f"{path}: {verdict.lines} lines, the chain is {state}; SHA-256 of the last line {verdict.last_hash}")
    return DIFFERENT if verdict.problems else FINE
