"""Whom a scope means, what a finding is called, what a waiver is for: in words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from report.findings import FindingCode
from report.policy import EVERY_GUEST, Scope, Waiver
from report.wording.texts import plural, printable, texts_of, word

_GUEST = re.compile(r"(\S+)/([0-9]+)")
_PARTS = ("cluster", "pool", "tag", "name", "vmid")


def describe_scope_parts(scope: Scope, language: str) -> str:
    """Given a scope, return what it asks of a guest as a phrase ("of the cluster lab, with the tag dev"); "" for the empty one."""
    return ", ".join(_parts(scope, language))


def describe_scope(scope: Scope, language: str) -> str:
    """Given a scope, return whom it means as a phrase ("guests with the tag dev"); a single guest by cluster and number."""
    if scope == EVERY_GUEST:
        return word("scope.every", language)
    if scope.clusters and scope.vmids and scope == Scope.of_guest(scope.clusters[0], scope.vmids[0][0]):
        return word("scope.guest", language, guest=str(scope))
    return word("scope.guests", language, parts=describe_scope_parts(scope, language))


def describe_finding_name(code: str, language: str) -> str:
    """Given a finding's code, return its short name ("volumes left out"); one that is not known any more as it is."""
    return texts_of(language).finding_names.get(code) or printable(code)


def describe_waived(code: str, volume: str, language: str) -> str:
    """Given the finding and the volume that a waiver is for, return them as a phrase ("volumes left out, scsi1"); "" for neither."""
    told = [describe_finding_name(code, language)] if code else []
    return ", ".join([*told, *([printable(volume)] if volume else [])])


def describe_waiver_subject(subject: str, language: str) -> str:
    """Given a waiver's short name (`Waiver.subject`), return it in words ("guests with the tag dev: volumes left out"); what does not
    read as one, as it is.
    """
    waiver = _read(subject)
    if waiver is None:
        return printable(subject)
    whom, what = describe_scope(waiver.scope, language), describe_waived(waiver.code, waiver.volume, language)
    return word("with_reason", language, state=whom, reason=what) if what else whom


def _parts(scope: Scope, language: str) -> Iterator[str]:
    ranges = tuple(str(low) if low == high else f"{low}–{high}" for low, high in scope.vmids)
    named = {
        "clusters": scope.clusters,
        "pools": scope.pools,
        "tags": scope.tags,
        "names": scope.names,
        "vmids": ranges,
    }
    for part, values in named.items():
        if values:
            count = len(values) if part != "vmids" or "–" not in "".join(values) else 2
            yield plural(f"scope.{part}", count, language, names=", ".join(map(printable, values)))


def _read(subject: str) -> Waiver | None:
    """Read a waiver's short name back; None for a text of another form."""
    words = subject.split(" ")
    guest = _GUEST.fullmatch(words[0])
    if guest:
        scope, rest = Scope.of_guest(guest[1], int(guest[2])), words[1:]
    else:
        pairs = [each.partition(":") for each in words]
        count = next((at for at, (part, _, _) in enumerate(pairs) if part not in _PARTS), len(pairs))
        values = {part: tuple(listed.split(",")) for part, _, listed in pairs[:count]}
        ranges = _ranges(values.get("vmid", ()))
        if not count or ranges is None:
            return None
        rest = words[count:]
        clusters, pools, tags, names = (values.get(part, ()) for part in _PARTS[:4])
        scope = Scope(clusters, pools, tags, names, ranges)
    code = rest.pop(0) if rest and rest[0] in tuple(FindingCode) else ""
    return Waiver(scope, "", 0, code=code, volume=" ".join(rest))


def _ranges(texts: tuple[str, ...]) -> tuple[tuple[int, int], ...] | None:
    ends = [(low, high or low) for low, _, high in (text.partition("-") for text in texts)]
    if not all(low.isdecimal() and high.isdecimal() for low, high in ends):
        return None
    return tuple((int(low), int(high)) for low, high in ends)
