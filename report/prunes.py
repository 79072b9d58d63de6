"""What writes into a backup group, with the policy in force (E1–E8), and which prune jobs of a PBS reach it (E24–E28)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from report.backups import PbsFacts, PbsJob
from report.facts import BackupJob, Guest, StorageDefinition, VzdumpDefaults
from report.readings import Keep
from report.targets import Target, Targets
from report.view import ClusterView


@dataclass(frozen=True, slots=True)
class Writer:
    """A job that backs a guest up into a group, with the policy in force for it.

    `keep`: the options PVE prunes with after each backup, empty where it prunes nothing. `limit`: with `remove` off, the number of
    unprotected versions at which the next backup fails (E8, case 60). `protects`: every new version is protected (case 61).
    """

    job: BackupJob
    keep: Keep
    limit: int | None = None
    protects: bool = False


def writers_of(
    guest: Guest, active: Sequence[BackupJob], target: Target, view: ClusterView, targets: Targets
) -> tuple[Writer, ...]:
    """Given a guest, the active jobs that select it, and a target, return the jobs that write there, each with its policy (E30)."""
    defaults = view.defaults.get(guest.node) or VzdumpDefaults()
    writers = []
    for job in active:
        storage = job.storage or (None if job.dumpdir else defaults.storage or "local")
        if storage and targets.of_storage.get((view.name, storage)) == target:
            writers.append(_writer(job, (view.storages or {}).get(storage), defaults))
    return tuple(writers)


def prune_jobs_of(server: PbsFacts | None, target: Target, now: int) -> tuple[PbsJob, ...] | None:
    """Given a target and its PBS (None: a file storage), return the prune jobs in reach that do something (E24, E26); None if they
    could not be seen.
    """
    if server is None:
        return ()
    jobs = server.prune_jobs.usable(now)
    if jobs is None or server.prune_jobs.partial:
        # a job above the token's own namespaces prunes there as well, and is not shown (H.1)
        return None
    in_reach = (job for job in jobs if job.reaches(target.datastore, target.namespace))
    return tuple(sorted((job for job in in_reach if job.keep and not job.disabled), key=lambda job: job.id))


def _writer(job: BackupJob, storage: StorageDefinition | None, defaults: VzdumpDefaults) -> Writer:
    """Resolve the policy: the first level that says anything decides, nothing is merged (E1); unset options come from the node (E2)."""
    levels = (job.keep, storage.keep if storage else None, defaults.keep)
    keep = next((level for level in levels if level is not None), ())
    removes = next((said for said in (job.remove, defaults.remove) if said is not None), True)
    protects = bool(job.protected)
    if removes or not keep:
        return Writer(job, keep, protects=protects)
    return Writer(job, (), limit=sum(count for _, count in keep), protects=protects)
