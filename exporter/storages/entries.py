"""What a file wants of each cluster, and what the clusters have: the two sides of a plan."""

from __future__ import annotations

from dataclasses import dataclass

from exporter.config.storages_file import StorageEntry, StoragesFile
from report.facts import BackupJob, StorageDefinition, StorageState
from report.policy import DeclaredStorage
from report.storage_options import PBS


@dataclass(frozen=True, slots=True)
class Desired(DeclaredStorage):
    """An entry that a cluster should have, with what only `apply` needs. `password`: a path, or ${NAME}, never the password; `new_key`:
    let PVE make an encryption key when it creates the entry.
    """

    password: str | None = None
    new_key: bool = False


@dataclass(frozen=True, slots=True)
class ClusterStorages:
    """What one cluster has: all of storage.cfg that the token may see, its digest, and what refers to it.

    `encrypted`: entries with an encryption key. `jobs` None: they could not be read. `all_visible`: an entry that is missing here is
    missing there. `states`: entries as each online node sees them, empty where nobody asked.
    """

    cluster: str
    storages: tuple[StorageDefinition, ...]
    digest: str = ""
    encrypted: frozenset[str] = frozenset()
    jobs: tuple[BackupJob, ...] | None = ()
    all_visible: bool = True
    states: tuple[StorageState, ...] = ()

    def find(self, name: str) -> StorageDefinition | None:
        """Given a name, return that entry, None without one."""
        return next((storage for storage in self.storages if storage.storage == name), None)

    def jobs_of(self, name: str) -> tuple[BackupJob, ...]:
        """Given an entry's name, return the jobs that write to it."""
        return tuple(job for job in self.jobs or () if job.storage == name)


def wanted(file: StoragesFile) -> tuple[Desired, ...]:
    """Given a loaded file, return what each cluster should have, in the file's order."""
    return tuple(
        Desired(
            cluster,
            _definition(entry),
            entry.description,
            entry.password_file,
            entry.encryption_key == "autogen",
        )
        for entry in file.pbs_storages
        for cluster in entry.clusters
    )


def _definition(entry: StorageEntry) -> StorageDefinition:
    return StorageDefinition(
        storage=entry.name,
        storage_type=PBS,
        content=frozenset(entry.content),
        nodes=frozenset(entry.nodes),
        disabled=not entry.enabled,
        shared=True,
        keep=entry.prune_backups.counts if entry.prune_backups else None,
        server=entry.server,
        port=entry.port,
        datastore=entry.datastore,
        namespace=entry.namespace or None,
        username=entry.username,
        fingerprint=entry.fingerprint,
    )
