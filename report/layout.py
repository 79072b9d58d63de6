"""Lays out everything that is known of a guest: its groups by place, where its jobs write, what was not seen of that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from report.backups import PbsJob
from report.clusters import ClusterCase
from report.estate import Estate
from report.evidence import Evidence, Holding, ambiguous, newest_of, versions_of
from report.expectations import expectation_of
from report.facts import BackupJob, Drill, Guest, StorageDefinition, VzdumpDefaults
from report.matching import MatchedGroup
from report.model import Reason, ReasonCode
from report.policy import Policy
from report.runs import usual_seconds
from report.targets import Target

Promised = Mapping[Target, tuple[BackupJob, ...]]


@dataclass(frozen=True, slots=True)
class Around:
    """What guests of all clusters share: `drills` by (cluster, vmid), `sync_jobs` by PBS, of those that told them."""

    estate: Estate
    policy: Policy
    drills: Mapping[tuple[str, int], tuple[Drill, ...]]
    sync_jobs: Mapping[str, tuple[PbsJob, ...]]


def lay_out(case: ClusterCase, around: Around, guest: Guest) -> Evidence:
    """Given a prepared cluster, what guests share, and a guest of the cluster, return everything that is known of it."""
    name, estate = case.facts.name, around.estate
    active = case.active[guest.vmid]
    promised, unlistable, storages = _promised(case, estate, guest, active)
    holdings = tuple(_holdings(case, around, guest, promised))
    elsewhere = case.unread.elsewhere
    stores = (*case.unread.stores, *unlistable)
    # a task is told to be a job's by its start, which needs the zone
    tellable = bool(case.view.zones) and not case.history.unread_nodes
    unread = (*stores, *(place.reason for place in elsewhere if not place.away))
    rule, expectation = expectation_of(around.policy, name, guest)
    doubtful = estate.ambiguous.get((name, guest.guest_type, guest.vmid), ())
    return Evidence(
        pve=name,
        guest=guest,
        config=case.facts.configs.get(guest.vmid),
        coverage=case.covered[guest.vmid],
        active=active,
        promised=promised,
        included={job.id: case.included.get(job.id, {}).get(guest.vmid) for job in active},
        holdings=holdings,
        newest=newest_of(holdings),
        ambiguous=doubtful,
        unread=unread,
        unread_promised=(
            *(reason for reason in stores if dict(reason.params).get("storage") in storages or reason in unlistable),
            *(ambiguous(matched) for matched in doubtful if matched.target in promised),
        ),
        unread_copies=tuple(place.reason for place in elsewhere if place.away),
        expectation=expectation,
        rule=rule,
        history=case.history,
        runs=case.runs,
        servers=estate.servers.keys(),
        sync_jobs=around.sync_jobs,
        restores=case.restores.get(guest.vmid, ()),
        drills=around.drills.get((name, guest.vmid), ()),
        restores_unread=case.restores_unread,
        zone=case.view.zone(guest.node),
        zone_known=bool(case.view.zones),
        usual_seconds=usual_seconds(active, case.usual_runs) if tellable else None,
        now=estate.now,
    )


def _promised(
    case: ClusterCase, estate: Estate, guest: Guest, active: Sequence[BackupJob]
) -> tuple[Promised, tuple[Reason, ...], frozenset[str]]:
    """Return where the active jobs write: by target, the folders among them that no API lists (case 13), and the storages' ids."""
    name = case.facts.name
    defaults = case.view.defaults.get(guest.node) or VzdumpDefaults()
    promised: dict[Target, tuple[BackupJob, ...]] = {}
    folders: list[Reason] = []
    storages: set[str] = set()
    for job in active:
        folder = job.dumpdir or ("" if defaults.storage else defaults.dumpdir)
        if folder and not job.storage:
            folders.append(Reason.of(ReasonCode.FOLDER_NOT_LISTED, job=job.id, folder=folder))
            continue
        storage = job.storage or defaults.storage or "local"
        storages.add(storage)
        target = estate.targets.of_storage.get((name, storage))
        if target is not None:
            promised[target] = (*promised.get(target, ()), job)
    return promised, tuple(dict.fromkeys(folders)), frozenset(storages)


def _holdings(case: ClusterCase, around: Around, guest: Guest, promised: Promised) -> Iterator[Holding]:
    """Yield the guest's groups, by place."""
    found = around.estate.by_guest.get((case.facts.name, guest.vmid), ())
    for matched in sorted(found, key=_place) if len(found) > 1 else found:
        versions, usable = versions_of(matched)
        yield Holding(
            matched=matched,
            mark=around.policy.of_store(matched.group.server, matched.group.datastore),
            jobs=promised.get(matched.target, ()),
            storages=_entries(case, around.estate, matched),
            versions=versions,
            usable=usable,
            newest_usable_at=matched.group.snapshots.times[usable[-1]] if usable else None,
            pbs=matched.group.server in around.estate.servers,
        )


def _entries(case: ClusterCase, estate: Estate, matched: MatchedGroup) -> tuple[StorageDefinition, ...]:
    """Return the storage entries of the guest's own cluster that lead to a group."""
    storages = case.view.storages or {}
    entries = estate.targets.entries.get(matched.target, ())
    return tuple(
        storages[entry.storage] for entry in entries if entry.pve == case.facts.name and entry.storage in storages
    )


def _place(matched: MatchedGroup) -> tuple[str, str, str, str]:
    group = matched.group
    return group.server, group.datastore, group.namespace, group.backup_type
