"""Calls that the answering node serves itself: version, status, resources, storages, pools, permissions."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

from simulator.answers import Answer, bad_parameters, failure, success
from simulator.calendar_events import parse, times
from simulator.model import Cluster
from simulator.pve.call import Call, Row
from simulator.pve.rows import guest_row, node_fingerprint, node_row, pool_members, pool_row, storage_rows

RELEASES = {
    (9, 1): ("9.1.9", "f40095996bcb6bf7"),
    (8, 4): ("8.4.14", "b502d23c55afcba1"),
    (7, 4): ("7.4-19", "f98bf8d4"),
}


def version(call: Call) -> Answer:
    return success({"console": "html5"} | release_row(call.cluster))


def release_row(cluster: Cluster) -> Row:
    """What a node says about its release."""
    number, repository = RELEASES[cluster.release]
    return {"release": ".".join(str(part) for part in cluster.release), "repoid": repository, "version": number}


def status(call: Call) -> Answer:
    online = sum(node.online for node in call.cluster.nodes)
    nodes = call.cluster.nodes
    first = next((node.name for node in nodes if node.online), None)
    head: Row = {
        "type": "cluster",
        "id": "cluster",
        "name": call.cluster.name,
        "nodes": len(nodes),
        "quorate": int(2 * online > len(nodes)),
        "version": 4,
    }
    rows: list[Row] = [
        {
            "type": "node",
            "id": f"node/{node.name}",
            "name": node.name,
            "nodeid": node.number,
            "ip": node.address,
            "local": int(node.name == first),
            "online": int(node.online),
            "level": "",
        }
        for node in nodes
    ]
    return success([head, *rows])


def resources(call: Call) -> Answer:
    """Everything the caller may see; what he may not see just is not there (A1, A8)."""
    wanted = call.text("type")
    cluster, permissions = call.cluster, call.permissions
    rows: list[Row] = []
    if wanted in {None, "vm"}:
        for guest in cluster.guests.values():
            if permissions.sees_guest(guest.vmid):
                pool = cluster.pool_of.get(guest.vmid)
                rows.append(guest_row(guest, cluster, pool if pool and permissions.sees_pool(pool) else None))
    if wanted in {None, "node"}:
        rows += [node_row(node, permissions) for node in cluster.nodes]
    if wanted in {None, "storage"}:
        rows += storage_rows(cluster, permissions)
    if wanted is None:
        rows += [pool_row(pool, cluster) for pool in cluster.pools.values() if permissions.sees_pool(pool.name)]
    if permissions.has("/sdn", "SDN.Audit") and (wanted is None or (wanted == "sdn" and cluster.release < (9, 0))):
        rows += _network_rows(cluster)
    return success(rows)


def _network_rows(cluster: Cluster) -> list[Row]:
    if cluster.release < (9, 0):
        return [
            {
                "id": f"sdn/{node.name}/localnetwork",
                "node": node.name,
                "sdn": "localnetwork",
                "status": "ok",
                "type": "sdn",
            }
            for node in cluster.nodes
        ]
    return [
        {
            "id": f"network/{node.name}/zone/localnetwork",
            "network": "localnetwork",
            "network-type": "zone",
            "node": node.name,
            "status": "ok",
            "type": "network",
        }
        for node in cluster.nodes
    ]


def nodes(call: Call) -> Answer:
    return success(
        [node_row(node, call.permissions) | {"ssl_fingerprint": node_fingerprint(node)} for node in call.cluster.nodes]
    )


def pools(call: Call) -> Answer:
    """The pools the caller may see; with `poolid` one pool with its members, for which nothing is checked."""
    name = call.text("poolid")
    if name is None:
        seen = [pool for pool in call.cluster.pools.values() if call.permissions.sees_pool(pool.name)]
        return success([_pool_head(call, pool.name) for pool in sorted(seen, key=lambda pool: pool.name)])
    head = _pool_head(call, name)
    return success([head | {"members": pool_members(call.cluster.pools[name], call.cluster, call.text("type"))}])


def pool(call: Call) -> Answer:
    """One pool of the first level, the older form."""
    name = call.parameters["poolid"]
    head = _pool_head(call, name)
    return success(head | {"members": pool_members(call.cluster.pools[name], call.cluster, call.text("type"))})


def _pool_head(call: Call, name: str) -> Row:
    if name not in call.cluster.pools:
        raise failure(500, f"pool '{name}' does not exist")
    comment = call.cluster.pools[name].comment
    return {"poolid": name} | ({} if comment is None else {"comment": comment})


def permissions(call: Call) -> Answer:
    """The caller's own rights, on one path or on all (A8)."""
    if call.text("userid") is not None:
        call.permissions.demand("/access", "Sys.Audit")
    path = call.text("path")
    if path is None:
        return success(call.permissions.dump())
    if not path.startswith("/"):
        raise bad_parameters({"path": f"invalid path '{path}'"})
    return success({path: call.permissions.on(path)})


def backup_info(call: Call) -> Answer:
    """Only root@pam himself may see this index (M6)."""
    raise failure(403, "Permission check failed (user != root@pam)")


def schedule_analyze(call: Call) -> Answer:
    """The next times of a schedule in the zone of the cluster (F7)."""
    start = call.number("starttime", call.now)
    found = islice(
        times(parse(call.parameters["schedule"]), start, ZoneInfo(call.cluster.zone)), call.number("iterations", 10)
    )
    return success(
        [
            {"timestamp": instant, "utc": datetime.fromtimestamp(instant, UTC).strftime("%a %b %e %H:%M:%S %Y")}
            for instant in found
        ]
    )
