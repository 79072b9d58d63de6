"""Page one: the sentence, the state bar, the worst first, and what could not be seen."""

from __future__ import annotations

from dataclasses import replace

from report.model import Coverage, GuestReport, Issue, IssueCode, Protection, Report
from report.rows.shared import (
    Reader,
    guest_anchor,
    guest_label,
    needing_attention,
    reasons_in_words,
    remedies_in_words,
)
from report.sections import FrontPage, Row, Section, StateCount
from report.words import (
    all_seen,
    capitalise,
    describe_coverage,
    describe_finding,
    describe_guest_count,
    describe_issue_remedy,
    describe_protection,
    format_long_instant,
    front_sentence,
    printable,
    zone_name,
)

ROWS_AT_MOST = 8
_GRAVEST_FIRST = (
    IssueCode.SOURCE_DOWN,
    IssueCode.NO_GUEST_VISIBLE,
    IssueCode.PARTIAL_VIEW,
    IssueCode.COVERAGE_DISAGREEMENT,
    IssueCode.ORACLE_REFUSED,
    IssueCode.ORACLE_SILENT,
    IssueCode.COLLECTOR_FAILED,
    IssueCode.FACTS_STALE,
    IssueCode.PERMISSION_MISSING,
    IssueCode.NODE_OFFLINE,
)


def build_front(report: Report, reader: Reader, site: str) -> FrontPage:
    """Given a report and the site's name, return page one."""
    return FrontPage(
        title=reader.word("title", site=site),
        subtitle=reader.word(
            "subtitle",
            date=format_long_instant(report.created_at, reader.zone, reader.language),
            zone=zone_name(reader.zone),
        ),
        sentence=front_sentence(report, reader.language),
        notes=_notes(report, reader),
        bar=_bar(report, reader),
        sections=(_worst(report, reader), _unseen(report, reader)),
    )


def _notes(report: Report, reader: Reader) -> tuple[str, ...]:
    """Print the denominator and the rules in force under the sentence."""
    guests = describe_guest_count(report, report.summary.guests, reader.language)
    kind = "all" if report.policy.demand_templates else "templates"
    denominator = reader.word(f"note.denominator.{kind}", guests=guests, demanded=report.summary.demanded)
    return (denominator, reader.word("note.rule")) if report.summary.guests else (reader.word("note.rule"),)


def _bar(report: Report, reader: Reader) -> tuple[StateCount, ...]:
    """Count the demanded guests by coverage, and those that are not demanded apart. Without a visible guest there is no bar."""
    if report.summary.guests == 0:
        return ()
    counts = dict(report.summary.demanded_coverage)
    bar = [StateCount(state, describe_coverage(state, reader.language), counts.get(state, 0)) for state in Coverage]
    waived = report.summary.guests - report.summary.demanded
    if waived:
        bar.append(StateCount(Protection.WAIVED, describe_protection(Protection.WAIVED, reader.language), waived))
    return tuple(bar)


def attention_section(
    guests: tuple[GuestReport, ...], report: Report, reader: Reader, *, key: str, number: int
) -> Section:
    """Given guests that need attention, return the table of them: guest, state, why, what to do."""
    return Section(
        key=key,
        number=number,
        title=reader.word(f"section.{key}"),
        columns=reader.columns(("guest", 3), ("state", 2.2), ("reason", 5), ("remedy", 5)),
        rows=tuple(
            Row(
                cells=(
                    guest_label(guest),
                    describe_coverage(guest.coverage, reader.language),
                    reasons_in_words(guest.reasons, reader),
                    remedies_in_words(guest, reader),
                ),
                state=guest.coverage,
                link=guest_anchor(guest),
            )
            for guest in guests
        ),
        empty=reader.word(f"worst.{nothing_missing(report)}"),
    )


def nothing_missing(report: Report) -> str:
    """Given a report in which no demanded guest is known to be uncovered, return the key of the sentence that is true then."""
    if report.summary.guests == 0:
        return "none_visible"
    if report.summary.demanded == 0:
        return "none_demanded"
    if not all_seen(report):
        return "none_known"
    return "only_undecided" if dict(report.summary.demanded_coverage).get(Coverage.UNDECIDED) else "none"


def _worst(report: Report, reader: Reader) -> Section:
    guests = tuple(needing_attention(report))
    section = attention_section(guests[:ROWS_AT_MOST], report, reader, key="worst", number=4)
    if len(guests) <= ROWS_AT_MOST:
        return section
    where = "guests_without_backup" if guests[ROWS_AT_MOST].coverage is Coverage.NOT_PLANNED else "guests_undecided"
    return replace(section, sentences=(_more(len(guests), where, reader),))


def _unseen(report: Report, reader: Reader) -> Section:
    gravest_first = sorted(report.issues, key=lambda issue: _GRAVEST_FIRST.index(issue.code))
    section = issues_section(tuple(gravest_first[:ROWS_AT_MOST]), reader, key="unseen", number=5)
    section = replace(section, empty=reader.word(f"unseen.{_nothing_unseen(report)}"))
    if len(report.issues) <= ROWS_AT_MOST:
        return section
    return replace(section, sentences=(_more(len(report.issues), "method_issues", reader),))


def _nothing_unseen(report: Report) -> str:
    """Given a report without issues, return the key of the sentence that is true then."""
    if not all_seen(report):
        return "unnamed"
    compared = all(source.coverage_disagreements == 0 for source in report.sources)
    return "none" if compared else "not_compared"


def _more(count: int, where: str, reader: Reader) -> str:
    return reader.word("more_rows", shown=ROWS_AT_MOST, count=count, section=reader.word(f"section.{where}"))


def issues_section(issues: tuple[Issue, ...], reader: Reader, *, key: str, number: int) -> Section:
    """Given issues, return the table of them: source, what it is, which guests it touches, what to do."""
    return Section(
        key=key,
        number=number,
        title=reader.word(f"section.{key}"),
        columns=reader.columns(("source", 1.5), ("finding", 5), ("touched", 2), ("remedy", 5)),
        rows=tuple(
            Row(
                cells=(
                    printable(issue.source),
                    capitalise(describe_finding(issue, reader.language, reader.zone)),
                    touched_guests(issue.guests, reader),
                    describe_issue_remedy(issue, reader.language),
                ),
                state=Coverage.UNDECIDED,
            )
            for issue in issues
        ),
    )


def touched_guests(vmids: tuple[int, ...], reader: Reader) -> str:
    """Given vmids, return them as text, the first few by number and the others counted."""
    shown = ", ".join(str(vmid) for vmid in vmids[:ROWS_AT_MOST])
    if not vmids:
        return reader.word("none")
    more = len(vmids) - ROWS_AT_MOST
    return reader.word("list_more", shown=shown, count=more) if more > 0 else shown
