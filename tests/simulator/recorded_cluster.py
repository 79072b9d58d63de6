"""A model made from the recorded cluster `main`, so that its answers can be compared with the genuine ones by value."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from simulator.model import Access, Cluster, Guest, Node, Pool, Storage, Task, Token
from tests.shared_data import recorded

ROOT, AUDITOR, LIMITED, NOTHING = "root@pam!full", "monitor@pve!ro", "limited@pve!lim", "monitor@pve!noacl"
FOLDERS = {ROOT: "main", AUDITOR: "token-ro", LIMITED: "token-limited", NOTHING: "token-noacl"}
NO_LONGER_THERE = {"stale": (998,)}


def genuine(name: str, folder: str = "main") -> Any:
    """The recorded document of `folder`/GET_`name`.json."""
    return json.loads((recorded("pve") / folder / f"GET_{name}.json").read_text())


@cache
def recorded_cluster() -> Cluster:
    """The recorded cluster with the access list it was recorded with (A8); what answers omit is put back by hand."""
    rows = genuine("cluster__resources")["data"]
    return Cluster(
        name="backuplab",
        release=(9, 1),
        zone="UTC",
        nodes=tuple(Node(f"pve{number}", number, f"127.0.0.{number}") for number in (1, 2, 3)),
        guests={row["vmid"]: _guest(row) for row in rows if row["type"] in {"qemu", "lxc"}},
        pools={row["poolid"]: _pool(row) for row in genuine("pools")["data"]},
        storages={row["storage"]: _storage(row) for row in genuine("storage")["data"]},
        jobs=tuple(_without_next_run(job) for job in genuine("cluster__backup")["data"]),
        tasks=tuple(_tasks()),
        access=(
            Access("/", "root@pam", "Administrator"),
            Access("/", "monitor@pve", "PVEAuditor"),
            Access("/", AUDITOR, "PVEAuditor"),
            Access("/", "limited@pve", "PVEAuditor", propagate=False),
            Access("/pool/prod", "limited@pve", "PVEAuditor"),
            Access("/storage/pbs-main", "limited@pve", "PVEDatastoreUser"),
            Access("/vms/213", "limited@pve", "PVEAuditor"),
        ),
        tokens=(
            Token(ROOT, "r"),
            Token(AUDITOR, "a", separated=True),
            Token(LIMITED, "l"),
            Token(NOTHING, "n", separated=True),
        ),
    )


def _without_next_run(job: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in job.items() if key != "next-run"}


def _guest(row: dict[str, Any]) -> Guest:
    config = genuine(f"nodes__{row['node']}__{row['type']}__{row['vmid']}__config")["data"]
    return Guest(
        vmid=row["vmid"],
        kind=row["type"],
        node=row["node"],
        config={key: value for key, value in config.items() if key != "digest"},
        status=row["status"],
        hastate=row.get("hastate"),
        processors=row.get("maxcpu", 2),
        memory=row.get("maxmem", 2 << 30),
        disk=row.get("maxdisk", 32 << 30),
    )


def _pool(row: dict[str, Any]) -> Pool:
    name = row["poolid"]
    (document,) = genuine(f"pools@poolid={name.replace('/', '%2F')}")["data"]
    vmids = [member["vmid"] for member in document["members"] if "vmid" in member]
    stores = [member["storage"] for member in document["members"] if "storage" in member]
    return Pool(name, row.get("comment"), (*vmids, *NO_LONGER_THERE.get(name, ())), tuple(stores))


def _storage(row: dict[str, Any]) -> Storage:
    figures = {
        entry["storage"]: entry for entry in genuine("cluster__resources@type=storage")["data"] if "disk" in entry
    }
    seen = figures.get(row["storage"], {"disk": 0, "maxdisk": 0})
    config = {key: value for key, value in row.items() if key not in {"storage", "digest"}}
    return Storage(row["storage"], config, row["storage"] in figures, seen["maxdisk"], seen["disk"])


def _tasks() -> list[Task]:
    nodes = ("pve1", "pve2", "pve3")
    return [_task(row) for node in nodes for row in genuine(f"nodes__{node}__tasks@source=all")["data"]]


def _task(row: dict[str, Any]) -> Task:
    file = recorded("pve") / "main" / f"GET_nodes__{row['node']}__tasks__{row['upid']}__log.json"
    log: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"data": [], "total": 0}
    # the recording holds the first 50 lines only
    lines = [line["t"] for line in log["data"]] + ["not recorded"] * (log["total"] - len(log["data"]))
    return Task(
        upid=row["upid"],
        node=row["node"],
        kind=row["type"],
        subject=row["id"],
        user=row["user"] + (f"!{row['tokenid']}" if "tokenid" in row else ""),
        pid=row["pid"],
        pstart=row["pstart"],
        starttime=row["starttime"],
        endtime=row.get("endtime"),
        status=None if row["status"] == "RUNNING" else row["status"],
        lines=lambda: lines,
    )
