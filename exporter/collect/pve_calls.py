"""The calls to one PVE cluster: fetch and parse, one method an endpoint. Each returns facts or raises SourceError."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from exporter.client.deadline import Deadline
from exporter.client.endpoints import path_of
from exporter.client.source import SourceClient
from exporter.collect import pve_parse as parse
from exporter.collect import pve_rows as rows
from exporter.errors import NotFound, ServerFailed
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
    StorageDefinition,
    StorageState,
    Task,
    VzdumpDefaults,
)

T = TypeVar("T")

# vzdump tasks asked for per node: the genuine history holds some hundreds (G4)
TASKS_AT_MOST = "500"
_POOL_MISSING = "does not exist"
_STRANGE_VMID = "strange VM ID"


@dataclass(frozen=True, slots=True)
class PveCalls:
    """The calls of one refresh: one client, one deadline."""

    client: SourceClient
    deadline: Deadline

    def version(self) -> str:
        return self._get("/version", rows.VersionRow).version

    def permissions(self) -> Permissions:
        return parse.parse_permissions(self._get("/access/permissions", rows.Permissions))

    def inventory(self) -> Inventory:
        return parse.parse_inventory(self._get("/cluster/resources", list[rows.ResourceRow], large=True))

    def nodes(self) -> tuple[Node, ...]:
        return parse.parse_nodes(self._get("/cluster/status", list[rows.StatusRow]))

    def jobs(self) -> tuple[BackupJob, ...]:
        return parse.parse_jobs(self._get("/cluster/backup", list[rows.JobRow]))

    def storages(self) -> tuple[StorageDefinition, ...]:
        return parse.parse_storages(self._get("/storage", list[rows.StorageRow]))

    def cluster_tasks(self) -> tuple[Task, ...]:
        return parse.parse_tasks(self._get("/cluster/tasks", list[rows.TaskRow]))

    def included(self, job: str) -> OracleAnswer[tuple[IncludedGuest, ...]]:
        path = path_of("/cluster/backup/{id}/included_volumes", id=job)
        try:
            return OracleAnswer(parse.parse_included(self._get(path, rows.IncludedRow, large=True)))
        except ServerFailed as error:
            return OracleAnswer(None, _refusal(error))

    def not_backed_up(self) -> OracleAnswer[frozenset[int]]:
        path = "/cluster/backup-info/not-backed-up"
        try:
            return OracleAnswer(parse.parse_not_backed_up(self._get(path, list[rows.UncoveredRow], large=True)))
        except ServerFailed as error:
            return OracleAnswer(None, _refusal(error))

    def pool(self, pool: str) -> PoolLookup:
        """Ask for one pool by name; before PVE 8.1 there is no `poolid` parameter and the name is part of the path (M6)."""
        try:
            return parse.parse_pool(self._get("/pools", list[rows.PoolRow], poolid=pool))
        except (ServerFailed, NotFound) as error:
            if _POOL_MISSING in error.detail:
                return PoolLookup(None)
            if error.status != 400:
                raise
        try:
            return parse.parse_pool([self._get(path_of("/pools/{poolid}", poolid=pool), rows.PoolRow)])
        except ServerFailed as error:
            if _POOL_MISSING in error.detail:
                return PoolLookup(None)
            raise

    def storage_states(self, node: str) -> tuple[StorageState, ...]:
        answer = self._get(path_of("/nodes/{node}/storage", node=node), list[rows.StorageStateRow])
        return parse.parse_storage_states(answer, node)

    def vzdump_defaults(self, node: str) -> VzdumpDefaults:
        return parse.parse_vzdump_defaults(
            self._get(path_of("/nodes/{node}/vzdump/defaults", node=node), rows.VzdumpDefaultsRow)
        )

    def zone(self, node: str) -> str:
        return self._get(path_of("/nodes/{node}/time", node=node), rows.TimeRow).timezone

    def tasks(self, node: str) -> tuple[Task, ...]:
        query = {"typefilter": "vzdump", "source": "all", "limit": TASKS_AT_MOST}
        return parse.parse_tasks(
            self._get(path_of("/nodes/{node}/tasks", node=node), list[rows.TaskRow], large=True, **query)
        )

    def config(self, guest: Guest, now: int) -> GuestConfig:
        path = path_of("/nodes/{node}/{type}/{vmid}/config", node=guest.node, type=guest.guest_type, vmid=guest.vmid)
        return parse.parse_guest_config(self._get(path, rows.GuestConfigRow), now)

    def _get(self, path: str, into: type[T], *, large: bool = False, **query: str) -> T:
        return self.client.get(path, into, self.deadline, large=large, **query)


def _refusal(error: ServerFailed) -> str:
    """Given a failed evaluation, return PVE's message if it refuses because of a broken job (B12); else raise the error again."""
    if error.status == 500 and (
        ("pool" in error.detail and _POOL_MISSING in error.detail) or _STRANGE_VMID in error.detail
    ):
        return error.detail
    raise error
