"""The gauges about storages and backup jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from exporter.metrics.rows import Kind, Metric, ReportMetric, Sample, states
from report.facts import StorageState
from report.model import JobReport, JobState, LastRun, ReasonCode, Report, StorageReport

STORAGE = ("pve", "storage", "node")
JOB = ("pve", "backup_job")
JOB_STATES = (JobState.ACTIVE.value, JobState.PAUSED.value, JobState.BROKEN.value)
RUN_STATES = ("ok", "warning", "error", "never")


def _storage_info(report: Report) -> Iterator[Sample]:
    for storage in report.storages:
        yield (storage.pve, storage.storage, storage.storage_type), 1


def _is_shared(storage: StorageReport) -> bool:
    if storage.definition is not None and storage.definition.shared:
        return True
    return any(state.shared for state in storage.states)


def _views(storage: StorageReport) -> Iterator[tuple[str, tuple[StorageState, ...]]]:
    """Yield the value of the label `node` with what stands behind it: a shared storage is one thing that all nodes look at (D3)."""
    if not storage.states:
        return
    if _is_shared(storage):
        yield "", storage.states
        return
    for state in storage.states:
        yield state.node, (state,)


def _storage_active(report: Report) -> Iterator[Sample]:
    for storage in report.storages:
        for node, views in _views(storage):
            yield (storage.pve, storage.storage, node), 1 if all(view.active for view in views) else 0


def _storage_bytes(figure: Callable[[StorageState], int | None]) -> Callable[[Report], Iterator[Sample]]:
    """Given how to read a size off a node's view, return the function that reads it off all; only an active storage has one."""

    def samples(report: Report) -> Iterator[Sample]:
        for storage in report.storages:
            for node, views in _views(storage):
                told = (figure(view) for view in views if view.active)
                value = next((size for size in told if size is not None), None)
                if value is not None:
                    yield (storage.pve, storage.storage, node), value

    return samples


STORAGE_METRICS: tuple[ReportMetric, ...] = (
    Metric(
        "pve_storage_info",
        Kind.INFO,
        "Storages of the cluster, always 1",
        ("pve", "storage", "storage_type"),
        _storage_info,
    ),
    Metric(
        "pve_storage_active",
        Kind.GAUGE,
        "Whether the storage is active on the node; node is empty for a shared storage, which is active if it is on every node",
        STORAGE,
        _storage_active,
    ),
    Metric(
        "pve_storage_size_bytes",
        Kind.GAUGE,
        "Size of the storage; absent while it is not active",
        STORAGE,
        _storage_bytes(lambda view: view.total_bytes),
    ),
    Metric(
        "pve_storage_used_bytes",
        Kind.GAUGE,
        "Bytes used on the storage; absent while it is not active",
        STORAGE,
        _storage_bytes(lambda view: view.used_bytes),
    ),
)


def _job_info(report: Report) -> Iterator[Sample]:
    for judged in report.jobs:
        job = judged.job
        yield (judged.pve, job.id, judged.storage or "", job.schedule or "", job.mode or ""), 1


def _job_state(report: Report) -> Iterator[Sample]:
    for job in report.jobs:
        if job.state is not JobState.UNKNOWN:
            yield from states((job.pve, job.job.id), JOB_STATES, job.state)


def _job_guests(report: Report) -> Iterator[Sample]:
    """Yield how many guests each job selects, where both the guests and the job's pool can be seen."""
    known = {source.name for source in report.sources if source.inventory_known}
    for job in report.jobs:
        if job.pve in known and all(reason.code is not ReasonCode.POOL_NOT_VISIBLE for reason in job.reasons):
            yield (job.pve, job.job.id), len(job.guests)


def _each_job(figure: Callable[[JobReport], int | None]) -> Callable[[Report], Iterator[Sample]]:
    """Given how to read a figure off a job, return the function that reads it off all; None is an absent series."""

    def samples(report: Report) -> Iterator[Sample]:
        for job in report.jobs:
            value = figure(job)
            if value is not None:
                yield (job.pve, job.job.id), value

    return samples


def _each_run(figure: Callable[[LastRun], int | None]) -> Callable[[Report], Iterator[Sample]]:
    return _each_job(lambda job: None if job.last_run is None else figure(job.last_run))


def _run_state(report: Report) -> Iterator[Sample]:
    for job in report.jobs:
        if job.last_run is not None:
            yield from states((job.pve, job.job.id), RUN_STATES, job.last_run.state)


JOB_METRICS: tuple[ReportMetric, ...] = (
    Metric(
        "backup_job_info",
        Kind.INFO,
        "Vzdump jobs of the cluster, always 1",
        (*JOB, "storage", "schedule", "mode"),
        _job_info,
    ),
    Metric(
        "backup_job_state",
        Kind.STATE,
        "Whether the job can make backups by its configuration: 1 on the state that holds; absent while that is not known",
        (*JOB, "state"),
        _job_state,
        JOB_STATES,
    ),
    Metric(
        "backup_job_guests",
        Kind.GAUGE,
        "Guests that the job selects; absent while they cannot be seen",
        JOB,
        _job_guests,
    ),
    Metric(
        "backup_job_next_run_timestamp_seconds",
        Kind.GAUGE,
        "Next event of the schedule; absent unless the job is active",
        JOB,
        _each_job(lambda job: job.next_run_at),
    ),
    Metric(
        "backup_job_last_run",
        Kind.STATE,
        "How the newest run of the job ended: 1 on the state that holds; absent where tasks cannot be told apart",
        (*JOB, "state"),
        _run_state,
        RUN_STATES,
    ),
    Metric(
        "backup_job_last_run_timestamp_seconds",
        Kind.GAUGE,
        "Start of the newest run of the job",
        JOB,
        _each_run(lambda run: run.started_at),
    ),
    Metric(
        "backup_job_last_run_duration_seconds",
        Kind.GAUGE,
        "Duration of the newest run of the job",
        JOB,
        _each_run(lambda run: run.duration_seconds),
    ),
)
