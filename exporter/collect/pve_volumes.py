"""The volumes that a guest's configuration names: pure (C1–C8)."""

from __future__ import annotations

import re

from exporter.collect import pve_rows as rows
from report.facts import ConfigVolume

_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)([KMGT]?)")
# how a property string says no
_OFF = frozenset({"0", "no", "off", "false"})
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def parse_volumes(answer: rows.GuestConfigRow) -> tuple[ConfigVolume, ...]:
    """Given a guest's configuration, return its data volumes in PVE's order: no CD drives (C2), unused volumes (C5), EFI disks without
    OVMF (C4), nor what a container has from outside (C6, C8).
    """
    values = {key: str(value) for key in rows.VOLUME_KEYS if (value := getattr(answer, key, None)) not in (None, "")}
    if answer.bios != "ovmf":
        values.pop("efidisk0", None)
    return tuple(volume for key, value in values.items() if (volume := _volume(key, value)) is not None)


def _volume(key: str, value: str) -> ConfigVolume | None:
    """Return a volume of a configuration; None for CD drives, and for what a container has from outside: bind and device mounts."""
    options = dict(_named(part) for part in value.split(","))
    volume = options.get("") or options.get("file") or options.get("volume")
    from_outside = volume is not None and volume.startswith("/") and key.startswith("mp")
    if not volume or volume == "none" or options.get("media") == "cdrom" or from_outside:
        return None
    saved = options.get("backup", "0" if key.startswith("mp") else "1") not in _OFF
    return ConfigVolume(key, volume, _size(options.get("size", "")), saved)


def _named(part: str) -> tuple[str, str]:
    """Return key and value of a part of a property string; the key of a part without one is empty."""
    key, equals, value = part.partition("=")
    return (key.strip(), value.strip()) if equals else ("", part.strip())


def _size(text: str) -> int | None:
    """Given `32G` or a number of bytes, return the bytes; None for anything else."""
    found = _SIZE.fullmatch(text)
    return int(float(found[1]) * _UNITS[found[2]]) if found else None
