"""Sections 7 and 8: the guests without backup, and all guests grouped by cluster and pool."""

from __future__ import annotations

from collections.abc import Sequence

from report.model.groups import GroupMatch, GroupReport
from report.model.guests import Coverage, GuestReport, Protection
from report.model.jobs import GuestJob, JobState
from report.model.report import Report
from report.rows.attention import attention_section, protection_section
from report.rows.shared import (
    Reader,
    age_in_words,
    guest_anchor,
    guest_state,
    needing_attention,
    without_planned_backup,
)
from report.sections import Column, LegendEntry, Row, Section, Strip
from report.words import (
    DAYS_TOLD,
    count_days,
    describe_coverage,
    describe_day,
    describe_guest_type,
    describe_job_state,
    describe_place,
    describe_protection,
    describe_versions,
    draw_days,
    format_instant,
    join_phrases,
    mark_of_day,
    printable,
)

JOBS_SHOWN = 3
PLACES_SHOWN = 3
NOTE_CHARACTERS = 100


def without_backup(report: Report, reader: Reader) -> tuple[Section, ...]:
    """Given a report, return section 7: the demanded guests that no active job covers and, if any, those that cannot be decided."""
    guests = without_planned_backup(report)
    uncovered = tuple(guest for guest in guests if guest.coverage is Coverage.NOT_PLANNED)
    undecided = tuple(guest for guest in guests if guest.coverage is Coverage.UNDECIDED)
    sections = [attention_section(uncovered, report, reader, key="guests_without_backup", number=7)]
    if undecided:
        sections.append(attention_section(undecided, report, reader, key="guests_undecided", number=7))
    return tuple(sections)


def all_guests(report: Report, reader: Reader) -> Section:
    """Given a report, return section 8; columns for backups only if some were read, one for notes only if a guest has any."""
    ordered = sorted(report.guests, key=_by_cluster_and_pool)
    notes = [_notes(guest, reader) for guest in ordered]
    with_notes = any(notes)
    backups_read = report.summary.backups_read
    backups = _backups(report, ordered, reader) if backups_read else [()] * len(ordered)
    with_days = any(guest.days for guest in ordered)
    days_at = 8 if backups_read else 6
    about = ["guests.limit" if backups_read else "guests.protection_not_known", *(["days.about"] if with_days else [])]
    return Section(
        key="guests",
        number=8,
        title=reader.word("section.guests"),
        sentences=tuple(map(reader.word, about)) if report.guests else (),
        columns=_columns(backups_read, with_days, with_notes, reader),
        rows=tuple(
            Row(
                cells=(
                    *_cells(guest, reader),
                    *existing,
                    *([draw_days(guest.days, reader.language)] if with_days else []),
                    *_plan(guest, reader),
                    *([note] if with_notes else []),
                ),
                state=guest_state(guest, backups_read=backups_read),
                anchor=guest_anchor(guest),
                group=_group(guest, reader),
                drawings=((days_at, Strip(guest.days, count_days(guest.days, reader.language))),) if guest.days else (),
            )
            for guest, existing, note in zip(ordered, backups, notes, strict=True)
        ),
        empty=reader.word("guests.none"),
        landscape=True,
        legend=_legend(reader) if with_days else (),
    )


def _legend(reader: Reader) -> tuple[LegendEntry, ...]:
    return tuple(
        LegendEntry(state, mark_of_day(state, reader.language), describe_day(state, reader.language))
        for state in DAYS_TOLD
    )


def _columns(backups_read: bool, with_days: bool, with_notes: bool, reader: Reader) -> tuple[Column, ...]:
    return reader.columns(
        ("vmid>", 1),
        ("name", 3),
        ("type", 1.6),
        ("node", 1.5),
        ("coverage", 2.3),
        ("protection", 1.6),
        *([("last_backup", 3.4), ("versions", 2.4)] if backups_read else []),
        *([("days", 3)] if with_days else []),
        ("jobs", 3),
        ("next_backup", 2.3),
        *([("notes", 3.5)] if with_notes else []),
    )


def status_section(report: Report, reader: Reader) -> Section:
    """Given a report, return the demanded guests that need attention, worst first, without a limit."""
    return protection_section(tuple(needing_attention(report)), report, reader, key="status", number=4)


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
    )


def _plan(guest: GuestReport, reader: Reader) -> tuple[str, ...]:
    return _jobs(guest, reader), _next_backup(guest, reader)


def _backups(report: Report, guests: Sequence[GuestReport], reader: Reader) -> list[tuple[str, ...]]:
    """Return what is known of each guest's backups: the newest with its age, and the versions in each place."""
    groups: dict[tuple[str | None, int | None], list[GroupReport]] = {}
    for group in report.groups:
        if group.match is GroupMatch.GUEST:
            groups.setdefault((group.pve, group.vmid), []).append(group)
    return [
        (
            _by_rule(_last_backup(guest, report.created_at, reader), guest.rule, reader),
            _versions(guest, groups.get((guest.pve, guest.guest.vmid), ()), reader),
        )
        for guest in guests
    ]


def _last_backup(guest: GuestReport, now: int, reader: Reader) -> str:
    if guest.newest_backup_at is None:
        return _no_backup(guest, reader)
    instant = format_instant(guest.newest_backup_at, reader.zone, reader.language)
    return reader.word("last_backup", instant=instant, age=age_in_words(guest, now, reader))


def _by_rule(text: str, rule: str, reader: Reader) -> str:
    """Name the rule that says what is expected of a guest; the default policy goes without saying."""
    return reader.word("comma", one=text, other=reader.word("rule.named", rule=rule)) if rule else text


def _no_backup(guest: GuestReport, reader: Reader) -> str:
    return reader.word("unknown" if guest.protection is Protection.UNKNOWN else "none")


def _versions(guest: GuestReport, groups: Sequence[GroupReport], reader: Reader) -> str:
    """Say how many versions there are of how many expected; of several places each, by name."""
    if len(groups) == 1:
        return describe_versions(groups[0], reader.language)
    if not groups:
        return _no_backup(guest, reader)
    shown = ", ".join(
        reader.word(
            "versions.place",
            place=describe_place(group.datastore, group.namespace),
            versions=describe_versions(group, reader.language),
        )
        for group in groups[:PLACES_SHOWN]
    )
    more = len(groups) - PLACES_SHOWN
    return reader.word("list_more", shown=shown, count=more) if more > 0 else shown


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
