"""Which answers of a PBS are believed: one that another answer of the same refresh contradicts is not."""

from __future__ import annotations

from exporter.collect.contradictions import incomplete, without_any
from exporter.collect.steps import Steps
from report.backups import Datastore, PbsJob
from report.readings import Failure, Permissions, Reading

STORES, USAGE = "/admin/datastore", "/status/datastore-usage"


def trusted_permissions(
    steps: Steps,
    held: Reading[Permissions],
    told: Reading[Permissions],
    stores: Reading[tuple[Datastore, ...]],
) -> Reading[Permissions]:
    """Given what a token is said to be allowed, and the datastores it sees, return what to believe: without a right it sees none (H.1)."""
    listed = stores.value if stores.fetched_at == steps.now else ()
    if not without_any(told, listed or (), steps.now):
        return told
    failure = incomplete(steps.label, "/access/permissions", "rights", ["Datastore.Audit"], STORES)
    return steps.distrust("permissions", held, failure)


def without_figures(
    steps: Steps, listed: Reading[tuple[Datastore, ...]], usage: Reading[tuple[Datastore, ...]]
) -> Failure | None:
    """Say which datastores only one of two calls tells of: a server gives figures even of a store that it cannot read (H20)."""
    if listed.value is None or usage.value is None:
        return None
    names = {store.name for store in listed.value}, {store.name for store in usage.value}
    if names[0] - names[1]:
        collector, failure = (
            "datastore_usage",
            incomplete(steps.label, USAGE, "datastores", names[0] - names[1], STORES),
        )
    elif names[1] - names[0]:
        collector, failure = "datastores", incomplete(steps.label, STORES, "datastores", names[1] - names[0], USAGE)
    else:
        return None
    steps.failed(collector, failure)
    return failure


def unlisted_jobs(
    label: str, job_type: str, configured: Reading[tuple[PbsJob, ...]], run: Reading[tuple[PbsJob, ...]]
) -> Failure | None:
    """Say which jobs only one of two calls tells of; a job is known to both from the moment it is configured (H8)."""
    if configured.value is None or run.value is None:
        return None
    names = {job.id for job in configured.value}, {job.id for job in run.value}
    paths = f"/config/{job_type}", f"/admin/{job_type}"
    if names[0] - names[1]:
        return incomplete(label, paths[1], "jobs", names[0] - names[1], paths[0])
    if names[1] - names[0]:
        return incomplete(label, paths[0], "jobs", names[1] - names[0], paths[1])
    return None
