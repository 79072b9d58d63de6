"""`vzcover verify-bundle`: bundles checked one by one and as chains."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from exporter.bundle.chains import broken_links, by_chain, in_order, made_later, missing_before
from exporter.bundle.content import Chain
from exporter.bundle.reading import Bundle, bundles_in, is_bundle, read_bundle
from exporter.errors import BundleError
from exporter.terminal import complain, shown

EPILOG = """\
exit codes:
  0  every bundle is whole, and each names the one before it in its chain
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
    """Check bundles chain by chain, print a line for each and one for each broken link, and return the exit code."""
    bundles, unreadable = _read(options.paths)
    hashes = {bundle.sha256 for bundle in bundles}
    # a bundle that is named alone is no chain
    alone = [bundle.path for bundle in bundles] == options.paths[:1]
    broken = headless = False
    for chain, links in by_chain(bundles).items():
        faults, missing = broken_links(links), "" if alone else missing_before(links, hashes)
        for line in (_heading(chain, links), *map(_line, links), *made_later(links), *faults, *filter(None, [missing])):
            print(shown(line))
        broken |= bool(faults) or any(bundle.faults for bundle in links)
        headless |= bool(missing)
    if unreadable:
        return BundleError.exit_code
    return int(broken or (headless and not options.part))


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
        bundles += read if found == [path] else _sorted(read)
    return bundles, unreadable


def _below(path: Path) -> list[Path]:
    """Return the path itself, or the bundles in it where it is a folder that holds some."""
    if not path.is_dir() or is_bundle(path):
        return [path]
    found = bundles_in(path)
    if not found:
        raise BundleError(str(path), "no bundle is in it")
    return found


def _sorted(bundles: Iterable[Bundle]) -> list[Bundle]:
    return [bundle for links in by_chain(bundles).values() for bundle in in_order(links)]


def _heading(chain: Chain, links: Sequence[Bundle]) -> str:
    return f"chain of {chain}: {len(links)} bundle{'s' if len(links) > 1 else ''}"


def _line(bundle: Bundle) -> str:
    if bundle.faults:
        return f"{bundle.name}: broken: {'; '.join(bundle.faults)}"
    follows = f"follows {bundle.previous.name}" if bundle.previous else "the first of its chain"
    return f"{bundle.name}: fine; {follows}; SHA-256 {bundle.sha256}"
