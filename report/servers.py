"""The datastores and jobs of Proxmox Backup Servers, judged: state, deduplication, orphaned groups, how each job's last run ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from report.backups import Datastore, GarbageCollection, PbsFacts, PbsJob
from report.matching import MatchedGroup
from report.model import DatastoreReport, GroupMatch, Issue, IssueCode, Parameter, PbsJobReport, SourceReport
from report.visibility import missing_server_privileges

Params = tuple[tuple[str, Parameter], ...]


def report_datastores(server: PbsFacts, matched: Sequence[MatchedGroup], now: int) -> list[DatastoreReport]:
    """Given a PBS, all matched groups and now (epoch), return its datastores by name."""
    collections = {collection.datastore: collection for collection in server.garbage_collections.usable(now) or ()}
    mine = [each for each in matched if each.group.server == server.name]
    return [
        _datastore(
            server.name,
            store,
            collections.get(store.name),
            [each for each in mine if each.group.datastore == store.name],
        )
        for store in sorted(server.datastores.usable(now) or (), key=lambda store: store.name)
    ]


def report_pbs_jobs(server: PbsFacts, now: int) -> list[PbsJobReport]:
    """Given a PBS and now (epoch), return its prune, verify, sync and garbage collection jobs, by type and id."""
    readings = (server.prune_jobs, server.verify_jobs, server.sync_jobs)
    jobs = [job for reading in readings for job in reading.usable(now) or ()]
    jobs += [_collection_job(collection) for collection in server.garbage_collections.usable(now) or ()]
    reports = (
        PbsJobReport(server.name, job, _last_run(job), None if job.disabled else job.next_run_at) for job in jobs
    )
    return sorted(reports, key=lambda report: (report.job.job_type, report.job.id))


def report_server(server: PbsFacts, now: int) -> SourceReport:
    """Given a PBS and now (epoch), return its health as a source."""
    return SourceReport(
        name=server.name,
        kind="pbs",
        up=server.up,
        version=server.version.value,
        fetched_at=server.version.fetched_at,
        failure=server.failure,
        missing_privileges=missing_server_privileges(server.permissions.usable(now)),
        collectors=server.collectors,
        certificate_not_after=server.certificate_not_after,
        inventory_known=True,
    )


def server_issues(server: PbsFacts, matched: Sequence[MatchedGroup], now: int) -> Iterator[Issue]:
    """Given a PBS, all matched groups and now (epoch), yield what could not be seen there or does not fit, the gravest first."""
    if not server.up and server.failure:
        yield Issue(server.name, "", IssueCode.SOURCE_DOWN, (("message", server.failure.message),))
    params: Params
    for missing in missing_server_privileges(server.permissions.usable(now)):
        params = (
            ("privilege", missing.privilege),
            ("path", missing.path),
            ("hides", missing.hides),
            ("token", server.token_id),
        )
        yield Issue(server.name, missing.path, IssueCode.PERMISSION_MISSING, params)
    for store in server.datastores.usable(now) or ():
        if _hides_groups(store):
            message = store.error or store.maintenance or store.mount_status or ""
            params = (("datastore", store.name), ("message", message))
            yield Issue(server.name, store.name, IssueCode.DATASTORE_UNREADABLE, params)
    places: dict[tuple[str, str], int] = {}
    for each in matched:
        if each.group.server == server.name and each.match is GroupMatch.AMBIGUOUS:
            place = (each.group.datastore, each.group.namespace)
            places[place] = places.get(place, 0) + 1
    for (datastore, namespace), count in sorted(places.items()):
        params = (("server", server.name), ("datastore", datastore), ("namespace", namespace), ("count", str(count)))
        yield Issue(server.name, f"{datastore}/{namespace}", IssueCode.AMBIGUOUS_GROUPS, params)
    yield from _failed_readings(server)


def _failed_readings(server: PbsFacts) -> Iterator[Issue]:
    single = (
        ("datastores", server.datastores),
        ("garbage_collections", server.garbage_collections),
        ("prune_jobs", server.prune_jobs),
        ("verify_jobs", server.verify_jobs),
        ("sync_jobs", server.sync_jobs),
        ("tasks", server.tasks),
        ("zone", server.zone),
    )
    rows = [(name, "", reading.failure) for name, reading in single]
    rows += [("namespaces", store, reading.failure) for store, reading in sorted(server.namespaces.items())]
    rows += [
        ("groups", "/".join(filter(None, place)), reading.failure) for place, reading in sorted(server.groups.items())
    ]
    unusable = {store.name for store in server.datastores.value or () if _hides_groups(store)}
    for collector, subject, failure in rows:
        if failure is not None and server.up and subject.split("/")[0] not in unusable:
            params = (("collector", collector), ("message", failure.message))
            yield Issue(server.name, subject, IssueCode.COLLECTOR_FAILED, params)


def _datastore(
    server: str, store: Datastore, collection: GarbageCollection | None, groups: Sequence[MatchedGroup]
) -> DatastoreReport:
    orphans: dict[str, tuple[int, int]] = {}
    for each in groups:
        found, versions = orphans.get(each.group.namespace, (0, 0))
        if each.match is GroupMatch.ORPHAN:
            found, versions = found + 1, versions + len(each.group.snapshots.finished())
        orphans[each.group.namespace] = (found, versions)
    return DatastoreReport(
        server=server,
        datastore=store,
        state=_state(store),
        garbage_collection=collection,
        deduplication_ratio=_deduplication(collection),
        orphans=tuple((namespace, *orphans[namespace]) for namespace in sorted(orphans)),
        groups=len(groups),
        snapshots=sum(len(each.group.snapshots) for each in groups),
    )


def _state(store: Datastore) -> str:
    if store.maintenance:
        return "maintenance"
    if store.mount_status == "notmounted":
        return "unmounted"
    return "error" if store.error else "online"


def _hides_groups(store: Datastore) -> bool:
    """Say whether the store's groups cannot be listed: in read-only maintenance they can (H20)."""
    return bool(store.error) or (_state(store) != "online" and not (store.maintenance or "").startswith("read-only"))


def _deduplication(collection: GarbageCollection | None) -> float | None:
    """Return the deduplication factor of the last collection, 1.0 for an empty store, None before the first one (H11, H12)."""
    if collection is None or collection.index_data_bytes is None or collection.disk_bytes is None:
        return None
    return collection.index_data_bytes / collection.disk_bytes if collection.disk_bytes else 1.0


def _collection_job(collection: GarbageCollection) -> PbsJob:
    job = PbsJob("gc", collection.datastore, collection.datastore, schedule=collection.schedule)
    return replace(
        job,
        next_run_at=collection.next_run_at,
        last_run_at=collection.last_run_at,
        last_run_state=collection.last_run_state,
    )


def _last_run(job: PbsJob) -> str | None:
    """Return how the last run ended (H8): never without any trace of one, running while it has no end, None where it is not told."""
    if job.last_run_state is None:
        return "running" if job.last_run_upid else "never"
    if job.last_run_state == "OK":
        return "ok"
    if job.last_run_state.startswith("WARNINGS"):
        return "warning"
    return None if job.last_run_state == "unknown" else "error"
