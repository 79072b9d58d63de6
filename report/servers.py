"""The datastores and jobs of Proxmox Backup Servers, judged: state, deduplication, orphaned groups, how each job's last run ended."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from report.backups import Datastore, GarbageCollection, PbsFacts, PbsJob, PbsTask, place_name
from report.findings import Parameter
from report.matching import MatchedGroup
from report.model.groups import GroupMatch
from report.model.guests import GuestReport, Protection
from report.model.reasons import ReasonCode
from report.model.servers import DatastoreReport, PbsJobReport
from report.model.sources import Issue, IssueCode, SourceReport
from report.privileges import PBS, missing_privileges
from report.targets import Targets

Params = tuple[tuple[str, Parameter], ...]
# what a PBS says of a run whose end it does not know (H8)
_UNKNOWN_END = "unknown"


def report_datastores(server: PbsFacts, matched: Sequence[MatchedGroup], now: int) -> list[DatastoreReport]:
    """Given a PBS, all matched groups and now (epoch), return its datastores by name."""
    runs = _collection_tasks(server, now)
    collections = {
        collection.datastore: _collected(collection, runs.get(collection.datastore))
        for collection in server.garbage_collections.usable(now) or ()
    }
    groups: dict[str, dict[str, list[MatchedGroup]]] = {}
    for each in matched:
        if each.group.server == server.name:
            groups.setdefault(each.group.datastore, {}).setdefault(each.group.namespace, []).append(each)
    whole = _whole_namespaces(server, now)
    return [
        _datastore(
            server, store, collections.get(store.name), groups.get(store.name, {}), whole.get(store.name, {}), now
        )
        for store in sorted(server.datastores.usable(now) or (), key=lambda store: store.name)
    ]


def report_pbs_jobs(server: PbsFacts, now: int) -> list[PbsJobReport]:
    """Given a PBS and now (epoch), return its prune, verify, sync and garbage collection jobs, by type and id."""
    readings = (server.prune_jobs, server.verify_jobs, server.sync_jobs)
    jobs = [job for reading in readings for job in reading.usable(now) or ()]
    runs = _collection_tasks(server, now)
    jobs += [
        _collection_job(collection, runs.get(collection.datastore))
        for collection in server.garbage_collections.usable(now) or ()
    ]
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
        missing_privileges=missing_privileges(PBS, server.permissions.usable(now)),
        collectors=server.collectors,
        certificate_not_after=server.certificate_not_after,
        inventory_known=True,
    )


def guests_resting_on(server: str, guests: Iterable[GuestReport], targets: Targets) -> Mapping[str, tuple[int, ...]]:
    """Given a PBS, the judged guests and where storages lead, return by datastore the guests that are unknown because it was not read."""
    touched: dict[str, set[int]] = {}
    for guest in guests:
        if guest.protection is not Protection.UNKNOWN:
            continue
        for reason in guest.reasons:
            storage = str(dict(reason.params).get("storage", ""))
            target = targets.of_storage.get((guest.pve, storage))
            if reason.code is ReasonCode.STORE_NOT_READ and target is not None and target.server == server:
                touched.setdefault(target.datastore, set()).add(guest.guest.vmid)
    return {datastore: tuple(sorted(vmids)) for datastore, vmids in touched.items()}


def server_issues(
    server: PbsFacts, matched: Sequence[MatchedGroup], now: int, touched: Mapping[str, tuple[int, ...]]
) -> Iterator[Issue]:
    """Given a PBS, all matched groups, now (epoch) and the guests that are unknown because of it by datastore, yield what could not be seen
    there or does not fit, the gravest first.
    """
    everybody = tuple(sorted({vmid for vmids in touched.values() for vmid in vmids}))
    if not server.up and server.failure:
        yield Issue(server.name, "", IssueCode.SOURCE_DOWN, (("message", server.failure.message),), everybody)
    params: Params
    permissions = server.permissions.usable(now)
    lacking = missing_privileges(PBS, permissions)
    for missing in lacking:
        params = (
            ("privilege", missing.privilege),
            ("path", missing.path),
            ("hides", missing.hides),
            ("token", server.token_id),
        )
        hidden = everybody if missing.hides == "backups" else ()
        yield Issue(server.name, missing.path, IssueCode.PERMISSION_MISSING, params, hidden)
    for store in server.datastores.usable(now) or ():
        if store.hides_groups:
            message = store.error or store.maintenance or store.mount_status or ""
            params = (("datastore", store.name), ("message", message))
            yield Issue(server.name, store.name, IssueCode.DATASTORE_UNREADABLE, params, touched.get(store.name, ()))
    places: dict[tuple[str, str], int] = {}
    for each in matched:
        if each.group.server == server.name and each.match is GroupMatch.AMBIGUOUS:
            place = (each.group.datastore, each.group.namespace)
            places[place] = places.get(place, 0) + 1
    for (datastore, namespace), count in sorted(places.items()):
        params = (("server", server.name), ("datastore", datastore), ("namespace", namespace), ("count", str(count)))
        yield Issue(server.name, f"{datastore}/{namespace}", IssueCode.AMBIGUOUS_GROUPS, params)
    # where it is held and only something below denies it, the place that does is worth a line of its own
    altogether = {each.privilege for each in lacking if permissions and not permissions.on(each.privilege, each.path)}
    yield from _failed_readings(server, touched, altogether)


def _failed_readings(
    server: PbsFacts, touched: Mapping[str, tuple[int, ...]], lacking: Collection[str]
) -> Iterator[Issue]:
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
    rows += [("groups", place_name(*place), reading.failure) for place, reading in sorted(server.groups.items())]
    unusable = {store.name for store in server.datastores.value or () if store.hides_groups}
    for collector, subject, failure in rows:
        datastore = subject.split("/")[0]
        if failure is None or not server.up or datastore in unusable:
            continue
        if failure.code == "forbidden" and any(f"lacks {privilege} on" in failure.message for privilege in lacking):
            continue  # said already, with its remedy, by the missing privilege
        params = (("collector", collector), ("message", failure.message))
        yield Issue(server.name, subject, IssueCode.COLLECTOR_FAILED, params, touched.get(datastore, ()))


def _whole_namespaces(server: PbsFacts, now: int) -> dict[str, dict[str, bool]]:
    """Return, by datastore and namespace, whether all groups there were read lately enough."""
    found: dict[str, dict[str, bool]] = {}
    for (datastore, namespace), reading in server.groups.items():
        found.setdefault(datastore, {})[namespace] = reading.usable(now) is not None and not reading.partial
    return found


def _datastore(
    server: PbsFacts,
    store: Datastore,
    collection: GarbageCollection | None,
    groups: Mapping[str, Sequence[MatchedGroup]],
    whole: Mapping[str, bool],
    now: int,
) -> DatastoreReport:
    """Judge a datastore with its groups by namespace. What was not read is no zero: `whole` tells of each namespace whether it was."""
    namespaces = server.namespaces.get(store.name)
    listed = namespaces.usable(now) if namespaces is not None and not namespaces.partial else None
    read = listed is not None and all(whole.get(namespace) for namespace in listed)
    every = [each for there in groups.values() for each in there]
    complete = read and not any(each.group.incomplete for each in every)
    return DatastoreReport(
        server=server.name,
        datastore=store,
        state=store.state,
        garbage_collection=collection,
        deduplication_ratio=_deduplication(collection),
        orphans=tuple(
            (namespace, *_orphans(there))
            for namespace in sorted(whole)
            if whole[namespace] and _is_decided(there := groups.get(namespace, ()))
        ),
        groups=len(every) if read else None,
        snapshots=sum(len(each.group.snapshots) for each in every) if complete else None,
    )


def _is_decided(groups: Sequence[MatchedGroup]) -> bool:
    """Say whether it is known of every group whether it is an orphan: not while guests or storages of a cluster are hidden."""
    return not any(each.match is GroupMatch.UNKNOWN for each in groups)


def _orphans(groups: Sequence[MatchedGroup]) -> tuple[int, int]:
    """Return how many of a namespace's groups have no guest, and how many versions they hold (D17)."""
    versions = [len(each.group.snapshots.finished()) for each in groups if each.match is GroupMatch.ORPHAN]
    return len(versions), sum(versions)


