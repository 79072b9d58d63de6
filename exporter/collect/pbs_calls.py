"""The calls to one PBS: fetch and parse, one method an endpoint. Each returns facts or raises SourceError."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TypeVar

import msgspec

from exporter.client.deadline import Deadline
from exporter.client.endpoints import path_of
from exporter.client.source import SourceClient
from exporter.collect import pbs_parse as parse
from exporter.collect import pbs_rows as rows
from exporter.collect.pbs_snapshots import Contents, Key, parse_snapshots
from exporter.collect.pbs_values import LARGEST, Home
from exporter.errors import FailureReason, NotFound, ServerFailed
from report.backups import Datastore, GarbageCollection, PbsJob, PbsTask
from report.readings import Permissions

T = TypeVar("T")

FIRST_WITH_NAMESPACES = (2, 2)
TASKS_AT_MOST = "1000"
# tasks that change what snapshots say; the filter is a substring: `verif` is in verify_group and verificationjob, `prune` in prunejob
TASKS_THAT_CHANGE = ("verif", "prune")


@dataclass(frozen=True, slots=True)
class PbsCalls:
    """The calls of one refresh: one client, one deadline, the latest time (epoch) that a backup can have, and the names that the server's
    node is known to have.
    """

    client: SourceClient
    deadline: Deadline
    latest: int = LARGEST
    nodes: frozenset[str] = frozenset()

    def version(self) -> str:
        return parse.parse_version(self._get("/version", rows.VersionRow))

    def permissions(self) -> Permissions:
        return parse.parse_permissions(self._get("/access/permissions", rows.Permissions))

    def time(self) -> parse.ServerTime:
        return parse.parse_time(self._get("/nodes/localhost/time", rows.TimeRow))

    def identity(self) -> str | None:
        """Ask what names this installation; None from a version that does not know (D12)."""
        try:
            return parse.parse_identity(self._get("/nodes/localhost/identity", rows.IdentityRow))
        except NotFound:
            return None

    def stores(self) -> tuple[Datastore, ...]:
        return parse.parse_stores(self._get("/admin/datastore", list[rows.StoreRow]))

    def usage(self) -> tuple[Datastore, ...]:
        return parse.parse_usage(self._get("/status/datastore-usage", list[rows.UsageRow], large=True))

    def namespaces(self, store: str, version: str | None) -> tuple[str, ...]:
        """Ask for the namespaces of a store; a server older than 2.2 has the root only. From any other "not found" is a failure."""
        path = path_of("/admin/datastore/{store}/namespace", store=store)
        try:
            return parse.parse_namespaces(self._get(path, list[rows.NamespaceRow]))
        except NotFound:
            if version is None or version_numbers(version) >= FIRST_WITH_NAMESPACES:
                raise
            return ("",)

    def groups(self, store: str, namespace: str) -> parse.GroupListing:
        path = path_of("/admin/datastore/{store}/groups", store=store)
        return parse.parse_groups(self._get(path, list[msgspec.Raw], large=True, **_in(namespace)))

    def snapshots(self, store: str, namespace: str, group: Key | None = None) -> Contents:
        """Ask for the snapshots of one group, or of a whole namespace: the server opens the manifest of each."""
        path = path_of("/admin/datastore/{store}/snapshots", store=store)
        query = _in(namespace) if group is None else {**_in(namespace), "backup-type": group[0], "backup-id": group[1]}
        answer = self._get(path, list[msgspec.Raw], large=True, **query)
        return parse_snapshots(answer, self.latest, Home(store, self.nodes))

    def collections(self) -> tuple[GarbageCollection, ...] | None:
        """Ask for all garbage collections at once; None from a server older than 3.2."""
        try:
            return parse.parse_collections(self._get("/admin/gc", list[rows.CollectionRow]))
        except NotFound:
            return None

    def collection(self, store: str) -> GarbageCollection:
        path = path_of("/admin/datastore/{store}/gc", store=store)
        return parse.parse_collection(self._get(path, rows.CollectionRow), store)

    def configured_jobs(self, job_type: str) -> tuple[PbsJob, ...]:
        return self._jobs("config", job_type)

    def run_jobs(self, job_type: str) -> tuple[PbsJob, ...]:
        return self._jobs("admin", job_type)

    def tasks(self, since: int) -> tuple[PbsTask, ...]:
        """Ask for the newest tasks of any kind, running ones first, and for those since `since` that change snapshots (H14)."""
        answer = self._tasks()
        for kind in TASKS_THAT_CHANGE:
            answer += self._tasks(typefilter=kind, since=str(since))
        return parse.parse_tasks(answer)

    def _tasks(self, **query: str) -> list[rows.TaskRow]:
        return self._get("/nodes/localhost/tasks", list[rows.TaskRow], large=True, limit=TASKS_AT_MOST, **query)

    def _jobs(self, branch: str, job_type: str) -> tuple[PbsJob, ...]:
        path = f"/{branch}/{job_type}"
        if job_type != "sync":
            return parse.parse_jobs(job_type, self._get(path, list[rows.JobRow]))
        return parse.parse_jobs(job_type, self._sync_jobs(path))

    def _sync_jobs(self, path: str) -> Sequence[rows.JobRow]:
        """Ask for sync jobs of both directions; servers older than 3.3 refuse the parameter and know one only (edge case 71)."""
        try:
            return self._get(path, list[rows.JobRow], large=False, **{"sync-direction": "all"})
        except ServerFailed as error:
            if error.reason is not FailureReason.BAD_REQUEST:
                raise
            return self._get(path, list[rows.JobRow])

    def _get(self, path: str, into: type[T], *, large: bool = False, **query: str) -> T:
        return self.client.get(path, into, self.deadline, large=large, **query)


def version_numbers(version: str) -> tuple[int, ...]:
    """Given a version, `3.2.1`, return its numbers up to the first part that is none."""
    return tuple(int(part) for part in takewhile(str.isdecimal, version.split(".")))


def _in(namespace: str) -> dict[str, str]:
    """The root is not sent: servers older than 2.2 do not know the parameter."""
    return {"ns": namespace} if namespace else {}
