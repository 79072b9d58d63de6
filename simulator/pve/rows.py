"""Rows of lists: guests, nodes, storages and pools as /cluster/resources shows them (A2-A4, M8)."""

from __future__ import annotations

import hashlib

from simulator.model import Cluster, Guest, Node, Pool, Storage
from simulator.privileges import Permissions
from simulator.pve.call import Row

BOOT = 864_000
NODE_MEMORY = 67_430_000_000
NODE_DISK = 100_861_726_720


def guest_row(guest: Guest, cluster: Cluster, pool: str | None) -> Row:
    """A guest's row in the list of resources; `pool` None where the caller may not know it."""
    row = member_row(guest, cluster)
    if guest.hastate:
        row["hastate"] = guest.hastate
    if pool is not None:
        row["pool"] = pool
    return row | {key: guest.config[key] for key in ("lock", "tags") if key in guest.config}


def member_row(guest: Guest, cluster: Cluster) -> Row:
    """A guest's row in a pool: on a dead node, or with status unknown, only what the cluster's own files know (A4)."""
    row: Row = {"id": f"{guest.kind}/{guest.vmid}", "vmid": guest.vmid, "type": guest.kind, "node": guest.node}
    if guest.status == "unknown" or not cluster.by_node[guest.node].online:
        return row | {"status": "unknown"}
    row["status"] = guest.status
    row["name"] = guest.shown_name
    row["template"] = int(bool(guest.config.get("template")))
    return row | _guest_figures(guest, cluster)


def _guest_figures(guest: Guest, cluster: Cluster) -> Row:
    running = guest.status == "running"
    figures: Row = {
        "uptime": 86_400 if running else 0,
        "maxcpu": guest.processors,
        "cpu": 0.01 if running else 0,
        "maxmem": guest.memory,
        "mem": guest.memory // 2 if running else 0,
        "maxdisk": guest.disk,
        "disk": 0,
        "netin": 1000 if running else 0,
        "netout": 1000 if running else 0,
        "diskread": 0,
        "diskwrite": 0,
    }
    if cluster.release >= (9, 0):
        figures["memhost"] = guest.memory * 75 // 128 if running else 0
    return figures


def node_row(node: Node, permissions: Permissions) -> Row:
    """A node's row; its figures need Sys.Audit on it (A8)."""
    row: Row = {"id": f"node/{node.name}", "node": node.name, "type": "node"}
    if not node.online:
        return row | {"status": "offline"}
    row |= {"status": "online", "level": ""}
    if permissions.has(f"/nodes/{node.name}", "Sys.Audit"):
        row |= {
            "cpu": 0.04,
            "maxcpu": 16,
            "mem": 20_000_000_000,
            "maxmem": NODE_MEMORY,
            "disk": 10_000_000_000,
            "maxdisk": NODE_DISK,
            "uptime": BOOT + 1000 * node.number,
        }
    return row


def node_fingerprint(node: Node) -> str:
    """A made-up certificate fingerprint that stays the same."""
    return ":".join(f"{byte:02X}" for byte in hashlib.sha256(node.name.encode()).digest())


def storage_row(storage: Storage, node: Node, reachable: bool) -> Row:
    """A storage's row for one node; a dead node or a storage that cannot be reached has no figures (M8)."""
    row: Row = {
        "id": f"storage/{node.name}/{storage.name}",
        "storage": storage.name,
        "node": node.name,
        "type": "storage",
        "plugintype": storage.kind,
        "content": str(storage.config.get("content", "")),
        "shared": storage.shared,
    }
    if not (reachable and node.online):
        return row | {"status": "unknown"}
    return row | {"status": "available", "disk": storage.used, "maxdisk": storage.total}


def storage_rows(cluster: Cluster, permissions: Permissions) -> list[Row]:
    """One row per node and storage that is enabled and allowed there; none for a disabled storage (A2)."""
    seen = [
        (storage, storage.reachable)
        for storage in cluster.storages.values()
        if storage.enabled and permissions.sees_storage(storage.name)
    ]
    return [
        storage_row(storage, node, reachable)
        for node in cluster.nodes
        for storage, reachable in seen
        if storage.allowed_on(node.name)
    ]


def pool_row(pool: Pool, cluster: Cluster) -> Row:
    """A pool's row with the sums over its running members."""
    row: Row = {"id": f"/pool/{pool.name}", "pool": pool.name, "type": "pool"}
    members = [cluster.guests[vmid] for vmid in pool.vmids if vmid in cluster.guests]
    running = [one for one in members if one.status == "running" and cluster.by_node[one.node].online]
    if not running:
        return row
    return row | {
        "uptime": 86_400,
        "cpu": 0.01,
        "maxcpu": sum(guest.processors for guest in running),
        "mem": sum(guest.memory // 2 for guest in running),
        "maxmem": sum(guest.memory for guest in running),
    }


def pool_members(pool: Pool, cluster: Cluster, kind: str | None) -> list[Row]:
    """A pool's members as rows: guests that exist, then storages on one node; `kind` keeps qemu, lxc or storage."""
    rows = [
        member_row(cluster.guests[vmid], cluster)
        for vmid in pool.vmids
        if vmid in cluster.guests and kind in {None, cluster.guests[vmid].kind}
    ]
    for name in pool.storages if kind in {None, "storage"} else ():
        storage = cluster.storages.get(name)
        node = next((one for one in cluster.nodes if storage and storage.allowed_on(one.name)), None)
        if storage and node and storage.enabled:
            rows.append(storage_row(storage, node, storage.reachable))
    return rows
