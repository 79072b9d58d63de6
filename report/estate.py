"""All clusters and servers side by side, as far as they may be relied on at one instant: what judgements across sources need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from report.backups import PbsFacts
from report.facts import ClusterFacts, Facts
from report.matching import MatchedGroup, guest_keys, match_groups
from report.model.groups import GroupMatch
from report.model.reasons import Reason
from report.provenance import verified_where_they_lie
from report.stores import UnreadPlace, unattributed_stores, unread_places, unread_stores, usable_groups
from report.syncs import Syncs
from report.targets import Target, Targets, find_targets
from report.view import ClusterView, view_cluster


@dataclass(frozen=True, slots=True)
class Unread:
    """Why backups of a cluster's guests may exist that were not seen: in its own storages, one reason each, and on servers to which no
    storage of it leads, where copies may lie. `places`: where each of the storages leads, as far as it is told. `any_read`: whether one of
    them was read.
    """

    stores: tuple[Reason, ...]
    places: Mapping[Reason, Target]
    elsewhere: tuple[UnreadPlace, ...]
    any_read: bool


@dataclass(frozen=True, slots=True)
class Estate:
    """`views` and `clusters` by cluster, `servers` by PBS, all groups matched, and those of each guest by (cluster, vmid), those
    that may be a guest's by (cluster, guest type, vmid), and those of another cluster or of a guest that cannot be seen by (guest type,
    vmid). `unread_places`: where on the servers groups may lie that were not seen.
    """

    now: int
    clusters: Mapping[str, ClusterFacts]
    views: Mapping[str, ClusterView]
    servers: Mapping[str, PbsFacts]
    targets: Targets
    matched: tuple[MatchedGroup, ...]
    by_guest: Mapping[tuple[str, int], tuple[MatchedGroup, ...]]
    ambiguous: Mapping[tuple[str, str, int], tuple[MatchedGroup, ...]]
    of_nobody: Mapping[tuple[str, int], tuple[MatchedGroup, ...]]
    unread_places: tuple[UnreadPlace, ...]

    def unread(self, pve: str) -> Unread:
        """Given a cluster, return why backups of its guests may exist that were not seen, and whether any store of it was read."""
        facts, view = self.clusters[pve], self.views[pve]
        unread = unread_stores(view, facts, self.servers, self.targets, self.now)
        stores = [storage for cluster, storage in self.targets.of_storage if cluster == pve]
        enabled = [name for name in stores if view.storages and not view.storages[name].disabled]
        missed = {dict(reason.params).get("storage") for reason in unread}
        unattributed = unattributed_stores(view, self.matched)
        led_to = {target for (cluster, _), target in self.targets.of_storage.items() if cluster == pve}
        # a storage that is switched off is not asked for: the server that it leads to is
        asked = {self.targets.of_storage[pve, name] for name in enabled}
        switched_off = {
            place.reason: place.target
            for place in self.unread_places
            if place.target in led_to - asked and not place.away
        }
        named = {reason: str(dict(reason.params).get("storage", "")) for reason in (*unread, *unattributed)}
        places = {reason: self.targets.of_storage.get((pve, name)) for reason, name in named.items()}
        return Unread(
            stores=(*unread, *unattributed, *switched_off),
            places={reason: place for reason, place in places.items() if place is not None} | switched_off,
            elsewhere=tuple(place for place in self.unread_places if place.target not in led_to),
            any_read=any(name not in missed for name in enabled),
        )


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
    told = {name: jobs for name, server in servers.items() if (jobs := server.sync_jobs.usable(now)) is not None}
    partial = frozenset(name for name, server in servers.items() if server.sync_jobs.partial)
    syncs = Syncs(told, len(told) == len(servers), _read(servers, now), partial)
    groups = verified_where_they_lie(groups, syncs)
    matched = tuple(match_groups(groups, tuple(views.values()), targets, created, syncs))
    return Estate(
        now=now,
        clusters=clusters,
        views=views,
        servers=servers,
        targets=targets,
        matched=matched,
        by_guest=_by_guest(matched),
        ambiguous=_ambiguous(matched),
        of_nobody=_of_nobody(matched),
        unread_places=unread_places(servers.values(), now),
    )


def _by_guest(matched: tuple[MatchedGroup, ...]) -> dict[tuple[str, int], tuple[MatchedGroup, ...]]:
    by_guest: dict[tuple[str, int], tuple[MatchedGroup, ...]] = {}
    for each in matched:
        if each.match is GroupMatch.GUEST and each.pve is not None and each.vmid is not None:
            key = (each.pve, each.vmid)
            by_guest[key] = (*by_guest.get(key, ()), each)
    return by_guest


def _read(servers: Mapping[str, PbsFacts], now: int) -> frozenset[Target]:
    """Return the places on servers of which every group was seen."""
    return frozenset(
        Target(name, *place)
        for name, server in servers.items()
        for place, reading in server.groups.items()
        if reading.usable(now) is not None and not reading.partial
    )


def _ambiguous(matched: tuple[MatchedGroup, ...]) -> dict[tuple[str, str, int], tuple[MatchedGroup, ...]]:
    doubtful: dict[tuple[str, str, int], tuple[MatchedGroup, ...]] = {}
    for each in matched:
        for cluster in each.maybe:
            for key in guest_keys(each.group):
                doubtful[cluster, *key] = (*doubtful.get((cluster, *key), ()), each)
    return {key: tuple(sorted(groups, key=_place)) for key, groups in doubtful.items()}


def _place(matched: MatchedGroup) -> tuple[str, ...]:
    group = matched.group
    return group.server, group.datastore, group.namespace, group.backup_type, group.backup_id


def _of_nobody(matched: tuple[MatchedGroup, ...]) -> dict[tuple[str, int], tuple[MatchedGroup, ...]]:
    nobodys: dict[tuple[str, int], tuple[MatchedGroup, ...]] = {}
    for each in matched:
        if each.match in (GroupMatch.FOREIGN, GroupMatch.UNKNOWN):
            for key in guest_keys(each.group):
                nobodys[key] = (*nobodys.get(key, ()), each)
    return nobodys
