"""Storage entries: good targets, and one of every kind that a job cannot use."""

from __future__ import annotations

import hashlib
from typing import Any

from simulator.model import Storage
from simulator.scenario.wanted import Wanted

TERABYTE = 1_000_000_000_000


def make_storages(wanted: Wanted) -> dict[str, Storage]:
    """Given what is wanted, return the storages by name."""
    first = wanted.node_names[0]
    found = [
        Storage("local", {"type": "dir", "path": "/var/lib/vz", "content": "iso,vztmpl,backup"}),
        Storage(
            "local-lvm",
            {"type": "lvmthin", "vgname": "pve", "thinpool": "data", "content": "rootdir,images"},
        ),
        Storage(
            "pbs-main",
            _pbs("prod", "keep-daily=14,keep-monthly=12,keep-weekly=8"),
            used=8 * TERABYTE,
            total=20 * TERABYTE,
        ),
        Storage("pbs-offsite", _pbs("offsite", None), active=False),
        Storage("nas", _nas(), used=3 * TERABYTE, total=10 * TERABYTE),
        Storage(
            "backup-dir",
            {
                "type": "dir",
                "path": "/mnt/backup",
                "content": "backup",
                "nodes": first,
                "prune-backups": "keep-daily=7,keep-last=3",
            },
        ),
        Storage(
            "far-dir",
            {
                "type": "dir",
                "path": "/mnt/far",
                "content": "backup",
                "nodes": wanted.node_names[-1] if wanted.nodes > 1 else "pve0",
            },
        ),
        Storage(
            "old-disk",
            {
                "type": "dir",
                "path": "/mnt/old-disk",
                "content": "images,backup",
                "disable": 1,
                "prune-backups": "keep-last=1",
            },
        ),
        Storage("iso-store", {"type": "dir", "path": "/mnt/iso", "content": "iso,vztmpl", "shared": 1}),
    ]
    if wanted.release < (8, 0):
        found.append(
            Storage("maxfiles-dir", {"type": "dir", "path": "/mnt/maxfiles", "content": "backup", "maxfiles": 3})
        )
    return {storage.name: storage for storage in found}


def _nas() -> dict[str, Any]:
    return {
        "type": "nfs",
        "server": "192.0.2.10",
        "export": "/export/backup",
        "path": "/mnt/pve/nas",
        "options": "vers=4.2",
        "content": "backup",
        "prune-backups": "keep-daily=7,keep-weekly=4",
    }


def _pbs(namespace: str, prune: str | None) -> dict[str, Any]:
    config: dict[str, Any] = {
        "type": "pbs",
        "server": "pbs.example.invalid",
        "datastore": "main",
        "namespace": namespace,
        "username": "backup@pbs!pve",
        "fingerprint": ":".join(f"{byte:02x}" for byte in hashlib.sha256(b"pbs").digest()),
        "content": "backup",
    }
    return config if prune is None else config | {"prune-backups": prune}
