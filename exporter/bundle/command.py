"""`vzcover verify-bundle`: bundles checked one by one and as a chain."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from exporter.bundle.reading import Bundle, bundles_in, in_order, is_bundle, read_bundle
from exporter.errors import BundleError
from exporter.terminal import complain, shown

EPILOG = """\
exit codes:
  0  every bundle is whole, and each names the one before it
  1  a file was changed, removed or added, a link of the chain is broken, or the chain begins after a bundle that is not here
  2  a bundle cannot be read
"""


def verify_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of verify-bundle."""
    parser.epilog = EPILOG
    parser.add_argument(
        "paths",
        nargs="+",
        type=Path,
        metavar="PATH",
        help="a bundle, several of them in the order of their days, or a folder that holds bundles",
    )
    parser.add_argument(
        "--part", action="store_true", help="it is meant that the first bundle follows one that is not here"
    )


def verify_bundle(options: argparse.Namespace) -> int:
    """Check bundles, print a line for each and one for each broken link, and return the exit code."""
    bundles, unreadable = _read(options.paths)
    for bundle in bundles:
        print(shown(_line(bundle)))
    links = broken_links(bundles)
    for link in links:
        print(shown(link))
    # a bundle that is named alone is no chain
    headless = "" if [bundle.path for bundle in bundles] == options.paths[:1] else missing_before(bundles)
    if headless:
        print(shown(headless))
    if unreadable:
        return BundleError.exit_code
    return int(bool(links) or any(bundle.faults for bundle in bundles) or bool(headless and not options.part))


def missing_before(bundles: Sequence[Bundle]) -> str:
    """Given bundles in order, say that the first one follows another, which then is missing; "" where it follows none."""
    first = next(iter(bundles), None)
    if first is None or first.previous is None:
        return ""
    before = f"{first.previous.name} ({first.previous.sha256[:16]}…)"
    return f"the chain begins after {before}, which is not here: what was before {first.name} is not checked"


def broken_links(bundles: Sequence[Bundle]) -> list[str]:
    """Given bundles in order, return what is wrong between each and the next."""
    return [fault for before, bundle in pairwise(bundles) if (fault := _broken(before, bundle))]


def _broken(before: Bundle, bundle: Bundle) -> str:
    if bundle.previous is None:
        return f"broken link: {bundle.name} names no bundle before it, but {before.name} stands there"
    if bundle.previous.sha256 == before.sha256:
        return ""
    return (
        f"broken link: {bundle.name} follows {bundle.previous.name} ({bundle.previous.sha256[:16]}…), not this {before.name}: "
        "one between them is missing, they are in another order, or it was made anew"
    )


def _read(paths: Iterable[Path]) -> tuple[list[Bundle], bool]:
    """Read all bundles; tell of those that cannot be read on standard error, and say whether there were any."""
    bundles: list[Bundle] = []
    unreadable = False
    for path in paths:
        try:
            found = _below(path)
        except BundleError as error:
            complain(str(error))
            unreadable = True
            continue
        read = []
        for each in found:
            try:
                read.append(read_bundle(each))
            except BundleError as error:
                complain(str(error))
                unreadable = True
        bundles += read if found == [path] else in_order(read)
    return bundles, unreadable


def _below(path: Path) -> list[Path]:
    """Return the path itself, or the bundles in it where it is a folder that holds some."""
    if not path.is_dir() or is_bundle(path):
        return [path]
    found = bundles_in(path)
    if not found:
        raise BundleError(str(path), "no bundle is in it")
    return found


def _line(bundle: Bundle) -> str:
    if bundle.faults:
        return f"{bundle.name}: broken: {'; '.join(bundle.faults)}"
    follows = f"follows {bundle.previous.name}" if bundle.previous else "the first of its chain"
    return f"{bundle.name}: fine; {follows}; SHA-256 {bundle.sha256}"