def _deduplication(collection: GarbageCollection | None) -> float | None:
    """Return the deduplication factor of the last collection, 1.0 for an empty store, None before the first one (H11, H12)."""
    if collection is None or collection.index_data_bytes is None or collection.disk_bytes is None:
        return None
    return collection.index_data_bytes / collection.disk_bytes if collection.disk_bytes else 1.0


def _collection_tasks(server: PbsFacts, now: int) -> dict[str, PbsTask]:
    """Return the newest garbage collection task of each datastore, as far as tasks are told (H14)."""
    tasks = (task for task in server.tasks.usable(now) or () if task.worker_type == "garbage_collection")
    return {task.worker_id: task for task in sorted(tasks, key=lambda task: task.started_at)}


def _collected(collection: GarbageCollection, task: PbsTask | None) -> GarbageCollection:
    """Add to a garbage collection how its last run ended, which a PBS before 3.2 does not say of it: by its task, else as not known of one
    that left figures, for those before the first run are none (H11).
    """
    if collection.last_run_at is not None or collection.last_run_state is not None:
        return collection
    if task is not None:
        return replace(collection, last_run_at=task.ended_at, last_run_state=task.status if task.ended_at else None)
    return collection if collection.index_data_bytes is None else replace(collection, last_run_state=_UNKNOWN_END)


def _collection_job(collection: GarbageCollection, task: PbsTask | None) -> PbsJob:
    told = _collected(collection, task)
    return PbsJob(
        "gc",
        collection.datastore,
        collection.datastore,
        schedule=collection.schedule,
        next_run_at=collection.next_run_at,
        last_run_at=told.last_run_at,
        last_run_state=told.last_run_state,
        last_run_upid=task.upid if task else None,
    )


def _last_run(job: PbsJob) -> str | None:
    """Return how the last run ended (H8): never without any trace of one, running while it has no end, None where it is not told."""
    if job.last_run_state is None:
        return "running" if job.last_run_upid else "never"
    if job.last_run_state == "OK":
        return "ok"
    if job.last_run_state.startswith("WARNINGS"):
        return "warning"
    return None if job.last_run_state == _UNKNOWN_END else "error"
