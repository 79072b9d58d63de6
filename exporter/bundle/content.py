"""What a bundle holds: the report's files, what they were made with, the bundle before it, and the checksums of all that.

A bundle's hash is the SHA-256 of its SHA256SUMS: it stands for every byte in it, PREVIOUS included, whether it is a folder or a zip.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from exporter.deliver import PREFIX, STAMP, Reader, render
from report.model.report import Report
from report.version import VERSION

SUMS = "SHA256SUMS"
PREVIOUS = "PREVIOUS"
ABOUT = "about.json"
FIRST = "none\n"
# the report's files by the endings that `render` gives them
_NAMES = {
    "pdf": "report.pdf",
    "html": "report.html",
    "json": "report.json",
    "csv": "guests.csv",
    "groups.csv": "groups.csv",
}
_FORMATS = ("pdf", "html", "json", "csv")
_LINE = re.compile(r"([0-9a-f]{64})  ([^\n]+)")
# a zip cannot tell of years before
_ZIP_BEGINS = 315_532_800


@dataclass(frozen=True, slots=True)
class Link:
    """A bundle as another one names it: its hash and its name at the time."""

    sha256: str
    name: str


@dataclass(frozen=True, slots=True)
class Made:
    """With what a bundle was made: SHA-256 of the settings, and the version of Python."""

    config_sha256: str
    python: str


def bundle_files(report: Report, reader: Reader, made: Made, previous: Link | None) -> dict[str, bytes]:
    """Given a Report, its reader, with what it was made, and the bundle before (None: this is the first), return the bundle's files by
    name, in order; the same for the same input.
    """
    files = {_NAMES[ending]: content for ending, content in render(report, reader, _FORMATS).items()}
    files[ABOUT] = (json.dumps(_about(report, reader, made), indent=2, ensure_ascii=False) + "\n").encode()
    files[PREVIOUS] = (f"{previous.sha256}  {previous.name}\n" if previous else FIRST).encode()
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items())
    return {**files, SUMS: sums.encode()}


def _about(report: Report, reader: Reader, made: Made) -> dict[str, object]:
    return {
        "bundle_version": 1,
        "generated_at": report.created_at,
        "language": reader.language,
        "zone": str(reader.zone),
        "configuration_sha256": made.config_sha256,
        "versions": {
            "vzcover": VERSION,
            "python": made.python,
            "sources": [
                {"name": source.name, "kind": source.kind, "version": source.version} for source in report.sources
            ],
        },
    }


def zipped(files: Mapping[str, bytes], at: int) -> bytes:
    """Given files and the instant that all of them bear (epoch), return them as a zip; the same for the same input."""
    moment = datetime.fromtimestamp(max(at, _ZIP_BEGINS), UTC)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, moment.timetuple()[:6])
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED, 6)
    return buffer.getvalue()


def file_name(created_at: int) -> str:
    """Given the instant of a Report, return the name of its bundle as a zip."""
    return f"{PREFIX}-{datetime.fromtimestamp(created_at, UTC):{STAMP}}.zip"


def read_lines(text: str) -> list[Link] | None:
    """Given the text of SHA256SUMS (or of PREVIOUS), return hash and name of each line; None where a line is no such thing."""
    found = [_LINE.fullmatch(line) for line in text.removesuffix("\n").split("\n")]
    return [Link(match[1], match[2]) for match in found if match] if all(found) else None
