"""What PVE has → a file that `load_storages` reads, without secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from exporter.storages.entries import ClusterStorages
from report.facts import StorageDefinition
from report.storage_options import DEFAULT_PORT, DEFAULT_USERNAME, PBS, options_of

HEAD = """\
# PBS storage entries as PVE has them. Passwords and encryption keys are not in here, and PVE never tells them.
"""


def storages_file(clusters: Sequence[ClusterStorages]) -> str:
    """Given what the clusters have, return the file; entries that are alike on several clusters stand once."""
    entries = list(_entries(clusters, name_clusters=len(clusters) > 1))
    return HEAD + str(yaml.safe_dump({"pbs_storages": entries}, sort_keys=False, allow_unicode=True, width=120))


def _entries(clusters: Sequence[ClusterStorages], name_clusters: bool) -> Iterator[Mapping[str, Any]]:
    alike: dict[tuple[str, tuple[tuple[str, str], ...]], list[tuple[str, StorageDefinition]]] = {}
    for cluster in clusters:
        for storage in cluster.storages:
            if storage.storage_type == PBS:
                key = (storage.storage, tuple(options_of(storage).items()))
                alike.setdefault(key, []).append((cluster.cluster, storage))
    for (name, _), places in alike.items():
        entry = _entry(name, places[0][1])
        if name_clusters:
            entry["clusters"] = [cluster for cluster, _ in places]
        yield entry


def _entry(name: str, storage: StorageDefinition) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": name,
        "enabled": not storage.disabled,
        "server": storage.server or "",
        "datastore": storage.datastore or "",
        "content": sorted(storage.content),
        "username": storage.username or DEFAULT_USERNAME,
    }
    if storage.fingerprint:
        entry["fingerprint"] = storage.fingerprint.upper()
    if storage.keep is not None:
        keep = {key.replace("-", "_"): number for key, number in storage.keep}
        entry["prune_backups"] = keep or {"keep_all": True}
    if storage.namespace:
        entry["namespace"] = storage.namespace
    if storage.port and storage.port != DEFAULT_PORT:
        entry["port"] = storage.port
    if storage.nodes:
        entry["nodes"] = sorted(storage.nodes)
    return entry
