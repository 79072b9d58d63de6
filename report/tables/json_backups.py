"""The parts of the JSON report that tell of backups: groups, datastores and the jobs of a PBS. Instants are epoch seconds, UTC."""

from __future__ import annotations

from typing import Any

from report.backups import GarbageCollection
from report.model.groups import GroupPolicy, GroupReport
from report.model.servers import DatastoreReport, PbsJobReport
from report.timeline import Forecast, date_of
from report.words import schedule_text

Json = dict[str, Any]


def group_json(group: GroupReport) -> Json:
    """Given a backup group, return it as plain values; null is not known, or unbounded (see `state`)."""
    return {
        "server": group.server,
        "datastore": group.datastore,
        "namespace": group.namespace,
        "backup_type": group.backup_type,
        "backup_id": group.backup_id,
        "match": str(group.match),
        "pve": group.pve,
        "vmid": group.vmid,
        "owner": group.owner,
        "comment": group.comment,
        "snapshots": group.snapshots,
        "unfinished": group.unfinished,
        "renamed": group.renamed,
        "protected": group.protected,
        "encrypted": group.encrypted,
        "key_fingerprints": sorted(group.key_fingerprints),
        "verified": group.verified,
        "verify_failed": group.verify_failed,
        "verified_elsewhere": group.verified_elsewhere,
        "inherited": group.inherited,
        "incomplete": group.incomplete,
        "read_at": group.read_at,
        "newest": group.newest_at,
        "oldest": group.oldest_at,
        "newest_size_bytes": group.newest_size_bytes,
        "newest_verified": group.newest_verified_at,
        "policy": _policy(group.policy),
        "nominal": group.nominal,
        "expected": group.expected,
        "low": group.low,
        "high": group.high,
        "actual": group.actual,
        "delta": group.delta,
        "missing": group.missing,
        "surplus": group.surplus,
        "state": str(group.state),
    }


def _policy(policy: GroupPolicy) -> Json:
    return {
        "pruned_by": list(policy.pruned_by),
        "keep": None if policy.keep is None else dict(policy.keep),
        "zone": policy.zone,
        "next_prune": policy.next_prune_at,
        "next_prune_removes": policy.next_prune_removes,
    }


def datastore_json(report: DatastoreReport) -> Json:
    """Given a datastore, return it as plain values."""
    store = report.datastore
    return {
        "server": report.server,
        "datastore": store.name,
        "state": report.state,
        "comment": store.comment,
        "maintenance": store.maintenance,
        "mount_status": store.mount_status,
        "error": store.error,
        "total_bytes": store.total_bytes,
        "used_bytes": store.used_bytes,
        "available_bytes": store.available_bytes,
        "estimated_full": store.estimated_full_at,
        "deduplication_ratio": report.deduplication_ratio,
        "garbage_collection": _collection(report.garbage_collection),
        "groups": report.groups,
        "snapshots": report.snapshots,
        "orphans": [
            {"namespace": namespace, "groups": groups, "snapshots": snapshots}
            for namespace, groups, snapshots in report.orphans
        ],
        "forecast": _forecast(report.forecast),
        "usage": [
            {"day": date_of(each.day).isoformat(), "used_bytes": each.used_bytes, "total_bytes": each.total_bytes}
            for each in report.usage
        ],
    }


def _forecast(forecast: Forecast | None) -> Json | None:
    if forecast is None:
        return None
    return {
        "origin": forecast.origin,
        "full": forecast.full_at,
        "bytes_per_day": forecast.bytes_per_day,
        "days": forecast.days,
        "points": forecast.points,
        "stale_since": forecast.stale_since.isoformat() if forecast.stale_since else None,
    }


def _collection(collection: GarbageCollection | None) -> Json | None:
    if collection is None:
        return None
    return {
        "schedule": collection.schedule,
        "next_run": collection.next_run_at,
        "last_run_at": collection.last_run_at,
        "last_run_status": collection.last_run_state,
        "index_data_bytes": collection.index_data_bytes,
        "disk_bytes": collection.disk_bytes,
        "pending_bytes": collection.pending_bytes,
        "still_bad": collection.still_bad,
    }


def pbs_job_json(report: PbsJobReport, language: str) -> Json:
    """Given a job of a PBS and the language of its schedule's text, return it as plain values."""
    job = report.job
    return {
        "server": report.server,
        "job_type": job.job_type,
        "id": job.id,
        "datastore": job.datastore,
        "namespace": job.namespace,
        "max_depth": job.max_depth,
        "schedule": job.schedule,
        "schedule_text": schedule_text(job.schedule, language),
        "disabled": job.disabled,
        "keep": dict(job.keep),
        "comment": job.comment,
        "next_run": report.next_run_at,
        "last_run": report.last_run,
        "last_run_at": job.last_run_at,
        "last_run_status": job.last_run_state,
        "remote": job.remote,
        "remote_store": job.remote_store,
        "remote_namespace": job.remote_namespace,
        "owner": job.owner,
        "direction": job.direction,
        "group_filter": list(job.group_filter),
        "remove_vanished": job.remove_vanished,
        "ignore_verified": job.ignore_verified,
        "outdated_after_days": job.outdated_after_days,
    }
