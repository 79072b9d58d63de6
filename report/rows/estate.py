"""Section 4, continued: what is wrong with jobs, stores and waivers, which no single guest's verdict tells."""

from __future__ import annotations

from report.findings import Severity
from report.model.guests import Protection
from report.model.report import EstateFinding, Report
from report.rows.shared import Reader, shortened
from report.sections import Row, Section
from report.words import capitalise, describe_finding, describe_finding_remedy, printable

_STATE = {Severity.CRITICAL: Protection.UNPROTECTED, Severity.WARNING: Protection.AT_RISK}


def estate_section(report: Report, reader: Reader, at_most: int) -> Section | None:
    """Given a report and how many rows page one has room for, return the warnings about jobs, stores and waivers, critical ones first; None
    without any.
    """
    section = _estate(report, reader, "estate")
    return shortened(section, at_most, "estate_all", reader) if section.rows else None


def all_estate(report: Report, reader: Reader) -> tuple[Section, ...]:
    """Given a report, return all these warnings; nothing without any."""
    section = _estate(report, reader, "estate_all")
    return (section,) if section.rows else ()


def _estate(report: Report, reader: Reader, key: str) -> Section:
    found = sorted((each for each in report.findings if each.finding.lowers), key=_gravest_first)
    return Section(
        key=key,
        number=4,
        title=reader.word(f"section.{key}"),
        columns=reader.columns(("source", 1.5), ("finding", 6), ("remedy", 5)),
        rows=tuple(_row(each, report, reader) for each in found),
    )


def _gravest_first(each: EstateFinding) -> tuple[bool, str, str, str]:
    finding = each.finding
    return finding.severity is not Severity.CRITICAL, finding.code, each.source, finding.subject


def _row(each: EstateFinding, report: Report, reader: Reader) -> Row:
    finding = each.finding
    return Row(
        cells=(
            printable(each.source) or reader.word("none"),
            capitalise(describe_finding(finding, reader.language, reader.zone, report.created_at)),
            describe_finding_remedy(finding, reader.language, 0),
        ),
        state=_STATE.get(finding.severity, ""),
    )
