"""The sentence: how many guests are protected and in an active job, of how many, and what keeps it from being the whole truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from report.model.guests import Coverage, Protection
from report.model.report import Report
from report.model.sources import Issue, IssueCode
from report.wording.formats import enumerate_words
from report.wording.texts import capitalise, format_number, join_phrases, plural, printable, word

_HIDING = frozenset(
    {
        IssueCode.SOURCE_DOWN,
        IssueCode.COLLECTOR_FAILED,
        IssueCode.FACTS_STALE,
        IssueCode.PERMISSION_MISSING,
        IssueCode.NO_GUEST_VISIBLE,
        IssueCode.PARTIAL_VIEW,
        IssueCode.DATASTORE_UNREADABLE,
        IssueCode.PBS_NOT_CONFIGURED,
        IssueCode.FOLDER_NOT_LISTED,
        IssueCode.NOTES_NOT_READ,
    }
)
_COUNTED = (
    IssueCode.SOURCE_DOWN,
    IssueCode.DATASTORE_UNREADABLE,
    IssueCode.PBS_NOT_CONFIGURED,
    IssueCode.FOLDER_NOT_LISTED,
    IssueCode.COLLECTOR_FAILED,
    IssueCode.FACTS_STALE,
    IssueCode.PERMISSION_MISSING,
    IssueCode.NODE_OFFLINE,
)
_OF_BACKUPS = (
    IssueCode.DATASTORE_UNREADABLE,
    IssueCode.PBS_NOT_CONFIGURED,
    IssueCode.FOLDER_NOT_LISTED,
    IssueCode.NOTES_NOT_READ,
)
_NAMED = (IssueCode.NO_GUEST_VISIBLE, IssueCode.PARTIAL_VIEW, IssueCode.NOTES_NOT_READ)
_DISAGREEMENTS = (IssueCode.COVERAGE_DISAGREEMENT, IssueCode.ORACLE_REFUSED, IssueCode.ORACLE_SILENT)
_NOT_PROTECTED = (Protection.UNPROTECTED, Protection.AT_RISK, Protection.UNKNOWN)
PBS = "pbs"


def all_seen(report: Report) -> bool:
    """Say whether nothing is known to be hidden: only then may a sentence on backups speak of "all" or "every"."""
    sources_known = all(source.up and source.inventory_known for source in report.sources)
    return bool(report.sources) and sources_known and not any(issue.code in _HIDING for issue in report.issues)


def clusters_seen(report: Report) -> bool:
    """Say whether nothing of the clusters is known to be hidden: guests, jobs, storages. What a backup server hides is left out."""
    clusters = [source for source in report.sources if source.kind != PBS]
    servers = {source.name for source in report.sources} - {source.name for source in clusters}
    hiding = (issue for issue in report.issues if issue.code in _HIDING and not _about_backups(issue, servers))
    return bool(clusters) and all(source.up and source.inventory_known for source in clusters) and not any(hiding)


def _about_backups(issue: Issue, servers: set[str]) -> bool:
    return issue.source in servers or issue.code in _OF_BACKUPS


def judged_protection(report: Report) -> dict[Protection, int]:
    """Given a report, count the protection of the guests that policy demands and nobody waived; the others count as waived."""
    counts = Counter(guest.protection if guest.demanded else Protection.WAIVED for guest in report.guests)
    return {state: counts[state] for state in Protection}


def front_sentence(report: Report, language: str) -> str:
    """Given a report, return page one's sentence: only what is known, the denominator in it, and whether anything was not seen."""
    return " ".join(part for part in _sentences(report, language) if part)


def _sentences(report: Report, language: str) -> list[str]:
    unseen = _unseen(report, language)
    if report.summary.guests == 0:
        return [word("front.none_in_scope" if report.is_cut else "front.none_visible", language), unseen]
    differs = any(issue.code in _DISAGREEMENTS for issue in report.issues)
    opening = _on_backups(report, language) if report.summary.backups_read else _on_coverage(report, language)
    return [*opening, unseen, word("front.disagreement", language) if differs else ""]


def _on_coverage(report: Report, language: str) -> list[str]:
    """Say what is planned while no backup was read."""
    guests = describe_guest_count(report, report.summary.demanded or report.summary.guests, language)
    clauses = [_coverage_clause(report, guests, language), word("front.backups_not_read", language)]
    return [_joined(clauses, language) + ".", _not_demanded(report, language)]


