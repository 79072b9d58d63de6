"""All clusters and servers side by side, as far as they may be relied on at one instant: what judgements across sources need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from report.backups import PbsFacts
from report.facts import ClusterFacts, Facts, Guest
from report.matching import GUEST_TYPE_OF, MatchedGroup, match_groups
from report.model import GroupMatch
from report.protection import GuestBackups
from report.stores import unread_stores, usable_groups
from report.targets import Targets, find_targets
from report.view import ClusterView, view_cluster


@dataclass(frozen=True, slots=True)
class Estate:
    """`views` and `clusters` by cluster, `servers` by PBS, all groups matched, and those of each guest by (cluster, vmid)."""

    now: int
    clusters: Mapping[str, ClusterFacts]
    views: Mapping[str, ClusterView]
    servers: Mapping[str, PbsFacts]
    targets: Targets
    matched: tuple[MatchedGroup, ...]
    by_guest: Mapping[tuple[str, int], tuple[MatchedGroup, ...]]
    ambiguous: Mapping[tuple[str, int], tuple[MatchedGroup, ...]]

    def backups_of(self, pve: str, guest: Guest, unread: GuestBackups) -> GuestBackups:
        """Given a cluster, one of its guests, and what was not read of that cluster, return what is known of the guest's backups."""
        return GuestBackups(
            self.by_guest.get((pve, guest.vmid), ()),
            self.ambiguous.get((guest.guest_type, guest.vmid), ()),
            unread.unread,
            unread.any_read,
        )

    def unread(self, pve: str) -> GuestBackups:
        """Given a cluster, return why backups of its guests may exist that were not seen, and whether any store of it was read."""
        facts, view = self.clusters[pve], self.views[pve]
        unread = unread_stores(view, facts, self.servers, self.targets, self.now)
        stores = [storage for cluster, storage in self.targets.of_storage if cluster == pve]
        enabled = [name for name in stores if view.storages and not view.storages[name].disabled]
        missed = {dict(reason.params).get("storage") for reason in unread}
        return GuestBackups(unread=unread, any_read=any(name not in missed for name in enabled))


def build_estate(facts: Facts, now: int) -> Estate:
    """Given all facts and the instant of judgement (epoch), return them side by side, with every backup group matched."""
    clusters = {cluster.name: cluster for cluster in sorted(facts.clusters, key=lambda cluster: cluster.name)}
    servers = {server.name: server for server in sorted(facts.servers, key=lambda server: server.name)}
    views = {name: view_cluster(cluster, now) for name, cluster in clusters.items()}
    targets = find_targets(views.values(), servers.values())
    created = {
        (name, vmid): config.created_at
        for name, cluster in clusters.items()
        for vmid, config in cluster.configs.items()
        if config.created_at is not None
    }
    groups = usable_groups(tuple(clusters.values()), tuple(servers.values()), targets, now)
    matched = tuple(match_groups(groups, tuple(views.values()), targets, created))
    return Estate(now, clusters, views, servers, targets, matched, _by_guest(matched), _ambiguous(matched))


def _by_guest(matched: tuple[MatchedGroup, ...]) -> dict[tuple[str, int], tuple[MatchedGroup, ...]]:
    by_guest: dict[tuple[str, int], tuple[MatchedGroup, ...]] = {}
    for each in matched:
        if each.match is GroupMatch.GUEST and each.pve is not None and each.vmid is not None:
            key = (each.pve, each.vmid)
            by_guest[key] = (*by_guest.get(key, ()), each)
    return by_guest


def _ambiguous(matched: tuple[MatchedGroup, ...]) -> dict[tuple[str, int], tuple[MatchedGroup, ...]]:
    """Return the groups that may be one of several guests', by guest type and id."""
    doubtful: dict[tuple[str, int], tuple[MatchedGroup, ...]] = {}
    for each in matched:
        if each.match is GroupMatch.AMBIGUOUS:
            key = (GUEST_TYPE_OF[each.group.backup_type], int(each.group.backup_id))
            doubtful[key] = (*doubtful.get(key, ()), each)
    return doubtful
