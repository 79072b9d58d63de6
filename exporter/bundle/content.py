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

from exporter.config.reports import DAILY
from exporter.deliver import PREFIX, STAMP, render
from exporter.reports import prefix_of
from report.model.report import Report
from report.rows.shared import Reader
from report.version import VERSION

SUMS = "SHA256SUMS"
PREVIOUS = "PREVIOUS"
ABOUT = "about.json"
ZIP = ".zip"
FIRST = "none\n"
_BY_HAND = ".by-hand"
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
_FILE_NAME = re.compile(rf"{PREFIX}-(?:([a-z0-9-]+)-)?\d{{8}}T\d{{6}}Z(.*)\{ZIP}")
# a zip cannot tell of years before
_ZIP_BEGINS = 315_532_800


@dataclass(frozen=True, slots=True)
class Link:
    """A bundle as another one names it: its hash and its name at the time."""

    sha256: str
    name: str


@dataclass(frozen=True, slots=True, order=True)
class Chain:
    """Bundles of which each names the one before: those of one configured report, made at its times or by hand."""

    report: str
    by_hand: bool = False

    def __str__(self) -> str:
        return f"{self.report}, by hand" if self.by_hand else self.report


@dataclass(frozen=True, slots=True)
class Made:
    """For what a bundle was made, and with what: its chain, the due time that it serves (epoch; None: at no due time), SHA-256 of the
    settings, and the version of Python.
    """

    chain: Chain
    due_at: int | None
    config_sha256: str
    python: str


def content_of(report: Report, reader: Reader, made: Made) -> dict[str, bytes]:
    """Given a Report, its reader and how it was made, return a bundle's files by name, without what links it to others."""
    files = {_NAMES[ending]: content for ending, content in render(report, reader, _FORMATS).items()}
    return {**files, ABOUT: (json.dumps(_about(report, reader, made), indent=2, ensure_ascii=False) + "\n").encode()}


def linked(content: Mapping[str, bytes], previous: Link | None) -> dict[str, bytes]:
    """Given what `content_of` returned and the bundle before (None: this is the first), return all files of the bundle, in order; the
    same for the same input.
    """
    named = (f"{previous.sha256}  {previous.name}\n" if previous else FIRST).encode()
    files = {**content, PREVIOUS: named}
    sums = "".join(f"{hashlib.sha256(each).hexdigest()}  {name}\n" for name, each in files.items())
    return {**files, SUMS: sums.encode()}


def hash_of(sums: bytes) -> str:
    """Given the content of SHA256SUMS, return the bundle's hash."""
    return hashlib.sha256(sums).hexdigest()


def _about(report: Report, reader: Reader, made: Made) -> dict[str, object]:
    return {
        "bundle_version": 1,
        "report": made.chain.report,
        "by_hand": made.chain.by_hand,
        "due_at": made.due_at,
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


def file_name(chain: Chain, created_at: int) -> str:
    """Given a bundle's chain and the instant of its Report, return its name as a zip."""
    ending = f"{_BY_HAND}{ZIP}" if chain.by_hand else ZIP
    return f"{prefix_of(chain.report)}-{datetime.fromtimestamp(created_at, UTC):{STAMP}}{ending}"


def chain_of(name: str) -> Chain | None:
    """Given a file's name, return the chain of the bundle that has it, None where no bundle has such a name."""
    found = _FILE_NAME.fullmatch(name)
    return Chain(found[1] or DAILY, found[2].startswith(_BY_HAND)) if found else None


def read_lines(text: str) -> list[Link] | None:
    """Given the text of SHA256SUMS (or of PREVIOUS), return hash and name of each line; None where a line is no such thing."""
    found = [_LINE.fullmatch(line) for line in text.removesuffix("\n").split("\n")]
    return [Link(match[1], match[2]) for match in found if match] if all(found) else None
