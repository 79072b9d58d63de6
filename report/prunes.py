"""What writes into a backup group, with the policy in force (E1–E8), and which prune jobs of a PBS reach it (E24–E28)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from report.backups import PbsFacts, PbsJob
from report.facts import BackupJob, Guest, StorageDefinition, VzdumpDefaults
from report.readings import Keep
from report.targets import Target, Targets, is_external
from report.value import Value
from report.view import ClusterView


class Writer(Value, frozen=True):
    """A job that backs a guest up into a group through a storage, with the policy in force for it.

    `keep`: the options PVE prunes with after each backup, empty where it prunes nothing, None where the node decides and was not read.
    `limit`: with `remove` off, the number of unprotected versions at which the next backup fails (E8, case 60). `protects`: every new
    version is protected (case 61).
    """

    job: BackupJob
    storage: str
    keep: Keep | None
    limit: int | None = None
    protects: bool = False


def writers_of(
    guest: Guest, active: Sequence[BackupJob], target: Target, view: ClusterView, targets: Targets
) -> tuple[Writer, ...]:
    """Given a guest, the active jobs that select it, and a target, return the jobs that write there, each with its policy (E30)."""
    return writers_by_target(guest, active, view, targets).get(target, ())


def writers_by_target(
    guest: Guest, active: Sequence[BackupJob], view: ClusterView, targets: Targets
) -> Mapping[Target, tuple[Writer, ...]]:
    """Given a guest and the active jobs that select it, return those that write to each target that is known, each with its policy."""
    read = view.defaults.get(guest.node)
    defaults = read or VzdumpDefaults()
    writers: dict[Target, tuple[Writer, ...]] = {}
    for job in active:
        storage = job.storage or ("" if job.dumpdir else defaults.storage or "local")
        target = targets.of_storage.get((view.name, storage))
        if target is not None and view.storages is not None:
            writers[target] = (*writers.get(target, ()), _writer(job, view.storages[storage], read))
    return writers


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


def _writer(job: BackupJob, storage: StorageDefinition, read: VzdumpDefaults | None) -> Writer:
    """Resolve the policy: the first level that says anything decides, nothing is merged (E1); unset options come from the node (E2), of
    which nothing may be known (`read` None). What an external provider prunes is its own affair: by itself PVE prunes nothing there (I6).
    """
    protects = bool(job.protected)
    if is_external(storage):
        return Writer(job, storage.storage, (), protects=protects)
    levels = (job.keep, storage.keep, (read.keep or ()) if read else None)
    keep = next((level for level in levels if level is not None), None)
    removes = next((said for said in (job.remove, read.remove if read else None) if said is not None), True)
    if removes or not keep:
        return Writer(job, storage.storage, keep, protects=protects)
    return Writer(job, storage.storage, (), limit=sum(count for _, count in keep), protects=protects)
