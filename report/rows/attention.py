"""Tables of guests that need attention: without a planned backup, or with backups that are not as they should be."""

from __future__ import annotations

from report.model.guests import Coverage, GuestReport
from report.model.report import Report
from report.rows.shared import (
    DAY_SECONDS,
    FINDINGS_SHOWN,
    Reader,
    age_in_words,
    attention_state,
    coverage_in_words,
    guest_anchor,
    guest_label,
    open_since,
    remedies_in_words,
    why_in_words,
)
from report.sections import Row, Section
from report.words import all_seen, clusters_seen, describe_coverage, describe_protection, format_duration


def attention_section(
    guests: tuple[GuestReport, ...], report: Report, reader: Reader, *, key: str, number: int
) -> Section:
    """Given guests without a planned backup, return the table of them: guest, coverage, why, what to do."""
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
                    coverage_in_words(guest.reasons, reader),
                    remedies_in_words(guest, reader),
                ),
                state=guest.coverage,
                link=guest_anchor(guest),
            )
            for guest in guests
        ),
        empty=reader.word(f"worst.{nothing_missing(report)}"),
        stacked=True,
    )


def protection_section(
    guests: tuple[GuestReport, ...],
    report: Report,
    reader: Reader,
    *,
    key: str,
    number: int,
    findings: int = FINDINGS_SHOWN,
) -> Section:
    """Given guests that need attention, return the table of them: guest, state, age of the last good backup against its limit, why (at most
    so many findings), what to do.

    While no backup was read it is the table on coverage.
    """
    if not report.summary.backups_read:
        return attention_section(guests, report, reader, key=key, number=number)
    return Section(
        key=key,
        number=number,
        title=reader.word(f"section.{key}"),
        columns=reader.columns(("guest", 2.5), ("state", 2.1), ("age_limit", 1.8), ("reason", 5), ("remedy", 4.5)),
        rows=tuple(_protection_row(guest, report.created_at, findings, reader) for guest in guests),
        empty=reader.word(f"worst.{_nothing_at_risk(report)}"),
        stacked=True,
    )


def _protection_row(guest: GuestReport, now: int, findings: int, reader: Reader) -> Row:
    """Mark the row by the worse of what is known: protection, or coverage where protection is good or not known."""
    if attention_state(guest) == guest.coverage:
        state = describe_coverage(guest.coverage, reader.language)
    else:
        state = _since(describe_protection(guest.protection, reader.language), open_since(guest), now, reader)
    return Row(
        cells=(
            guest_label(guest),
            state,
            age_in_words(guest, now, reader),
            why_in_words(guest, now, reader, findings),
            remedies_in_words(guest, reader),
        ),
        state=attention_state(guest),
        link=guest_anchor(guest),
    )


def _since(state: str, since: int | None, now: int, reader: Reader) -> str:
    """Say how long what lowers the state is open, where an earlier report had it."""
    if since is None or since >= now:
        return state
    age = now - since
    whole_days = age - age % DAY_SECONDS if age >= 2 * DAY_SECONDS else age
    return reader.word("state.open", state=state, age=format_duration(whole_days, reader.language))


def _nothing_at_risk(report: Report) -> str:
    """Given a report in which every demanded guest is protected and planned, return the key of the sentence that is true then."""
    if report.summary.guests == 0:
        return "none_visible"
    if report.summary.demanded == 0:
        return "none_demanded"
    return "all_protected" if all_seen(report) else "none_known_at_risk"


def nothing_missing(report: Report) -> str:
    """Given a report in which no demanded guest is known to be uncovered, return the key of the sentence that is true then."""
    if report.summary.guests == 0:
        return "none_visible"
    if report.summary.demanded == 0:
        return "none_demanded"
    if not clusters_seen(report):
        return "none_known"
    return "only_undecided" if dict(report.summary.demanded_coverage).get(Coverage.UNDECIDED) else "none"
