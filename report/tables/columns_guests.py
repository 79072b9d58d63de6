"""The columns of the table of guests. The keys are stable; new columns are added at the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from report.backups import place_name
from report.findings import Finding
from report.model.guests import Copy, GuestReport, RestoreProof, UsableBackup
from report.model.jobs import JobState
from report.tables.cells import Instant, TableColumn, columns, instant, listed
from report.words import describe_reason, join_phrases

GUEST_COLUMNS: Sequence[TableColumn[GuestReport]] = columns(
    ("pve", lambda guest, language, zone: guest.pve),
    ("vmid", lambda guest, language, zone: guest.guest.vmid),
    ("guest_type", lambda guest, language, zone: guest.guest.guest_type),
    ("name", lambda guest, language, zone: guest.guest.name),
    ("node", lambda guest, language, zone: guest.guest.node),
    ("pool", lambda guest, language, zone: guest.guest.pool),
    ("tags", lambda guest, language, zone: listed(guest.guest.tags)),
    ("template", lambda guest, language, zone: guest.guest.template),
    ("status", lambda guest, language, zone: guest.guest.status),
    ("lock", lambda guest, language, zone: guest.guest.lock),
    ("demanded", lambda guest, language, zone: guest.demanded),
    ("coverage", lambda guest, language, zone: guest.coverage),
    ("protection", lambda guest, language, zone: guest.protection),
    ("reason_codes", lambda guest, language, zone: listed(reason.code for reason in guest.reasons)),
    (
        "reasons",
        lambda guest, language, zone: join_phrases(
            (describe_reason(reason, language, zone) for reason in guest.reasons), language
        ),
    ),
    ("active_jobs", lambda guest, language, zone: _jobs(guest, active=True)),
    ("other_jobs", lambda guest, language, zone: _jobs(guest, active=False)),
    ("next_backup", lambda guest, language, zone: instant(guest.next_backup_at)),
    ("rpo_seconds", lambda guest, language, zone: guest.rpo_seconds),
    (
        "excluded_volumes",
        lambda guest, language, zone: None if guest.excluded_volumes is None else listed(guest.excluded_volumes),
    ),
    ("created_at", lambda guest, language, zone: instant(guest.created_at)),
    ("notes", lambda guest, language, zone: guest.notes),
    ("newest_backup", lambda guest, language, zone: instant(guest.newest_backup_at)),
    ("newest_verified", lambda guest, language, zone: instant(guest.newest_verified_at)),
    ("due", lambda guest, language, zone: instant(guest.due_at)),
    ("rule", lambda guest, language, zone: guest.rule),
    ("limit_seconds", lambda guest, language, zone: guest.limit_seconds),
    ("finding_codes", lambda guest, language, zone: _codes(guest.findings)),
    ("waived_codes", lambda guest, language, zone: _codes(waived.finding for waived in guest.waived)),
    ("waiver", lambda guest, language, zone: guest.waiver.reason if guest.waiver else None),
    ("newest_usable", lambda guest, language, zone: instant(guest.usable.at) if guest.usable else None),
    ("newest_usable_place", lambda guest, language, zone: _place(guest.usable)),
    ("newest_usable_verified", lambda guest, language, zone: guest.usable.verified if guest.usable else None),
    ("newest_usable_encrypted", lambda guest, language, zone: guest.usable.encrypted if guest.usable else None),
    ("copies", lambda guest, language, zone: _count(guest.recent_copies)),
    ("offsite_copies", lambda guest, language, zone: _count(_offsite(guest.recent_copies))),
    ("disks", lambda guest, language, zone: guest.disks),
    ("last_failure", lambda guest, language, zone: instant(guest.last_failure_at)),
    ("restore_proven", lambda guest, language, zone: _at(guest.restore_seen)),
    ("restore_command", lambda guest, language, zone: guest.restore_command),
    ("restore_reported", lambda guest, language, zone: _at(guest.restore_reported)),
    (
        "newest_usable_verified_elsewhere",
        lambda guest, language, zone: guest.usable.verified_elsewhere if guest.usable else None,
    ),
)


def _at(proof: RestoreProof | None) -> Instant | None:
    return instant(proof.at) if proof else None


def _jobs(guest: GuestReport, *, active: bool) -> str:
    return listed(job.job for job in guest.jobs if (job.state is JobState.ACTIVE) is active)


def _codes(findings: Iterable[Finding]) -> str:
    """Return each code once, in the order of the findings."""
    return listed(dict.fromkeys(finding.code for finding in findings))


def _place(usable: UsableBackup | None) -> str | None:
    return place_name(usable.server, usable.datastore, usable.namespace) if usable else None


def _offsite(copies: Iterable[Copy] | None) -> tuple[Copy, ...] | None:
    return None if copies is None else tuple(copy for copy in copies if copy.offsite)


def _count(copies: Sequence[Copy] | None) -> int | None:
    return None if copies is None else len(copies)
