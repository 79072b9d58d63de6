"""Changes of the world of a backup server while it runs: backups made, marked, pruned, datastores that go away.

Every call is `PUT /_simulator/WHAT` with a JSON object; groups are named by `store`, `ns` ("" if absent), `type`, `id`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from simulator.pbs.model import ORDINARY, Access, Datastore, Group, Server, Special, make_task
from simulator.pbs.privileges import ROLES

Document = Mapping[str, Any]
STATES = ("ok", "read-only", "offline", "lost", "gone")
ARCHIVES = {
    "vm": (("drive-scsi0.img.fidx", 34_359_738_368), ("qemu-server.conf.blob", 389)),
    "ct": (("root.pxar.didx", 8_589_934_592), ("pct.conf.blob", 226), ("catalog.pcat1.didx", 41_114)),
    "host": (("root.pxar.didx", 4_294_967_296), ("catalog.pcat1.didx", 41_114)),
}


def carry_out(server: Server, method: str, path: str, document: Document) -> object:
    """Given a call below /_simulator, change the server; KeyError for what is not there, ValueError for nonsense."""
    if method != "PUT" or path not in CHANGES:
        raise KeyError(f"{method} {path}")
    return CHANGES[path](server, document) or {}


def _namespace(server: Server, document: Document) -> dict[tuple[str, str], Group]:
    store = server.datastores[document["store"]]
    namespace = str(document.get("ns", ""))
    for length in range(namespace.count("/") + 1):
        # a namespace's parents exist
        store.namespaces.setdefault("/".join(namespace.split("/")[: length + 1]), {})
    return store.namespaces[namespace]


def _group(server: Server, document: Document) -> Group:
    return server.datastores[document["store"]].group(
        str(document.get("ns", "")), document["type"], str(document["id"])
    )


def _snapshot(server: Server, document: Document) -> None:
    """Add a snapshot at `time` or change it: finished, protected, verification, upid, comment, files; `owner` of new groups."""
    groups = _namespace(server, document)
    kind, identity = str(document["type"]), str(document["id"])
    group = groups.get((kind, identity))
    if group is None:
        if kind not in ARCHIVES:
            raise ValueError(f"type {kind!r} is none of {', '.join(ARCHIVES)}")
        owner = str(document.get("owner", "backup@pbs!pve"))
        group = groups[kind, identity] = Group(kind, identity, owner, tuple, archives=ARCHIVES[kind])
    instant = int(document["time"])
    known = Special.__slots__
    changes = {key: value for key, value in document.items() if key in known}
    if changes.get("verification", "auto") is None:
        changes["verification"] = "none"
    if "files" in changes:
        changes["files"] = tuple(changes["files"])
    fresh = ORDINARY if instant in group.times else Special(verification="none")
    group.put(instant, replace(group.special.get(instant, fresh), **changes))


def _prune(server: Server, document: Document) -> None:
    """Remove the snapshots of `times`."""
    _group(server, document).remove([int(instant) for instant in document["times"]])


def _forget(server: Server, document: Document) -> None:
    """Remove a group altogether."""
    del server.datastores[document["store"]].namespaces[str(document.get("ns", ""))][
        document["type"], str(document["id"])
    ]


def _group_changes(server: Server, document: Document) -> None:
    """Change a group: owner (None: its owner file is unreadable), note."""
    group = _group(server, document)
    if "owner" in document:
        group.owner = document["owner"]
    if "note" in document:
        group.note = document["note"]


def _datastore(server: Server, document: Document) -> None:
    """Put a datastore into a `state`: ok, read-only, offline (with `message`), lost (disk away), gone (removed).

    One that is to be gone `at` a call (`groups`, `snapshots`, …) is removed as soon as that is asked of it. `used` bytes of it are
    taken then; the rest of its size is available.
    """
    state, name = document["state"], str(document["store"])
    if state not in STATES:
        raise ValueError(f"state {state!r} is none of {', '.join(STATES)}")
    if state == "gone" and "at" in document:
        server.datastores[name].leaves_at = str(document["at"])
        return
    if state == "gone":
        del server.datastores[name]
        return
    store = server.datastores.setdefault(name, Datastore(name))
    store.lost = state == "lost"
    message = f",message={document['message']}" if "message" in document else ""
    store.maintenance = f"{state}{message}" if state in {"read-only", "offline"} else None
    if "used" in document:
        store.fill(int(document["used"]))


def _task(server: Server, document: Document) -> dict[str, str]:
    """Add a task: type, id, user, start, end (absent: it runs), status; or give the `upid` of one that ends now."""
    if "upid" in document:
        number = next(number for number, task in enumerate(server.tasks) if task.upid == document["upid"])
        server.tasks[number] = replace(server.tasks[number], endtime=document["end"], status=document["status"])
        return {"upid": document["upid"]}
    user, start = str(document.get("user", "root@pam")), int(document["start"])
    ending = document.get("end"), document.get("status")
    task = make_task(server.name, document["type"], document.get("id"), user, start, *ending, number=len(server.tasks))
    server.tasks.append(task)
    return {"upid": task.upid}


def _access(server: Server, document: Document) -> None:
    """Give a `subject` (a user or a token; a token's user has it too) a `role` on a `path`, instead of the one it has there."""
    subjects = {str(document["subject"]), str(document["subject"]).partition("!")[0]}
    path, role = str(document["path"]), str(document["role"])
    if role not in ROLES:
        raise ValueError(f"role {role!r} is none of {', '.join(ROLES)}")
    others = (entry for entry in server.access if not (entry.path == path and entry.subject in subjects))
    server.access = (*others, *(Access(path, subject, role) for subject in sorted(subjects)))


def _speed(server: Server, document: Document) -> None:
    """Set how long each manifest takes to open, in seconds."""
    server.manifest_seconds = float(document["manifest_seconds"])


CHANGES: Mapping[str, Callable[[Server, Document], object]] = {
    "/snapshots": _snapshot,
    "/prune": _prune,
    "/forget": _forget,
    "/groups": _group_changes,
    "/datastores": _datastore,
    "/tasks": _task,
    "/access": _access,
    "/speed": _speed,
}
