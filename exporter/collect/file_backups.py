"""Backups on storages of PVE that are no PBS: directories, NFS, CIFS, CephFS, and those of external backup providers (D1–D10, I).

They are read by the dry run of a prune that keeps everything, which needs Datastore.Audit only and shows every backup (D5); the
listing of contents shows sizes as well, to tokens that may delete what it shows, and an empty list to all others (D4).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from exporter.client.deadline import Deadline
from exporter.client.endpoints import path_of
from exporter.client.source import SourceClient
from exporter.collect.file_parse import Asked, ContentRow, Groups, PruneRow, joined, parse_backups
from exporter.collect.steps import Steps, kept
from exporter.errors import FailureReason, SourceError
from report.backups import BackupGroup
from report.facts import StorageDefinition, StorageState
from report.readings import Failure, Permissions, Reading
from report.targets import FILE_TYPES

# what is held of one storage as one node sees it, by (storage, node); of a shared one by (storage, "")
Parts = Mapping[tuple[str, str], Reading[Groups]]

# nodes asked for a shared storage before it counts as unreadable
NODES_TRIED = 2
_DRY_RUN = "/nodes/{node}/storage/{storage}/prunebackups"
_CONTENT_NEEDS = "Datastore.Allocate, or Datastore.AllocateSpace and VM.Backup on /vms"


@dataclass(frozen=True, slots=True)
class FileCalls:
    """The calls of one refresh: one client, one deadline."""

    client: SourceClient
    deadline: Deadline

    def prunable(self, node: str, storage: str) -> list[PruneRow]:
        path = path_of("/nodes/{node}/storage/{storage}/prunebackups", node=node, storage=storage)
        return self.client.get(path, list[PruneRow], self.deadline, large=True, **{"prune-backups": "keep-all=1"})

    def contents(self, node: str, storage: str) -> list[ContentRow]:
        path = path_of("/nodes/{node}/storage/{storage}/content", node=node, storage=storage)
        return self.client.get(path, list[ContentRow], self.deadline, large=True, content="backup")


def takes_file_backups(storage: StorageDefinition) -> bool:
    """Given a storage entry, say whether backups may lie there that are not in a PBS (D1, I3); one switched off is not asked."""
    return "backup" in storage.content and storage.storage_type != "pbs" and not storage.disabled


def contents_visible(permissions: Permissions | None, storage: str) -> bool:
    """Given what a token may do, say whether it sees every backup in a storage's listing of contents (D4)."""
    if permissions is None:
        return False
    path = f"/storage/{storage}"
    if permissions.on("Datastore.Allocate", path):
        return True
    return permissions.on("Datastore.AllocateSpace", path) and permissions.below("VM.Backup", "/vms")


def read_backups(
    steps: Steps,
    calls: FileCalls,
    cluster: str,
    storages: Iterable[StorageDefinition],
    states: Mapping[str, Reading[tuple[StorageState, ...]]],
    permissions: Permissions | None,
    held: Parts,
) -> tuple[dict[str, Reading[Groups]], Parts]:
    """Given the storage entries, the nodes' views of them, what the token may do, and the parts held from before, return the groups of
    each storage that takes backups and is no PBS, and the parts to hold for the next refresh.

    A shared storage is asked on one node that has it active, another one on every node that may use it (D2).
    """
    started = time.monotonic()
    wanted = [storage for storage in storages if takes_file_backups(storage)]
    places = [(storage, nodes) for storage in wanted for nodes in _nodes(storage, states)]

    def read(place: tuple[StorageDefinition, tuple[str, ...]]) -> Reading[Groups]:
        storage, nodes = place
        visible = contents_visible(permissions, storage.storage)
        asked = Asked(cluster, storage.storage, storage.storage_type not in FILE_TYPES, visible)
        before: Reading[Groups] = held.get(_part(storage, nodes), Reading())
        return _read_part(steps, calls, asked, nodes, states, before)

    readings = list(steps.pool.map(read, places))
    parts = {_part(*place): reading for place, reading in zip(places, readings, strict=True)}
    merged = {
        storage.storage: _merged(
            steps, [parts[_part(other, nodes)] for other, nodes in places if other.storage == storage.storage]
        )
        for storage in wanted
    }
    # a node that does not tell of its storages is that collector's failure, not this one's
    inherited = [state.failure for state in states.values() if state.failure]
    asked = [reading for reading in readings if reading.failure not in inherited]
    steps.note("file_backups", asked, started, sum(len(reading.value or ()) for reading in merged.values()))
    return merged, parts


def _part(storage: StorageDefinition, nodes: Sequence[str]) -> tuple[str, str]:
    return storage.storage, "" if storage.shared else nodes[0]


