"""`vzcover report`: one refresh, and a configured report of it as files, on standard output, or as an audit bundle."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from exporter.app import made_with, refresh_once
from exporter.bundle.content import Chain, file_name
from exporter.bundle.write import check_target, named, write_bundle, write_report
from exporter.command_line import clock, load, usage, warn, write_out
from exporter.commands import exit_code
from exporter.config.reports import DAILY, FORMAT_NAMES
from exporter.deliver import render
from exporter.errors import BundleError
from exporter.reports import planned_reports, report_called
from exporter.terminal import complain, progress
from report.cut import cut_to
from report.model.guests import Coverage, Protection

TEXT_FORMATS = ("json", "csv", "html")
# states that --fail-on may name; the others are what one hopes for
FAILING = (Coverage.NOT_PLANNED, Coverage.UNDECIDED, Protection.UNPROTECTED, Protection.AT_RISK, Protection.UNKNOWN)


def report_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of report."""
    parser.add_argument(
        "--name",
        default=DAILY,
        metavar="NAME",
        help="the report to make: one of reports: in the configuration (default: daily)",
    )
    parser.add_argument(
        "--format", type=_formats, metavar="LIST", help=f"out of {', '.join(FORMAT_NAMES)} (default: as configured)"
    )
    parser.add_argument(
        "--output",
        metavar="FOLDER",
        help="where to (default: as configured); - is standard output, for one text format",
    )
    parser.add_argument(
        "--bundle",
        nargs="?",
        const="",
        metavar="FOLDER|FILE.zip",
        help="write an audit bundle by hand instead, in a chain of its own: a zip in --output, or this new file or folder",
    )
    parser.add_argument(
        "--previous",
        type=Path,
        metavar="PATH",
        help="the bundle before (default: the last one by hand of this report beside it)",
    )
    parser.add_argument(
        "--fail-on",
        type=_states,
        default=(),
        metavar="LIST",
        help=f"exit 1 if a demanded guest is in one of these states: {', '.join(FAILING)}",
    )


def report(options: argparse.Namespace) -> int:
    """Refresh once and write the report."""
    if options.bundle is not None:
        return _report_bundle(options)
    if options.previous:
        raise usage("--previous", "is for --bundle only")
    loaded = load(options)
    planned = report_called(options.name, planned_reports(loaded.config))
    formats = options.format or planned.formats
    if options.output == "-" and (len(formats) != 1 or formats[0] not in TEXT_FORMATS):
        raise usage("--output -", f"needs one text format: --format {' or --format '.join(TEXT_FORMATS)}")
    warn(loaded)
    with progress("reading the sources"):
        judged = cut_to(refresh_once(loaded, int(clock(options)())), planned.scope)
    if options.output == "-":
        write_out(render(judged, planned.reader, formats)[formats[0]])
    else:
        folder = Path(options.output) if options.output else planned.folder
        wanted = replace(planned, folder=folder, formats=formats)
        with progress("writing the report"):
            written = write_report(wanted, judged, made_with(loaded, Chain(planned.name)), _passed_over)
        for path in written.paths:
            print(path)
    return exit_code(judged, planned.reader.language, options.fail_on)


def _report_bundle(options: argparse.Namespace) -> int:
    """Refresh once and write the audit bundle; what cannot work is told before the sources are asked."""
    if options.format or options.output == "-":
        raise usage("--bundle", "holds PDF, HTML, JSON and CSV as files: leave --format and --output - out")
    loaded = load(options)
    planned = report_called(options.name, planned_reports(loaded.config))
    named_before = named(options.previous) if options.previous else None
    folder = Path(options.output) if options.output else planned.folder
    if options.bundle:
        check_target(Path(options.bundle))
    warn(loaded)
    with progress("reading the sources"):
        judged = cut_to(refresh_once(loaded, int(clock(options)())), planned.scope)
    chain = Chain(planned.name, by_hand=True)
    path = Path(options.bundle) if options.bundle else folder / file_name(chain, judged.created_at)
    with progress("writing the bundle"):
        write_bundle(path, judged, planned.reader, made_with(loaded, chain), named_before, tell=_passed_over)
    print(path)
    return exit_code(judged, planned.reader.language, options.fail_on)


def _passed_over(error: BundleError) -> None:
    complain(f"warning: {error}; the new bundle does not name it")


def _formats(text: str) -> tuple[str, ...]:
    return _choices(text, FORMAT_NAMES)


def _states(text: str) -> tuple[str, ...]:
    return _choices(text, tuple(FAILING))


def _choices(text: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
    """Given a comma list, return its parts; argparse turns the error into a usage message and exit code 2."""
    parts = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    unknown = [part for part in parts if part not in allowed]
    if unknown or not parts:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown) or 'nothing'} is not out of {', '.join(allowed)}")
    return parts
