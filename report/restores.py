"""How a backup is restored: its volume id in PVE, and the command, ready to paste (report.md, section 13)."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from datetime import UTC, datetime

from report.facts import GuestConfig, IncludedGuest
from report.model.guests import UsableBackup

# stands in a command for a storage that is not known
STORAGE = "STORAGE"


def pbs_volume(storage: str, backup_type: str, backup_id: str, at: int) -> str:
    """Given a storage entry, a group and the time of a snapshot, return the volume id by which PVE names it (D6)."""
    time = datetime.fromtimestamp(at, UTC).replace(tzinfo=None).isoformat()
    return f"{storage}:backup/{backup_type}/{backup_id}/{time}Z"


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
