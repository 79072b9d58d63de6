"""The calls to one PVE cluster: fetch and parse, one method an endpoint. Each returns facts or raises SourceError."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar

from exporter.client.deadline import Deadline
from exporter.client.endpoints import path_of
from exporter.client.source import SourceClient
from exporter.collect import pve_parse as parse
from exporter.collect import pve_rows as rows
from exporter.collect.pve_values import instant
from exporter.collect.task_logs import log_gone
from exporter.errors import Malformed, NotFound, ServerFailed
from report.facts import (
    BackupJob,
    Guest,
    GuestConfig,
    IncludedGuest,
    Inventory,
    Node,
    OracleAnswer,
    Permissions,
    PoolLookup,
    Restore,
    StorageDefinition,
    StorageState,
    Task,
    VzdumpDefaults,
)

R = TypeVar("R")
T = TypeVar("T")

# vzdump tasks asked for per node: the genuine history holds some hundreds (G4)
TASKS_AT_MOST = "500"
# restore tasks asked for per node and type
RESTORES_AT_MOST = "100"
_POOL_MISSING = "does not exist"
_STRANGE_VMID = "strange VM ID"


@dataclass(frozen=True, slots=True)
class PveCalls:
    """The calls of one refresh: one client, one deadline."""

    client: SourceClient
    deadline: Deadline

    def version(self) -> str:
        return self._get("/version", rows.VersionRow, lambda row: row.version)

    def permissions(self) -> Permissions:
        return self._get("/access/permissions", rows.Permissions, parse.parse_permissions)

    def inventory(self) -> Inventory:
        return self._get("/cluster/resources", list[rows.ResourceRow], parse.parse_inventory, large=True)

    def nodes(self) -> tuple[Node, ...]:
        return self._get("/cluster/status", list[rows.StatusRow], parse.parse_nodes)

    def jobs(self) -> tuple[BackupJob, ...]:
        return self._get("/cluster/backup", list[rows.JobRow], parse.parse_jobs)

    def storages(self, all_visible: bool) -> tuple[StorageDefinition, ...]:
        """Ask for storage.cfg; where all storages are visible an empty list cannot be right: PVE makes up `local` (E6)."""
        storages = self._get("/storage", list[rows.StorageRow], parse.parse_storages)
        if all_visible and not storages:
            raise self._malformed("/storage", "it lists no storage at all, and PVE always has local")
        return storages

    def cluster_tasks(self) -> tuple[Task, ...]:
        return self._get("/cluster/tasks", list[rows.TaskRow], parse.parse_tasks)

    def included(self, job: str) -> OracleAnswer[tuple[IncludedGuest, ...]]:
        path = path_of("/cluster/backup/{id}/included_volumes", id=job)
        try:
            return OracleAnswer(self._get(path, rows.IncludedRow, parse.parse_included, large=True))
        except ServerFailed as error:
            return OracleAnswer(None, _refusal(error))

    def not_backed_up(self) -> OracleAnswer[frozenset[int]]:
        path = "/cluster/backup-info/not-backed-up"
        try:
            return OracleAnswer(self._get(path, list[rows.UncoveredRow], parse.parse_not_backed_up, large=True))
        except ServerFailed as error:
            return OracleAnswer(None, _refusal(error))

    def pool(self, pool: str) -> PoolLookup:
        """Ask for one pool by name; before PVE 8.1 there is no `poolid` parameter and the name is part of the path (M6)."""
        try:
            return self._get("/pools", list[rows.PoolRow], parse.parse_pool, poolid=pool)
        except (ServerFailed, NotFound) as error:
            if _POOL_MISSING in error.detail:
                return PoolLookup(None)
            if error.status != 400:
                raise
        try:
            path = path_of("/pools/{poolid}", poolid=pool)
            return self._get(path, rows.PoolRow, lambda row: parse.parse_pool([row]))
        except ServerFailed as error:
            if _POOL_MISSING in error.detail:
                return PoolLookup(None)
            raise

    def storage_states(self, node: str) -> tuple[StorageState, ...]:
        path = path_of("/nodes/{node}/storage", node=node)
        return self._get(path, list[rows.StorageStateRow], lambda answer: parse.parse_storage_states(answer, node))

    def vzdump_defaults(self, node: str, storage: str | None = None) -> VzdumpDefaults:
        path = path_of("/nodes/{node}/vzdump/defaults", node=node)
        if storage is None:
            return self._get(path, rows.VzdumpDefaultsRow, parse.parse_vzdump_defaults)
        return self._get(path, rows.VzdumpDefaultsRow, parse.parse_vzdump_defaults, storage=storage)

    def zone(self, node: str) -> str:
        return self._get(path_of("/nodes/{node}/time", node=node), rows.TimeRow, lambda row: row.timezone)

    def clock(self, node: str) -> int | None:
        """Ask what a node's clock says (epoch); None if it does not say."""
        return self._get(path_of("/nodes/{node}/time", node=node), rows.TimeRow, lambda row: instant(row.time))

    def tasks(self, node: str) -> tuple[Task, ...]:
        query = {"typefilter": "vzdump", "source": "all", "limit": TASKS_AT_MOST}
        path = path_of("/nodes/{node}/tasks", node=node)
        return self._get(path, list[rows.TaskRow], parse.parse_tasks, large=True, **query)

    def restores(self, node: str, task_type: str) -> tuple[Restore, ...]:
        """Ask for a node's ended restore tasks of one type: the filter is exact (G4)."""
        query = {"typefilter": task_type, "limit": RESTORES_AT_MOST}
        path = path_of("/nodes/{node}/tasks", node=node)
        return self._get(path, list[rows.TaskRow], parse.parse_restores, large=True, **query)

    def log(self, node: str, upid: str) -> list[str]:
        """Ask for all lines of a task's log (G6); one whose file is gone is NotFound, though PVE calls that a success."""
        path = path_of("/nodes/{node}/tasks/{upid}/log", node=node, upid=upid)
        try:
            lines = self._get(path, list[rows.LogRow], parse.parse_log, large=True, start="0", limit="0")
        except NotFound as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            raise self._malformed(path, f"{error.detail}: of a log that is gone PVE tells otherwise") from None
        if log_gone(lines):
            raise NotFound(self.client.settings.label, path, lines[0])
        return lines

    def config(self, guest: Guest, now: int) -> GuestConfig:
        path = path_of("/nodes/{node}/{type}/{vmid}/config", node=guest.node, type=guest.guest_type, vmid=guest.vmid)
        row = self._get(path, rows.GuestVolumesRow, lambda row: row)
        if row.digest is None:
            raise self._malformed(path, "a configuration without digest, and every one has one")
        return parse.parse_guest_config(row, now)

    def _get(self, path: str, into: type[R], parse: Callable[[R], T], *, large: bool = False, **query: str) -> T:
        """GET a path as rows and return the facts in them; a value that cannot be right makes the answer malformed."""
        answer = self.client.get(path, into, self.deadline, large=large, **query)
        try:
            return parse(answer)
        except ValueError as error:
            raise self._malformed(path, f"a value that cannot be right: {error}") from None

    def _malformed(self, path: str, detail: str) -> Malformed:
        return Malformed(self.client.settings.label, path, detail)


def _refusal(error: ServerFailed) -> str:
    """Given a failed evaluation, return PVE's message if it refuses because of a broken job (B12); else raise the error again."""
    if error.status == 500 and (
        ("pool" in error.detail and _POOL_MISSING in error.detail) or _STRANGE_VMID in error.detail
    ):
        return error.detail
    raise error
