"""A Report's renderings as files in the output folder: timestamped names, written atomically, old ones removed by number and age."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from exporter.errors import OutputError
from exporter.files import leftover_of, write_atomically
from report.model import Report
from report.pdf.render import render_pdf
from report.rows.paper import build_paper
from report.tables.csv_report import guests_csv
from report.tables.json_report import json_pieces
from report.version import VERSION

PREFIX = "vzcover"
_OURS = re.compile(rf"{PREFIX}-(\d{{8}}T\d{{6}}Z)\.(pdf|json|csv)")
# longer than any report takes to write
ABANDONED_SECONDS = 3600
_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom a report is written: language ("en" or "fr") and the zone of its dates."""

    language: str
    zone: tzinfo


def _pdf(report: Report, reader: Reader) -> bytes:
    checksum = hashlib.sha256()
    for piece in json_pieces(report, reader.language):
        checksum.update(piece.encode())
    paper = build_paper(report, reader.language, reader.zone, data_sha256=checksum.hexdigest())
    return render_pdf(paper, producer=f"vzcover {VERSION}")


def _json(report: Report, reader: Reader) -> bytes:
    return b"".join(piece.encode() for piece in json_pieces(report, reader.language))


def _csv(report: Report, reader: Reader) -> bytes:
    return guests_csv(report, reader.language, reader.zone).encode()


# a new format is one row; the PDF names the SHA-256 of the JSON that goes with it
FORMATS: Mapping[str, Callable[[Report, Reader], bytes]] = {"pdf": _pdf, "json": _json, "csv": _csv}


def render(report: Report, reader: Reader, formats: Sequence[str]) -> dict[str, bytes]:
    """Given a Report, its reader and the formats wanted, return each rendering by format."""
    return {name: FORMATS[name](report, reader) for name in formats}


def write_files(folder: Path, report: Report, reader: Reader, formats: Sequence[str]) -> list[Path]:
    """Given a folder, write the Report there in each format, named by its instant (UTC); return the paths. Raises OutputError."""
    stamp = datetime.fromtimestamp(report.created_at, UTC).strftime(_STAMP)
    written = []
    for name, content in render(report, reader, formats).items():
        path = folder / f"{PREFIX}-{stamp}.{name}"
        write_atomically(path, content)
        written.append(path)
    return written


def remove_old(folder: Path, now: int, keep_number: int, keep_age_seconds: int) -> list[Path]:
    """Given what to keep (so many reports, none older than so many seconds), remove our other files; return them.

    Only names that vzcover itself gives are touched. The newest report always stays, whatever its age. What a writer that was
    killed left half-written goes after an hour. Raises OutputError for the first that cannot be removed.
    """
    reports = _reports(folder)
    stamps = sorted({match.group(1) for match, _ in reports}, reverse=True)
    oldest = datetime.fromtimestamp(max(0, now - keep_age_seconds), UTC).strftime(_STAMP)
    kept = {
        stamp for position, stamp in enumerate(stamps) if position == 0 or (position < keep_number and stamp >= oldest)
    }
    removed = [path for match, path in reports if match.group(1) not in kept] + _leftovers(folder, now)
    for path in removed:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(str(path), f"cannot remove it: {(error.strerror or str(error)).lower()}") from None
    return removed


def newest_pdf(folder: Path) -> Path | None:
    """Given the output folder, return the newest PDF of ours in it, None where there is none."""
    pdfs = [path for match, path in _reports(folder) if match.group(2) == "pdf"]
    return max(pdfs, key=lambda path: path.name, default=None)


def _reports(folder: Path) -> list[tuple[re.Match[str], Path]]:
    found = ((_OURS.fullmatch(path.name), path) for path in _files(folder))
    return [(match, path) for match, path in found if match]


def _leftovers(folder: Path, now: int) -> list[Path]:
    """Return our half-written files that nobody can be writing any more."""
    named = ((leftover_of(path), path) for path in _files(folder))
    ours = [path for name, path in named if name and _OURS.fullmatch(name)]
    return [path for path in ours if now - path.stat().st_mtime >= ABANDONED_SECONDS]


def _files(folder: Path) -> list[Path]:
    """Return the files in a folder; none where it is missing or cannot be read, which writing there will tell of."""
    try:
        return [path for path in folder.iterdir() if path.is_file()]
    except OSError:
        return []
