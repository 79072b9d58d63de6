"""Rows of backup files on PVE storages → groups: pure (D4–D8, M14, I4)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import msgspec

from exporter.collect.pbs_rows import Scalar
from exporter.collect.pbs_values import AHEAD_SECONDS, number
from report.backups import NEVER, UNKNOWN_SIZE, BackupGroup, SnapshotFlag, Snapshots

Groups = tuple[BackupGroup, ...]

_STANDARD = re.compile(
    r"vzdump-(?:qemu|lxc|openvz)-[0-9]+-[0-9]{4}_[0-9]{2}_[0-9]{2}-[0-9]{2}_[0-9]{2}_[0-9]{2}"
    r"\.(?:tgz|(?:vma|tar)(?:\.(?:gz|lzo|zst|bz2))?)"
)
_TYPE_OF = {"qemu": "vm", "lxc": "ct", "openvz": "ct"}


class PruneRow(msgspec.Struct, gc=False):
    """/nodes/{node}/storage/{storage}/prunebackups: no size, no notes; `vmid` is text where the name was changed (M14)."""

    volid: str
    ctime: Scalar = None
    mark: str | None = None
    type: str | None = None
    vmid: Scalar = None


class ContentRow(msgspec.Struct, gc=False):
    """/nodes/{node}/storage/{storage}/content?content=backup (D6)."""

    volid: str
    ctime: Scalar = None
    subtype: str | None = None
    vmid: Scalar = None
    size: Scalar = None
    protected: Scalar = None


@dataclass(frozen=True, slots=True)
class Asked:
    """One storage to ask: the cluster, the storage, whether it is an external provider's, whether contents may be listed too."""

    cluster: str
    storage: str
    external: bool
    contents_visible: bool


def parse_backups(
    asked: Asked, prunable: Iterable[PruneRow], contents: Iterable[ContentRow], node: str, now: int
) -> Groups:
    """Given the rows of a dry run and of the contents (each file once), the listing node, and now, return the groups by type and id.

    A backup without a vmid belongs to a group without id; one whose time makes no sense makes its group incomplete.
    """
    files = {row.volid: row for row in contents}
    rows = {row.volid: row for row in prunable}
    for row in files.values():
        rows.setdefault(row.volid, PruneRow(row.volid, row.ctime, None, row.subtype, row.vmid))
    found: dict[tuple[str, str], list[tuple[int, int, int, int]]] = {}
    newest: dict[tuple[str, str], tuple[int, str]] = {}
    timeless: set[tuple[str, str]] = set()
    for volid, prune_row in rows.items():
        key = _group_of(prune_row)
        snapshots = found.setdefault(key, [])
        created = number(prune_row.ctime)
        if created is None or created > now + AHEAD_SECONDS:
            timeless.add(key)
            continue
        size, flags = _told(asked, prune_row, files.get(volid))
        snapshots.append((created, size, flags, NEVER))
        if not flags & SnapshotFlag.RENAMED:
            newest[key] = max(newest.get(key, (0, "")), (created, volid))
    return tuple(
        BackupGroup(
            server=asked.cluster,
            datastore=asked.storage,
            namespace="",
            backup_type=key[0],
            backup_id=key[1],
            snapshots=Snapshots.of(found[key]),
            read_at=now,
            row_count=len(found[key]),
            incomplete=key in timeless,
            node=node,
            newest_volume=newest[key][1] if key in newest else None,
        )
        for key in sorted(found)
    )


def _group_of(row: PruneRow) -> tuple[str, str]:
    """Return type and id; of a renamed file without a type the archive's format tells it (D7)."""
    backup_type = _TYPE_OF.get(row.type or "")
    if backup_type is None:
        name = row.volid.rpartition("/")[2]
        backup_type = "vm" if ".vma" in name else "ct" if re.search(r"\.(tar|tgz)\b", name) else "unknown"
    vmid = number(row.vmid, least=1)
    return backup_type, "" if vmid is None else str(vmid)


def _told(asked: Asked, row: PruneRow, content: ContentRow | None) -> tuple[int, int]:
    """Return size and flags of a backup. What a provider calls its archives is its own affair (I4)."""
    flags = 0
    standard = _STANDARD.fullmatch(row.volid.rpartition("/")[2]) is not None
    if not asked.external and (row.mark == "renamed" or not standard):
        flags |= SnapshotFlag.RENAMED
    if row.mark == "protected" or (content is not None and number(content.protected)):
        flags |= SnapshotFlag.PROTECTED
    size = number(content.size) if content is not None else None
    return UNKNOWN_SIZE if size is None else size, flags


def joined(groups: Sequence[BackupGroup], away: bool) -> BackupGroup:
    """Given the groups that several nodes hold of one guest, and whether part of it may be out of sight, return one."""
    incomplete = away or any(group.incomplete for group in groups)
    if len(groups) == 1:
        return replace(groups[0], incomplete=True) if incomplete else groups[0]
    columns = [
        row
        for group in groups
        for row in zip(
            group.snapshots.times,
            group.snapshots.sizes,
            group.snapshots.flags,
            group.snapshots.verified_at,
            strict=True,
        )
    ]
    return replace(
        groups[0],
        snapshots=Snapshots.of(columns),
        read_at=min(group.read_at for group in groups),
        row_count=len(columns),
        incomplete=incomplete,
        node=None,
        newest_volume=_newest_volume(groups),
    )


def _newest_volume(groups: Sequence[BackupGroup]) -> str | None:
    """Return the volume id of the newest version that any of the nodes holds."""
    versions = (
        (group.snapshots.times[finished[-1]], group.newest_volume)
        for group in groups
        if group.newest_volume is not None and (finished := group.snapshots.finished())
    )
    return max(versions, default=(0, None))[1]
