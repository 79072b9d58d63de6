"""The table of calls, and how one is answered: token, path, privilege, node, parameters, in the genuine order."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from functools import cache
from urllib.parse import parse_qsl, unquote

from simulator.answers import Answer, ApiError, dead_node, not_implemented, success, unauthorized, unknown_node
from simulator.journal import READS
from simulator.model import Cluster, Token
from simulator.privileges import Permissions
from simulator.pve import backup_calls, cluster_calls, content_calls, node_calls, storage_calls, task_calls
from simulator.pve.call import Call, Changed, Parameter, Route, WriteRoute, verify
from simulator.pve.guest_edits import GUESTS, edited_guest
from simulator.pve.storage_edits import Edits
from simulator.pve.storage_fields import TYPES
from simulator.pve.task_edits import RUNS, with_run
from simulator.reach import BackupServers

AUDIT = ("/", "Sys.Audit")
VMID = Parameter("integer", lowest=100)
CONFIG = {"vmid": VMID, "current": Parameter("boolean"), "snapshot": Parameter()}
NATURAL = Parameter("integer", lowest=0)
MEMBER_KIND = Parameter(choices=("qemu", "lxc", "storage"))
TASK_FILTERS = {
    "errors": Parameter("boolean"),
    "limit": NATURAL,
    "since": Parameter("integer"),
    "source": Parameter(choices=("archive", "active", "all")),
    "start": NATURAL,
    "statusfilter": Parameter(),
    "typefilter": Parameter(),
    "until": Parameter("integer"),
    "userfilter": Parameter(),
    "vmid": VMID,
}
ANALYZE = {
    "schedule": Parameter("event", needed=True),
    "iterations": Parameter("integer", lowest=1),
    "starttime": Parameter("integer"),
}
SCAN = {
    "server": Parameter(needed=True),
    "username": Parameter(needed=True),
    "password": Parameter(needed=True),
    "fingerprint": Parameter(),
    "port": Parameter("integer", lowest=1),
}

ROUTES = (
    Route("/version", cluster_calls.version),
    Route("/cluster/status", cluster_calls.status, demand=AUDIT),
    Route("/cluster/resources", cluster_calls.resources, {"type": Parameter(choices=("vm", "storage", "node", "sdn"))}),
    Route("/cluster/tasks", task_calls.cluster_tasks),
    Route("/cluster/backup", backup_calls.jobs, demand=AUDIT),
    Route("/cluster/backup/{id}", backup_calls.job, demand=AUDIT),
    Route("/cluster/backup/{id}/included_volumes", backup_calls.included_volumes, demand=AUDIT),
    Route("/cluster/backup-info", cluster_calls.backup_info),
    Route("/cluster/backup-info/not-backed-up", backup_calls.guests_not_backed_up, demand=AUDIT),
    Route("/cluster/jobs/schedule-analyze", cluster_calls.schedule_analyze, ANALYZE),
    Route("/access/permissions", cluster_calls.permissions, {"path": Parameter(), "userid": Parameter()}),
    Route("/storage", storage_calls.storages, {"type": Parameter(choices=TYPES)}),
    Route("/storage/{storage}", storage_calls.storage, demand=("/storage/{storage}", "Datastore.Allocate")),
    Route(
        "/pools",
        cluster_calls.pools,
        {
            "poolid": Parameter(since=(8, 1)),
            "type": Parameter(choices=MEMBER_KIND.choices, since=(8, 1)),
        },
    ),
    Route("/pools/{poolid}", cluster_calls.pool, {"type": MEMBER_KIND}, demand=("/pool/{poolid}", "Pool.Audit")),
    Route("/nodes", cluster_calls.nodes),
    Route("/nodes/{node}/version", node_calls.node_version, proxied=True),
    Route("/nodes/{node}/time", node_calls.time, demand=("/nodes/{node}", "Sys.Audit"), proxied=True),
    Route(
        "/nodes/{node}/storage",
        node_calls.storages,
        {
            "content": Parameter(),
            "enabled": Parameter("boolean"),
            "format": Parameter("boolean"),
            "storage": Parameter(),
        },
        proxied=True,
    ),
    Route(
        "/nodes/{node}/storage/{storage}/content",
        content_calls.content,
        {"content": Parameter(), "vmid": VMID},
        proxied=True,
    ),
    Route(
        "/nodes/{node}/storage/{storage}/prunebackups",
        content_calls.prune_dry_run,
        {"prune-backups": Parameter(), "type": Parameter(choices=("qemu", "lxc")), "vmid": VMID},
        proxied=True,
    ),
    Route("/nodes/{node}/storage/{storage}/identity", content_calls.identity, since=(9, 1), proxied=True),
    Route("/nodes/{node}/scan/pbs", storage_calls.scan, SCAN, demand=("/storage", "Datastore.Allocate"), proxied=True),
    Route("/nodes/{node}/vzdump/defaults", node_calls.vzdump_defaults, {"storage": Parameter()}, proxied=True),
    Route("/nodes/{node}/tasks", task_calls.node_tasks, TASK_FILTERS, proxied=True),
    Route("/nodes/{node}/tasks/{upid}/status", task_calls.task_status, proxied=True),
    Route("/nodes/{node}/tasks/{upid}/log", task_calls.task_log, {"limit": NATURAL, "start": NATURAL}, proxied=True),
    Route(
        "/nodes/{node}/qemu/{vmid}/config",
        node_calls.machine_config,
        CONFIG,
        demand=("/vms/{vmid}", "VM.Audit"),
        proxied=True,
    ),
    Route(
        "/nodes/{node}/lxc/{vmid}/config",
        node_calls.container_config,
        CONFIG,
        demand=("/vms/{vmid}", "VM.Audit"),
        proxied=True,
    ),
)
ALLOCATE = ("/storage", "Datastore.Allocate")
WRITES = (
    WriteRoute("POST", "/storage", storage_calls.create, ALLOCATE),
    WriteRoute("PUT", "/storage/{storage}", storage_calls.update, ALLOCATE),
    WriteRoute("DELETE", "/storage/{storage}", storage_calls.delete, ALLOCATE),
)


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(text)))


@cache
def _compiled() -> tuple[tuple[re.Pattern[str], frozenset[str], Route], ...]:
    patterns = [(_pattern(route.pattern), route) for route in ROUTES]
    return tuple((pattern, frozenset(pattern.groupindex), route) for pattern, route in patterns)


@cache
def _writes() -> tuple[tuple[re.Pattern[str], WriteRoute], ...]:
    return tuple((_pattern(route.pattern), route) for route in WRITES)


class Api:
    """The API of one cluster. `cluster` is replaced whole when something changes; what is cached goes with it.

    `servers` are the simulated backup servers that its storage entries may name.
    """

    def __init__(self, cluster: Cluster, servers: BackupServers | None = None) -> None:
        self._lock = threading.Lock()
        # one write at a time, which may take as long as a backup server does to answer; reads go on
        self._writing = threading.RLock()
        self._servers = servers or BackupServers()
        self._edits = Edits()
        self.cluster = self._servers.attach(cluster)
        self._permissions: dict[str, Permissions] = {}

    def change_job(self, identity: str, changes: Mapping[str, object]) -> None:
        """Set keys of a job, None removes one; KeyError for an unknown job."""
        with self._writing:
            self._put(self.cluster.with_job(identity, changes))

    def control(self, method: str, path: str, document: Mapping[str, object]) -> object:
        """A call below /_simulator about guests, runs or storage entries; KeyError for none of them, ValueError for nonsense."""
        with self._writing:
            if method == "PUT" and path.startswith(GUESTS):
                self._put(edited_guest(self.cluster, path.removeprefix(GUESTS), document))
                return {}
            if (method, path) == ("PUT", RUNS):
                changed, answer = with_run(self.cluster, document)
            else:
                changed, answer = self._edits.carry_out(self.cluster, method, path, document)
            self._put(changed)
        return answer

    def _put(self, cluster: Cluster) -> None:
        with self._lock:
            self.cluster = self._servers.attach(cluster)
            self._permissions = {}

    def answer(self, method: str, target: str, authorization: str | None, now: int) -> Answer:
        """Given method, target below /api2/json, the Authorization header and the time, return the answer."""
        if method in READS:
            return self._answer(method, target, authorization, now)
        with self._writing:
            self._put(self._edits.before_write(self.cluster))
            return self._answer(method, target, authorization, now)

    def _answer(self, method: str, target: str, authorization: str | None, now: int) -> Answer:
        with self._lock:
            cluster, permissions = self.cluster, self._permissions
        try:
            token = authenticate(cluster, authorization)
            granted = permissions.get(token.identity)
            if granted is None:
                granted = permissions[token.identity] = Permissions(cluster, token)
            if method in READS:
                return _dispatch(cluster, granted, method, target, now)
            changed, data = _write(cluster, granted, method, target, now)
            self._put(changed)
            return success(data)
        except ApiError as error:
            return error.answer


def authenticate(cluster: Cluster, authorization: str | None) -> Token:
    """The token that a header names; raises the genuine 401 for none or a wrong one."""
    scheme, _, credential = (authorization or "").partition("=")
    if scheme != "PVEAPIToken":
        raise unauthorized("No ticket")
    identity, _, secret = credential.partition("=")
    for token in cluster.tokens:
        if token.identity == identity and token.secret == secret:
            return token
    raise unauthorized("Authentication failed!")


def _dispatch(cluster: Cluster, permissions: Permissions, method: str, target: str, now: int) -> Answer:
    path, _, query = target.partition("?")
    for pattern, names, route in _compiled():
        match = pattern.fullmatch(path) if method == "GET" else None
        if match is None or route.since > cluster.release:
            continue
        fixed = {name: unquote(value) for name, value in match.groupdict().items()}
        call = Call(cluster, permissions, now, {**dict(parse_qsl(query, keep_blank_values=True)), **fixed})
        if route.demand:
            permissions.demand(route.demand[0].format(**fixed), *route.demand[1:])
        if route.proxied:
            _reach(cluster, fixed["node"])
        verify(route, call, names)
        return route.handler(call)
    raise not_implemented(method, unquote(path))


def _write(cluster: Cluster, permissions: Permissions, method: str, target: str, now: int) -> Changed:
    path, _, query = target.partition("?")
    for pattern, route in _writes():
        match = pattern.fullmatch(path) if method == route.method else None
        if match is None:
            continue
        fixed = {name: unquote(value) for name, value in match.groupdict().items()}
        permissions.demand(*route.demand)
        call = Call(cluster, permissions, now, {**dict(parse_qsl(query, keep_blank_values=True)), **fixed})
        return route.handler(call)
    raise not_implemented(method, unquote(path))


def _reach(cluster: Cluster, name: str) -> None:
    if name not in cluster.by_node:
        raise unknown_node(name)
    if not cluster.by_node[name].online:
        raise dead_node()
