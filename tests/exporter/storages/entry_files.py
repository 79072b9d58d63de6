"""Files of entries for tests, and entries built by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from exporter.config.storages_file import StoragesFile, load_storages
from exporter.errors import ConfigError
from exporter.storages.entries import ClusterStorages, Desired
from report.facts import BackupJob, StorageDefinition

FINGERPRINT = ":".join(["54:52"] * 16)
OTHER_FINGERPRINT = ":".join(["AB:CD"] * 16)
# the file of issue 8 as people have it, with a whole fingerprint
ISSUE = f"""\
pbs_storages:
  - name: homelab-backup          # required, unique
    enabled: true                 # default true
    server: pbs.example           # required, fixed once created
    datastore: homelab-backup     # required, fixed once created
    content: [backup]             # default
    username: root@pam            # default; a finding: use a token of its own
    fingerprint: "{FINGERPRINT}"        # SHA-256
    prune_backups: {{keep_daily: 7, keep_weekly: 4, keep_monthly: 3}}   # keep_all excludes the others
    description: "Primary"        # PVE has no such field: shown in reports, never sent
"""
WHOLE = (
    ISSUE
    + """\
    clusters: [lab]               # new: which configured PVE clusters
    namespace: prod               # new
    port: 8007                    # new
    nodes: [pve1, pve2]           # new
    password_file: /run/secret    # new: only for create; ${ENV} too
    encryption_key: keep          # new: keep | autogen (create only)
"""
)


def load(folder: Path, text: str, clusters: Sequence[str] = ("lab",)) -> StoragesFile:
    """Write the file and load it."""
    path = folder / "storages.yaml"
    path.write_text(text, encoding="utf-8")
    return load_storages(path, clusters)


def problems(folder: Path, text: str, clusters: Sequence[str] = ("lab",)) -> list[str]:
    """The lines of the error that a bad file ends with, without its folder."""
    try:
        load(folder, text, clusters)
    except ConfigError as error:
        return str(error).replace(f"{folder}/storages.yaml:", "").splitlines()
    raise AssertionError("no error")


def definition(name: str = "vault", **changed: Any) -> StorageDefinition:
    """An entry as PVE has it, with what is given instead."""
    values: dict[str, Any] = {
        "storage": name,
        "storage_type": "pbs",
        "content": frozenset({"backup"}),
        "shared": True,
        "server": "pbs.example",
        "datastore": "main",
        "username": "backup@pbs!lab",
        "fingerprint": FINGERPRINT,
    }
    return StorageDefinition(**{**values, **changed})


def desired(name: str = "vault", cluster: str = "lab", password: str | None = "/run/secret", **changed: Any) -> Desired:
    """The same as the file wants it."""
    return Desired(cluster, definition(name, **changed), password=password)


def cluster(*storages: StorageDefinition, name: str = "lab", **changed: Any) -> ClusterStorages:
    """A cluster that has these."""
    return ClusterStorages(name, storages, **changed)


def job(identity: str, storage: str = "vault", **changed: Any) -> BackupJob:
    """A job that writes there."""
    return BackupJob(identity, storage=storage, schedule="02:00", all=True, **changed)
