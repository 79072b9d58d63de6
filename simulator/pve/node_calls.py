"""Calls that are passed on to a node: its storages, vzdump defaults, guest configurations, time."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from simulator.answers import Answer, failure, success
from simulator.model import Storage
from simulator.pve.backup_calls import config_digest
from simulator.pve.call import Call, Row
from simulator.pve.cluster_calls import release_row

FOR_AUDITORS = {"ionice", "script", "tmpdir"}
DUMP_FOLDERS = {"dir", "nfs", "cifs", "cephfs", "btrfs"}


def storages(call: Call) -> Answer:
    """The state of each storage on a node; what is disabled or not allowed there shows `enabled` 0 (D3).

    A `content` filter leaves both out; the `enabled` filter only what is disabled everywhere, as recorded.
    """
    node = call.parameters["node"]
    content, name = call.text("content"), call.text("storage")
    rows = []
    for storage in call.cluster.storages.values():
        usable = storage.enabled and storage.allowed_on(node)
        if not call.permissions.sees_storage(storage.name) or name not in {None, storage.name}:
            continue
        if content and not (usable and storage.content & set(content.split(","))):
            continue
        if storage.enabled or not call.flag("enabled"):
            rows.append(_storage_state(storage, usable))
    return success(rows)


def _storage_state(storage: Storage, usable: bool) -> Row:
    active = usable and storage.reachable
    row: Row = {
        "storage": storage.name,
        "type": storage.kind,
        "content": str(storage.config.get("content", "")),
        "enabled": int(usable),
        "active": int(active),
        "shared": storage.shared,
        "total": storage.total if active else 0,
        "used": storage.used if active else 0,
        "avail": storage.total - storage.used if active else 0,
    }
    if active and storage.total:
        row["used_fraction"] = storage.used / storage.total
    return row


def vzdump_defaults(call: Call) -> Answer:
    """The defaults of jobs on a node: schema, then its vzdump.conf, then the storage's retention (E1, E2)."""
    conf = dict(call.cluster.by_node[call.parameters["node"]].vzdump_conf)
    name = call.text("storage") or str(conf.get("storage", "local"))
    call.permissions.demand(f"/storage/{name}", "Datastore.Audit", "Datastore.AllocateSpace")
    if name not in call.cluster.storages:
        raise failure(500, f"storage '{name}' does not exist")
    storage = call.cluster.storages[name]
    if "backup" not in storage.content:
        raise failure(500, f"can't use storage '{name}' for backups - wrong content type")
    answer = _schema_defaults(call.cluster.release) | conf | {"storage": name}
    if "prune-backups" in storage.config:
        answer["prune-backups"] = storage.config["prune-backups"]
    elif "maxfiles" in storage.config:
        answer["prune-backups"] = f"keep-last={storage.config['maxfiles']}"
    if storage.kind in DUMP_FOLDERS:
        answer["dumpdir"] = f"{storage.config.get('path', f'/mnt/pve/{name}')}/dump"
    if not call.permissions.has(f"/nodes/{call.parameters['node']}", "Sys.Audit"):
        answer = {key: value for key, value in answer.items() if key not in FOR_AUDITORS}
    return success(answer)


def _schema_defaults(release: tuple[int, int]) -> Row:
    answer: Row = {
        "all": 0,
        "bwlimit": 0,
        "compress": "0",
        "ionice": 7,
        "lockwait": 180,
        "mailnotification": "always",
        "mode": "snapshot",
        "pigz": 0,
        "prune-backups": "keep-all=1",
        "quiet": 0,
        "remove": 1,
        "stdexcludes": 1,
        "stop": 0,
        "stopwait": 10,
        "zstd": 1,
    }
    if release >= (8, 2):
        answer |= {
            "fleecing": {"enabled": 0},
            "notification-mode": "auto",
            "performance": {"max-workers": 16, "pbs-entries-max": 1_048_576},
        }
    return answer


def time(call: Call) -> Answer:
    """The node's clock; `localtime` counts the local wall clock as if it were UTC (F5)."""
    offset = datetime.fromtimestamp(call.now, ZoneInfo(call.cluster.zone)).utcoffset()
    local = call.now + (int(offset.total_seconds()) if offset else 0)
    return success({"timezone": call.cluster.zone, "time": call.now, "localtime": local})


def machine_config(call: Call) -> Answer:
    return _config(call, "qemu", "qemu-server")


def container_config(call: Call) -> Answer:
    return _config(call, "lxc", "lxc")


def _config(call: Call, kind: str, folder: str) -> Answer:
    node, vmid = call.parameters["node"], int(call.parameters["vmid"])
    guest = call.cluster.guests.get(vmid)
    if guest is None or (guest.kind, guest.node) != (kind, node):
        raise failure(500, f"Configuration file 'nodes/{node}/{folder}/{vmid}.conf' does not exist")
    return success({**guest.config, "digest": config_digest(guest.config)})


def node_version(call: Call) -> Answer:
    return success(release_row(call.cluster))
