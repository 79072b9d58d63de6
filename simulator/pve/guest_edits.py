"""Edits of guests behind the back of the API's users: names, tags, notes, pools, whatever a genuine server would refuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from simulator.model import Cluster, Guest, Pool

GUESTS = "/guests/"


def edited_guest(cluster: Cluster, identity: str, document: Mapping[str, Any]) -> Cluster:
    """Given a vmid and keys of the guest's configuration to set (None removes), return the cluster with that change.

    `name` is that of either kind; `pool` moves the guest into that pool, which is made if it does not exist. Raises
    KeyError for an unknown guest.
    """
    if not identity.isdecimal() or int(identity) not in cluster.guests:
        raise KeyError(identity)
    guest = cluster.guests[int(identity)]
    changes = {_key(guest, key): value for key, value in document.items() if key != "pool"}
    config = {key: value for key, value in {**guest.config, **changes}.items() if value is not None}
    changed = replace(cluster, guests={**cluster.guests, guest.vmid: replace(guest, config=config)})
    return _moved(changed, guest.vmid, str(document["pool"])) if "pool" in document else changed


def _key(guest: Guest, key: str) -> str:
    return "hostname" if key == "name" and guest.kind == "lxc" else key


def _moved(cluster: Cluster, vmid: int, name: str) -> Cluster:
    pools = {
        pool.name: replace(pool, vmids=tuple(member for member in pool.vmids if member != vmid))
        for pool in cluster.pools.values()
    }
    pool = pools.get(name, Pool(name))
    return replace(cluster, pools={**pools, name: replace(pool, vmids=(*pool.vmids, vmid))})
