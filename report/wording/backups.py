"""Backups that exist, in words: whose a group is, how its versions compare, what prunes it, datastores and jobs of a PBS."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo
from functools import lru_cache

from report.model.groups import GroupMatch, GroupPolicy, GroupReport, RetentionState
from report.pruning import OPTIONS
from report.readings import Keep
from report.wording.formats import enumerate_words, format_instant
from report.wording.texts import format_number, join_phrases, plural, printable, word, word_or

_PRUNERS = (("prune job ", "prune_job"), ("job ", "job"))
_LAST_RUNS = frozenset({"ok", "warning", "error", "never", "running"})


def describe_match(match: GroupMatch, language: str) -> str:
    """Given whose a group is, return its words ("no guest’s any more")."""
    return word(f"match.{match}", language)


def describe_keep(keep: Keep, language: str) -> str:
    """Given prune options, return them as PVE writes them ("keep-last=3, keep-daily=7"), in the order in which they are worked off (E14);
    all zero or none keeps everything (E3).
    """
    options = {name if name.startswith("keep-") else f"keep-{name}": count for name, count in keep}
    ordered = dict.fromkeys((*OPTIONS, *options))
    counted = [f"{printable(name)}={options[name]}" for name in ordered if options.get(name) and name != "keep-all"]
    return ", ".join(counted) or word("retention.all", language)


def describe_retention(group: GroupReport, language: str) -> str:
    """Given a judged group, return how its versions compare ("4 versions, 7 expected: 3 missing"), E34."""
    count = group.actual if group.actual is not None else group.snapshots
    versions = plural("versions", count, language) if not group.incomplete else word("versions.unknown", language)
    state = group.state
    if group.expected is None and state not in (RetentionState.UNBOUNDED, RetentionState.NOT_APPLICABLE):
        state = RetentionState.UNKNOWN
    missing, surplus = _off_by(group)
    return word(
        f"retention.{state}",
        language,
        versions=versions,
        expected=_expected(group, language),
        missing=format_number(missing, language),
        surplus=format_number(surplus, language),
        nominal=_known(group.nominal, None, language),
    )


def _expected(group: GroupReport, language: str) -> str:
    low, high = group.low, group.high
    if low is not None and high is not None and low < high:
        band = {"low": format_number(low, language), "high": format_number(high, language)}
        return word("retention.expected.band", language, **band)
    return word("retention.expected", language, expected=_known(group.expected, None, language))


def _known(value: int | None, otherwise: int | None, language: str) -> str:
    shown = otherwise if value is None else value
    return "?" if shown is None else format_number(shown, language)


def describe_delta(delta: int, language: str) -> str:
    """Given a difference, return it with its sign ("+3", "−3", "0")."""
    if delta == 0:
        return "0"
    return word("delta.plus" if delta > 0 else "delta.minus", language, count=format_number(abs(delta), language))


def describe_versions(group: GroupReport, language: str) -> str:
    """Given a judged group, return its versions in short: "7/7", "4/7 (−3)", "19/7–14 (+5)" where a band is expected; "12/∞" where
    nothing limits them, "?" for not known.
    """
    actual = "?" if group.incomplete else _known(group.actual, group.snapshots, language)
    if group.state is RetentionState.UNBOUNDED:
        return word("versions", language, actual=actual, expected=word("versions.unbounded", language))
    if group.state is RetentionState.NOT_APPLICABLE:
        return word("versions", language, actual=actual, expected=word("none", language))
    expected = _band(group, language) or _known(group.expected, None, language)
    if group.state not in (RetentionState.SHORT, RetentionState.EXCESS):
        return word("versions", language, actual=actual, expected=expected)
    missing, surplus = _off_by(group)
    delta = describe_delta(-missing if group.state is RetentionState.SHORT else surplus, language)
    return word("versions.delta", language, actual=actual, expected=expected, delta=delta)


def _off_by(group: GroupReport) -> tuple[int, int]:
    """Return how many versions are missing, and how many there are too many."""
    delta = group.delta or 0
    missing = max(0, -delta) if group.missing is None else group.missing
    return missing, max(0, delta) if group.surplus is None else group.surplus


def _band(group: GroupReport, language: str) -> str:
    """Return the band of versions expected ("7–14"), empty where it is one number or not known."""
    if group.low is None or group.high is None or group.low >= group.high:
        return ""
    return word(
        "versions.band", language, low=format_number(group.low, language), high=format_number(group.high, language)
    )


def describe_pruner(name: str, language: str) -> str:
    """Given what prunes, as the analysis names it ("job nightly", "prune job p1"), return it in the language."""
    for prefix, kind in _PRUNERS:
        if name.startswith(prefix):
            return word(f"pruner.{kind}", language, name=name[len(prefix) :])
    return printable(name)


@lru_cache(maxsize=4096)
def describe_pruning(
    policy: GroupPolicy, language: str, zone: tzinfo, *, known: bool = True, floor: bool = False
) -> str:
    """Given a policy and whether it is known, return who prunes, when next, and how many versions that will remove.

    `floor`: of some groups the number is not known, so that there may be more. "pruned by prune job p-main (keep-daily=14), next 22 Nov
    2026, 02:00, will remove 3"; of what is not known nothing is said.
    """
    if not policy.pruned_by:
        return word("pruned_by.nobody" if known else "pruned_by.unknown", language)
    pruners = enumerate_words([describe_pruner(name, language) for name in policy.pruned_by], language)
    keep = describe_keep(policy.keep, language) if policy.keep else ""
    text = word("pruned_by.keep" if keep else "pruned_by", language, pruners=pruners, keep=keep)
    if policy.next_prune_at is not None:
        instant = format_instant(policy.next_prune_at, zone, language)
        text = word("comma", language, one=text, other=word("prune.next", language, instant=instant))
    if policy.next_prune_removes is not None:
        kind = "removes.at_least" if floor else "removes" if policy.next_prune_removes else "removes.none"
        removes = word(f"prune.{kind}", language, count=format_number(policy.next_prune_removes, language))
        text = word("comma", language, one=text, other=removes)
    return text


def describe_place(datastore: str, namespace: str) -> str:
    """Given a datastore and a namespace ("" is the root), return them as a path ("main/prod")."""
    return printable(f"{datastore}/{namespace}" if namespace else datastore)


def describe_datastore_state(state: str, detail: str | None, language: str) -> str:
    """Given a datastore's state and what the server says of it, return both ("in maintenance: read-only")."""
    text = word_or(f"datastore.{state}", state, language)
    return word("with_reason", language, state=text, reason=detail) if detail else text


def describe_pbs_job_type(job_type: str, language: str) -> str:
    """Given the type of a PBS job, return its word; an unheard-of one as PBS names it."""
    return word_or(f"pbs_job.{job_type}", job_type, language)


def describe_last_run(state: str | None, language: str) -> str:
    """Given how a run ended (ok, warning, error, never, running; None: not told), return its word."""
    return word(f"last_run.{state}", language) if state in _LAST_RUNS else word("unknown", language)


def join_known(parts: Iterable[str], language: str) -> str:
    """Given phrases of which some are empty, return the others as one text, "–" where all are empty."""
    return join_phrases((part for part in parts if part), language) or word("none", language)
