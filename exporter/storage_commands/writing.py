"""`storages apply`: the one command that writes to PVE."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from exporter.app import client_settings
from exporter.client.source import SourceClient
from exporter.client.writer import StorageWriter
from exporter.command_line import clock
from exporter.config.load import LoadedConfig
from exporter.config.model import Config, PveCluster
from exporter.config.secrets import open_to_all, read_password, read_secret
from exporter.errors import ConfigError, ConfigProblem
from exporter.storage_commands.estate import (
    clients_of,
    cluster_named,
    complain_of,
    entries_of,
    open_config,
    read_estate,
)
from exporter.storage_commands.looking import (
    DIFFERENT,
    FINE,
    UNREACHABLE,
    connectivity,
    exit_code_of,
    plan,
    show_plan,
)
from exporter.storages.apply import Door, Outcome, Run, Talk
from exporter.storages.audit import open_log
from exporter.storages.checks import Grade
from exporter.storages.entries import ClusterStorages, Desired
from exporter.storages.plan import Action, Change, Plan, make_plan
from exporter.storages.tables import checks_section, outcome_lines
from exporter.terminal import complain, print_section

FAILED = 4
# PVE connects to the PBS while it creates an entry
LEAST_SECONDS = 60


@dataclass(frozen=True, slots=True)
class _Task:
    """What one run of apply works on. `secrets`: passwords of the entries to be created, by (cluster, name)."""

    options: argparse.Namespace
    loaded: LoadedConfig
    desired: tuple[Desired, ...]
    known: dict[str, ClusterStorages]
    doors: Mapping[str, Door]
    secrets: dict[tuple[str, str], str]


def apply(options: argparse.Namespace) -> int:
    """Show the plan, ask, write what differs, and read it again."""
    if options.dry_run:
        return plan(options)
    loaded = open_config(options)
    desired = entries_of(options, loaded.config)
    with clients_of(loaded.config) as clients:
        estate = read_estate(clients, loaded.config)
        if complain_of(estate, desired):
            complain("nothing was written: a cluster that the file names could not be read")
            return UNREACHABLE
        made = make_plan(desired, estate.actual)
        show_plan(made, "text")
        if not made.writes:
            print("nothing was written")
            return FINE if made.in_line and not made.shared else DIFFERENT
        code = _refusal(options, loaded, made)
        if code is not None:
            return code
        doors = _doors(options, loaded.config, desired, clients)
        secrets = dict(_secrets(made))
        if not options.yes and not _agreed("write this to PVE?"):
            complain("nothing was written")
            return DIFFERENT
        try:
            return _write(_Task(options, loaded, desired, dict(estate.actual), doors, secrets), made)
        finally:
            for door in doors.values():
                door.writer.close()


def _refusal(options: argparse.Namespace, loaded: LoadedConfig, made: Plan) -> int | None:
    """Return the exit code if this plan must not be written, None if it may."""
    if _shares(made) and not options.share_namespace:
        complain(
            "nothing was written: clusters would share a namespace (see CRITICAL above); --share-namespace insists"
        )
        return DIFFERENT
    concerned = [change.desired for change in made.writes if not change.desired.definition.disabled]
    if options.skip_connectivity or not concerned:
        return None
    checks = [check for check in connectivity(options, loaded, concerned) if check.grade is not Grade.UNKNOWN]
    bad = [check for check in checks if check.grade in (Grade.BAD, Grade.UNREACHABLE)]
    if not bad:
        return None
    print_section(checks_section(checks, verbose=False))
    complain(
        "nothing was written: the entries could not work; --skip-connectivity if only this host does not see the PBS"
    )
    return exit_code_of(bad)


def _shares(made: Plan) -> bool:
    return any(shared.in_file for shared in made.shared)


def _doors(
    options: argparse.Namespace, config: Config, desired: Sequence[Desired], clients: Mapping[str, SourceClient]
) -> Mapping[str, Door]:
    """Open the door of every cluster that the file names; raise ConfigError with all tokens that are missing or must not be used."""
    doors: dict[str, Door] = {}
    problems: list[ConfigProblem] = []
    for name in dict.fromkeys(entry.cluster for entry in desired):
        try:
            doors[name] = _door(cluster_named(config, name), config, clients[name], options.allow_root)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return doors


def _secrets(made: Plan) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield the password of each entry that is to be created; raise ConfigError where one cannot be read."""
    for change in made.writes:
        if change.action is Action.CREATE and change.desired.password:
            setting = f"{change.name}.password_file"
            if open_to_all(Path(change.desired.password)):
                complain(f"warning: every user can read the password in {change.desired.password}")
            yield (change.cluster, change.name), read_password(change.desired.password, os.environ, setting)


def _door(source: PveCluster, config: Config, client: SourceClient, allow_root: bool) -> Door:
    """Return how a cluster is written; raise ConfigError for a token that must not be used for it."""
    setting = f"pve {source.name}: write_token_id"

    def refuse(message: str) -> ConfigError:
        return ConfigError([ConfigProblem("configuration", None, setting, message)])

    token = source.write_token_id
    if token is None or source.write_token_secret_file is None:
        raise refuse(
            "apply needs a token of its own: give write_token_id and write_token_secret_file (docs/storages.md)"
        )
    if token == source.token_id:
        raise refuse(f"{token} is the monitoring token, which must not be able to write; make another one for apply")
    if token.startswith("root@pam!") and not allow_root:
        raise refuse("a token of root@pam may do anything; make one of its own for apply, or say --allow-root")
    secret = read_secret(source.write_token_secret_file, f"pve {source.name}: write_token_secret_file")
    settings = replace(client_settings(source, 1), token_id=token, token_secret=secret)
    return Door(client, StorageWriter(settings), max(LEAST_SECONDS, config.refresh.deadline))


def _write(task: _Task, made: Plan) -> int:
    options = task.options

    def approve(fresh: Plan, approved: Sequence[Change]) -> bool:
        show_plan(fresh, "text")
        if _shares(fresh) and not options.share_namespace:
            complain("clusters would now share a namespace")
            return False
        task.secrets.update(_secrets(fresh))
        if options.yes:
            return all(_was_approved(change, approved) for change in fresh.writes)
        return _agreed("storage.cfg was changed meanwhile; write this?")

    with open_log(task.loaded.config.state_dir, clock(options)) as log:
        run = Run(task.desired, task.doors, task.secrets, log, Talk(_say, approve), task.known)
        outcome = run.carry_out(made)
    return _tell(outcome, make_plan(task.desired, run.known))


def _say(line: str) -> None:
    # at once, so that whoever kills the program knows how far it came
    print(line, flush=True)


def _was_approved(change: Change, approved: Sequence[Change]) -> bool:
    """Whether a change is, option by option, one that was shown before."""
    return any(
        (change.cluster, change.name, change.action, change.fields) == (one.cluster, one.name, one.action, one.fields)
        for one in approved
    )


def _tell(outcome: Outcome, after: Plan) -> int:
    if not outcome.whole:
        for line in outcome_lines(outcome):
            complain(line)
        return FAILED
    count = len(outcome.done)
    print(f"{count} {'entry' if count == 1 else 'entries'} written and read again")
    return FINE if after.in_line and not after.shared else DIFFERENT


def _agreed(question: str) -> bool:
    """Ask on the terminal; no terminal and anything but yes mean no."""
    if not sys.stdin.isatty():
        complain("this is no terminal: say --yes to write without being asked")
        return False
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False
