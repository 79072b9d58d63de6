"""PBS's answers as they come over the wire: only the fields we read. PBS sends real booleans and numbers, but nothing rests on that."""

from __future__ import annotations

import msgspec

Scalar = int | float | str | bool | None


class Row(msgspec.Struct, rename="kebab", gc=False):
    """Base of all rows: most keys are kebab-case, unknown ones are passed over."""


class VersionRow(Row):
    """/version: `version` is MAJOR.MINOR only, the patch level is in `release`."""

    version: str
    release: Scalar = None


class TimeRow(Row):
    """/nodes/localhost/time."""

    timezone: str
    time: Scalar = None


class IdentityRow(Row):
    """/nodes/localhost/identity, of recent versions only (D12)."""

    id: Scalar = None
    pbs_instance_id: Scalar = None


class StoreRow(Row):
    """/admin/datastore."""

    store: str
    comment: Scalar = None
    maintenance: Scalar = None
    mount_status: Scalar = None


class UsageRow(Row):
    """/status/datastore-usage: the numbers, or why the server cannot tell them (M10)."""

    store: str
    total: Scalar = None
    used: Scalar = None
    avail: Scalar = None
    error: Scalar = None
    mount_status: Scalar = None
    estimated_full_date: Scalar = None


class NamespaceRow(Row):
    """/admin/datastore/{store}/namespace: the root is ""."""

    ns: str = ""


class GroupRow(Row):
    """/admin/datastore/{store}/groups (H2)."""

    backup_type: str
    backup_id: str
    backup_count: int
    last_backup: int = 0
    files: list[str] = []
    owner: str | None = None
    comment: str | None = None


class FileRow(Row):
    filename: str
    crypt_mode: str | None = None
    size: Scalar = None


class VerificationRow(Row):
    state: str | None = None
    upid: str | None = None


class SnapshotRow(Row):
    """/admin/datastore/{store}/snapshots (H3)."""

    backup_type: str
    backup_id: str
    backup_time: int
    protected: bool | None = False
    size: Scalar = None
    fingerprint: str | None = None
    verification: VerificationRow | None = None
    files: list[FileRow] = []


class CollectionRow(Row):
    """/admin/gc and /admin/datastore/{store}/gc; before 3.2 without the fields of the job."""

    store: str | None = None
    upid: str | None = None
    schedule: Scalar = None
    next_run: Scalar = None
    last_run_endtime: Scalar = None
    last_run_state: Scalar = None
    index_data_bytes: Scalar = None
    disk_bytes: Scalar = None
    pending_bytes: Scalar = None
    still_bad: Scalar = None


class JobRow(Row):
    """/config and /admin of prune, verify and sync: flat, status fields beside the configured ones (H8, H9, E24)."""

    id: str
    store: str
    ns: Scalar = None
    max_depth: Scalar = None
    schedule: Scalar = None
    disable: Scalar = None
    comment: Scalar = None
    keep_last: Scalar = None
    keep_hourly: Scalar = None
    keep_daily: Scalar = None
    keep_weekly: Scalar = None
    keep_monthly: Scalar = None
    keep_yearly: Scalar = None
    ignore_verified: Scalar = None
    outdated_after: Scalar = None
    remote: Scalar = None
    remote_store: Scalar = None
    remote_ns: Scalar = None
    owner: Scalar = None
    sync_direction: Scalar = None
    group_filter: list[str] | None = None
    remove_vanished: Scalar = None
    next_run: Scalar = None
    last_run_state: Scalar = None
    last_run_endtime: Scalar = None
    last_run_upid: Scalar = None


class TaskRow(msgspec.Struct, gc=False):
    """/nodes/localhost/tasks, which alone writes underscores."""

    upid: str
    worker_type: str
    starttime: Scalar
    worker_id: Scalar = None
    endtime: Scalar = None
    status: Scalar = None
    user: str = ""


Permissions = dict[str, dict[str, Scalar]]
