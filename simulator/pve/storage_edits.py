"""Edits of the storage configuration behind the back of the API's users: at once, or just before a write of theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from simulator.model import Cluster, Properties
from simulator.pve.call import Changed
from simulator.pve.storage_entries import digest_of, edited, without_entry

ENTRIES = "/storages/"
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Waiting:
    """An edit that is made just before the `write`-th write from now; `changes` None removes the entry."""

    write: int
    storage: str
    changes: Properties | None


class Edits:
    """Carries out edits; used under the lock of writes."""

    def __init__(self) -> None:
        self._waiting: list[Waiting] = []

    def carry_out(self, cluster: Cluster, method: str, path: str, document: Document) -> Changed:
        """Given a call below /_simulator, return the cluster after it, and its answer; KeyError for what is unknown."""
        if (method, path) == ("GET", "/storages"):
            return cluster, _stored(cluster)
        if (method, path) == ("PUT", "/before-write"):
            self._waiting.append(_waiting(document))
            return cluster, {}
        if method == "PUT" and path.startswith(ENTRIES):
            return edited(cluster, path.removeprefix(ENTRIES), document), {}
        if method == "DELETE" and path.startswith(ENTRIES):
            return _removed(cluster, path.removeprefix(ENTRIES)), {}
        raise KeyError(f"{method} /_simulator{path}")

    def before_write(self, cluster: Cluster) -> Cluster:
        """Make the edits that are due before this write; the others come one write nearer."""
        due = [edit for edit in self._waiting if edit.write == 1]
        self._waiting = [replace(edit, write=edit.write - 1) for edit in self._waiting if edit.write > 1]
        for edit in due:
            if edit.changes is not None:
                cluster = edited(cluster, edit.storage, edit.changes)
            elif edit.storage in cluster.storages:
                cluster = without_entry(cluster, edit.storage)
        return cluster


def _stored(cluster: Cluster) -> Document:
    return {
        "digest": digest_of(cluster),
        "storages": {name: dict(storage.config) for name, storage in cluster.storages.items()},
        "passwords": dict(cluster.passwords),
        "keys": dict(cluster.keys),
    }


def _waiting(document: Document) -> Waiting:
    edit = Waiting(int(document.get("write", 1)), str(document["storage"]), document["changes"])
    if edit.write < 1:
        raise ValueError("write counts from 1")
    return edit


def _removed(cluster: Cluster, name: str) -> Cluster:
    if name not in cluster.storages:
        raise KeyError(name)
    return without_entry(cluster, name)
