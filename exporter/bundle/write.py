"""A Report → a bundle on the disk, whole or not at all, linked to the bundle before it."""

from __future__ import annotations

from pathlib import Path

from exporter.bundle.content import Link, Made, bundle_files, zipped
from exporter.bundle.reading import Bundle, bundles_in, in_order, read_bundle
from exporter.deliver import Reader
from exporter.errors import BundleError, OutputError
from exporter.files import write_atomically, write_folder
from exporter.terminal import complain
from report.model.report import Report

ZIP = ".zip"


def check_target(path: Path) -> None:
    """Given where a bundle shall be, raise OutputError if a folder that holds something is there: nothing is written over."""
    try:
        taken = path.suffix != ZIP and path.is_dir() and any(path.iterdir())
    except OSError as error:
        raise OutputError(str(path), (error.strerror or str(error)).lower(), "choose another folder") from None
    if taken:
        raise OutputError(str(path), "the folder is not empty", f"give a new folder, or a file that ends in {ZIP}")


def write_bundle(path: Path, report: Report, reader: Reader, made: Made, previous: Link | None) -> None:
    """Given a path (a file that ends in .zip, else a folder), write the Report there as a bundle. Raises OutputError."""
    files = bundle_files(report, reader, made, previous)
    if path.suffix == ZIP:
        write_atomically(path, zipped(files, report.created_at))
    else:
        write_folder(path, files)


def named(path: Path) -> Link:
    """Given the path of the bundle before, return how the next one names it; raise BundleError where it cannot be read."""
    bundle = read_bundle(path)
    if not bundle.sha256:
        raise BundleError(str(path), "no bundle: it has no SHA256SUMS")
    return Link(bundle.sha256, path.resolve().name)


def newest_before(path: Path, now: int) -> Link | None:
    """Given where a bundle shall be and its instant (epoch), return the newest one beside it that is not of a later instant, None where
    there is none.

    One that cannot be read is told on standard error: the chain goes on from the newest that can.
    """
    older = []
    for each in bundles_in(path.parent) if path.parent.is_dir() else []:
        bundle = _readable(each)
        if bundle and each != path and 0 < bundle.generated_at <= now:
            older.append(bundle)
    return Link(older[-1].sha256, older[-1].name) if (older := in_order(older)) else None


def _readable(path: Path) -> Bundle | None:
    try:
        bundle = read_bundle(path)
    except BundleError as error:
        complain(f"warning: {error}; the new bundle does not name it")
        return None
    return bundle if bundle.sha256 else None
