"""A Report → a bundle on the disk, whole or not at all, linked to the bundle before it; and a configured report → all its files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from exporter.bundle.chains import last_link
from exporter.bundle.content import (
    SUMS,
    ZIP,
    Chain,
    Link,
    Made,
    chain_of,
    content_of,
    file_name,
    hash_of,
    linked,
    zipped,
)
from exporter.bundle.reading import Bundle, bundles_in, read_bundle
from exporter.config.reports import BUNDLE
from exporter.deliver import write_files
from exporter.errors import BundleError, OutputError
from exporter.files import alone_in, write_atomically, write_folder
from exporter.reports import PlannedReport, Written
from report.model.report import Report
from report.rows.shared import Reader

Tell = Callable[[BundleError], None]


def check_target(path: Path) -> None:
    """Given where a bundle shall be, raise OutputError if something is there: nothing is written over."""
    try:
        taken = any(path.iterdir()) if path.suffix != ZIP and path.is_dir() else path.exists()
    except OSError as error:
        raise OutputError(str(path), (error.strerror or str(error)).lower(), "choose another folder") from None
    if taken:
        what = "the folder is not empty" if path.is_dir() else "it is there already, and a bundle is never written over"
        raise OutputError(str(path), what, f"give a new folder, or a new file that ends in {ZIP}")


def write_report(planned: PlannedReport, report: Report, made: Made, tell: Tell) -> Written:
    """Given a configured report, the Report cut for it, and how it is made, write its files, the bundle last: it is made once for each due
    time, and where it is there already its hash is that of the one there.

    `tell` hears of a bundle that cannot be read. Raises OutputError and BundleError.
    """
    formats = [name for name in planned.formats if name != BUNDLE]
    paths = write_files(planned.folder, report, planned.reader, formats, planned.prefix)
    if BUNDLE not in planned.formats:
        return Written(tuple(paths))
    path = planned.folder / file_name(made.chain, report.created_at)
    if there := _served(planned.folder, report.created_at, made):
        return Written((*paths, there.path), there.sha256)
    return Written((*paths, path), write_bundle(path, report, planned.reader, made, tell=tell))


def write_bundle(
    path: Path, report: Report, reader: Reader, made: Made, before: Link | None = None, *, tell: Tell
) -> str:
    """Given a path (a file that ends in .zip, else a folder), write the Report there as a bundle behind `before`, or behind the last of its
    chain in the folder; return its hash. `tell` hears of a bundle that cannot be read. Raises OutputError and BundleError.
    """
    content = content_of(report, reader, made)
    with alone_in(path.parent):
        check_target(path)
        files = linked(content, before or last_link(_in_chain(path.parent, made.chain, tell)))
        if path.suffix == ZIP:
            write_atomically(path, zipped(files, report.created_at))
        else:
            write_folder(path, files)
    return hash_of(files[SUMS])


def named(path: Path) -> Link:
    """Given the path of the bundle before, return how the next one names it; raise BundleError where it cannot be read."""
    bundle = read_bundle(path)
    if not bundle.sha256:
        raise BundleError(str(path), "no bundle: it has no SHA256SUMS")
    return Link(bundle.sha256, path.resolve().name)


def _served(folder: Path, created_at: int, made: Made) -> Bundle | None:
    """Return the bundle of the chain that serves the due time already, or tells of the same instant; None without a due time."""
    if made.due_at is None or not folder.is_dir():
        return None
    there = _in_chain(folder, made.chain, lambda _: None)
    return next((each for each in there if each.due_at == made.due_at or each.generated_at == created_at), None)


def _in_chain(folder: Path, chain: Chain, tell: Tell) -> Iterator[Bundle]:
    """Yield the bundles of a chain that are in a folder and can be read."""
    for path in bundles_in(folder):
        try:
            bundle = read_bundle(path, whole=False)
        except BundleError as error:
            if chain_of(path.name) == chain:
                tell(error)
            continue
        if bundle.chain == chain and bundle.sha256:
            yield bundle