def _on_backups(report: Report, language: str) -> list[str]:
    """Say what is protected, then what is planned."""
    counts = judged_protection(report)
    waived = counts.pop(Protection.WAIVED)
    judged = sum(counts.values())
    if judged == 0:
        guests = describe_guest_count(report, report.summary.guests, language)
        return [word("front.none_demanded", language, guests=guests) + "."]
    clauses = [_protection_clause(report, counts, judged, language)]
    clauses += [plural("front.waived", waived, language)] if waived else []
    sentences = [_joined(clauses, language) + "."]
    if report.summary.demanded:
        demanded = format_number(report.summary.demanded, language)
        sentences.append(_coverage_clause(report, demanded, language) + ".")
    return sentences


def _protection_clause(report: Report, counts: Mapping[Protection, int], judged: int, language: str) -> str:
    """Say how many of the judged guests are protected, and what the others are; what is not known is said before it is denied."""
    protected, unknown = counts[Protection.PROTECTED], counts[Protection.UNKNOWN]
    guests = describe_guest_count(report, judged, language)
    if judged == 1:
        state = next(state for state, count in counts.items() if count)
        return word(f"front.only.{state}", language, guest=_only_guest(report, language))
    if protected == judged:
        return word("front.protected.all", language, guests=guests)
    if unknown == judged:
        return word("front.protected.all_unknown", language, guests=guests)
    if protected:
        head = plural("front.protected.some", protected, language, guests=guests)
    else:
        head = word("front.protected.none_known" if unknown else "front.protected.none", language, guests=guests)
    rest = [plural(f"front.{state}", counts[state], language) for state in _NOT_PROTECTED if counts[state]]
    return _joined([head, ", ".join(rest)], language)


def _only_guest(report: Report, language: str) -> str:
    return word("front.only.guest" if clusters_seen(report) else "front.only.visible_guest", language)


def _coverage_clause(report: Report, guests: str, language: str) -> str:
    """Say how many of the demanded guests are in an active job; what is not known is said before it is denied."""
    counts = dict(report.summary.demanded_coverage)
    planned, missing = counts.get(Coverage.PLANNED, 0), counts.get(Coverage.NOT_PLANNED, 0)
    undecided, demanded = counts.get(Coverage.UNDECIDED, 0), report.summary.demanded
    if demanded == 0:
        return word("front.none_demanded", language, guests=guests)
    if demanded == 1:
        only = "planned" if planned else "not_planned" if missing else "undecided"
        return word(f"front.only.{only}", language, guest=_only_guest(report, language))
    if undecided == demanded:
        return word("front.all_undecided", language, guests=guests)
    if planned == demanded:
        return word("front.all", language, guests=guests)
    if planned:
        head = plural("front.some", planned, language, guests=guests)
    else:
        head = word("front.none_known" if undecided else "front.none", language, guests=guests)
    rest = [plural("front.not_planned", missing, language)] if missing and (planned or undecided) else []
    rest += [plural("front.undecided", undecided, language)] if undecided else []
    return _joined([head, ", ".join(rest)], language) if rest else head


def describe_guest_count(report: Report, count: int, language: str) -> str:
    """Given a report and a number of its guests, return "52 guests", or "52 visible guests" where others may be hidden."""
    return plural("guests" if clusters_seen(report) else "visible_guests", count, language)


def _not_demanded(report: Report, language: str) -> str:
    count = report.summary.guests - report.summary.demanded
    if count == 0 or report.summary.demanded == 0:
        return ""
    templates = all(guest.guest.template is True for guest in report.guests if not guest.demanded)
    return plural("front.templates" if templates else "front.not_demanded", count, language)


def _unseen(report: Report, language: str) -> str:
    """Name what was not seen: counted by kind, sources named where guests themselves may be hidden."""
    count = Counter(issue.code for issue in report.issues)
    parts = []
    for code in _NAMED:
        sources = sorted({issue.source for issue in report.issues if issue.code is code})
        if sources:
            named = enumerate_words([printable(source) for source in sources], language)
            parts.append(word(f"front.unseen.{code}", language, sources=named))
    parts += [plural(f"front.unseen.{code}", count[code], language) for code in _COUNTED if count[code]]
    return word("front.unseen", language, what=enumerate_words(parts, language)) if parts else ""


def _joined(clauses: list[str], language: str) -> str:
    return capitalise(join_phrases(clauses, language))
