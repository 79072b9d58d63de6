"""PVE's answers as they come over the wire: only the fields we read, as tolerant as PVE is loose (booleans 0, 1, "1" or "")."""

from __future__ import annotations

from typing import cast

import msgspec

# Perl writes a value as number or text as it was last used: a guest named "100" may come as 100
Scalar = int | float | str | bool | None


class Row(msgspec.Struct, rename="kebab", gc=False):
    """Base of all rows: PVE's keys are kebab-case, unknown ones are passed over."""


class VersionRow(Row):
    version: str


class StatusRow(Row):
    """/cluster/status: a row for the cluster and one for each node."""

    type: str
    name: str
    online: Scalar = None


class ResourceRow(Row):
    """/cluster/resources: guests, nodes, pools and storages in one list (A2)."""

    type: str
    id: str
    node: str | None = None
    vmid: Scalar = None
    name: Scalar = None
    pool: Scalar = None
    tags: Scalar = None
    template: Scalar = None
    status: str | None = None
    lock: str | None = None


class JobRow(Row):
    """/cluster/backup (B2)."""

    id: str
    enabled: Scalar = None
    schedule: Scalar = None
    starttime: Scalar = None
    dow: Scalar = None
    storage: Scalar = None
    dumpdir: Scalar = None
    node: Scalar = None
    pool: Scalar = None
    vmid: Scalar = None
    all: Scalar = None
    exclude: Scalar = None
    mode: Scalar = None
    prune_backups: dict[str, Scalar] | Scalar = None
    maxfiles: Scalar = None
    comment: Scalar = None
    next_run: Scalar = None
    type: Scalar = None
    repeat_missed: Scalar = None
    protected: Scalar = None
    remove: Scalar = None
    fleecing: dict[str, Scalar] | Scalar = None


class IncludedVolumeRow(Row):
    id: str
    included: Scalar
    name: Scalar = None
    reason: Scalar = None


class IncludedGuestRow(Row):
    id: Scalar
    type: str = "unknown"
    children: list[IncludedVolumeRow] = []


class IncludedRow(Row):
    """/cluster/backup/{id}/included_volumes (B13)."""

    children: list[IncludedGuestRow]


class UncoveredRow(Row):
    """/cluster/backup-info/not-backed-up (B11)."""

    vmid: Scalar


class PoolMemberRow(Row):
    type: str
    vmid: Scalar = None


class PoolRow(Row):
    """/pools?poolid=…: one pool with its direct members (B10)."""

    members: list[PoolMemberRow] = []


class StorageRow(Row):
    """/storage: storage.cfg entries (J1)."""

    storage: str
    type: str
    content: Scalar = None
    nodes: Scalar = None
    disable: Scalar = None
    shared: Scalar = None
    prune_backups: dict[str, Scalar] | Scalar = None
    maxfiles: Scalar = None
    server: Scalar = None
    port: Scalar = None
    datastore: Scalar = None
    namespace: Scalar = None
    username: Scalar = None
    path: Scalar = None
    fingerprint: Scalar = None
    export: Scalar = None
    share: Scalar = None
    subdir: Scalar = None
    encryption_key: Scalar = None


class StorageStateRow(Row):
    """/nodes/{node}/storage (D3)."""

    storage: str
    type: str
    enabled: Scalar = None
    active: Scalar = None
    shared: Scalar = None
    total: Scalar = None
    used: Scalar = None
    avail: Scalar = None


class VzdumpDefaultsRow(Row):
    """/nodes/{node}/vzdump/defaults (E2)."""

    storage: Scalar = None
    dumpdir: Scalar = None
    mode: Scalar = None
    prune_backups: dict[str, Scalar] | Scalar = None
    remove: Scalar = None


class TimeRow(Row):
    """/nodes/{node}/time (F5)."""

    timezone: str
    time: Scalar = None


class TaskRow(Row):
    """/nodes/{node}/tasks and /cluster/tasks (G3, G4)."""

    upid: str
    node: str
    type: str
    user: str
    starttime: Scalar
    endtime: Scalar = None
    status: Scalar = None
    id: Scalar = None


class LogRow(Row):
    """/nodes/{node}/tasks/{upid}/log: a line with its number, from 1 (G6)."""

    n: Scalar = None
    t: Scalar = None


class GuestConfigRow(Row):
    """/nodes/{node}/qemu|lxc/{vmid}/config: notes, creation time (A10), and what decides about volumes; every one has a digest."""

    digest: Scalar = None
    description: Scalar = None
    meta: Scalar = None
    template: Scalar = None
    name: Scalar = None
    hostname: Scalar = None
    parent: Scalar = None
    bios: Scalar = None


# the keys that may hold a volume, in the order in which PVE lists them (C1, C6)
VOLUME_KEYS = (
    *(
        f"{bus}{number}"
        for bus, count in (("ide", 4), ("scsi", 31), ("virtio", 16), ("sata", 6))
        for number in range(count)
    ),
    "efidisk0",
    "tpmstate0",
    "rootfs",
    *(f"mp{number}" for number in range(256)),
)
# the same with a field for each of these keys
GuestVolumesRow = cast(
    type[GuestConfigRow],
    msgspec.defstruct(
        "GuestVolumesRow", [(key, Scalar, None) for key in VOLUME_KEYS], bases=(GuestConfigRow,), gc=False
    ),
)


Permissions = dict[str, dict[str, Scalar]]
