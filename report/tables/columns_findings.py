"""The columns of the tables of findings and of waivers, and their rows out of a report. New columns are added at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from report.findings import RULES, Finding
from report.model.report import Report
from report.policy import NO_END, Waiver
from report.rows.runbook import waivers_with_guests
from report.tables.cells import TableColumn, columns, instant
from report.words import describe_finding, describe_finding_remedy


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A finding with whose it is: a guest of a cluster, or a source as a whole (`vmid` None), the waiver that takes it out, and now."""

    source: str
    finding: Finding
    now: int
    vmid: int | None = None
    name: str | None = None
    waiver: Waiver | None = None


@dataclass(frozen=True, slots=True)
class WaiverRow:
    """A waiver, how many guests it excuses now, and whether it ran out."""

    waiver: Waiver
    guests: int
    ended: bool


def finding_rows(report: Report) -> Iterator[FindingRow]:
    """Given a report, yield every finding: those of guests, waived ones behind the others, then those of jobs, stores and waivers."""
    now = report.created_at
    for guest in report.guests:
        of_guest = (guest.guest.vmid, guest.guest.name)
        for finding in guest.findings:
            yield FindingRow(guest.pve, finding, now, *of_guest, guest.waiver)
        for waived in guest.waived:
            yield FindingRow(guest.pve, waived.finding, now, *of_guest, waived.waiver)
    for found in report.findings:
        yield FindingRow(found.source, found.finding, now)


def waiver_rows(report: Report) -> Iterator[WaiverRow]:
    """Given a report, yield every waiver, as its section does."""
    for waiver, guests in waivers_with_guests(report):
        yield WaiverRow(waiver, guests, not waiver.holds(report.created_at))


FINDING_COLUMNS: Sequence[TableColumn[FindingRow]] = columns(
    ("source", lambda row, language, zone: row.source),
    ("vmid", lambda row, language, zone: row.vmid),
    ("name", lambda row, language, zone: row.name),
    ("severity", lambda row, language, zone: row.finding.severity),
    ("area", lambda row, language, zone: RULES[row.finding.code].area),
    ("code", lambda row, language, zone: row.finding.code),
    ("subject", lambda row, language, zone: row.finding.subject),
    ("text", lambda row, language, zone: describe_finding(row.finding, language, zone, row.now)),
    ("remedy", lambda row, language, zone: describe_finding_remedy(row.finding, language, row.vmid or 0)),
    ("since", lambda row, language, zone: instant(row.finding.since)),
    ("waiver", lambda row, language, zone: row.waiver.reason if row.waiver else None),
)
WAIVER_COLUMNS: Sequence[TableColumn[WaiverRow]] = columns(
    ("scope", lambda row, language, zone: str(row.waiver.scope)),
    ("finding", lambda row, language, zone: row.waiver.code),
    ("volume", lambda row, language, zone: row.waiver.volume),
    ("reason", lambda row, language, zone: row.waiver.reason),
    ("owner", lambda row, language, zone: row.waiver.owner),
    ("until", lambda row, language, zone: None if row.waiver.until >= NO_END else instant(row.waiver.until)),
    ("ended", lambda row, language, zone: row.ended),
    ("guests", lambda row, language, zone: row.guests),
    ("origin", lambda row, language, zone: row.waiver.origin),
)
