"""What one cluster has: storage.cfg with its digest, the jobs, and the nodes' view of the storages. Reads only."""

from __future__ import annotations

from dataclasses import replace

from exporter.client.deadline import Deadline
from exporter.client.source import SourceClient
from exporter.collect import pve_parse as parse
from exporter.collect import pve_rows as rows
from exporter.collect.pve_calls import PveCalls
from exporter.collect.pve_values import text
from exporter.errors import Malformed, SourceError
from exporter.storages.entries import ClusterStorages
from report.facts import StorageState


class StorageConfigRow(rows.StorageRow):
    """A row of /storage with what only a writer needs: storage.cfg's digest, and whether there is a key (never the key itself)."""

    digest: rows.Scalar = None
    encryption_key: rows.Scalar = None


def read_cluster(client: SourceClient, deadline: Deadline) -> ClusterStorages:
    """Given a cluster's client and when to give up, return its storages and jobs; raise SourceError where the storages cannot be read.

    Jobs or permissions that cannot be read are said to be unknown.
    """
    found = read_storages(client, deadline)
    calls = PveCalls(client, deadline)
    try:
        visible = calls.permissions().below("Datastore.Audit", "/storage")
    except SourceError:
        visible = False
    try:
        jobs = calls.jobs()
    except SourceError:
        jobs = None
    return replace(found, jobs=jobs, all_visible=visible)


def read_storages(client: SourceClient, deadline: Deadline) -> ClusterStorages:
    """Given a cluster's client and when to give up, return storage.cfg as far as it is visible; raise SourceError."""
    answer = client.get("/storage", list[StorageConfigRow], deadline)
    try:
        storages = parse.parse_storages(answer)
    except ValueError as error:
        raise Malformed(client.settings.label, "/storage", f"a value that cannot be right: {error}") from None
    digests = [digest for row in answer if (digest := text(row.digest)) is not None]
    encrypted = frozenset(row.storage for row in answer if text(row.encryption_key) is not None)
    return ClusterStorages(client.settings.name, storages, digests[0] if digests else "", encrypted)


def read_states(client: SourceClient, deadline: Deadline) -> tuple[StorageState, ...]:
    """Given a cluster's client and when to give up, return its storages as each online node sees them; raise SourceError where the nodes
    cannot be listed. A node that does not answer is left out."""
    calls = PveCalls(client, deadline)
    states: list[StorageState] = []
    for node in calls.nodes():
        if node.online is False:
            continue
        try:
            states += calls.storage_states(node.name)
        except SourceError:
            continue
    return tuple(states)
