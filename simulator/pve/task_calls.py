"""Task lists, states and logs (G2-G6)."""

from __future__ import annotations

import re

from simulator.answers import Answer, bad_parameters, success
from simulator.model import Task
from simulator.pve.call import Call, Row

UPID = re.compile(
    r"UPID:(?P<node>[A-Za-z0-9-]+):[0-9A-F]{8}:[0-9A-F]{8,9}:[0-9A-F]{8}:[^:\s]+:[^:\s]*:[^:\s]+:", re.ASCII
)
PER_NODE = 25


def cluster_tasks(call: Call) -> Answer:
    """The newest tasks of every node, running ones always (G3); without Sys.Audit on `/` none, as for any token."""
    if not call.permissions.has("/", "Sys.Audit"):
        return success([])
    rows = []
    for node in call.cluster.nodes:
        own = _newest_first(call, node.name)
        active = [task for task in own if task.endtime is None]
        ended = [task for task in own if task.endtime is not None]
        rows += [_cluster_row(task) for task in [*active, *ended[: PER_NODE - len(active)]]]
    return success(rows)


def _cluster_row(task: Task) -> Row:
    user, _, token = task.user.partition("!")
    row: Row = {
        "upid": task.upid,
        "node": task.node,
        "type": task.kind,
        "id": task.subject,
        "user": user,
        "starttime": task.starttime,
        "saved": "0" if task.endtime is None else "1",
    }
    if token:
        row["tokenid"] = token
    if task.endtime is None:
        return row | {"pid": task.pid}
    return row | {"endtime": task.endtime, "status": task.status}


def _newest_first(call: Call, node: str) -> list[Task]:
    own = [task for task in call.cluster.tasks if task.node == node and task.starttime <= call.now]
    return sorted(own, key=lambda task: (-task.starttime, task.upid))


def node_tasks(call: Call) -> Answer:
    """A node's tasks, filtered and paged; `total` counts before paging; `limit=0` is no rows (G4)."""
    node = call.parameters["node"]
    source = call.text("source") or "archive"
    found = [task for task in _newest_first(call, node) if _readable(call, task) and _matches(call, task)]
    chosen: list[Row] = []
    if source in {"active", "all"}:
        chosen += [_node_row(task) | {"saved": "0"} for task in found if task.endtime is None]
    if source in {"archive", "all"}:
        chosen += [_node_row(task) for task in found if task.endtime is not None]
    start = call.number("start", 0)
    return success(chosen[start : start + call.number("limit", 50)], total=len(chosen))


def _readable(call: Call, task: Task) -> bool:
    return call.permissions.has(f"/nodes/{task.node}", "Sys.Audit")


def _state(task: Task) -> str:
    """ok, warning, error or unknown (G5)."""
    if task.status is None or task.status == "unexpected status":
        return "unknown"
    if task.status == "OK":
        return "ok"
    return "warning" if task.status.startswith("WARNINGS") else "error"


def _matches(call: Call, task: Task) -> bool:
    states = (call.text("statusfilter") or "").split(",")
    return (
        (call.text("typefilter") or task.kind) == task.kind
        and (call.text("vmid") or task.subject) == task.subject
        and (call.text("userfilter") or "") in task.user
        and call.number("since", task.starttime) <= task.starttime <= call.number("until", task.starttime)
        and (states == [""] or _state(task) in states)
        and not (call.flag("errors") and _state(task) == "ok")
    )


def _node_row(task: Task) -> Row:
    row: Row = {
        "upid": task.upid,
        "node": task.node,
        "pid": task.pid,
        "pstart": task.pstart,
        "starttime": task.starttime,
        "type": task.kind,
        "id": task.subject,
        "user": task.user.partition("!")[0],
    }
    if "!" in task.user:
        row["tokenid"] = task.user.partition("!")[2]
    if task.endtime is None:
        return row | {"status": "RUNNING"}
    return row | {"endtime": task.endtime, "status": task.status}


def task_status(call: Call) -> Answer:
    task = _task(call)
    if task is None:
        raise bad_parameters({"upid": "no such task"})
    call.permissions.demand(f"/nodes/{task.node}", "Sys.Audit")
    row = {key: value for key, value in _node_row(task).items() if key not in {"endtime", "status"}}
    if task.endtime is None:
        return success(row | {"status": "running"})
    return success(row | {"status": "stopped", "exitstatus": task.status})


def task_log(call: Call) -> Answer:
    """The lines of a log; `limit=0` means all (G6)."""
    task = _task(call)
    call.permissions.demand(f"/nodes/{call.parameters['node']}", "Sys.Audit")
    lines = ["unable to open file - No such file or directory"] if task is None else task.lines()
    start, limit = call.number("start", 0), call.number("limit", 50)
    rows = [{"n": number, "t": text} for number, text in enumerate(lines, 1)]
    return success(rows[start : start + limit] if limit else rows[start:], total=len(rows))


def _task(call: Call) -> Task | None:
    match = UPID.fullmatch(call.parameters["upid"])
    if match is None:
        raise bad_parameters({"upid": "unable to parse worker upid"})
    task = call.cluster.by_upid.get(call.parameters["upid"])
    return task if task is not None and task.node == call.parameters["node"] else None
