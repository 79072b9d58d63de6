"""Which volumes of a guest a backup includes, as `included_volumes` shows them (C1-C7, M2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from simulator.model import Guest, Properties

DRIVES = (
    *(f"ide{number}" for number in range(4)),
    *(f"scsi{number}" for number in range(31)),
    *(f"virtio{number}" for number in range(16)),
    *(f"sata{number}" for number in range(6)),
)
DRIVE_OPTIONS = frozenset(
    [
        "aio",
        "backup",
        "bps",
        "bps_max",
        "bps_rd",
        "bps_rd_max",
        "bps_rd_max_length",
        "bps_wr",
        "bps_wr_max",
        "bps_wr_max_length",
        "cache",
        "cyls",
        "detect_zeroes",
        "discard",
        "file",
        "format",
        "heads",
        "import-from",
        "iops",
        "iops_max",
        "iops_max_length",
        "iops_rd",
        "iops_rd_max",
        "iops_rd_max_length",
        "iops_wr",
        "iops_wr_max",
        "iops_wr_max_length",
        "iothread",
        "mbps",
        "mbps_max",
        "mbps_rd",
        "mbps_rd_max",
        "mbps_wr",
        "mbps_wr_max",
        "media",
        "model",
        "product",
        "queues",
        "replicate",
        "rerror",
        "ro",
        "scsiblock",
        "secs",
        "serial",
        "shared",
        "size",
        "snapshot",
        "ssd",
        "trans",
        "vendor",
        "volume",
        "werror",
        "wwn",
    ]
)
FIRMWARE_OPTIONS = {
    "efidisk0": frozenset(
        {"efitype", "file", "format", "import-from", "ms-cert", "pre-enrolled-keys", "size", "volume"}
    ),
    "tpmstate0": frozenset({"file", "format", "import-from", "size", "version", "volume"}),
}
YES = frozenset({"1", "yes", "on", "true"})


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume of a guest: its key in the configuration, its volume id, and whether and why it is saved."""

    key: str
    name: str
    included: bool
    reason: str
    size: int | None = None


UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def _bytes(text: str | None) -> int | None:
    """Given `32G` or a number of bytes, return the bytes; None for nothing."""
    if not text:
        return None
    return int(text[:-1]) * UNITS[text[-1]] if text[-1] in UNITS else int(text)


def volumes(guest: Guest) -> list[Volume]:
    """Given a guest, return its volumes in the order of the genuine answer; drives that PVE cannot parse are missing."""
    return list(_machine_volumes(guest.config) if guest.kind == "qemu" else _container_volumes(guest.config))


def _split(text: str, default: str, allowed: frozenset[str] | None) -> dict[str, str] | None:
    """A property string as a dict with its keyless first part under `default`; None if it has an unknown key."""
    found: dict[str, str] = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if not equals:
            key, value = default, part
        if allowed is not None and key not in allowed:
            return None
        found[key] = value
    return found


def _machine_volumes(config: Properties) -> Iterator[Volume]:
    for key in DRIVES:
        drive = _split(str(config[key]), "file", DRIVE_OPTIONS) if key in config else None
        if drive is None or "file" not in drive or drive.get("media") == "cdrom":
            continue
        included = drive.get("backup", "1") in YES
        # the reason goes by the option's presence, not by its value (C3)
        reason = "backup=no" if "backup" in drive else "backup=yes"
        yield Volume(key, drive["file"], included, reason, _bytes(drive.get("size")))
    for key, options in FIRMWARE_OPTIONS.items():
        drive = _split(str(config[key]), "file", options) if key in config else None
        if drive is None or "file" not in drive:
            continue
        if key == "efidisk0" and config.get("bios") != "ovmf":
            yield Volume(key, drive["file"], False, "efidisk but no OVMF BIOS")
        else:
            yield Volume(key, drive["file"], True, "backup=yes", _bytes(drive.get("size")))


def _container_volumes(config: Properties) -> Iterator[Volume]:
    if "rootfs" in config:
        yield Volume("rootfs", str(config["rootfs"]).split(",")[0].removeprefix("volume="), True, "rootfs")
    points = [key for key in config if re.fullmatch(r"mp[0-9]+", key)]
    for key in sorted(points, key=lambda name: int(name[2:])):
        point = _split(str(config[key]), "volume", None) or {}
        name = point.get("volume", "")
        if name.startswith("/"):
            yield Volume(key, name, False, "not a volume")
        elif point.get("backup") in YES:
            yield Volume(key, name, True, "enabled")
        else:
            yield Volume(key, name, False, "disabled")
