"""The gauges about storages and backup jobs of PVE."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from exporter.metrics.rows import Gauge, Info, Labels, ReportMetric, State, Subjects
from report.facts import StorageState
from report.model.jobs import JobReport, JobState, LastRun, StorageReport
from report.model.reasons import ReasonCode
from report.model.report import Report

JOB = ("pve", "backup_job")
JOB_STATES = (JobState.ACTIVE.value, JobState.PAUSED.value, JobState.BROKEN.value)
RUN_STATES = ("ok", "warning", "error", "never")

Views = tuple[StorageState, ...]


def _storages(report: Report) -> Iterator[tuple[Labels, StorageReport]]:
    for storage in report.storages:
        if storage.exists:
            yield (storage.pve, storage.storage), storage


def _is_shared(storage: StorageReport) -> bool:
    if storage.definition is not None and storage.definition.shared:
        return True
    return any(state.shared for state in storage.states)


def _views(report: Report) -> Iterator[tuple[Labels, Views]]:
    """Yield what stands behind each value of the label `node`: a shared storage is one thing that all nodes look at (D3)."""
    for storage in report.storages:
        if storage.states and _is_shared(storage):
            yield (storage.pve, storage.storage, ""), storage.states
        else:
            for state in storage.states:
                yield (storage.pve, storage.storage, state.node), (state,)


def _bytes(figure: Callable[[StorageState], int | None]) -> Callable[[Views], int | None]:
    """Given how to read a size off a node's view, return the function that reads it off all; only an active storage has one."""

    def first(views: Views) -> int | None:
        told = (figure(view) for view in views if view.active)
        return next((size for size in told if size is not None), None)

    return first


def _drift(report: Report) -> Iterator[tuple[Labels, int]]:
    for storage in report.storages:
        for one in storage.drift or ():
            yield (storage.pve, storage.storage, one.field), 1


def _findings(report: Report) -> Iterator[tuple[Labels, int]]:
    """Yield how many findings about no single guest are open, by source ("" for waivers), code and severity."""
    counts = Counter((each.source, each.finding.code.value, each.finding.severity.value) for each in report.findings)
    yield from counts.items()


ESTATE_FINDINGS = Subjects(("source", "code", "severity"), _findings)
STORAGES = Subjects(("pve", "storage"), _storages)
VIEWS = Subjects(("pve", "storage", "node"), _views)
DRIFT = Subjects(("pve", "storage", "field"), _drift)

ESTATE_METRICS: tuple[ReportMetric, ...] = (
    Gauge(
        "estate_findings",
        "Open findings about jobs, stores and waivers, which no single guest's verdict tells, by code",
        ESTATE_FINDINGS,
        lambda count: count,
    ),
)

STORAGE_METRICS: tuple[ReportMetric, ...] = (
    Info(
        "pve_storage_info",
        "Storages of the cluster, always 1",
        STORAGES,
        ("storage_type",),
        lambda storage: (storage.storage_type,),
    ),
    Gauge(
        "pve_storage_active",
        "Whether the storage is active on the node; node is empty for a shared storage, which is active if it is on every node",
        VIEWS,
        lambda views: int(all(view.active for view in views)),
    ),
    Gauge(
        "pve_storage_size_bytes",
        "Size of the storage; absent while it is not active",
        VIEWS,
        _bytes(lambda view: view.total_bytes),
    ),
    Gauge(
        "pve_storage_used_bytes",
        "Bytes used on the storage; absent while it is not active",
        VIEWS,
        _bytes(lambda view: view.used_bytes),
    ),
    Gauge(
        "pve_storage_drift",
        "1 for each option of the entry that is not what storages_file says, with the field missing where PVE has no such entry; "
        "absent where it is in line, not in the file, or not known",
        DRIFT,
        lambda differs: differs,
    ),
)


def _jobs(report: Report) -> Iterator[tuple[Labels, JobReport]]:
    for job in report.jobs:
        yield (job.pve, job.job.id), job


def _selections(report: Report) -> Iterator[tuple[Labels, int]]:
    """Yield how many guests each job selects, where both the guests and the job's pool can be seen."""
    known = {source.name for source in report.sources if source.inventory_known}
    for job in report.jobs:
        if job.pve in known and all(reason.code is not ReasonCode.POOL_NOT_VISIBLE for reason in job.reasons):
            yield (job.pve, job.job.id), len(job.guests)


def _info(judged: JobReport) -> Labels:
    return judged.storage or "", judged.job.schedule or "", judged.job.mode or ""


def _run(figure: Callable[[LastRun], int | None]) -> Callable[[JobReport], int | None]:
    """Given how to read a figure off a run, return the function that reads it off a job's newest one."""
    return lambda job: None if job.last_run is None else figure(job.last_run)


JOBS = Subjects(JOB, _jobs)
SELECTIONS = Subjects(JOB, _selections)

JOB_METRICS: tuple[ReportMetric, ...] = (
    Info("backup_job_info", "Vzdump jobs of the cluster, always 1", JOBS, ("storage", "schedule", "mode"), _info),
    State(
        "backup_job_state",
        "Whether the job can make backups by its configuration: 1 on the state that holds; absent while that is not known",
        JOBS,
        "state",
        JOB_STATES,
        lambda job: job.state,
    ),
    Gauge(
        "backup_job_guests",
        "Guests that the job selects; absent while they cannot be seen",
        SELECTIONS,
        lambda count: count,
    ),
    Gauge(
        "backup_job_next_run_timestamp_seconds",
        "Next event of the schedule; absent unless the job is active",
        JOBS,
        lambda job: job.next_run_at,
    ),
    Gauge(
        "backup_job_missed_runs",
        "Events of the last 7 days that certainly passed without a task, summed over the nodes with a part in the job; "
        "absent where task history does not tell",
        JOBS,
        lambda job: job.missed_runs,
    ),
    State(
        "backup_job_last_run",
        "How the newest run of the job ended: 1 on the state that holds; never stays 0, because PVE does not tell since when a job is "
        "there (missing tasks are backup_job_missed_runs); absent where tasks cannot be told apart",
        JOBS,
        "state",
        RUN_STATES,
        lambda job: None if job.last_run is None else job.last_run.state,
    ),
    Gauge(
        "backup_job_last_run_timestamp_seconds",
        "Start of the newest run of the job",
        JOBS,
        _run(lambda run: run.started_at),
    ),
    Gauge(
        "backup_job_last_run_duration_seconds",
        "Duration of the newest run of the job",
        JOBS,
        _run(lambda run: run.duration_seconds),
    ),
)
