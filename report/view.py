"""A cluster's facts as far as they may be relied on at one instant: what was read recently enough, unpacked for judging."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from report.facts import BackupJob, ClusterFacts, Guest, Permissions, StorageDefinition, VzdumpDefaults


@dataclass(frozen=True, slots=True)
class ClusterView:
    """Usable facts of one cluster; None (or a missing key) is "not known", empty is "seen to be empty".

    `pools` maps every pool that is known to exist to its direct members; `missing_pools` are known not to exist (B24); a pool in
    neither is hidden. `storages_held`: as they were last read, however long ago, for who may have written a backup.
    `offline`: nodes that the cluster says are; `inactive`: (node, storage) where the node has the storage enabled and cannot use it (D3).
    `zones` are the nodes' own time zones (F5), which do not age.
    """

    name: str
    guests: tuple[Guest, ...] | None
    pools: Mapping[str, frozenset[int]]
    missing_pools: frozenset[str]
    nodes: frozenset[str] | None
    offline: frozenset[str]
    jobs: tuple[BackupJob, ...] | None
    storages: Mapping[str, StorageDefinition] | None
    storages_held: Mapping[str, StorageDefinition]
    inactive: frozenset[tuple[str, str]]
    all_storages_visible: bool
    all_guests_visible: bool
    defaults: Mapping[str, VzdumpDefaults]
    zones: Mapping[str, tzinfo]
    permissions: Permissions | None

    def may_see(self, vmid: int) -> bool:
        """Given a vmid, say whether the token would see a guest of that id: only then is its absence evidence (A8)."""
        return self.permissions is not None and self.permissions.on("VM.Audit", f"/vms/{vmid}")

    def zone(self, node: str | None) -> tzinfo:
        """Given a node, return the zone its scheduler runs in; another node's, then UTC, where its own is not known."""
        if node is not None and node in self.zones:
            return self.zones[node]
        return next((self.zones[name] for name in sorted(self.zones)), UTC)


def view_cluster(facts: ClusterFacts, now: int) -> ClusterView:
    """Given a cluster's facts and the instant of judgement (epoch), return what may be relied on then."""
    inventory = facts.inventory.usable(now)
    nodes = facts.nodes.usable(now)
    storages = facts.storages.usable(now)
    held = facts.storages.value or ()
    permissions = facts.permissions.usable(now)
    pools: dict[str, set[int]] = {pool: set() for pool in inventory.pools} if inventory else {}
    for guest in inventory.guests if inventory else ():
        if guest.pool:
            pools.setdefault(guest.pool, set()).add(guest.vmid)
    missing = set()
    for pool, reading in facts.pool_lookups.items():
        found = reading.usable(now)
        if found is None or pool in pools:
            continue
        if found.members is None:
            missing.add(pool)
        else:
            pools[pool] = set(found.members)
    return ClusterView(
        name=facts.name,
        guests=inventory.guests if inventory else None,
        pools={pool: frozenset(members) for pool, members in pools.items()},
        missing_pools=frozenset(missing),
        nodes=frozenset(node.name for node in nodes) if nodes else None,
        offline=frozenset(node.name for node in nodes or () if node.online is False),
        jobs=facts.jobs.usable(now),
        storages={storage.storage: storage for storage in storages} if storages is not None else None,
        storages_held={storage.storage: storage for storage in held},
        inactive=frozenset(
            (node, state.storage)
            for node, reading in facts.storage_states.items()
            for state in reading.usable(now) or ()
            if state.enabled and not state.active
        ),
        all_storages_visible=permissions is not None and permissions.below("Datastore.Audit", "/storage"),
        all_guests_visible=permissions is not None and permissions.below("VM.Audit", "/vms"),
        defaults={node: value for node, reading in facts.vzdump_defaults.items() if (value := reading.usable(now))},
        zones={node: parse_zone(zone.value) for node, zone in facts.zones.items() if zone.value},
        permissions=permissions,
    )


@lru_cache(maxsize=256)
def parse_zone(name: str) -> tzinfo:
    """Given a zone's name as a node tells it, return the zone; UTC for a name the zone data does not hold."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC
