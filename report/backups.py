"""Facts about backups that exist: groups with their snapshots, held compactly, and the datastores and jobs of Proxmox Backup Servers.

A group is (server, datastore, namespace, type, id) (rulebook D11). For a PVE file storage the server is the cluster's name, the
datastore the storage id, the namespace empty, and the type `vm` or `ct` as on PBS. Instants are epoch seconds, UTC.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from report.flags import SnapshotFlag as SnapshotFlag
from report.flags import Standing, count_flagged, flagged, standing_of
from report.readings import CollectorRun, Failure, Keep, Permissions, Reading

UNKNOWN_SIZE = -1
NEVER = 0


def place_name(*parts: str) -> str:
    """Given a server, a datastore and a namespace, or the last two, return the place as people write it; empty ones are left out."""
    return "/".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Snapshots:
    """Snapshots in columns, ascending by time: 25 bytes each. The arrays are never changed after they are made.

    `times`: start of the backup; `sizes`: logical bytes, -1 unknown (D10); `flags`: a `SnapshotFlag` byte each; `verified_at`: start of
    the newest verification, 0 never (H6). `keys`: a byte each, 0 or 1 + the position of its encryption key in the group's
    `key_fingerprints`; empty where none is encrypted with a known key.
    """

    times: array[int] = field(default_factory=lambda: array("q"))
    sizes: array[int] = field(default_factory=lambda: array("q"))
    flags: bytes = b""
    verified_at: array[int] = field(default_factory=lambda: array("q"))
    keys: bytes = b""

    def __len__(self) -> int:
        return len(self.times)

    def where(self, flag: int) -> list[int]:
        """Given a flag (or several), return the positions of snapshots that have any of it."""
        return flagged(self.flags, flag)

    def count(self, flag: int) -> int:
        """Given a flag (or several), return how many snapshots have any of it."""
        return count_flagged(self.flags, flag)

    def finished(self) -> list[int]:
        """Return the positions of versions: finished, standard-named."""
        return list(self.standing.versions)

    @property
    def standing(self) -> Standing:
        """Return what the flags say."""
        return standing_of(self.flags)

    @staticmethod
    def of(rows: Sequence[tuple[int, int, int, int]]) -> Snapshots:
        """Given (time, size, flags, verified at) of each snapshot in any order, return them in columns."""
        ordered = sorted(rows)
        return Snapshots(
            array("q", (row[0] for row in ordered)),
            array("q", (row[1] for row in ordered)),
            bytes(row[2] for row in ordered),
            array("q", (row[3] for row in ordered)),
        )


@dataclass(frozen=True, slots=True)
class Archive:
    """A file of a snapshot as the manifest names it (`drive-scsi0.img.fidx`); `crypt_mode` none, encrypt or sign-only."""

    name: str
    size: int | None
    crypt_mode: str | None


@dataclass(frozen=True, slots=True)
class BackupGroup:
    """A backup group with all its snapshots. `row_count` and `row_last_backup` are what the cheap listing said when it was read:
    they detect change and nothing else (H2). `incomplete`: the listing of snapshots had fewer rows than the group says it has.
    `newest_archives`: the files of the newest finished snapshot. `row_digest`: a checksum of the whole row of the cheap listing, None
    until the snapshots were read once. `node`: the PVE node that listed a file storage, None for a PBS and where several did.
    `newest_volume`: of a file storage, the volume id of its newest version. `key_fingerprints`: of the keys its snapshots are encrypted
    with, in the order they were met. `verified_elsewhere`: where the newest VERIFIED_ELSEWHERE was verified, None without one.
    """

    server: str
    datastore: str
    namespace: str
    backup_type: str
    backup_id: str
    snapshots: Snapshots
    read_at: int
    owner: str | None = None
    comment: str | None = None
    row_count: int | None = None
    row_last_backup: int | None = None
    incomplete: bool = False
    newest_archives: tuple[Archive, ...] = ()
    row_digest: int | None = None
    node: str | None = None
    newest_volume: str | None = None
    key_fingerprints: tuple[str, ...] = ()
    verified_elsewhere: str | None = None


@dataclass(frozen=True, slots=True)
class Datastore:
    """A datastore of a PBS. Sizes in bytes, None where the token may not know or the store cannot be read (`total` 0 is not "full").

    `maintenance`: offline, read-only, delete, unmount, …; `error`: why the server itself cannot read it.
    """

    name: str
    comment: str | None = None
    maintenance: str | None = None
    mount_status: str | None = None
    error: str | None = None
    total_bytes: int | None = None
    used_bytes: int | None = None
    available_bytes: int | None = None
    estimated_full_at: int | None = None

    @property
    def state(self) -> str:
        """Return online, maintenance, unmounted or error (H20)."""
        if self.maintenance:
            return "maintenance"
        if self.mount_status == "notmounted":
            return "unmounted"
        return "error" if self.error else "online"

    @property
    def hides_groups(self) -> bool:
        """Say whether its groups cannot be listed: in read-only maintenance they can (H20)."""
        read_only = (self.maintenance or "").startswith("read-only")
        return bool(self.error) or (self.state != "online" and not read_only)


@dataclass(frozen=True, slots=True)
class GarbageCollection:
    """The last garbage collection of a datastore (H11, H12); byte figures None before the first one."""

    datastore: str
    schedule: str | None = None
    next_run_at: int | None = None
    last_run_at: int | None = None
    last_run_state: str | None = None
    index_data_bytes: int | None = None
    disk_bytes: int | None = None
    pending_bytes: int | None = None
    still_bad: int | None = None


@dataclass(frozen=True, slots=True)
class PbsJob:
    """A prune, verify or sync job (H8–H10). `namespace` "" is the root; `max_depth` None is all the way down. `keep` of a prune job.

    Never run: the last_* are None. Running: `last_run_upid` is there, state and end are not.
    """

    job_type: str
    id: str
    datastore: str
    namespace: str = ""
    max_depth: int | None = None
    schedule: str | None = None
    disabled: bool = False
    keep: Keep = ()
    comment: str | None = None
    next_run_at: int | None = None
    last_run_state: str | None = None
    last_run_at: int | None = None
    last_run_upid: str | None = None
    remote: str | None = None
    remote_store: str | None = None
    remote_namespace: str | None = None
    owner: str | None = None
    direction: str | None = None
    ignore_verified: bool | None = None
    outdated_after_days: int | None = None
    group_filter: tuple[str, ...] = ()
    remove_vanished: bool | None = None

    def reaches(self, datastore: str, namespace: str) -> bool:
        """Given a datastore and a namespace, say whether the job works there: same store, equal or below within its depth (H10)."""
        if datastore != self.datastore:
            return False
        if self.namespace and namespace != self.namespace and not namespace.startswith(self.namespace + "/"):
            return False
        below = namespace[len(self.namespace) :].strip("/")
        depth = below.count("/") + 1 if below else 0
        return self.max_depth is None or depth <= self.max_depth


@dataclass(frozen=True, slots=True)
class PbsTask:
    """A task of a PBS (H14); `worker_id` is unescaped. `ended_at` None while it runs."""

    upid: str
    worker_type: str
    worker_id: str
    started_at: int
    ended_at: int | None
    status: str | None
    user: str


GroupsByNamespace = Mapping[tuple[str, str], Reading[tuple[BackupGroup, ...]]]


@dataclass(frozen=True, slots=True)
class PbsFacts:
    """Everything known of one PBS, by its configured name. `groups` is keyed by (datastore, namespace).

    `hosts` are (host, port) as configured, and `certificate_fingerprint` (64 lower-case hexadecimal digits) that of its certificate:
    by either a storage entry of PVE is known to point here (D12).
    """

    name: str
    attempted_at: int
    up: bool
    hosts: tuple[tuple[str, int], ...] = ()
    failure: Failure | None = None
    version: Reading[str] = field(default_factory=Reading)
    token_id: str = ""
    permissions: Reading[Permissions] = field(default_factory=Reading)
    identity: str | None = None
    zone: Reading[str] = field(default_factory=Reading)
    datastores: Reading[tuple[Datastore, ...]] = field(default_factory=Reading)
    namespaces: Mapping[str, Reading[tuple[str, ...]]] = field(default_factory=dict)
    groups: GroupsByNamespace = field(default_factory=dict)
    garbage_collections: Reading[tuple[GarbageCollection, ...]] = field(default_factory=Reading)
    prune_jobs: Reading[tuple[PbsJob, ...]] = field(default_factory=Reading)
    verify_jobs: Reading[tuple[PbsJob, ...]] = field(default_factory=Reading)
    sync_jobs: Reading[tuple[PbsJob, ...]] = field(default_factory=Reading)
    tasks: Reading[tuple[PbsTask, ...]] = field(default_factory=Reading)
    collectors: tuple[CollectorRun, ...] = ()
    certificate_not_after: int | None = None
    certificate_fingerprint: str | None = None
