"""From PBS's rows to facts: pure functions, one an endpoint. After this there is no row and no dict of theirs.

PBS lists come in no order (M9): everything is sorted here. A number that cannot be what it should be is unknown, not an error:
one odd row must not hide the others.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import msgspec

from exporter.collect import pbs_rows as rows
from exporter.collect.pbs_values import boolean, first_line, number, text, unescaped, upid_start
from report.backups import Datastore, GarbageCollection, PbsJob, PbsTask
from report.readings import Keep, Permissions

_KEEP = ("keep_daily", "keep_hourly", "keep_last", "keep_monthly", "keep_weekly", "keep_yearly")
_MAINTENANCE = re.compile(r"(?:type=)?(?P<type>[\w-]+)")
_GROUP = msgspec.json.Decoder(rows.GroupRow, strict=False)


@dataclass(frozen=True, slots=True)
class ServerTime:
    """The zone of a PBS and what its clock said (epoch, None if it does not)."""

    zone: str
    clock: int | None


@dataclass(frozen=True, slots=True)
class ListedGroup:
    """A row of the cheap listing. `count` includes unfinished snapshots; `last_backup` and `digest` detect change only (H2)."""

    backup_type: str
    backup_id: str
    count: int
    last_backup: int
    owner: str | None
    comment: str | None
    digest: int

    @property
    def key(self) -> tuple[str, str]:
        """Type and id: what names the group in its namespace (D11)."""
        return self.backup_type, self.backup_id


@dataclass(frozen=True, slots=True)
class GroupListing:
    """The groups of one namespace by type and id, and how many rows of the answer could not be read."""

    groups: tuple[ListedGroup, ...]
    unread: int = 0

    def __len__(self) -> int:
        return len(self.groups)


def parse_version(answer: rows.VersionRow) -> str:
    """Given /version, return MAJOR.MINOR.PATCH."""
    release = text(answer.release)
    return f"{answer.version}.{release}" if release else answer.version


def parse_time(answer: rows.TimeRow) -> ServerTime:
    """Given /nodes/localhost/time, return the zone that schedules and prune periods use, and the clock."""
    return ServerTime(answer.timezone, number(answer.time))


def parse_identity(answer: rows.IdentityRow) -> str | None:
    """Given /nodes/localhost/identity, return what names this installation (D12)."""
    return text(answer.id) or text(answer.pbs_instance_id)


def parse_permissions(answer: rows.Permissions) -> Permissions:
    """Given paths and privileges, return them: the key is the grant, its value says whether it reaches below."""
    return Permissions(
        {path: {name: bool(boolean(value)) for name, value in held.items()} for path, held in answer.items()}
    )


def parse_stores(answer: Sequence[rows.StoreRow]) -> tuple[Datastore, ...]:
    """Given /admin/datastore, return the stores by name, without figures."""
    stores = (
        Datastore(
            row.store,
            comment=first_line(text(row.comment)),
            maintenance=_maintenance(row.maintenance),
            mount_status=text(row.mount_status),
        )
        for row in answer
    )
    return tuple(sorted(stores, key=lambda store: store.name))


def _maintenance(value: rows.Scalar) -> str | None:
    """Return the kind of maintenance out of a property string such as `offline,message=disk swap` (H20)."""
    found = _MAINTENANCE.match(str(value)) if value else None
    return found["type"] if found else text(value)


def parse_usage(answer: Sequence[rows.UsageRow]) -> tuple[Datastore, ...]:
    """Given /status/datastore-usage, return figures and errors by store.

    No figure is 0 or -1 because it could not be known: both are what a server says to a token without rights, or of a broken store
    (M10; -1 up to 3.1).
    """
    return tuple(sorted((_usage(row) for row in answer), key=lambda store: store.name))


def _usage(row: rows.UsageRow) -> Datastore:
    total = number(row.total, least=1)
    return Datastore(
        row.store,
        mount_status=text(row.mount_status),
        error=text(row.error),
        total_bytes=total,
        used_bytes=number(row.used) if total else None,
        available_bytes=number(row.avail) if total else None,
        estimated_full_at=number(row.estimated_full_date, least=1),
    )


def parse_namespaces(answer: Sequence[rows.NamespaceRow]) -> tuple[str, ...]:
    """Given the namespaces of a store, return them sorted, the root, "", first if it is visible."""
    return tuple(sorted({row.ns for row in answer}))


def parse_groups(answer: Iterable[msgspec.Raw]) -> GroupListing:
    """Given the rows of /groups, each still as text, return them; a row that makes no sense costs itself only.

    Raises ValueError if none makes sense: that is not a namespace without groups.
    """
    groups: dict[tuple[str, str], ListedGroup] = {}
    unread = 0
    for raw in answer:
        try:
            group = _listed(_GROUP.decode(raw))
        except (msgspec.DecodeError, UnicodeDecodeError):
            unread += 1
            continue
        if group.count < 0:
            unread += 1
        else:
            groups[group.key] = group
    if unread and not groups:
        raise ValueError(f"none of {unread} rows makes sense")
    return GroupListing(tuple(groups[key] for key in sorted(groups)), unread)


def _listed(row: rows.GroupRow) -> ListedGroup:
    told = (row.backup_count, row.last_backup, row.owner, row.comment, sorted(row.files))
    return ListedGroup(
        backup_type=row.backup_type,
        backup_id=row.backup_id,
        count=row.backup_count,
        last_backup=row.last_backup,
        owner=text(row.owner),
        comment=first_line(row.comment),
        digest=zlib.crc32(repr(told).encode()),
    )


def parse_collection(row: rows.CollectionRow, store: str | None = None) -> GarbageCollection:
    """Given a garbage collection (of `store`, where the row does not say it), return it; without `upid` it never ran (H11)."""
    ran = row.upid is not None
    return GarbageCollection(
        datastore=row.store or store or "",
        schedule=text(row.schedule),
        next_run_at=number(row.next_run),
        last_run_at=number(row.last_run_endtime),
        last_run_state=text(row.last_run_state),
        index_data_bytes=number(row.index_data_bytes) if ran else None,
        disk_bytes=number(row.disk_bytes) if ran else None,
        pending_bytes=number(row.pending_bytes) if ran else None,
        still_bad=number(row.still_bad) if ran else None,
    )


def parse_collections(answer: Sequence[rows.CollectionRow]) -> tuple[GarbageCollection, ...]:
    """Given /admin/gc, return the garbage collections by store."""
    return tuple(sorted(map(parse_collection, answer), key=lambda collection: collection.datastore))


def parse_jobs(job_type: str, answer: Sequence[rows.JobRow]) -> tuple[PbsJob, ...]:
    """Given the jobs of one type (prune, verify, sync), return them by id."""
    return tuple(sorted((_job(job_type, row) for row in answer), key=lambda job: job.id))


def _job(job_type: str, row: rows.JobRow) -> PbsJob:
    sync, verify = job_type == "sync", job_type == "verify"
    return PbsJob(
        job_type=job_type,
        id=row.id,
        datastore=row.store,
        namespace=text(row.ns) or "",
        max_depth=number(row.max_depth),
        schedule=text(row.schedule),
        disabled=bool(boolean(row.disable)),
        keep=_keep(row),
        comment=first_line(text(row.comment)),
        next_run_at=number(row.next_run),
        last_run_state=text(row.last_run_state),
        last_run_at=number(row.last_run_endtime),
        last_run_upid=text(row.last_run_upid),
        remote=text(row.remote),
        remote_store=text(row.remote_store),
        remote_namespace=text(row.remote_ns),
        owner=text(row.owner),
        direction=(text(row.sync_direction) or "pull") if sync else None,
        ignore_verified=boolean(row.ignore_verified) is not False if verify else None,
        outdated_after_days=number(row.outdated_after, least=1),
        group_filter=tuple(row.group_filter or ()),
        remove_vanished=boolean(row.remove_vanished),
    )


def _keep(row: rows.JobRow) -> Keep:
    counts = ((name.replace("_", "-"), number(getattr(row, name), least=1)) for name in _KEEP)
    return tuple((name, count) for name, count in counts if count is not None)


def merge_jobs(configured: Sequence[PbsJob], run: Sequence[PbsJob]) -> tuple[PbsJob, ...]:
    """Given jobs as configured and as run (either may lack some), return each once: what is configured, with its last and next run."""
    status = {job.id: job for job in run}
    merged = {job.id: job for job in run}
    for job in configured:
        told = status.get(job.id, job)
        merged[job.id] = replace(
            job,
            next_run_at=told.next_run_at,
            last_run_state=told.last_run_state,
            last_run_at=told.last_run_at,
            last_run_upid=told.last_run_upid,
        )
    return tuple(merged[job] for job in sorted(merged))


def parse_tasks(answer: Iterable[rows.TaskRow]) -> tuple[PbsTask, ...]:
    """Given rows of task lists, return each task once, ended if any row says so, the newest first."""
    tasks: dict[str, PbsTask] = {}
    for row in answer:
        if row.upid not in tasks or tasks[row.upid].ended_at is None:
            tasks[row.upid] = _task(row)
    return tuple(sorted(tasks.values(), key=lambda task: (-task.started_at, task.upid)))


def _task(row: rows.TaskRow) -> PbsTask:
    worker = unescaped(str(row.worker_id or ""))
    started = number(row.starttime) or upid_start(row.upid) or 0
    return PbsTask(row.upid, row.worker_type, worker, started, number(row.endtime), text(row.status), row.user)
