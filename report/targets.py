"""Where backups land: which storage entries of which clusters point at which datastore and namespace of a configured PBS (D11, D12)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from report.backups import PbsFacts, place_name
from report.facts import BackupJob, StorageDefinition, VzdumpDefaults
from report.storage_options import DEFAULT_PORT
from report.value import Value
from report.view import ClusterView

# file-based storage types that hold vzdump archives (D1; glusterfs until PVE 8); others that take backups belong to external providers
# (section I)
FILE_TYPES = frozenset({"dir", "btrfs", "nfs", "cifs", "cephfs", "glusterfs"})


class Target(Value, frozen=True):
    """A place that holds backup groups: a namespace of a datastore on a PBS; for a file storage the cluster, the storage and ""."""

    server: str
    datastore: str
    namespace: str

    @property
    def name(self) -> str:
        """The place as people write it."""
        return place_name(self.server, self.datastore, self.namespace)


@dataclass(frozen=True, slots=True)
class Entry:
    """A storage entry of a cluster that leads to a target; `username` is the account that PVE uses there. `external`: the storage is an
    external backup provider's.
    """

    pve: str
    storage: str
    username: str | None
    external: bool = False


@dataclass(frozen=True, slots=True)
class Targets:
    """`of_storage`: (cluster, storage) → target, None for an entry of a PBS that is not among the configured ones; `entries`: target →
    the entries that lead there, or did when they were last read.
    """

    of_storage: Mapping[tuple[str, str], Target | None]
    entries: Mapping[Target, tuple[Entry, ...]]


def find_targets(views: Iterable[ClusterView], servers: Iterable[PbsFacts]) -> Targets:
    """Given the clusters' views and the configured PBS, return where each storage that takes backups leads."""
    known = tuple(servers)
    first: dict[tuple[str, ...], str] = {}
    of_storage: dict[tuple[str, str], Target | None] = {}
    entries: dict[Target, list[Entry]] = {}
    for view in views:
        for _, storage in sorted(view.storages_held.items()):
            if "backup" not in storage.content:
                continue
            same = first.setdefault(_place(view.name, storage), storage.storage)
            target = _target(view.name, storage, same, known)
            if view.storages is not None:
                of_storage[view.name, storage.storage] = target
            if target is not None:
                entry = Entry(view.name, storage.storage, storage.username, is_external(storage))
                entries.setdefault(target, []).append(entry)
    return Targets(of_storage, {target: tuple(found) for target, found in entries.items()})


def storage_of(job: BackupJob, defaults: VzdumpDefaults) -> str | None:
    """Given a job and the defaults of the node that runs it, return the storage that it writes to (E2); None: to a folder (case 13)."""
    if job.storage or job.dumpdir:
        return job.storage or None
    return defaults.storage or (None if defaults.dumpdir else "local")


def is_external(storage: StorageDefinition) -> bool:
    """Say whether a storage that takes backups is an external provider's, or a plugin's that looks like one (I3)."""
    return storage.storage_type != "pbs" and storage.storage_type not in FILE_TYPES


def _place(cluster: str, storage: StorageDefinition) -> tuple[str, ...]:
    """Return what two entries of a cluster have in common when they are one place: the same share or folder (D12)."""
    if storage.storage_type not in FILE_TYPES or not (storage.share or storage.path):
        return cluster, storage.storage
    where = f"{storage.server}:{storage.share}" if storage.share else storage.path or ""
    return cluster, storage.storage_type, where, ",".join(sorted(storage.nodes))


def _target(cluster: str, storage: StorageDefinition, same: str, servers: tuple[PbsFacts, ...]) -> Target | None:
    if storage.storage_type != "pbs":
        return Target(cluster, same, "")
    server = next((server for server in servers if _points_at(storage, server)), None)
    return Target(server.name, storage.datastore or "", storage.namespace or "") if server else None


def _points_at(storage: StorageDefinition, server: PbsFacts) -> bool:
    """Say whether an entry means a configured PBS: by address and port, or by the certificate's fingerprint (D12)."""
    port = storage.port or DEFAULT_PORT
    if any((storage.server or "").lower() == host.lower() and port == at for host, at in server.hosts):
        return True
    pinned = re.sub(r"[^0-9a-f]", "", (storage.fingerprint or "").lower())
    return bool(pinned) and pinned == server.certificate_fingerprint
