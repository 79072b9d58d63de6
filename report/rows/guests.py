"""Sections 7 and 8: the guests without backup, and all guests grouped by cluster and pool."""

from __future__ import annotations

from report.model import Coverage, GuestJob, GuestReport, JobState, Report
from report.rows.front import attention_section
from report.rows.shared import Reader, guest_anchor, guest_state, needing_attention
from report.sections import Row, Section
from report.words import (
    describe_coverage,
    describe_guest_type,
    describe_job_state,
    describe_protection,
    format_instant,
    join_phrases,
    printable,
)

JOBS_SHOWN = 3
NOTE_CHARACTERS = 100


def without_backup(report: Report, reader: Reader) -> tuple[Section, ...]:
    """Given a report, return section 7: the demanded guests that no active job covers and, if any, those that cannot be decided."""
    guests = needing_attention(report)
    uncovered = tuple(guest for guest in guests if guest.coverage is Coverage.NOT_PLANNED)
    undecided = tuple(guest for guest in guests if guest.coverage is Coverage.UNDECIDED)
    sections = [attention_section(uncovered, report, reader, key="guests_without_backup", number=7)]
    if undecided:
        sections.append(attention_section(undecided, report, reader, key="guests_undecided", number=7))
    return tuple(sections)


def all_guests(report: Report, reader: Reader) -> Section:
    """Given a report, return section 8; a column for notes only if a guest has any."""
    ordered = sorted(report.guests, key=_by_cluster_and_pool)
    notes = [_notes(guest, reader) for guest in ordered]
    with_notes = any(notes)
    columns = reader.columns(
        ("vmid>", 1),
        ("name", 3),
        ("type", 1.6),
        ("node", 1.5),
        ("coverage", 2.3),
        ("protection", 1.6),
        ("jobs", 3),
        ("next_backup", 2.3),
        *([("notes", 3.5)] if with_notes else []),
    )
    protection_known = report.summary.backups_read or not report.guests
    return Section(
        key="guests",
        number=8,
        title=reader.word("section.guests"),
        sentences=() if protection_known else (reader.word("guests.protection_not_known"),),
        columns=columns,
        rows=tuple(
            Row(
                cells=(*_cells(guest, reader), note) if with_notes else _cells(guest, reader),
                state=guest_state(guest),
                anchor=guest_anchor(guest),
                group=_group(guest, reader),
            )
            for guest, note in zip(ordered, notes, strict=True)
        ),
        empty=reader.word("guests.none"),
        landscape=True,
    )


def status_section(report: Report, reader: Reader) -> Section:
    """Given a report, return the demanded guests without cover, worst first, without a limit."""
    return attention_section(tuple(needing_attention(report)), report, reader, key="status", number=4)


def _by_cluster_and_pool(guest: GuestReport) -> tuple[str, bool, str, int]:
    return guest.pve, guest.guest.pool is None, guest.guest.pool or "", guest.guest.vmid


def _group(guest: GuestReport, reader: Reader) -> str:
    pool = reader.word("pool", pool=guest.guest.pool) if guest.guest.pool else reader.word("no_pool")
    return f"{printable(guest.pve)} › {pool}"


def _cells(guest: GuestReport, reader: Reader) -> tuple[str, ...]:
    language = reader.language
    return (
        str(guest.guest.vmid),
        printable(guest.guest.name) if guest.guest.name is not None else reader.word("unknown"),
        describe_guest_type(guest.guest, language),
        printable(guest.guest.node),
        describe_coverage(guest.coverage, language),
        describe_protection(guest.protection, language),
        _jobs(guest, reader),
        _next_backup(guest, reader),
    )


def _jobs(guest: GuestReport, reader: Reader) -> str:
    """Name the jobs that select the guest, the active ones first, and say of the others what they are."""
    if not guest.jobs:
        return reader.word("unknown" if guest.coverage is Coverage.UNDECIDED else "none")
    ordered = sorted(guest.jobs, key=lambda job: job.state is not JobState.ACTIVE)
    shown = ", ".join(_job(job, reader) for job in ordered[:JOBS_SHOWN])
    more = len(ordered) - JOBS_SHOWN
    return reader.word("list_more", shown=shown, count=more) if more > 0 else shown


def _job(job: GuestJob, reader: Reader) -> str:
    if job.state is JobState.ACTIVE:
        return printable(job.job)
    return reader.word("job_with_state", job=job.job, state=describe_job_state(job.state, reader.language))


def _next_backup(guest: GuestReport, reader: Reader) -> str:
    if guest.coverage is Coverage.NOT_PLANNED:
        return reader.word("none")
    return format_instant(guest.next_backup_at, reader.zone, reader.language)


def _notes(guest: GuestReport, reader: Reader) -> str:
    """Gather what else is worth knowing: a lock (every backup fails while it holds, A6), volumes left out (C8), the first line of notes."""
    parts = []
    if guest.guest.lock:
        parts.append(reader.word("notes.lock", lock=guest.guest.lock))
    if guest.excluded_volumes:
        parts.append(reader.word("notes.left_out", volumes=", ".join(guest.excluded_volumes)))
    first = next((line.strip() for line in (guest.notes or "").splitlines() if line.strip()), "")
    if first:
        parts.append(printable(first if len(first) <= NOTE_CHARACTERS else first[: NOTE_CHARACTERS - 1] + "…"))
    return join_phrases(parts, reader.language)
