"""Which backup stores of a cluster were read, and which could not be: without that, "no backup" is not known (H20, D4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from report.backups import BackupGroup, PbsFacts
from report.facts import ClusterFacts
from report.matching import MatchedGroup
from report.model.groups import GroupMatch
from report.model.guests import GuestReport
from report.model.reasons import Reason, ReasonCode
from report.model.sources import Issue, IssueCode
from report.readings import Reading
from report.targets import Target, Targets
from report.view import ClusterView


@dataclass(frozen=True, slots=True)
class UnreadPlace:
    """A namespace of a PBS whose groups were not read, its datastore or the server where no more is known. `away`: the server says that
    nobody can read the store now (H20), so that nothing can be restored from it either.
    """

    target: Target
    reason: Reason
    away: bool = False


def unread_places(servers: Iterable[PbsFacts], now: int) -> tuple[UnreadPlace, ...]:
    """Given the servers and now (epoch), return where groups may lie that were not seen, by server and place."""
    return tuple(
        UnreadPlace(place, Reason.of(ReasonCode.STORE_NOT_READ, storage=place.name), away)
        for server in servers
        for place, away in sorted(_unread_on(server, now).items(), key=lambda item: item[0].name)
    )


def _unread_on(server: PbsFacts, now: int) -> dict[Target, bool]:
    stores = server.datastores.usable(now)
    if stores is None and not server.groups:
        return {Target(server.name, "", ""): False}
    away = {store.name for store in stores or () if store.hides_groups}
    read: dict[tuple[str, str], bool] = {
        place: reading.usable(now) is not None and not reading.partial for place, reading in server.groups.items()
    }
    begun = {datastore for datastore, _ in read}
    for store in stores or ():
        namespaces = server.namespaces.get(store.name)
        if store.name not in begun or (namespaces is not None and namespaces.partial):
            read[store.name, ""] = False
    return {Target(server.name, *place): place[0] in away for place, whole in read.items() if not whole}


def usable_groups(
    clusters: Sequence[ClusterFacts], servers: Sequence[PbsFacts], targets: Targets, now: int
) -> Iterator[BackupGroup]:
    """Given all sources, where storages lead, and the instant of judgement (epoch), yield every group that may be relied on then.

    A place that has several storage ids is counted once (D12).
    """
    for server in servers:
        for reading in server.groups.values():
            yield from reading.usable(now) or ()
    for cluster in clusters:
        for storage, backups in cluster.backups.items():
            target = targets.of_storage.get((cluster.name, storage))
            if target is None or target.datastore == storage:
                yield from backups.usable(now) or ()


def unread_stores(
    view: ClusterView, facts: ClusterFacts, servers: Mapping[str, PbsFacts], targets: Targets, now: int
) -> tuple[Reason, ...]:
    """Given a cluster and everything configured, return why backups of its guests may exist that were not seen, one reason a storage.

    Storages that are switched off are left out: nobody can restore from them either.
    """
    if view.storages is None:
        return (Reason.of(ReasonCode.BACKUPS_NOT_READ),)
    reasons = []
    for storage in sorted(view.storages):
        definition = view.storages[storage]
        if definition.disabled or (view.name, storage) not in targets.of_storage:
            continue
        target = targets.of_storage[view.name, storage]
        if target is None:
            server = definition.server or ""
            reasons.append(Reason.of(ReasonCode.PBS_NOT_CONFIGURED, storage=storage, server=server))
        elif not _was_read(target, facts, servers, now):
            reasons.append(Reason.of(ReasonCode.STORE_NOT_READ, storage=storage))
    if not view.all_storages_visible:
        reasons.append(Reason.of(ReasonCode.STORE_NOT_READ, storage="*"))
    return tuple(reasons)


def unattributed_stores(view: ClusterView, matched: Iterable[MatchedGroup]) -> tuple[Reason, ...]:
    """Given a cluster and all groups, return why backups that were seen may be any of its guests', one reason a storage: an external
    provider need not say whose a backup is (I8).
    """
    stores = {
        each.group.datastore
        for each in matched
        if each.match is GroupMatch.EXTERNAL and each.group.server == view.name and each.group.snapshots.finished()
    }
    return tuple(Reason.of(ReasonCode.BACKUPS_UNATTRIBUTED, storage=storage) for storage in sorted(stores))


# reasons that no failed call and no missing privilege stands behind, which would be issues: the issue, and the parameter it is about
_TOLD_ONCE = {
    ReasonCode.PBS_NOT_CONFIGURED: (IssueCode.PBS_NOT_CONFIGURED, "storage"),
    ReasonCode.FOLDER_NOT_LISTED: (IssueCode.FOLDER_NOT_LISTED, "job"),
    ReasonCode.NOTES_NOT_READ: (IssueCode.NOTES_NOT_READ, ""),
}


def store_issues(pve: str, unread: Iterable[Reason], guests: Sequence[GuestReport]) -> Iterator[Issue]:
    """Given a cluster, why stores of it were not read, and its judged guests, yield one issue for each storage on a PBS that is not
    configured, and one for whatever else no call failed for, with the guests whose verdict it touches: what to do about it is said once,
    not at each guest.
    """
    touched: dict[Reason, list[int]] = {reason: [] for reason in unread if reason.code is ReasonCode.PBS_NOT_CONFIGURED}
    for guest in guests:
        for reason in guest.reasons:
            if reason.code in _TOLD_ONCE:
                touched.setdefault(reason, []).append(guest.guest.vmid)
    for reason, vmids in touched.items():
        code, about = _TOLD_ONCE[reason.code]
        yield Issue(pve, str(dict(reason.params).get(about, "")), code, reason.params, tuple(vmids))


def _was_read(target: Target, facts: ClusterFacts, servers: Mapping[str, PbsFacts], now: int) -> bool:
    reading: Reading[tuple[BackupGroup, ...]] | None
    if target.server in servers:
        reading = servers[target.server].groups.get((target.datastore, target.namespace))
    else:
        reading = facts.backups.get(target.datastore)
    return reading is not None and reading.usable(now) is not None and not reading.partial
