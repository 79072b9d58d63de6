"""Bundles that were read → the chains that they are, each in its order, and what is wrong with their links."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from exporter.bundle.content import Chain, Link
from exporter.bundle.reading import Bundle


def by_chain(bundles: Iterable[Bundle]) -> dict[Chain, list[Bundle]]:
    """Given bundles, return those of each chain in the order given; the chains by name."""
    found: dict[Chain, list[Bundle]] = {}
    for bundle in bundles:
        found.setdefault(bundle.chain, []).append(bundle)
    return dict(sorted(found.items()))


def in_order(bundles: Iterable[Bundle]) -> list[Bundle]:
    """Given bundles of one chain, return each behind the one that it names, whatever the clock said; what names none of them stands by
    its instant.
    """
    known = sorted(bundles, key=lambda bundle: (bundle.generated_at, bundle.name))
    there = {bundle.sha256 for bundle in known}
    followers: dict[str, list[Bundle]] = {}
    for bundle in known:
        if bundle.previous:
            followers.setdefault(bundle.previous.sha256, []).append(bundle)
    heads = [bundle for bundle in known if bundle.previous is None or bundle.previous.sha256 not in there]
    ordered: dict[Path, Bundle] = {}
    # one that was tampered with may name itself or a later one: no head leads there, and it comes last
    for head in (*heads, *known):
        waiting = [head]
        while waiting:
            bundle = waiting.pop()
            if bundle.path not in ordered:
                ordered[bundle.path] = bundle
                waiting += reversed(followers.get(bundle.sha256, []))
    return list(ordered.values())


def last_link(bundles: Iterable[Bundle]) -> Link | None:
    """Given bundles of one chain, return how the next one names the last of them; None where there is none."""
    ordered = in_order(bundle for bundle in bundles if bundle.sha256)
    return Link(ordered[-1].sha256, ordered[-1].name) if ordered else None


def broken_links(bundles: Sequence[Bundle]) -> list[str]:
    """Given bundles of one chain in order, return what is wrong between each and the next."""
    return [fault for before, bundle in pairwise(bundles) if (fault := _broken(before, bundle))]


def missing_before(bundles: Sequence[Bundle], there: Iterable[str]) -> str:
    """Given bundles of one chain in order, and the hashes of all that were read, say that the first one follows another, which is missing;
    "" where it follows none, or one of another chain that is there.
    """
    first = bundles[0]
    if first.previous is None or first.previous.sha256 in there:
        return ""
    before = f"{first.previous.name} ({first.previous.sha256[:16]}…)"
    return f"the chain begins after {before}, which is not here: what was before {first.name} is not checked"


def made_later(bundles: Sequence[Bundle]) -> Iterator[str]:
    """Given bundles of one chain in order, yield a remark on each that tells of an instant before that of the one it follows."""
    for before, bundle in pairwise(bundles):
        if 0 < bundle.generated_at < before.generated_at and not _broken(before, bundle):
            yield (
                f"remark: {bundle.name} was made after {before.name}, but tells of an earlier instant: "
                "the clock was set back, or --now was given"
            )


def _broken(before: Bundle, bundle: Bundle) -> str:
    if bundle.previous is None:
        return f"broken link: {bundle.name} names no bundle before it, but {before.name} stands there"
    if bundle.previous.sha256 == before.sha256:
        return ""
    return (
        f"broken link: {bundle.name} follows {bundle.previous.name} ({bundle.previous.sha256[:16]}…), not this {before.name}: "
        "one between them is missing, they are in another order, or it was made anew"
    )
