"""Page one: the sentence, the state bar, the worst first, and what could not be seen."""

from __future__ import annotations

from dataclasses import replace

from report.model.guests import Coverage, Protection
from report.model.report import Report
from report.model.sources import Issue, IssueCode
from report.rows.attention import protection_section
from report.rows.changes import changes_section
from report.rows.estate import estate_section
from report.rows.scope import scope_in_words
from report.rows.servers import capacity
from report.rows.shared import (
    Reader,
    has_servers,
    needing_attention,
    shortened,
)
from report.rows.trend import trend_note, trend_section
from report.sections import FrontPage, Row, Section, StateCount
from report.words import (
    PBS,
    all_seen,
    capitalise,
    describe_guest_count,
    describe_issue_meaning,
    describe_issue_remedy,
    describe_state,
    format_long_instant,
    format_number,
    front_sentence,
    judged_protection,
    printable,
    zone_name,
)

ROWS_AT_MOST = 8
WORST_AT_LEAST = 4
FINDINGS_AT_MOST = 2
"""Told of a guest on page one, which has to hold what could not be seen too."""

_GRAVEST_FIRST = (
    IssueCode.SOURCE_DOWN,
    IssueCode.NO_GUEST_VISIBLE,
    IssueCode.PARTIAL_VIEW,
    IssueCode.DATASTORE_UNREADABLE,
    IssueCode.PBS_NOT_CONFIGURED,
    IssueCode.FOLDER_NOT_LISTED,
    IssueCode.COVERAGE_DISAGREEMENT,
    IssueCode.ORACLE_REFUSED,
    IssueCode.ORACLE_SILENT,
    IssueCode.AMBIGUOUS_GROUPS,
    IssueCode.CONFLICTING_POLICIES,
    IssueCode.STORAGES_FILE_UNREADABLE,
    IssueCode.DRILLS_UNREADABLE,
    IssueCode.HISTORY_UNAVAILABLE,
    IssueCode.COLLECTOR_FAILED,
    IssueCode.FACTS_STALE,
    IssueCode.PERMISSION_MISSING,
    IssueCode.NOTES_NOT_READ,
    IssueCode.NODE_OFFLINE,
)
# which list of the following pages has the guests that need attention, by their coverage
_LISTED = {
    Coverage.NOT_PLANNED: "guests_without_backup",
    Coverage.UNDECIDED: "guests_undecided",
    Coverage.PLANNED: "guests_at_risk",
}


def build_front(report: Report, reader: Reader, site: str) -> FrontPage:
    """Given a report and the site's name, return page one; its capacity only where a PBS is configured."""
    changed = changes_section(report, reader)
    estate = estate_section(report, reader, ROWS_AT_MOST)
    told = (changed, _worst(report, reader), _unseen(report, reader), trend_section(report, reader), estate)
    sections = tuple(section for section in told if section)
    return FrontPage(
        title=reader.word("title", site=site),
        subtitle=_subtitle(report, reader),
        sentence=front_sentence(report, reader.language),
        notes=_notes(report, reader),
        bar=_bar(report, reader),
        sections=(*sections, capacity(report, reader)) if has_servers(report) else sections,
    )


def _subtitle(report: Report, reader: Reader) -> str:
    """Say as of when, in which zone, and about which guests."""
    date = format_long_instant(report.created_at, reader.zone, reader.language)
    said = reader.word("subtitle", date=date, zone=zone_name(reader.zone))
    return " ".join(filter(None, (said, scope_in_words(report.scope, reader))))


def _notes(report: Report, reader: Reader) -> tuple[str, ...]:
    """Print the denominator and the rules in force under the sentence."""
    guests = describe_guest_count(report, report.summary.guests, reader.language)
    kind = "all" if report.policy.default.templates else "templates"
    denominator = reader.word(f"note.denominator.{kind}", guests=guests, demanded=report.summary.demanded)
    judged = report.summary.guests - judged_protection(report)[Protection.WAIVED]
    if report.summary.backups_read and judged < report.summary.demanded:
        # then the sentence counts protection of fewer guests than jobs
        waived = format_number(report.summary.demanded - judged, reader.language)
        denominator = f"{denominator} {reader.word('note.denominator.waived', waived=waived, judged=judged)}"
    rules = [reader.word("note.protection")] if report.summary.backups_read else []
    rules.append(reader.word("note.rule"))
    since = trend_note(report, reader)
    return (*([denominator] if report.summary.guests else []), *rules, *([since] if since else []))


def _bar(report: Report, reader: Reader) -> tuple[StateCount, ...]:
    """Count the demanded guests by protection, by coverage while no backup was read, and those that are not demanded apart.

    Without a visible guest there is no bar.
    """
    if report.summary.guests == 0:
        return ()
    if report.summary.backups_read:
        return tuple(
            _piece(state, count, reader)
            for state, count in judged_protection(report).items()
            if count or state is not Protection.WAIVED
        )
    counts = dict(report.summary.demanded_coverage)
    bar: list[tuple[Coverage | Protection, int]] = [(state, counts.get(state, 0)) for state in Coverage]
    waived = report.summary.guests - report.summary.demanded
    if waived:
        bar.append((Protection.WAIVED, waived))
    return tuple(_piece(state, count, reader) for state, count in bar)


def _piece(state: Coverage | Protection, count: int, reader: Reader) -> StateCount:
    shown = format_number(count, reader.language)
    return StateCount(state, describe_state(state, count, reader.language), count, shown)


def _worst(report: Report, reader: Reader) -> Section:
    guests = tuple(needing_attention(report))
    shown = guests[:ROWS_AT_MOST]
    section = protection_section(shown, report, reader, key="worst", number=4, findings=FINDINGS_AT_MOST)
    found = {guest.coverage for guest in guests}
    lists = [key for coverage, key in _LISTED.items() if coverage in found]
    if not lists:
        return section
    count, also = len(guests), lists[1:]
    return shortened(section, ROWS_AT_MOST, lists[0], reader, least=WORST_AT_LEAST, count=count, also=also)


def _unseen(report: Report, reader: Reader) -> Section:
    gravest_first = sorted(report.issues, key=lambda issue: _GRAVEST_FIRST.index(issue.code))
    section = issues_section(tuple(gravest_first[:ROWS_AT_MOST]), reader, key="unseen", number=5)
    section = replace(section, empty=reader.word(f"unseen.{_nothing_unseen(report)}"))
    return shortened(section, ROWS_AT_MOST, "method_issues", reader, count=len(report.issues))


def _nothing_unseen(report: Report) -> str:
    """Given a report without issues, return the key of the sentence that is true then."""
    if not all_seen(report):
        return "unnamed"
    compared = all(source.coverage_disagreements == 0 for source in report.sources if source.kind != PBS)
    return "none" if compared else "not_compared"


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
                    capitalise(describe_issue_meaning(issue, reader.language, reader.zone)),
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
