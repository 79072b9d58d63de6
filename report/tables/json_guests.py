"""The part of the JSON report that tells of guests: what each is, what is planned, what is true, and how it would be restored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from report.model.guests import Copy, GuestReport, RestoreProof, UsableBackup
from report.model.jobs import GuestJob
from report.tables.json_findings import finding_json, reason_json, waived_json, waiver_json
from report.words import describe_reason

Json = dict[str, Any]


def guest_json(report: GuestReport, language: str, now: int) -> Json:
    """Given a judged guest, the language of its texts and the instant of judgement (epoch), return it as plain values."""
    return {**_inventory(report), **_planned(report, language), **_true(report, language, now)}


def _inventory(report: GuestReport) -> Json:
    guest = report.guest
    return {
        "pve": report.pve,
        "vmid": guest.vmid,
        "guest_type": guest.guest_type,
        "name": guest.name,
        "node": guest.node,
        "pool": guest.pool,
        "tags": list(guest.tags),
        "template": guest.template,
        "status": guest.status,
        "lock": guest.lock,
    }


def _planned(report: GuestReport, language: str) -> Json:
    return {
        "demanded": report.demanded,
        "coverage": str(report.coverage),
        "protection": str(report.protection),
        "reasons": [reason_json(reason, describe_reason(reason, language)) for reason in report.reasons],
        "jobs": [_guest_job(job, language) for job in report.jobs],
        "next_backup": report.next_backup_at,
        "rpo_seconds": report.rpo_seconds,
        "excluded_volumes": _list_or_none(report.excluded_volumes),
        "created_at": report.created_at,
        "notes": report.notes,
    }


def _true(report: GuestReport, language: str, now: int) -> Json:
    return {
        "newest_backup": report.newest_backup_at,
        "newest_verified": report.newest_verified_at,
        "due": report.due_at,
        "rule": report.rule,
        "limit_seconds": report.limit_seconds,
        "findings": [finding_json(finding, language, now) for finding in report.findings],
        "waived": [waived_json(waived, language, now) for waived in report.waived],
        "waiver": waiver_json(report.waiver) if report.waiver else None,
        "newest_usable": _usable(report.usable),
        "copies": [_copy(copy) for copy in report.copies],
        "copies_known": report.copies_known,
        "disks": str(report.disks),
        "last_failure": report.last_failure_at,
        "last_duration_seconds": report.last_duration_seconds,
        "proof": {"observed": _restore(report.restore_seen), "reported": _restore(report.restore_reported)},
        "restore_command": report.restore_command,
        "days": [state.value for state in report.days],
    }


def _guest_job(job: GuestJob, language: str) -> Json:
    reason = job.reason
    return {
        "id": job.job,
        "state": str(job.state),
        "reason": reason_json(reason, describe_reason(reason, language)) if reason else None,
    }


def _usable(usable: UsableBackup | None) -> Json | None:
    if usable is None:
        return None
    return {
        "server": usable.server,
        "datastore": usable.datastore,
        "namespace": usable.namespace,
        "backup_type": usable.backup_type,
        "backup_id": usable.backup_id,
        "at": usable.at,
        "storage": usable.storage,
        "volume": usable.volume,
        "size_bytes": usable.size_bytes,
        "verified": usable.verified,
        "verified_elsewhere": usable.verified_elsewhere,
        "encrypted": usable.encrypted,
        "key": usable.key,
        "nodes": list(usable.nodes),
    }


def _copy(copy: Copy) -> Json:
    return {
        "server": copy.server,
        "datastore": copy.datastore,
        "newest": copy.newest_at,
        "within_limit": copy.within_limit,
        "same_time": copy.same_time,
        "site": copy.site,
        "offsite": copy.offsite,
        "media": copy.media,
        "immutable": copy.immutable,
        "sync_job": copy.sync_job,
        "sync_status": copy.sync_status,
        "sync_ended": copy.sync_ended_at,
    }


def _restore(proof: RestoreProof | None) -> Json | None:
    if proof is None:
        return None
    return {
        "at": proof.at,
        "by": proof.by,
        "backup": proof.backup_at,
        "target_vmid": proof.target_vmid,
    }


def _list_or_none(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else list(values)
