"""How a backup is restored: its volume id in PVE, and the command, ready to paste (report.md, section 13)."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from datetime import UTC, datetime

from report.backups import SnapshotFlag
from report.evidence import Evidence, Holding
from report.facts import GuestConfig, IncludedGuest, StorageDefinition
from report.judgements.encryption import key_of, may_decrypt
from report.model import UsableBackup

# stands in a command for a storage that is not known
STORAGE = "STORAGE"


def pbs_volume(storage: str, backup_type: str, backup_id: str, at: int) -> str:
    """Given a storage entry, a group and the time of a snapshot, return the volume id by which PVE names it (D6)."""
    time = datetime.fromtimestamp(at, UTC).replace(tzinfo=None).isoformat()
    return f"{storage}:backup/{backup_type}/{backup_id}/{time}Z"


def usable_backup(evidence: Evidence) -> UsableBackup | None:
    """Given the evidence on a guest, return its newest usable backup, through an entry of its own cluster where one leads there."""
    newest = evidence.newest
    if newest is None:
        return None
    group, position = newest.matched.group, newest.usable[-1]
    at, size = newest.at(position), group.snapshots.sizes[position]
    entry = entry_for(newest, position, evidence.guest.node)
    volume = group.newest_volume if position == newest.versions[-1] else None
    if newest.pbs:
        volume = pbs_volume(entry.storage, group.backup_type, group.backup_id, at) if entry else None
    return UsableBackup(
        server=group.server,
        datastore=group.datastore,
        namespace=group.namespace,
        backup_type=group.backup_type,
        backup_id=group.backup_id,
        at=at,
        storage=entry.storage if entry else None,
        volume=volume,
        size_bytes=size if size > 0 else None,
        verified=newest.has(position, SnapshotFlag.VERIFIED) if newest.pbs else None,
        encrypted=newest.has(position, SnapshotFlag.ENCRYPTED) if newest.pbs else None,
        key=key_of(newest, position),
        nodes=_nodes(newest, entry),
    )


def _nodes(holding: Holding, entry: StorageDefinition | None) -> tuple[str, ...]:
    """Return the nodes that reach a backup through an entry, none for any: a storage that is not shared holds it on one (D2)."""
    node = holding.matched.group.node
    if node is not None and entry is not None and not entry.shared:
        return (node,)
    return tuple(sorted(entry.nodes)) if entry else ()


def entry_for(holding: Holding, position: int, node: str) -> StorageDefinition | None:
    """Given a holding, the position of a snapshot in it and the guest's node, return the storage entry to restore it with: of those that
    are not switched off one that may decrypt it, then one that the node may use (B28); None where none leads there.
    """
    encrypted, key = holding.has(position, SnapshotFlag.ENCRYPTED), key_of(holding, position)

    def unfit(entry: StorageDefinition) -> tuple[bool, bool, str]:
        away = bool(entry.nodes) and node not in entry.nodes
        return encrypted and not may_decrypt(entry, key), away, entry.storage

    return min((entry for entry in holding.storages if not entry.disabled), key=unfit, default=None)


def restore_command(usable: UsableBackup | None, guest_type: str, vmid: int, storage: str | None) -> str:
    """Given a usable backup, what the guest is, and the storage to restore to as `restore_storage` tells it, return the command that
    restores the guest on a node of its own cluster; "" where no storage entry leads to the backup.
    """
    if usable is None or usable.volume is None:
        return ""
    volume = shlex.quote(usable.volume)
    if guest_type == "lxc":
        return f"pct restore {vmid} {volume} --storage {shlex.quote(storage) if storage else STORAGE}"
    target = f" --storage {shlex.quote(storage)}" if storage else ""
    return f"qmrestore {volume} {vmid}{target}"


def restore_storage(guest_type: str, config: GuestConfig | None, told: Iterable[IncludedGuest | None]) -> str | None:
    """Given what a guest is, its configuration and PVE's word on its volumes, return the storage to restore it to, None without one.

    Without `--storage` a virtual machine's disks go back where the backup says they were: it is named only where all lie on one. A
    container's volumes all go to one storage, `local` unless it is named: that of its root file system.
    """
    volumes = {volume.key: volume.volume for volume in config.volumes} if config else {}
    volumes |= {volume.key: volume.volume for answer in told if answer for volume in answer.volumes if volume.included}
    wanted = [volumes["rootfs"]] if guest_type == "lxc" and "rootfs" in volumes else volumes.values()
    storages = {volume.split(":", 1)[0] for volume in wanted if ":" in volume and not volume.startswith("/")}
    alone = len(storages) == 1 and (guest_type != "lxc" or "rootfs" in volumes)
    return storages.pop() if alone else None
