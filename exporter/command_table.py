"""The table of commands. What a command needs is imported when it is asked for, so that none waits for the libraries of the others."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

# adds a command's own options to its parser, and what the command does with them; it returns the exit code
Handlers = tuple[Callable[[argparse.ArgumentParser], None], Callable[[argparse.Namespace], int]]


@dataclass(frozen=True, slots=True)
class Command:
    """A command: what `--help` says of it, and what imports the rest of it; a new command is one row and one such function."""

    name: str
    summary: str
    handlers: Callable[[], Handlers]


def _serve() -> Handlers:
    from exporter.commands import serve, serve_options

    return serve_options, serve


def _report() -> Handlers:
    from exporter.report_command import report, report_options

    return report_options, report


def _status() -> Handlers:
    from exporter.commands import status, status_options

    return status_options, status


def _history() -> Handlers:
    from exporter.history_command import history, history_options

    return history_options, history


def _verify_bundle() -> Handlers:
    from exporter.bundle.command import verify_bundle, verify_options

    return verify_options, verify_bundle


def _check_config() -> Handlers:
    from exporter.commands import check_config, no_options

    return no_options, check_config


def _doctor() -> Handlers:
    from exporter.doctor.command import doctor, doctor_options

    return doctor_options, doctor


def _storages() -> Handlers:
    from exporter.storage_commands.options import run, storages_options

    return storages_options, run


def _pbs() -> Handlers:
    from exporter.storage_commands.options import pbs_options, run

    return pbs_options, run


def _audit() -> Handlers:
    from exporter.storage_commands.options import audit_options, run

    return audit_options, run


def _record() -> Handlers:
    from exporter.record.command import record_command, record_options

    return record_options, record_command


def _notify() -> Handlers:
    from exporter.notify import notify, notify_options

    return notify_options, notify


def _demo() -> Handlers:
    from exporter.demo.run import demo, demo_options

    return demo_options, demo


COMMANDS = (
    Command("serve", "run the daemon: refresh, serve /metrics and the page, write the reports", _serve),
    Command("report", "refresh once and write the report as files", _report),
    Command(
        "status",
        "refresh once and show the guests that are not protected or in no active job, worst first",
        _status,
    ),
    Command("history", "show the days that the daemon kept: of a guest, or of all together", _history),
    Command("verify-bundle", "check audit bundles: every file, and the chain from day to day", _verify_bundle),
    Command("check-config", "read the configuration and say what is wrong with it", _check_config),
    Command(
        "doctor",
        "look at every source: address, certificate, token, clock and privileges, and say what to do",
        _doctor,
    ),
    Command(
        "storages",
        "PBS storage entries as code: validate, status, plan, apply, fingerprint, import",
        _storages,
    ),
    Command("pbs", "the same as storages, where --config names the file of entries", _pbs),
    Command("audit", "check the log of what `storages apply` wrote: verify", _audit),
    Command(
        "record",
        "write what the sources answer into a folder, without secrets, names and addresses: for a bug report",
        _record,
    ),
    Command("notify", "send a test message by the channels under deliver:, now", _notify),
    Command("demo", "run the daemon against simulated clusters", _demo),
)
