"""How a backup is restored: its volume id in PVE, and the command, ready to paste (report.md, section 13)."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from datetime import UTC, datetime

from report.facts import GuestConfig, IncludedGuest
from report.model import UsableBackup


def pbs_volume(storage: str, backup_type: str, backup_id: str, at: int) -> str:
    """Given a storage entry, a group and the time of a snapshot, return the volume id by which PVE names it (D6)."""
    time = datetime.fromtimestamp(at, UTC).replace(tzinfo=None).isoformat()
    return f"{storage}:backup/{backup_type}/{backup_id}/{time}Z"


def restore_command(usable: UsableBackup | None, guest_type: str, vmid: int, storage: str | None) -> str:
    """Given a usable backup, what the guest is, and the storage its disks lie on (None: several, or not known), return the command that
    restores it on a node of its own cluster; "" where no storage entry leads to the backup.
    """
    if usable is None or usable.volume is None:
        return ""
    volume = shlex.quote(usable.volume)
    target = f" --storage {shlex.quote(storage)}" if storage else ""
    if guest_type == "lxc":
        return f"pct restore {vmid} {volume}{target}"
    return f"qmrestore {volume} {vmid}{target}"


def storage_of_disks(config: GuestConfig | None, told: Iterable[IncludedGuest | None]) -> str | None:
    """Given a guest's configuration and PVE's word on its volumes, return the one storage that all of them lie on, else None.

    With several storages a restore without `--storage` puts each volume back where the backup says it was.
    """
    volumes = [volume.volume for volume in config.volumes] if config else []
    volumes += [volume.volume for answer in told if answer for volume in answer.volumes if volume.included]
    storages = {volume.split(":", 1)[0] for volume in volumes if ":" in volume and not volume.startswith("/")}
    return storages.pop() if len(storages) == 1 else None
