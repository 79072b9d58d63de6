"""Storage entries: good targets, and one of every kind that a job cannot use."""

from __future__ import annotations

import hashlib
from dataclasses import replace
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
        *_backup_servers(wanted),
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
    if wanted.targets:
        found.append(Storage("nas-too", _nas(), used=3 * TERABYTE, total=10 * TERABYTE))  # D12, on files
    return {storage.name: storage for storage in found}


def _backup_servers(wanted: Wanted) -> list[Storage]:
    """Entries of type pbs: at simulated servers where there are any, else at one that nobody can reach from here."""
    policy = "keep-daily=14,keep-monthly=12,keep-weekly=8"
    figures: dict[str, Any] = {"used": 8 * TERABYTE, "total": 20 * TERABYTE}
    if wanted.number and wanted.targets:
        return _of_further_cluster(wanted)
    main = Storage("pbs-main", _pbs(wanted, 0, "main", "prod", policy), True, **figures)
    if len(wanted.targets) > 1:
        offsite = Storage("pbs-offsite", _pbs(wanted, 1, "copy", "prod", None), True, **figures)
    else:
        offsite = Storage("pbs-offsite", _pbs(replace(wanted, targets=()), 0, "main", "offsite", None), active=False)
    found = [main, offsite]
    if wanted.targets:
        found.append(Storage("pbs-main-too", _pbs(wanted, 0, "main", "prod", None), True, **figures))  # D12
    if wanted.targets and wanted.bulk:
        found.append(Storage("pbs-bulk", _pbs(wanted, 0, "bulk", "", None), True, **figures))
    return found


def _of_further_cluster(wanted: Wanted) -> list[Storage]:
    """The entries of a cluster that shares the servers: a namespace of its own on one, the root on the other."""
    last = len(wanted.targets) - 1
    found = [Storage("pbs-main", _pbs(wanted, 0, "main", wanted.own_namespace, "keep-daily=7,keep-last=3"))]
    if last:
        found.append(Storage("pbs-offsite", _pbs(wanted, last, "copy", "", None)))
    return found


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


def _pbs(wanted: Wanted, number: int, datastore: str, namespace: str, prune: str | None) -> dict[str, Any]:
    target = wanted.targets[number] if wanted.targets else None
    made_up = ":".join(f"{byte:02x}" for byte in hashlib.sha256(b"pbs").digest())
    config: dict[str, Any] = {
        "type": "pbs",
        "server": target.host if target else "pbs.example.invalid",
        "datastore": datastore,
        "namespace": namespace,
        "username": wanted.account,
        "fingerprint": target.fingerprint.lower() if target else made_up,
        "content": "backup",
    }
    if target:
        config["port"] = target.port
    if not namespace:
        del config["namespace"]
    return config if prune is None else config | {"prune-backups": prune}
