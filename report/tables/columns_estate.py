"""The columns of the tables of jobs, storages and datastores, and their rows out of a report. New columns are added at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from report.facts import Keep, StorageState
from report.model.jobs import JobReport, StorageReport
from report.model.report import Report
from report.model.servers import DatastoreReport, PbsJobReport
from report.tables.cells import TableColumn, columns, instant, keep_cell, listed
from report.words import describe_job_reason, join_phrases, schedule_text


@dataclass(frozen=True, slots=True)
class JobRow:
    """A backup job of a cluster, or a prune, verify, sync or gc job of a backup server; what the one kind does not have is None."""

    source: str
    job_type: str
    id: str
    schedule: str | None
    next_run_at: int | None
    last_run: str | None
    last_run_at: int | None
    keep: Keep | None
    comment: str | None
    enabled: bool
    backup: JobReport | None = None
    datastore: str | None = None
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class StorageRow:
    """A storage as one node sees it; `state` None: no node told of it."""

    storage: StorageReport
    state: StorageState | None


def job_rows(report: Report) -> Iterator[JobRow]:
    """Given a report, yield the backup jobs of the clusters, then the jobs of the backup servers."""
    yield from map(_backup_job, report.jobs)
    yield from map(_server_job, report.pbs_jobs)


def _backup_job(found: JobReport) -> JobRow:
    job, last = found.job, found.last_run
    return JobRow(
        source=found.pve,
        job_type="backup",
        id=job.id,
        schedule=job.schedule,
        next_run_at=found.next_run_at,
        last_run=last.state if last else None,
        last_run_at=last.started_at if last else None,
        keep=job.keep,
        comment=job.comment,
        enabled=job.enabled,
        backup=found,
    )


def _server_job(found: PbsJobReport) -> JobRow:
    job = found.job
    return JobRow(
        source=found.server,
        job_type=job.job_type,
        id=job.id,
        schedule=job.schedule,
        next_run_at=found.next_run_at,
        last_run=found.last_run,
        last_run_at=job.last_run_at,
        keep=job.keep or None,
        comment=job.comment,
        enabled=not job.disabled,
        datastore=job.datastore,
        namespace=job.namespace,
    )


def storage_rows(report: Report) -> Iterator[StorageRow]:
    """Given a report, yield each storage once a node that tells of it, once if none does."""
    for storage in report.storages:
        for state in storage.states or (None,):
            yield StorageRow(storage, state)


def _reasons(row: JobRow, language: str) -> str | None:
    if row.backup is None:
        return None
    return join_phrases((describe_job_reason(reason, language) for reason in row.backup.reasons), language)


def _drift(row: StorageRow) -> str | None:
    drift = row.storage.drift
    return None if drift is None else listed(f"{one.field}: {one.wanted} / {one.found}" for one in drift)


JOB_COLUMNS: Sequence[TableColumn[JobRow]] = columns(
    ("source", lambda row, language, zone: row.source),
    ("job_type", lambda row, language, zone: row.job_type),
    ("id", lambda row, language, zone: row.id),
    ("enabled", lambda row, language, zone: row.enabled),
    ("state", lambda row, language, zone: row.backup.state if row.backup else None),
    ("reasons", lambda row, language, zone: _reasons(row, language)),
    ("schedule", lambda row, language, zone: row.schedule),
    ("schedule_text", lambda row, language, zone: schedule_text(row.schedule, language)),
    ("next_run", lambda row, language, zone: instant(row.next_run_at)),
    ("last_run", lambda row, language, zone: row.last_run),
    ("last_run_at", lambda row, language, zone: instant(row.last_run_at)),
    ("missed_runs", lambda row, language, zone: row.backup.missed_runs if row.backup else None),
    ("guests", lambda row, language, zone: len(row.backup.guests) if row.backup else None),
    ("unknown_ids", lambda row, language, zone: listed(row.backup.unknown_ids) if row.backup else None),
    ("storage", lambda row, language, zone: row.backup.storage if row.backup else None),
    ("datastore", lambda row, language, zone: row.datastore),
    ("namespace", lambda row, language, zone: row.namespace),
    ("keep", lambda row, language, zone: keep_cell(row.keep)),
    ("comment", lambda row, language, zone: row.comment),
)
STORAGE_COLUMNS: Sequence[TableColumn[StorageRow]] = columns(
    ("pve", lambda row, language, zone: row.storage.pve),
    ("storage", lambda row, language, zone: row.storage.storage),
    ("storage_type", lambda row, language, zone: row.storage.storage_type),
    ("node", lambda row, language, zone: row.state.node if row.state else None),
    ("enabled", lambda row, language, zone: row.state.enabled if row.state else None),
    ("active", lambda row, language, zone: row.state.active if row.state else None),
    ("total_bytes", lambda row, language, zone: row.state.total_bytes if row.state else None),
    ("used_bytes", lambda row, language, zone: row.state.used_bytes if row.state else None),
    ("available_bytes", lambda row, language, zone: row.state.available_bytes if row.state else None),
    (
        "content",
        lambda row, language, zone: listed(sorted(row.storage.definition.content)) if row.storage.definition else None,
    ),
    ("disabled", lambda row, language, zone: row.storage.definition.disabled if row.storage.definition else None),
    ("shared", lambda row, language, zone: row.storage.definition.shared if row.storage.definition else None),
    ("keep", lambda row, language, zone: keep_cell(row.storage.definition.keep) if row.storage.definition else None),
    ("drift", lambda row, language, zone: _drift(row)),
    ("description", lambda row, language, zone: row.storage.description),
)
DATASTORE_COLUMNS: Sequence[TableColumn[DatastoreReport]] = columns(
    ("server", lambda store, language, zone: store.server),
    ("datastore", lambda store, language, zone: store.datastore.name),
    ("state", lambda store, language, zone: store.state),
    ("error", lambda store, language, zone: store.datastore.error),
    ("total_bytes", lambda store, language, zone: store.datastore.total_bytes),
    ("used_bytes", lambda store, language, zone: store.datastore.used_bytes),
    ("available_bytes", lambda store, language, zone: store.datastore.available_bytes),
    ("full", lambda store, language, zone: instant(store.forecast.full_at) if store.forecast else None),
    ("full_origin", lambda store, language, zone: store.forecast.origin if store.forecast else None),
    ("bytes_per_day", lambda store, language, zone: store.forecast.bytes_per_day if store.forecast else None),
    ("deduplication_ratio", lambda store, language, zone: store.deduplication_ratio),
    ("groups", lambda store, language, zone: store.groups),
    ("snapshots", lambda store, language, zone: store.snapshots),
    ("orphaned_groups", lambda store, language, zone: sum(groups for _, groups, _ in store.orphans)),
    ("comment", lambda store, language, zone: store.datastore.comment),
)
