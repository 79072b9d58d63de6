"""What the builders of sections share: where they write for (language, zone), columns, labels and anchors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo

from report.model.guests import Coverage, GuestReport, Protection
from report.model.reasons import Reason, ReasonCode
from report.model.report import Report
from report.sections import Column, Fewer, Section, first_rows
from report.words import (
    PBS,
    capitalise,
    describe_finding,
    describe_finding_remedy,
    describe_reason,
    describe_remedy,
    enumerate_words,
    format_duration,
    join_phrases,
    plural,
    printable,
    word,
)

# reasons of the other axis, protection; a row on coverage does not repeat them
_OF_PROTECTION = frozenset(
    {
        ReasonCode.NOT_DEMANDED,
        ReasonCode.BACKUPS_NOT_READ,
        ReasonCode.HAS_BACKUPS,
        ReasonCode.STORE_NOT_READ,
        ReasonCode.PBS_NOT_CONFIGURED,
        ReasonCode.GROUP_AMBIGUOUS,
        ReasonCode.GROUP_INCOMPLETE,
        ReasonCode.BACKUPS_UNATTRIBUTED,
        ReasonCode.FOLDER_NOT_LISTED,
        ReasonCode.VOLUMES_NOT_READ,
        ReasonCode.TASKS_NOT_READ,
        ReasonCode.LOG_NOT_READ,
        ReasonCode.ZONE_NOT_READ,
        ReasonCode.RESTORES_NOT_READ,
        ReasonCode.NOTES_NOT_READ,
        ReasonCode.WAIVED,
    }
)
DAY_SECONDS = 86_400
# findings told of a guest in one row; the JSON has them all
FINDINGS_SHOWN = 3
_WORST_COVERAGE_FIRST = (Coverage.NOT_PLANNED, Coverage.UNDECIDED, Coverage.PLANNED)
_WORST_FIRST = (
    Protection.UNPROTECTED,
    Protection.AT_RISK,
    Coverage.NOT_PLANNED,
    Coverage.UNDECIDED,
    Protection.UNKNOWN,
)


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom rows are written: "en" or "fr", and the zone that instants are shown in."""

    language: str
    zone: tzinfo

    def word(self, key: str, **params: object) -> str:
        """Given a key of the words table, return the text in the reader's language."""
        return word(key, self.language, **params)

    def columns(self, *columns: tuple[str, float]) -> tuple[Column, ...]:
        """Given keys and weights, return the columns; a key that ends in ">" is right-aligned."""
        return tuple(
            Column(self.word(f"column.{key.rstrip('>')}"), weight, right=key.endswith(">")) for key, weight in columns
        )


def shortened(
    section: Section,
    at_most: int,
    where: str,
    reader: Reader,
    *,
    least: int = 2,
    count: int | None = None,
    also: Sequence[str] = (),
) -> Section:
    """Given a section, how many of its rows to show, and the key of the section that has them all, return it with these rows and a
    sentence that leads there; `count`: how many there are, where not all of them are rows already; `also`: keys of others that have
    a part of them; `least`: how many stay where not even so many have room. A short one keeps its rows.
    """
    count = len(section.rows) if count is None else count
    titles = [reader.word("quoted", text=reader.word(f"section.{key}")) for key in (where, *also)]
    # who shortens it fills the number in
    told = reader.word("more_rows", shown="{shown}", count=count, sections=enumerate_words(titles, reader.language))
    section = replace(section, fewer=Fewer(where, told, least))
    return first_rows(section, at_most) if count > at_most else section


def guest_anchor(guest: GuestReport) -> str:
    """Given a guest, return the anchor of its row in the list of all guests."""
    return f"guest-{guest.pve}-{guest.guest.vmid}"


def job_anchor(pve: str, job: str) -> str:
    """Given a cluster and a job id, return the anchor of the job's row."""
    return f"job-{pve}-{job}"


def datastore_anchor(server: str, datastore: str) -> str:
    """Given a PBS and a datastore, return the anchor of the datastore's row."""
    return f"datastore-{server}-{datastore}"


def guest_label(guest: GuestReport) -> str:
    """Given a guest, return how lists of several clusters name it: "lab/104 web-1"; without a name while that is not known (A4)."""
    label = f"{guest.pve}/{guest.guest.vmid}"
    return f"{label} {printable(guest.guest.name)}" if guest.guest.name else label


def coverage_in_words(reasons: Iterable[Reason], reader: Reader) -> str:
    """Given a guest's reasons, return those that speak of coverage as one text."""
    phrases = [
        describe_reason(reason, reader.language, reader.zone) for reason in reasons if reason.code not in _OF_PROTECTION
    ]
    return capitalise(join_phrases(phrases, reader.language))


