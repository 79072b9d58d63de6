"""A Report's renderings as files in a folder: timestamped names, written atomically, old ones removed by number and age."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from exporter.errors import OutputError
from exporter.files import leftover_of, write_atomically
from report.html.page import render_html
from report.model.report import Report
from report.pdf.render import render_pdf
from report.rows.paper import build_paper
from report.rows.shared import Reader
from report.sections import Paper
from report.tables.csv_report import groups_csv, guests_csv
from report.tables.json_report import json_pieces
from report.tables.xlsx_report import report_xlsx
from report.version import VERSION

PREFIX = "vzcover"
_REST = re.compile(r"-(\d{8}T\d{6}Z)\.(pdf|json|csv|groups\.csv|html|xlsx)")
# never removed once it is whole: a chain that loses its days proves nothing
_BUNDLE = re.compile(r"-\d{8}T\d{6}Z(\.by-hand)?\.zip")
# longer than any report takes to write
ABANDONED_SECONDS = 3600
STAMP = "%Y%m%dT%H%M%SZ"


def _json(report: Report, reader: Reader) -> bytes:
    return b"".join(piece.encode() for piece in json_pieces(report, reader.language))


def _pdf(paper: Paper) -> bytes:
    return render_pdf(paper, producer=f"vzcover {VERSION}")


def _html(paper: Paper) -> bytes:
    return render_html(paper).encode()


def _guests(report: Report, reader: Reader) -> bytes:
    return guests_csv(report, reader.language, reader.zone).encode()


def _groups(report: Report, reader: Reader) -> bytes:
    return groups_csv(report, reader.language, reader.zone).encode()


def _xlsx(report: Report, reader: Reader) -> bytes:
    return report_xlsx(report, reader.language, reader.zone)


# a new format is one row: the endings of its files' names, first the one that has the format's own name, which can go to a pipe
FORMATS: Mapping[str, tuple[str, ...]] = {
    "pdf": ("pdf",),
    "json": ("json",),
    "csv": ("csv", "groups.csv"),
    "html": ("html",),
    "xlsx": ("xlsx",),
}
_OF_REPORT: Mapping[str, Callable[[Report, Reader], bytes]] = {
    "json": _json,
    "csv": _guests,
    "groups.csv": _groups,
    "xlsx": _xlsx,
}
_OF_PAPER: Mapping[str, Callable[[Paper], bytes]] = {"pdf": _pdf, "html": _html}


def render(report: Report, reader: Reader, formats: Sequence[str]) -> dict[str, bytes]:
    """Given a Report, its reader and the formats wanted, return each of their files by the ending of its name, in the order of the formats.

    PDF and HTML name the SHA-256 of the JSON where that is among them; elsewhere nobody could compare it.
    """
    endings = tuple(ending for name in formats for ending in FORMATS[name])
    files = {ending: _OF_REPORT[ending](report, reader) for ending in endings if ending in _OF_REPORT}
    if any(ending in _OF_PAPER for ending in endings):
        checksum = hashlib.sha256(files["json"]).hexdigest() if "json" in files else None
        paper = build_paper(report, reader.language, reader.zone, data_sha256=checksum)
        files |= {ending: _OF_PAPER[ending](paper) for ending in endings if ending in _OF_PAPER}
    return {ending: files[ending] for ending in endings}


def write_files(
    folder: Path, report: Report, reader: Reader, formats: Sequence[str], prefix: str = PREFIX
) -> list[Path]:
    """Given a folder, write the Report there in each format, named by a prefix and its instant (UTC); return the paths.

    Raises OutputError.
    """
    stamp = datetime.fromtimestamp(report.created_at, UTC).strftime(STAMP)
    written = []
    for ending, content in render(report, reader, formats).items():
        path = folder / f"{prefix}-{stamp}.{ending}"
        write_atomically(path, content)
        written.append(path)
    return written


def remove_old(folder: Path, now: int, keep_number: int, keep_age_seconds: int, prefix: str = PREFIX) -> list[Path]:
    """Given what to keep (so many reports, none older than so many seconds), remove the other files of this prefix; return them.

    Only names that vzcover itself gives are touched, and no other report's; bundles stay. The newest report always stays, whatever its
    age. What a writer that was killed left half-written goes after an hour. Raises OutputError for the first that cannot be removed.
    """
    reports = _reports(folder, prefix)
    stamps = sorted({match.group(1) for match, _ in reports}, reverse=True)
    oldest = datetime.fromtimestamp(max(0, now - keep_age_seconds), UTC).strftime(STAMP)
    kept = {
        stamp for position, stamp in enumerate(stamps) if position == 0 or (position < keep_number and stamp >= oldest)
    }
    removed = [path for match, path in reports if match.group(1) not in kept] + _leftovers(folder, now, prefix)
    for path in removed:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(str(path), f"cannot remove it: {(error.strerror or str(error)).lower()}") from None
    return removed


def newest_pdf(folder: Path) -> Path | None:
    """Given a folder, return the newest PDF of the daily report in it, None where there is none."""
    pdfs = [path for match, path in _reports(folder, PREFIX) if match.group(2) == "pdf"]
    return max(pdfs, key=lambda path: path.name, default=None)


def _reports(folder: Path, prefix: str) -> list[tuple[re.Match[str], Path]]:
    found = ((_ours(path.name, prefix), path) for path in _files(folder))
    return [(match, path) for match, path in found if match]


def _ours(name: str, prefix: str, rest: re.Pattern[str] = _REST) -> re.Match[str] | None:
    return rest.fullmatch(name.removeprefix(prefix)) if name.startswith(prefix) else None


def _leftovers(folder: Path, now: int, prefix: str) -> list[Path]:
    """Return our half-written files that nobody can be writing any more."""
    named = ((leftover_of(path), path) for path in _files(folder))
    ours = [path for name, path in named if name and (_ours(name, prefix) or _ours(name, prefix, _BUNDLE))]
    return [path for path in ours if now - path.stat().st_mtime >= ABANDONED_SECONDS]


def _files(folder: Path) -> list[Path]:
    """Return the files in a folder; none where it is missing or cannot be read, which writing there will tell of."""
    try:
        return [path for path in folder.iterdir() if path.is_file()]
    except OSError:
        return []
