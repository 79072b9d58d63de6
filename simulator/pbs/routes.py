"""The table of calls of the backup server, and how one is answered: credentials, path, parameters, privilege."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from random import Random
from urllib.parse import parse_qsl, unquote

from simulator.answers import Answer, ApiError
from simulator.pbs import datastore_calls, job_calls, system_calls, task_calls
from simulator.pbs.answers import not_found
from simulator.pbs.call import Call, Parameter, Route, demand, verify
from simulator.pbs.control import carry_out
from simulator.pbs.cost import Cost
from simulator.pbs.login import Login
from simulator.pbs.model import Server
from simulator.pbs.privileges import Permissions

FLAG, NATURAL, NAMESPACE = Parameter("boolean"), Parameter("integer", lowest=0), Parameter("namespace")
KIND, IDENTITY = Parameter(choices=("vm", "ct", "host")), Parameter("identity")
STORE = Parameter("identity")
DATASTORE = "/admin/datastore/{store}"
TASKS = {
    "errors": FLAG,
    "limit": NATURAL,
    "running": FLAG,
    "since": Parameter("integer"),
    "start": NATURAL,
    "statusfilter": Parameter(choices=("ok", "warning", "error", "unknown"), array=True),
    "store": STORE,
    "typefilter": Parameter(),
    "until": Parameter("integer"),
    "userfilter": Parameter(),
}
DIRECTION = {"sync-direction": Parameter(choices=("pull", "push", "all"), since=job_calls.PUSH_JOBS)}

ROUTES = (
    Route("/version", system_calls.version),
    Route("/ping", system_calls.ping),
    Route("/access/permissions", system_calls.permissions, {"auth-id": Parameter(), "path": Parameter()}),
    Route("/nodes", system_calls.superuser),
    Route("/nodes/{node}/time", system_calls.time),
    Route("/nodes/{node}/identity", system_calls.identity, since=(4, 0)),
    Route("/nodes/{node}/tasks", task_calls.tasks, TASKS),
    Route("/nodes/{node}/tasks/{upid}/status", task_calls.status),
    Route("/nodes/{node}/tasks/{upid}/log", task_calls.log, {"start": NATURAL, "limit": NATURAL}),
    Route("/status/datastore-usage", datastore_calls.usage),
    Route("/admin/datastore", datastore_calls.datastores),
    Route(f"{DATASTORE}/status", datastore_calls.status, {"verbose": FLAG}),
    Route(
        f"{DATASTORE}/namespace",
        datastore_calls.namespaces,
        {"parent": NAMESPACE, "max-depth": Parameter("integer", lowest=0, highest=7)},
    ),
    Route(f"{DATASTORE}/groups", datastore_calls.groups, {"ns": NAMESPACE}),
    Route(
        f"{DATASTORE}/snapshots",
        datastore_calls.snapshots,
        {"ns": NAMESPACE, "backup-type": KIND, "backup-id": IDENTITY},
    ),
    Route(f"{DATASTORE}/gc", datastore_calls.garbage, demand=("/datastore/{store}", "Datastore.Audit")),
    Route("/admin/gc", datastore_calls.garbage_list, {"store": STORE}, since=(3, 2)),
    Route("/config/datastore", datastore_calls.config_list),
    Route("/config/datastore/{store}", datastore_calls.config, demand=("/datastore/{store}", "Datastore.Audit")),
    Route("/config/prune", job_calls.config_list("prune")),
    Route("/config/verify", job_calls.config_list("verify")),
    Route("/config/sync", job_calls.config_list("sync"), DIRECTION),
    Route("/admin/prune", job_calls.admin_list("prune"), {"store": STORE}),
    Route("/admin/verify", job_calls.admin_list("verify"), {"store": STORE}),
    Route("/admin/sync", job_calls.admin_list("sync"), {"store": STORE, **DIRECTION}),
)


@cache
def _compiled() -> tuple[tuple[re.Pattern[str], frozenset[str], Route], ...]:
    found = []
    for route in ROUTES:
        pattern = re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(route.pattern)))
        found.append((pattern, frozenset(pattern.groupindex), route))
    return tuple(found)


class PbsApi:
    """The API of one backup server; with `delays` refusals are as late as the genuine ones."""

    def __init__(self, server: Server, delays: bool = False, seed: int = 1) -> None:
        self.server, self.cost = server, Cost()
        self._delays, self._random = delays, Random(f"order/{seed}/{server.name}")
        self._login = Login(server)
        # one at a time, so that a change never meets a half-made answer
        self.lock = threading.RLock()

    def answer(self, method: str, target: str, authorization: str | None, now: int) -> Answer:
        """Given method, target below /api2/json (form fields in its query), credentials and time, return the answer."""
        try:
            with self.lock:
                opened = self.cost.manifests
                answer = self._dispatch(method, target, authorization, now)
                slow = (self.cost.manifests - opened) * self.server.manifest_seconds
        except ApiError as error:
            return error.answer if self._delays or not error.answer.delay else replace(error.answer, delay=0.0)
        return replace(answer, delay=answer.delay + slow) if slow else answer

    def _dispatch(self, method: str, target: str, authorization: str | None, now: int) -> Answer:
        path, _, query = target.partition("?")
        pairs = parse_qsl(query, keep_blank_values=True)
        if (method, path) == ("POST", "/access/ticket"):
            self.cost.called("POST /access/ticket")
            return self._login.ticket(dict(pairs), now)
        identity = "" if path == "/ping" else self._login.identify(authorization)
        for pattern, names, route in _compiled():
            match = pattern.fullmatch(path)
            if match is None or method != "GET" or route.since > self.server.release:
                continue
            parameters: dict[str, list[str]] = {name: [unquote(value)] for name, value in match.groupdict().items()}
            for name, value in pairs:
                parameters.setdefault(name, []).append(value)
            call = Call(
                self.server, Permissions(self.server.access, identity), self.cost, self._random, now, parameters
            )
            self.cost.called(f"GET {route.pattern}")
            self._leave(parameters, path.rpartition("/")[2])
            demand(route, call)
            verify(route, call, names)
            return route.handler(call)
        raise not_found(unquote(path))

    def _leave(self, parameters: Mapping[str, Sequence[str]], endpoint: str) -> None:
        """Remove a datastore that is to be gone when this is asked of it."""
        for name in parameters.get("store", ()):
            if name in self.server.datastores and self.server.datastores[name].leaves_at == endpoint:
                del self.server.datastores[name]

    def change_job(self, identity: str, changes: Mapping[str, object]) -> None:
        """Set keys of a prune, verify or sync job, None removes one; KeyError for an unknown job."""
        with self.lock:
            for number, job in enumerate(self.server.jobs):
                if job.config["id"] == identity:
                    config = {key: value for key, value in {**job.config, **changes}.items() if value is not None}
                    self.server.jobs[number] = replace(job, config=config)
                    return
        raise KeyError(identity)

    def control(self, method: str, path: str, document: Mapping[str, object]) -> object:
        """A call below /_simulator that only a backup server knows; KeyError for none of them."""
        if path == "/cost":
            if method == "DELETE":
                self.cost.clear()
            return self.cost.document()
        with self.lock:
            return carry_out(self.server, method, path, document)
