"""What looks odd: sizes far from the group's own history, backups older than the guest, groups that may be another's (D14–D16)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from report.backups import place_name
from report.evidence import Evidence, Holding, Judgement, picked
from report.findings import Finding, FindingCode

# the newest versions are compared with so many before them, where there are enough
HISTORY_AT_MOST = 30
HISTORY_AT_LEAST = 5
# a size has collapsed below, and jumped above, these factors of the smallest and the largest before; as long as so many show it
COLLAPSED_BELOW = 0.2
JUMPED_ABOVE = 5.0
SHOWN_FOR_VERSIONS = 7


def judge_oddities(evidence: Evidence) -> Judgement:
    """Given the evidence on a guest, return what looks odd about its backups."""
    return Judgement((*_sizes(evidence), *_whose(evidence)))


def _sizes(evidence: Evidence) -> Iterator[Finding]:
    for holding in evidence.holdings:
        shown = holding.usable[-(HISTORY_AT_MOST + SHOWN_FOR_VERSIONS) :]
        sizes = picked(holding.matched.group.snapshots.sizes, shown)
        if not sizes or _are_alike(sizes):
            continue
        known = [(place, size) for place, size in zip(shown, sizes, strict=True) if size > 0]
        odd = _odd([size for _, size in known])
        if odd:
            code, since, before = odd
            place, now = known[since]
            finding = Finding.of(
                code,
                holding.place,
                place=holding.place,
                backup=holding.at(place),
                before_bytes=before,
                now_bytes=now,
            )
            yield holding.weigh(finding)


def _odd(sizes: Sequence[int]) -> tuple[FindingCode, int, int] | None:
    """Given the sizes of versions, oldest first, return what happened, at which position, and the size before; None where nothing did.

    The smallest and the largest of those before are the measure, so that a version within the group's range is never odd.
    """
    if not sizes or _are_alike(sizes):
        return None
    for last in range(1, min(SHOWN_FOR_VERSIONS, len(sizes) - HISTORY_AT_LEAST) + 1):
        newest = sizes[-last:]
        before = sizes[max(0, len(sizes) - last - HISTORY_AT_MOST) : -last]
        if max(newest) < COLLAPSED_BELOW * min(before):
            return FindingCode.SIZE_COLLAPSED, len(sizes) - last, min(before)
        if min(newest) > JUMPED_ABOVE * max(before):
            return FindingCode.SIZE_JUMPED, len(sizes) - last, max(before)
    return None


def _are_alike(sizes: Sequence[int]) -> bool:
    """Say whether all sizes are known, and none of them can be odd beside another."""
    smallest, largest = min(sizes), max(sizes)
    return smallest > 0 and max(COLLAPSED_BELOW * largest, largest / JUMPED_ABOVE) <= smallest


def _whose(evidence: Evidence) -> Iterator[Finding]:
    """Yield the groups that hold a predecessor's backups (D16), and those that may be this guest's or another's (D15)."""
    created = evidence.config.created_at if evidence.config else None
    for holding in evidence.holdings:
        count = len(holding.matched.inherited)
        if count:
            yield _inherited(holding, count, created or 0)
    for matched, _ in evidence.maybe_own:
        group = matched.group
        place = place_name(group.server, group.datastore, group.namespace)
        yield Finding.of(FindingCode.BACKUPS_AMBIGUOUS, place, place=place)


def _inherited(holding: Holding, count: int, created: int) -> Finding:
    return Finding.of(FindingCode.BACKUPS_INHERITED, holding.place, place=holding.place, count=count, created=created)
