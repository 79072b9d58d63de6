"""Which backup stores of a cluster were read, and which could not be: without that, "no backup" is not known (H20, D4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from report.backups import BackupGroup, PbsFacts
from report.facts import ClusterFacts
from report.model import Reason, ReasonCode
from report.readings import Reading
from report.targets import Target, Targets
from report.view import ClusterView


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


def _was_read(target: Target, facts: ClusterFacts, servers: Mapping[str, PbsFacts], now: int) -> bool:
    reading: Reading[tuple[BackupGroup, ...]] | None
    if target.server in servers:
        reading = servers[target.server].groups.get((target.datastore, target.namespace))
    else:
        reading = facts.backups.get(target.datastore)
    return reading is not None and reading.usable(now) is not None and not reading.partial
