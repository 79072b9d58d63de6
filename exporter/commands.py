"""What the commands do: serve, status, check-config. Each takes the parsed options and returns the exit code."""

from __future__ import annotations

import argparse
import logging
from dataclasses import replace
from datetime import datetime

from exporter.app import build_daemon, reader_of, refresh_once
from exporter.command_line import clock, load, warn, write_out
from exporter.config.families import FAMILIES
from exporter.config.load import LoadedConfig
from exporter.delivery.build import channels_of
from exporter.logs import event, set_up
from exporter.reports import PlannedReport, planned_reports
from exporter.terminal import complain, print_section, progress
from report.model.guests import Coverage
from report.model.report import Report
from report.model.sources import IssueCode
from report.rows.paper import status_rows
from report.tables.json_report import to_json
from report.words import describe_issue

LOGGER = logging.getLogger("vzcover")
# what makes a report say less than it seems to; told on standard error as well, as is a source that is down
GRAVE = (IssueCode.NO_GUEST_VISIBLE, IssueCode.PARTIAL_VIEW)


def no_options(parser: argparse.ArgumentParser) -> None:
    """Add nothing."""


def serve_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of serve."""
    group = parser.add_argument_group("metrics to leave out", "Beside those of metrics.leave_out in the configuration.")
    for family, meaning in FAMILIES.items():
        group.add_argument(
            f"--no-collector.{family}", dest="leave_out", action="append_const", const=family, default=[], help=meaning
        )


def status_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of status."""
    parser.add_argument("--json", action="store_true", help="print the whole report as JSON instead of a table")
    parser.add_argument(
        "--strict", action="store_true", help=f"exit 1 on {Coverage.UNDECIDED} too, not on {Coverage.NOT_PLANNED} alone"
    )


def serve(options: argparse.Namespace) -> int:
    """Run the daemon until a signal ends it."""
    loaded = load_served(options)
    _set_up_log(loaded)
    return build_daemon(loaded, lambda: _set_up_log(load_served(options)), clock=clock(options)).run()


def status(options: argparse.Namespace) -> int:
    """Refresh once and show the guests that need attention."""
    loaded = load(options)
    warn(loaded)
    with progress("reading the sources"):
        judged = refresh_once(loaded, int(clock(options)()))
    reader = reader_of(loaded.config)
    if options.json:
        write_out(to_json(judged, reader.language).encode())
    else:
        print_section(status_rows(judged, reader.language, reader.zone))
    failing = (Coverage.NOT_PLANNED, Coverage.UNDECIDED) if options.strict else (Coverage.NOT_PLANNED,)
    code = exit_code(judged, reader.language, failing)
    return code or int(any(not source.inventory_known for source in judged.sources))


def check_config(options: argparse.Namespace) -> int:
    """Read the configuration and say what is in it; errors are raised, warnings printed."""
    loaded = load(options)
    warn(loaded)
    channels = channels_of(loaded.config)
    where = loaded.file or "the environment"
    for source in loaded.config.sources:
        hosts = ", ".join(str(host) for host in source.hosts)
        print(f"{source.title}: {hosts}, token {source.token_id}")
    reports = planned_reports(loaded.config)
    for planned in reports:
        print(f"report {planned.name}: {_due(planned, int(clock(options)()))}")
    for channel in channels:
        named = (report.name for report in reports if channel.name in report.channels and not report.is_daily)
        print(f"deliver {channel.name}: {', '.join((*sorted(channel.when), *named))}")
    print(f"{where}: fine; SHA-256 of the settings {loaded.sha256}")
    return 0


def _due(planned: PlannedReport, now: int) -> str:
    """Say when a report is due next, and which files it writes where."""
    if not planned.enabled:
        return "not enabled"
    due = datetime.fromtimestamp(planned.due.next_after(now), planned.due.zone)
    return f"due {due:%A %Y-%m-%d %H:%M} ({planned.due.zone}), {', '.join(planned.formats)} in {planned.folder}"


def exit_code(judged: Report, language: str, failing: tuple[str, ...]) -> int:
    """Given a Report, the reader's language and the states that are failures, tell what is grave and return the exit code."""
    for source in judged.sources:
        if source.failure and not source.up:
            complain(source.failure.message)
    for issue in judged.issues:
        if issue.code in GRAVE:
            complain(describe_issue(issue, language))
    if judged.sources and not any(source.up for source in judged.sources):
        return 3
    states = {state for guest in judged.guests if guest.demanded for state in (guest.coverage, guest.protection)}
    return int(any(state in failing for state in states))


def load_served(options: argparse.Namespace) -> LoadedConfig:
    """Given the command line of serve, return the configuration without the families that it leaves out too."""
    loaded = load(options)
    metrics = loaded.config.metrics
    left_out = tuple(dict.fromkeys((*metrics.leave_out, *options.leave_out)))
    changed = metrics.model_copy(update={"leave_out": left_out})
    return replace(loaded, config=loaded.config.model_copy(update={"metrics": changed}))


def _set_up_log(loaded: LoadedConfig) -> LoadedConfig:
    """Log as the configuration says, beginning with what is doubtful in it."""
    set_up(loaded.config.log.format, loaded.config.log.level)
    for warning in loaded.warnings:
        event(LOGGER, logging.WARNING, "doubtful setting", where=str(warning))
    return loaded
