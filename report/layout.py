"""Lays out everything that is known of a guest: its groups by place, where its jobs write, what was not seen of that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from report.backups import PbsJob, SnapshotFlag
from report.clusters import ClusterCase
from report.estate import Estate
from report.evidence import Evidence, Holding, ambiguous, newest_of, versions_of
from report.expectations import expectation_of
from report.facts import BackupJob, Drill, Guest, StorageDefinition, VzdumpDefaults
from report.jobs import parse_schedule
from report.judgements.reach import stopped_jobs
from report.matching import MatchedGroup
from report.model.reasons import Reason, ReasonCode
from report.past import Past, judged_before
from report.policy import Policy, StoreMark
from report.runs import usual_seconds
from report.targets import Target, storage_of

_VERIFIED = int(SnapshotFlag.VERIFIED)
Promised = Mapping[Target, tuple[BackupJob, ...]]


@dataclass(frozen=True, slots=True)
class Around:
    """What guests of all clusters share. `past`: what the Report before left; `drills` by (cluster, vmid); `sync_jobs` and `verify_jobs` by
    PBS, of those that told them.
    """

    estate: Estate
    policy: Policy
    past: Past
    drills: Mapping[tuple[str, int], tuple[Drill, ...]]
    sync_jobs: Mapping[str, tuple[PbsJob, ...]]
    verify_jobs: Mapping[str, tuple[PbsJob, ...]]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where groups lie: what the operator says of the store, and the entries of the guests' cluster that lead there."""

    target: Target
    mark: StoreMark
    storages: tuple[StorageDefinition, ...]
    pbs: bool


@dataclass(frozen=True, slots=True)
class _Duty:
    """What the active jobs of a guest promise, the same for all guests of a node with the same jobs. `unreadable`: those whose schedule is
    not; `unread`: why backups may lie in the cluster's own stores that were not seen.
    """

    unreadable: tuple[BackupJob, ...]
    promised: Promised
    stopped: Mapping[str, tuple[BackupJob, ...]]
    unread: tuple[Reason, ...]
    unread_promised: tuple[Reason, ...]
    usual_seconds: int | None


@dataclass(slots=True)
class Layout:
    """Lays out what is known of the guests of one cluster; what many of them share is found once."""

    case: ClusterCase
    around: Around
    _duties: dict[tuple[str, tuple[str, ...]], _Duty] = field(default_factory=dict)
    _places: dict[tuple[str, str, str], _Place] = field(default_factory=dict)

    def of(self, guest: Guest) -> Evidence:
        """Given a guest of the cluster, return everything that is known of it."""
        case, estate, name = self.case, self.around.estate, self.case.facts.name
        active, key = case.active[guest.vmid], (name, guest.vmid)
        duty = self._duty(guest, active)
        holdings = tuple(self._holdings(guest, duty.promised))
        elsewhere = case.unread.elsewhere
        rule, expectation = expectation_of(self.around.policy, name, guest)
        config = case.facts.configs.get(guest.vmid)
        doubtful = estate.ambiguous.get((name, guest.guest_type, guest.vmid), ())
        return Evidence(
            pve=name,
            guest=guest,
            guest_at=case.facts.inventory.fetched_at or 0,
            config=config,
            coverage=case.covered[guest.vmid],
            active=active,
            unreadable=duty.unreadable,
            promised=duty.promised,
            stopped=duty.stopped,
            included={job.id: case.included.get(job.id, {}).get(guest.vmid) for job in active},
            holdings=holdings,
            newest=newest_of(holdings),
            ambiguous=doubtful,
            unread=(*duty.unread, *(place.reason for place in elsewhere if not place.away)),
            unread_promised=(
                *duty.unread_promised,
                *(ambiguous(matched) for matched in doubtful if matched.target in duty.promised),
            ),
            unread_copies=tuple(place.reason for place in elsewhere if place.away),
            expectation=expectation,
            rule=rule,
            history=case.history,
            before=judged_before(self.around.past, key, config.created_at if config else None),
            servers=estate.servers.keys(),
            sync_jobs=self.around.sync_jobs,
            verify_jobs=self.around.verify_jobs,
            restores=case.restores.get((guest.guest_type, guest.vmid), ()),
            drills=self.around.drills.get(key, ()),
            restores_unread=case.restores_unread,
            zone=case.view.zone(guest.node),
            zone_known=bool(case.view.zones),
            usual_seconds=duty.usual_seconds,
            now=estate.now,
        )

    def _duty(self, guest: Guest, active: Sequence[BackupJob]) -> _Duty:
        key = (guest.node, tuple([job.id for job in active]))
        if key not in self._duties:
            case = self.case
            promised, unlistable, storages = _promised(case, self.around.estate, guest, active)
            unread = (*case.unread.stores, *unlistable)
            # a task is told to be a job's by its start, which needs the zone
            tellable = bool(case.view.zones) and not case.history.unread_nodes
            self._duties[key] = _Duty(
                tuple(job for job in active if parse_schedule(job.schedule or "") is None),
                promised,
                stopped_jobs(active, guest.node, case.view),
                unread,
                tuple(each for each in unread if dict(each.params).get("storage") in storages or each in unlistable),
                usual_seconds(active, case.lasted) if tellable else None,
            )
        return self._duties[key]

    def _holdings(self, guest: Guest, promised: Promised) -> Iterator[Holding]:
        """Yield the guest's groups, by place."""
        found = self.around.estate.by_guest.get((self.case.facts.name, guest.vmid), ())
        for matched in sorted(found, key=_where) if len(found) > 1 else found:
            snapshots, (versions, usable) = matched.group.snapshots, versions_of(matched)
            place = self._place(matched)
            yield Holding(
                matched=matched,
                target=place.target,
                mark=place.mark,
                jobs=promised.get(place.target, ()),
                storages=place.storages,
                versions=versions,
                usable=usable,
                newest_usable_at=snapshots.times[usable[-1]] if usable else None,
                newest_verified=next((at for at in reversed(usable) if snapshots.flags[at] & _VERIFIED), None),
                pbs=place.pbs,
            )

    def _place(self, matched: MatchedGroup) -> _Place:
        group = matched.group
        key = (group.server, group.datastore, group.namespace)
        if key not in self._places:
            target = matched.target
            storages = _entries(self.case, self.around.estate, target)
            self._places[key] = _Place(
                target=target,
                mark=self.around.policy.of_store(target.server, target.datastore),
                storages=storages,
                pbs=target.server in self.around.estate.servers,
            )
        return self._places[key]


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
        storage = storage_of(job, defaults)
        if storage is None:
            folder = job.dumpdir or defaults.dumpdir or ""
            folders.append(Reason.of(ReasonCode.FOLDER_NOT_LISTED, job=job.id, folder=folder))
            continue
        storages.add(storage)
        target = estate.targets.of_storage.get((name, storage))
        if target is not None:
            promised[target] = (*promised.get(target, ()), job)
    return promised, tuple(dict.fromkeys(folders)), frozenset(storages)


def _entries(case: ClusterCase, estate: Estate, target: Target) -> tuple[StorageDefinition, ...]:
    """Return the storage entries of a cluster that lead to a place."""
    storages = case.view.storages or {}
    entries = estate.targets.entries.get(target, ())
    return tuple(
        storages[entry.storage] for entry in entries if entry.pve == case.facts.name and entry.storage in storages
    )


def _where(matched: MatchedGroup) -> tuple[str, str, str, str]:
    group = matched.group
    return group.server, group.datastore, group.namespace, group.backup_type
