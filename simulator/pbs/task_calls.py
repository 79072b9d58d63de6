"""Task lists, states and logs of the backup server (section 12)."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from simulator.answers import Answer
from simulator.pbs.answers import Row, bad_request, forbidden, page, success
from simulator.pbs.call import Call
from simulator.pbs.model import Task
from simulator.pbs.privileges import MODIFY, VERIFY, store_path

# what the caller could start himself he may see too
RIGHT_OF_KIND = {"verificationjob": VERIFY, "prune": MODIFY, "prunejob": MODIFY, "garbage_collection": MODIFY}


def _visible(call: Call, task: Task) -> bool:
    if call.permissions.has("/system/tasks", "Sys.Audit") or call.permissions.owns(task.user):
        return True
    right = RIGHT_OF_KIND.get(task.kind)
    store = (task.subject or "").partition(":")[0]
    return right is not None and call.permissions.has(store_path(store), right)


def _state(task: Task) -> str:
    if task.status is None or task.status == "unknown":
        return "unknown"
    if task.status == "OK":
        return "ok"
    return "warning" if task.status.startswith("WARNINGS") else "error"


def _matches(call: Call, task: Task) -> bool:
    states, store = call.parameters.get("statusfilter"), call.text("store")
    since, until = call.optional_number("since"), call.optional_number("until")
    return (
        (call.text("typefilter") or "") in task.kind
        and (call.text("userfilter") or "") in task.user
        and (store is None or _of_store(task, store))
        and (since is None or task.starttime >= since)
        and (until is None or task.starttime <= until)
        and not (call.flag("running") and task.endtime is not None)
        and not (call.flag("errors") and (task.endtime is None or task.status == "OK"))
        and (not states or (task.endtime is not None and _state(task) in states))
    )


def _of_store(task: Task, store: str) -> bool:
    """The first part of the id names the datastore; of a sync job the third, its target."""
    parts = (task.subject or "").split(":")
    return store == (parts[2] if task.kind == "syncjob" and len(parts) > 2 else parts[0])


def tasks(call: Call) -> Answer:
    """Newest first, running ones before; `total` only says how many were looked at until the page was full."""
    shown = [task for task in call.server.tasks if task.starttime <= call.now and _visible(call, task)]
    shown.sort(key=lambda task: (task.endtime is not None, -task.starttime))
    start, limit = call.number("start", 0), call.number("limit", 50)
    found = [task for task in shown if _matches(call, task)]
    end = start + limit if limit else len(found)
    total = min(len(found), end + 1)
    return page([_row(task) for task in found[start:end]], total)


def _row(task: Task) -> Row:
    row: Row = {
        "upid": task.upid,
        "node": "localhost",
        "pid": task.pid,
        "pstart": task.pstart,
        "starttime": task.starttime,
        "worker_type": task.kind,
        "worker_id": task.subject,
        "user": task.user,
    }
    return row if task.endtime is None else row | {"endtime": task.endtime, "status": task.status}


def _find(call: Call) -> Task:
    upid = call.needed("upid")
    if not upid.startswith("UPID:") or not upid.endswith(":"):
        raise bad_request("parameter verification failed - 'upid': value does not match the regex pattern")
    for task in call.server.tasks:
        if task.upid == upid:
            if not _visible(call, task):
                raise forbidden()
            return task
    raise bad_request("no such task")


def status(call: Call) -> Answer:
    """One task; the keys differ from those of the list."""
    task = _find(call)
    user, _, token = task.user.partition("!")
    row: Row = {"id": task.subject, "node": call.server.name, "pid": task.pid, "pstart": task.pstart}
    row |= {"starttime": task.starttime, "type": task.kind, "upid": task.upid, "user": user}
    row |= {"tokenid": token} if token else {}
    if task.endtime is None:
        return success(row | {"status": "running"})
    return success(row | {"status": "stopped", "exitstatus": task.status})


def log(call: Call) -> Answer:
    """The lines of a log, each with its local time."""
    task = _find(call)
    zone = ZoneInfo(call.server.zone)
    began = datetime.fromtimestamp(task.starttime, zone).isoformat()
    texts = [f"{began}: {text}" for text in task.lines() or [f"starting {task.kind} {task.subject or ''}".rstrip()]]
    if task.endtime is not None:
        ended = datetime.fromtimestamp(task.endtime, zone).isoformat()
        failed = _state(task) == "error"
        texts.append(f"{ended}: TASK {'ERROR: ' if failed else ''}{task.status}")
    rows = [{"n": number, "t": text} for number, text in enumerate(texts, 1)]
    start, limit = call.number("start", 0), call.number("limit", 50)
    return success(rows[start : start + limit] if limit else rows[start:], success=1, total=len(rows))