def _nodes(
    storage: StorageDefinition, states: Mapping[str, Reading[tuple[StorageState, ...]]]
) -> list[tuple[str, ...]]:
    """Return the nodes to ask: for a shared storage one choice of several, those that have it active first; otherwise each by itself."""
    allowed = sorted(storage.nodes or states)
    if not storage.shared:
        return [(node,) for node in allowed]
    return [tuple(sorted(allowed, key=lambda node: (_away(storage.storage, node, states) is not None, node)))]


def _away(storage: str, node: str, states: Mapping[str, Reading[tuple[StorageState, ...]]]) -> Failure | None:
    """Say why a node cannot be asked for a storage, None where it can."""
    reading = states.get(node, Reading())
    if reading.failure is not None and (reading.value is None or not reading.failure.endpoint):
        # never read, or the node is known to be off and was not asked
        return reading.failure
    state = next((state for state in reading.value or () if state.storage == storage), None)
    if state is not None and state.enabled and state.active:
        return None
    return Failure(FailureReason.UNAVAILABLE, "", f"storage {storage} is not active on node {node}")


def _read_part(
    steps: Steps,
    calls: FileCalls,
    asked: Asked,
    nodes: Sequence[str],
    states: Mapping[str, Reading[tuple[StorageState, ...]]],
    before: Reading[Groups],
) -> Reading[Groups]:
    """Ask the nodes, one after the other, until one answers; without any, keep what is held."""
    reading = kept(before, Failure(FailureReason.UNAVAILABLE, "", f"no node is known for storage {asked.storage}"))
    for node in nodes[:NODES_TRIED]:
        away = _away(asked.storage, node, states)
        if away is not None:
            if reading.failure is None or not reading.failure.endpoint:
                reading = kept(before, away)
            continue
        reading = _with_timeless(
            asked, steps.read(before, partial(_fetch, calls, asked, node, steps.now), partial(_doubt, asked))
        )
        if reading.fetched_at == steps.now or (reading.failure and reading.failure.code == FailureReason.FORBIDDEN):
            break
    return reading


def _fetch(calls: FileCalls, asked: Asked, node: str, now: int) -> Groups:
    """Read one storage on one node. The contents only add to the dry run; a provider's plugin may not know the latter (I6)."""
    contents: list[ContentRow] = []
    if asked.contents_visible:
        try:
            contents = calls.contents(node, asked.storage)
        except SourceError:
            contents = []
    try:
        prunable = calls.prunable(node, asked.storage)
    except SourceError:
        if not (asked.external and contents):
            raise
        prunable = []
    return parse_backups(asked, prunable, contents, node, now)


def _doubt(asked: Asked, groups: Groups) -> Failure | None:
    """Doubt what an external provider shows without its contents (I8)."""
    if asked.external and not asked.contents_visible:
        message = (
            f"storage {asked.storage} belongs to an external provider: only {_CONTENT_NEEDS} shows all that it holds"
        )
        return Failure(FailureReason.FORBIDDEN, "/nodes/{node}/storage/{storage}/content", message)
    return None


def _with_timeless(asked: Asked, reading: Reading[Groups]) -> Reading[Groups]:
    """Say it where backups are listed whose time makes no sense: their groups are incomplete, and the others are whole all the same."""
    if reading.failure is not None or not any(group.incomplete for group in reading.value or ()):
        return reading
    message = f"storage {asked.storage} lists backups whose time makes no sense"
    return replace(reading, failure=Failure(FailureReason.MALFORMED, _DRY_RUN, message))


def _merged(steps: Steps, parts: Sequence[Reading[Groups]]) -> Reading[Groups]:
    """Put the nodes' parts of one storage together. Held parts are used as long as they may be. With a part that is too old, or was
    never read, the whole is partial, and what it held is incomplete: a guest's only backup may lie where nobody could look.
    """
    fresh = [part for part in parts if part.fetched_at == steps.now]
    usable = [part for part in parts if part.usable(steps.now) is not None]
    failure = next((part.failure for part in parts if part.failure is not None), None)
    if not usable:
        failure = failure or Failure(FailureReason.UNAVAILABLE, "", "no node is known for the storage")
        return Reading(None, None, steps.max_age, failure)
    away = {
        (group.backup_type, group.backup_id)
        for part in parts
        if part.usable(steps.now) is None
        for group in part.value or ()
    }
    by_key: dict[tuple[str, str], list[BackupGroup]] = {}
    for part in usable:
        for group in part.value or ():
            by_key.setdefault((group.backup_type, group.backup_id), []).append(group)
    groups = tuple(joined(by_key[key], key in away) for key in sorted(by_key))
    fetched_at = steps.now if fresh else min(part.fetched_at or 0 for part in usable)
    whole = len(usable) == len(parts) and not any(part.partial for part in parts)
    return Reading(groups, fetched_at, steps.max_age, failure, partial=not whole)
