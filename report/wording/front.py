"""The sentence: how many guests are in an active backup job, of how many, and what keeps it from being the whole truth."""

from __future__ import annotations

from collections import Counter

from report.model import Coverage, IssueCode, Report
from report.wording.formats import enumerate_words
from report.wording.texts import capitalise, join_phrases, plural, printable, word

_HIDING = frozenset(
    {
        IssueCode.SOURCE_DOWN,
        IssueCode.COLLECTOR_FAILED,
        IssueCode.FACTS_STALE,
        IssueCode.PERMISSION_MISSING,
        IssueCode.NO_GUEST_VISIBLE,
        IssueCode.PARTIAL_VIEW,
    }
)
_COUNTED = (
    IssueCode.SOURCE_DOWN,
    IssueCode.COLLECTOR_FAILED,
    IssueCode.FACTS_STALE,
    IssueCode.PERMISSION_MISSING,
    IssueCode.NODE_OFFLINE,
)
_NAMED = (IssueCode.NO_GUEST_VISIBLE, IssueCode.PARTIAL_VIEW)
_DISAGREEMENTS = (IssueCode.COVERAGE_DISAGREEMENT, IssueCode.ORACLE_REFUSED, IssueCode.ORACLE_SILENT)


def all_seen(report: Report) -> bool:
    """Say whether nothing is known to be hidden: only then may a sentence speak of "all" or "every"."""
    sources_known = all(source.up and source.inventory_known for source in report.sources)
    return bool(report.sources) and sources_known and not any(issue.code in _HIDING for issue in report.issues)


def front_sentence(report: Report, language: str) -> str:
    """Given a report, return page one's sentence: only what is known, the denominator in it, and whether anything was not seen."""
    return " ".join(part for part in _sentences(report, language) if part)


def _sentences(report: Report, language: str) -> list[str]:
    unseen = _unseen(report, language)
    if report.summary.guests == 0:
        return [word("front.none_visible", language), unseen]
    clauses = [_coverage_clause(report, language)]
    if not report.summary.backups_read:
        clauses.append(word("front.backups_not_read", language))
    sentence = _joined(clauses, language) + "."
    differs = any(issue.code in _DISAGREEMENTS for issue in report.issues)
    return [
        sentence,
        _not_demanded(report, language),
        unseen,
        word("front.disagreement", language) if differs else "",
    ]


def _coverage_clause(report: Report, language: str) -> str:
    """Say how many of the demanded guests are in an active job; what is not known is said before it is denied."""
    counts = dict(report.summary.demanded_coverage)
    planned, missing = counts.get(Coverage.PLANNED, 0), counts.get(Coverage.NOT_PLANNED, 0)
    undecided, demanded = counts.get(Coverage.UNDECIDED, 0), report.summary.demanded
    guests = describe_guest_count(report, report.summary.demanded or report.summary.guests, language)
    if demanded == 0:
        return word("front.none_demanded", language, guests=guests)
    if demanded == 1:
        only = "planned" if planned else "not_planned" if missing else "undecided"
        guest = word("front.only.guest" if all_seen(report) else "front.only.visible_guest", language)
        return word(f"front.only.{only}", language, guest=guest)
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
    return plural("guests" if all_seen(report) else "visible_guests", count, language)


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
