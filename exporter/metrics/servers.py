"""The gauges about Proxmox Backup Servers: datastores, and the jobs that prune, verify, copy and collect garbage there."""

from __future__ import annotations

from collections.abc import Iterator

from exporter.metrics.rows import Gauge, Info, Labels, ReportMetric, State, Subjects
from report.model.report import Report
from report.model.servers import DatastoreReport, PbsJobReport

DATASTORE = ("server", "datastore")
DATASTORE_STATES = ("online", "maintenance", "unmounted", "error")
PBS_JOB = ("server", "job_type", "pbs_job")
RUN_STATES = ("ok", "warning", "error", "never")


def _datastores(report: Report) -> Iterator[tuple[Labels, DatastoreReport]]:
    for judged in report.datastores:
        yield (judged.server, judged.datastore.name), judged


def _full_at(report: Report) -> Iterator[tuple[Labels, int]]:
    """Yield when each datastore will be full, where it is filling: an estimate in the past means that it is not (H13)."""
    for judged in report.datastores:
        estimate = judged.datastore.estimated_full_at
        if estimate is not None and estimate > report.created_at:
            yield (judged.server, judged.datastore.name), estimate


def _orphans(report: Report) -> Iterator[tuple[Labels, int]]:
    """Yield how many groups of each namespace have no guest; the Report has only namespaces in which that is known of every group."""
    for judged in report.datastores:
        for namespace, groups, _ in judged.orphans:
            yield (judged.server, judged.datastore.name, namespace), groups


def _jobs(report: Report) -> Iterator[tuple[Labels, PbsJobReport]]:
    """Yield each job; a garbage collection has no id of its own, there is one to a datastore (H11)."""
    for judged in report.pbs_jobs:
        job = judged.job
        yield (judged.server, job.job_type, job.datastore if job.job_type == "gc" else job.id), judged


def _pending_bytes(judged: DatastoreReport) -> int | None:
    return None if judged.garbage_collection is None else judged.garbage_collection.pending_bytes


DATASTORES = Subjects(DATASTORE, _datastores)
FILLING = Subjects(DATASTORE, _full_at)
ORPHANS = Subjects((*DATASTORE, "namespace"), _orphans)
PBS_JOBS = Subjects(PBS_JOB, _jobs)

DATASTORE_METRICS: tuple[ReportMetric, ...] = (
    Gauge(
        "datastore_size_bytes",
        "Size of the datastore; absent while it cannot be read",
        DATASTORES,
        lambda judged: judged.datastore.total_bytes,
    ),
    Gauge(
        "datastore_used_bytes",
        "Bytes used on the datastore; absent while it cannot be read",
        DATASTORES,
        lambda judged: judged.datastore.used_bytes,
    ),
    Gauge(
        "datastore_available_bytes",
        "Bytes available on the datastore; absent while it cannot be read",
        DATASTORES,
        lambda judged: judged.datastore.available_bytes,
    ),
    Gauge(
        "datastore_gc_pending_bytes",
        "Bytes that the last garbage collection left for a later one; absent before the first",
        DATASTORES,
        _pending_bytes,
    ),
    Gauge(
        "datastore_deduplication_ratio",
        "Bytes referenced to bytes stored, at the last garbage collection; absent before the first",
        DATASTORES,
        lambda judged: judged.deduplication_ratio,
    ),
    Gauge(
        "datastore_full_timestamp_seconds",
        "When the datastore will be full by the estimate of the server; absent if it is not filling",
        FILLING,
        lambda estimate: estimate,
    ),
    State(
        "datastore_state",
        "Whether the datastore can be used: 1 on the state that holds, 0 on the others; absent while that is not known",
        DATASTORES,
        "state",
        DATASTORE_STATES,
        lambda judged: judged.state,
    ),
    Gauge(
        "datastore_orphaned_groups",
        "Backup groups without a guest; absent while guests or groups are not known",
        ORPHANS,
        lambda groups: groups,
    ),
)

PBS_JOB_METRICS: tuple[ReportMetric, ...] = (
    Info(
        "pbs_job_info",
        "Jobs of the server, of type prune, verify, sync or gc, always 1; a gc job is named after its datastore",
        PBS_JOBS,
        (),
        lambda judged: (),
    ),
    State(
        "pbs_job_last_run",
        "How the last run of the job ended: 1 on the state that holds; absent while it runs or where that is not known",
        PBS_JOBS,
        "state",
        RUN_STATES,
        lambda judged: judged.last_run,
    ),
    Gauge(
        "pbs_job_last_run_timestamp_seconds",
        "End of the last run of the job; absent if never, while it runs, or where that is not known",
        PBS_JOBS,
        lambda judged: judged.job.last_run_at,
    ),
    Gauge(
        "pbs_job_next_run_timestamp_seconds",
        "Next event of the schedule of the job; in the past where it is overdue, absent without one",
        PBS_JOBS,
        lambda judged: judged.next_run_at,
    ),
)
