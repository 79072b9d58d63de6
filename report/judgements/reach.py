"""Can the jobs of a guest run where it is, as things are now? To know changes neither coverage nor verdict (rulebook B37, case 14)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from report.evidence import NOTHING_FOUND, Evidence, Judgement
from report.facts import BackupJob, VzdumpDefaults
from report.findings import Finding, FindingCode
from report.jobs import next_event
from report.targets import storage_of
from report.view import ClusterView


def stopped_jobs(active: Sequence[BackupJob], node: str, view: ClusterView) -> Mapping[str, tuple[BackupJob, ...]]:
    """Given active jobs, a node with guests of them, and the cluster's view, return those that cannot run there now: by the storage that
    is not active (B28), all by "" where the node is offline (B30). What is not known stops nothing.
    """
    if node in view.offline:
        return {"": tuple(active)} if active else {}
    defaults = view.defaults.get(node) or VzdumpDefaults()
    stopped: dict[str, tuple[BackupJob, ...]] = {}
    for job in active:
        storage = storage_of(job, defaults)
        if storage is not None and (node, storage) in view.inactive:
            stopped[storage] = (*stopped.get(storage, ()), job)
    return stopped


def judge_reach(evidence: Evidence) -> Judgement:
    """Given the evidence on a guest, return which of its active jobs cannot run at their next event as things are now. Once that has
    passed, freshness and missed runs judge it.
    """
    if not evidence.stopped or not evidence.zone_known:
        return NOTHING_FOUND
    return Judgement(tuple(_blocked(evidence)))


def _blocked(evidence: Evidence) -> Iterator[Finding]:
    stopped = {job.id for jobs in evidence.stopped.values() for job in jobs}
    able = ", ".join(job.id for job in evidence.active if job.id not in stopped)
    for storage, jobs in evidence.stopped.items():
        events = [_next_run(job, evidence) for job in jobs]
        yield Finding.of(
            FindingCode.NEXT_BACKUP_BLOCKED,
            storage,
            at=min(event for event in events if event is not None),
            jobs=", ".join(job.id for job in jobs),
            node=evidence.guest.node,
            storage=storage,
            able=able,
        )


def _next_run(job: BackupJob, evidence: Evidence) -> int | None:
    """Return a job's next event: PVE's own figure where we cannot read the schedule (B3)."""
    return next_event(job.schedule or "", evidence.zone, evidence.now) or job.next_run
