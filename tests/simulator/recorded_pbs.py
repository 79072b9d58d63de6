"""A backup server made from the recordings of a genuine one, so that its answers can be compared by value."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from simulator.pbs.model import Access, Datastore, Group, Job, Server, Special, Task
from tests.shared_data import recorded

ROOT, AUDIT, NAMESPACE, NOTHING = "root@pam!all", "backup@pbs!audit", "backup@pbs!nsaudit", "backup@pbs!none"
FOLDERS = {ROOT: "05-full", AUDIT: "10-token-audit", NAMESPACE: "10-token-nsaudit", NOTHING: "10-token-none"}
NOW = 1_795_226_600
NAMESPACES = {"": "root", "dev": "dev", "prod": "prod", "prod/db": "prod_db", "prod/db/deep": "prod_db_deep"}
STATE = ("last-run-state", "last-run-endtime", "last-run-upid", "next-run")
INDEX = "index.json.blob"


def recording(folder: str, name: str) -> dict[str, Any]:
    """The document FOLDER/NAME.json: request, status, body."""
    document: dict[str, Any] = json.loads((recorded("pbs") / "recordings" / folder / f"{name}.json").read_text())
    return document


def folder(name: str) -> Path:
    return recorded("pbs") / "recordings" / name


def _body(name: str) -> Any:
    return recording("05-full", name)["body"]["data"]


@cache
def recorded_server() -> Server:
    """The recorded server with the access list that the tokens' answers show; secrets are all `s`."""
    server = Server("pbs1", (3, 2, 4), "Europe/Vienna")
    for row in _body("config_datastore"):
        server.datastores[row["name"]] = _datastore(row)
    main = server.datastores["main"]
    main.namespaces = {name: _groups(suffix) for name, suffix in NAMESPACES.items()}
    for kind in ("prune", "verify", "sync"):
        for row in _body(f"admin_{kind}"):
            config = {key: value for key, value in row.items() if key not in STATE}
            server.jobs.append(Job(kind, config, NOW - 600, {key: row[key] for key in STATE[:3] if key in row}))
    lists = ("", "_errors", "_statusfilter", "_store", "_typefilter")
    rows = {row["upid"]: row for name in lists for row in _body(f"nodes_tasks{name}")}
    server.tasks = [_task(row) for row in rows.values()]
    server.tokens = dict.fromkeys(FOLDERS, "s")
    server.access = (
        Access("/", ROOT, "Admin"),
        Access("/", "backup@pbs", "Audit"),
        Access("/datastore/main", AUDIT, "DatastoreAudit"),
        Access("/datastore/main/prod", NAMESPACE, "DatastoreAudit"),
    )
    return server


def _datastore(row: dict[str, Any]) -> Datastore:
    config = {key: value for key, value in row.items() if key not in {"name", "path", "maintenance-mode"}}
    store = Datastore(row["name"], config=config, maintenance=row.get("maintenance-mode"), lost=row["name"] == "gone")
    found = [one for one in _body("admin_gc") if one["store"] == store.name]
    for one in found:
        last = ("last-run-endtime", "last-run-state", "duration")
        store.garbage = {key: one[key] for key in one if key not in {*last, "store", "schedule", "next-run"}}
        store.garbage_run = {key: one[key] for key in last if key in one}
    usage = next(one for one in _body("status_datastore-usage") if one["store"] == store.name)
    if "total" in usage:
        store.total, store.used, store.avail = usage["total"], usage["used"], usage["avail"]
    return store


def _groups(suffix: str) -> dict[tuple[str, str], Group]:
    rows = _body(f"ds_main_snapshots_{suffix}")
    notes = {(row["backup-type"], row["backup-id"]): row for row in _body(f"ds_main_groups_{suffix}")}
    found: dict[tuple[str, str], Group] = {}
    for row in rows:
        key = row["backup-type"], row["backup-id"]
        times = tuple(sorted(one["backup-time"] for one in rows if (one["backup-type"], one["backup-id"]) == key))
        group = found.setdefault(key, Group(*key, row["owner"], lambda times=times: times))  # type: ignore[misc]
        if notes[key].get("comment"):
            group.note = notes[key]["comment"] + "more"
        data = [one for one in row["files"] if one["filename"] != INDEX]
        if "fingerprint" in row:
            group.fingerprint, group.crypt_mode = row["fingerprint"], data[0]["crypt-mode"]
        group.special[row["backup-time"]] = _special(row, data)
    return found


def _special(row: dict[str, Any], data: list[dict[str, Any]]) -> Special:
    verification = row.get("verification", {"state": "none", "upid": None})
    return Special(
        finished="size" in row,
        protected=row["protected"],
        verification=verification["state"],
        upid=verification["upid"],
        comment=row.get("comment"),
        files=tuple(one["filename"] for one in row["files"]),
        archives=tuple((one["filename"], one.get("size", 0)) for one in data),
    )


def _task(row: dict[str, Any]) -> Task:
    return Task(
        row["upid"],
        row["pid"],
        row["pstart"],
        row["starttime"],
        row["worker_type"],
        row["worker_id"],
        row["user"],
        row.get("endtime"),
        row.get("status"),
    )