def why_in_words(guest: GuestReport, now: int, reader: Reader, at_most: int = FINDINGS_SHOWN) -> str:
    """Given a guest and now (epoch), return why its state is what it is as one text: what was found against it, the gravest first and so
    many at most, then what is not known, then its jobs. What it is excused from is not told here.
    """
    found = [finding for finding in guest.findings if finding.lowers]
    phrases = [describe_finding(finding, reader.language, reader.zone, now) for finding in found[:at_most]]
    phrases += [plural("reasons.more", len(found) - at_most, reader.language)] if len(found) > at_most else []
    told = [reason for reason in guest.reasons if not (phrases and reason.code is ReasonCode.IN_ACTIVE_JOB)]
    reasons = sorted(told, key=lambda reason: reason.code not in _OF_PROTECTION)
    phrases += [describe_reason(reason, reader.language, reader.zone) for reason in reasons]
    return capitalise(join_phrases(phrases, reader.language))


def remedies_in_words(guest: GuestReport, reader: Reader) -> str:
    """Given a guest, return what to do about the first of its findings or reasons that something can be done about: one step is enough.

    Without a job the job comes first, whatever was found of its backups.
    """
    vmid, language = guest.guest.vmid, reader.language
    findings = [describe_finding_remedy(finding, language, vmid) for finding in guest.findings if finding.lowers]
    reasons = [describe_remedy(reason, language, vmid) for reason in guest.reasons]
    remedies = (*findings, *reasons) if guest.coverage is Coverage.PLANNED else (*reasons, *findings)
    return next((remedy for remedy in remedies if remedy), "")


def open_since(guest: GuestReport) -> int | None:
    """Given a guest, return since when (epoch) a finding lowers its protection without a break, as far as Reports are remembered; None
    without any, or where that is not known.
    """
    return min((finding.since for finding in guest.findings if finding.lowers and finding.since), default=None)


def age_in_words(guest: GuestReport, now: int, reader: Reader) -> str:
    """Given a guest and now (epoch), return the age of its last good backup against its limit ("31 h / 26 h")."""
    if guest.newest_backup_at is None:
        return reader.word("none")
    age = format_duration(now - guest.newest_backup_at, reader.language)
    if guest.limit_seconds is None:
        return reader.word("age_only", age=age)
    limit = format_duration(guest.limit_seconds, reader.language)
    return reader.word("age_limit", age=age, limit=limit)


def without_planned_backup(report: Report) -> Sequence[GuestReport]:
    """Given a report, return the demanded guests that no active job is known for, worst first, then by cluster and vmid."""
    guests = [guest for guest in report.guests if guest.demanded and guest.coverage is not Coverage.PLANNED]
    return sorted(guests, key=lambda guest: (_WORST_COVERAGE_FIRST.index(guest.coverage), *_identity(guest)))


def needing_attention(report: Report) -> Sequence[GuestReport]:
    """Given a report, return the demanded guests that are not known to be protected, or not known to be in an active job, worst first.

    While no backup was read, coverage alone decides.
    """
    if not report.summary.backups_read:
        return without_planned_backup(report)
    guests = [guest for guest in report.guests if guest.demanded and not _fine(guest)]
    return sorted(
        guests,
        key=lambda guest: (
            _WORST_FIRST.index(attention_state(guest)),
            -_overdue(guest, report.created_at),
            *_identity(guest),
        ),
    )


def _overdue(guest: GuestReport, now: int) -> int:
    """Return by how many days a guest's newest backup is beyond its limit: the longest come first, the others keep their order."""
    if guest.newest_backup_at is None or guest.limit_seconds is None:
        return 0
    return max(0, now - guest.newest_backup_at - guest.limit_seconds) // DAY_SECONDS


def attention_state(guest: GuestReport) -> str:
    """Given a guest that needs attention, return why in one state: what is wrong with its backups, else what is wrong with its jobs;
    only then that its backups are not known.
    """
    told = guest.protection not in (Protection.PROTECTED, Protection.UNKNOWN)
    return guest.protection if told or guest.coverage is Coverage.PLANNED else guest.coverage


def _fine(guest: GuestReport) -> bool:
    if guest.protection is Protection.WAIVED:
        return True
    return guest.protection is Protection.PROTECTED and guest.coverage is Coverage.PLANNED


def _identity(guest: GuestReport) -> tuple[str, int]:
    return guest.pve, guest.guest.vmid


def guest_state(guest: GuestReport, *, backups_read: bool) -> str:
    """Given a guest, return the state that marks its row: protection where backups were read, else coverage; "waived" for a guest
    without cover that policy does not demand.
    """
    if backups_read:
        return guest.protection
    if not guest.demanded and guest.coverage is not Coverage.PLANNED:
        return Protection.WAIVED
    return guest.coverage


def has_servers(report: Report) -> bool:
    """Say whether a PBS is configured."""
    return any(source.kind == PBS for source in report.sources)


def shows_backups(report: Report) -> bool:
    """Say whether there is anything to tell of backups: some were read, or a PBS is configured that should have been."""
    return report.summary.backups_read or bool(report.groups) or has_servers(report)
