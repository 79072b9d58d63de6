"""Everything known of one guest, laid out for judging: its backups by store, its jobs by target, what is expected, what was not seen."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from report.backups import PbsJob, SnapshotFlag, place_name
from report.coverage import GuestCoverage
from report.facts import BackupJob, Drill, Guest, GuestConfig, IncludedGuest, StorageDefinition
from report.findings import Finding
from report.history import ClusterHistory
from report.matching import MatchedGroup
from report.model import LastRun, Reason, ReasonCode, RestoreProof
from report.policy import Expectation, StoreMark
from report.targets import Target


@dataclass(frozen=True, slots=True)
class Holding:
    """A backup group of the guest, at `target`. `versions`: positions of its own finished, standard-named snapshots, oldest first (E33,
    D16); `usable`: those that did not fail verification (H6), `newest_usable_at` the time of the last (epoch); `newest_verified`: the last
    of them that was verified ok. `jobs`: the active jobs that write there; `storages`: entries of the guest's own cluster that lead there,
    `entry`: the first that is not switched off. `pbs`: it lies on a Proxmox Backup Server, which verifies, encrypts and names archives.
    """

    matched: MatchedGroup
    target: Target
    mark: StoreMark
    jobs: tuple[BackupJob, ...]
    storages: tuple[StorageDefinition, ...]
    entry: StorageDefinition | None
    versions: Sequence[int]
    usable: Sequence[int]
    newest_usable_at: int | None
    newest_verified: int | None
    pbs: bool

    @property
    def promised(self) -> bool:
        """Say whether an active job of the guest writes there."""
        return bool(self.jobs)

    @property
    def place(self) -> str:
        """Where it lies, as people write it."""
        group = self.matched.group
        return place_name(group.server, group.datastore, group.namespace)

    def at(self, position: int) -> int:
        """Given the position of a snapshot, return its time."""
        return self.matched.group.snapshots.times[position]

    def has(self, position: int, flag: SnapshotFlag) -> bool:
        """Given the position of a snapshot and a flag, say whether it has it."""
        return bool(self.matched.group.snapshots.flags[position] & flag)

    def versions_with(self, flag: SnapshotFlag) -> list[int]:
        """Given a flag, return the positions of the versions that have it, oldest first."""
        snapshots = self.matched.group.snapshots
        if not snapshots.count(flag):
            return []
        held, wanted = snapshots.flags, int(flag)
        return [place for place in self.versions if held[place] & wanted]

    def weigh(self, finding: Finding) -> Finding:
        """Given a finding about this store alone, return it as information where no active job counts on the store.

        So what a store holds that nobody promised can never lower a verdict, and not seeing it raises none.
        """
        return finding if self.promised else finding.as_information()


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one judgement found. `doubts`: why a finding that lowers the verdict may have been missed, or could not be made."""

    findings: tuple[Finding, ...] = ()
    doubts: tuple[Reason, ...] = ()


# what most judgements find
NOTHING_FOUND = Judgement()


def joined(judgements: Iterable[Judgement]) -> Judgement:
    """Given judgements, return them as one, in their order."""
    telling = [judgement for judgement in judgements if judgement.findings or judgement.doubts]
    if len(telling) < 2:
        return telling[0] if telling else NOTHING_FOUND
    return Judgement(
        tuple(finding for judgement in telling for finding in judgement.findings),
        tuple(doubt for judgement in telling for doubt in judgement.doubts),
    )


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything known of one guest. Instants are epochs, durations seconds.

    `config` None: not read yet. `promised`: its active jobs by where they write; `included`: PVE's word on its volumes by active job, None
    where it did not tell. `unread`: why backups of it may exist that were not seen, one reason a store; `unread_promised`: those of
    stores that its active jobs write to; `unread_copies`: beside `unread`, stores that nobody can reach now. `usual_seconds`: how long its
    jobs usually take, None where tasks that tell were never read. `sync_jobs`: by PBS. `restores`: those that worked and were seen,
    `restores_unread`: why there may be others; `drills`: those reported. `zone` is that of its node, a guess unless `zone_known`.
    """

    pve: str
    guest: Guest
    config: GuestConfig | None
    coverage: GuestCoverage
    active: tuple[BackupJob, ...]
    promised: Mapping[Target, tuple[BackupJob, ...]]
    included: Mapping[str, IncludedGuest | None]
    holdings: tuple[Holding, ...]
    newest: Holding | None
    ambiguous: tuple[MatchedGroup, ...]
    unread: tuple[Reason, ...]
    unread_promised: tuple[Reason, ...]
    unread_copies: tuple[Reason, ...]
    expectation: Expectation
    rule: str
    history: ClusterHistory
    runs: Mapping[str, LastRun]
    sync_jobs: Mapping[str, tuple[PbsJob, ...]]
    restores: tuple[RestoreProof, ...]
    restores_unread: Reason | None
    drills: tuple[Drill, ...]
    zone: tzinfo
    zone_known: bool
    usual_seconds: int | None
    now: int

    @property
    def newest_at(self) -> int | None:
        """Return the time of the newest usable version."""
        return self.newest.newest_usable_at if self.newest else None

    @property
    def unseen(self) -> tuple[Reason, ...]:
        """Return why there may be usable backups, or newer ones, that were not seen."""
        return (*(incomplete(holding) for holding in self.holdings if holding.matched.group.incomplete), *self.unread)


def newest_of(holdings: Sequence[Holding]) -> Holding | None:
    """Given a guest's holdings, return that of its newest usable version, where several have it one that jobs write to; None without."""
    newest: Holding | None = None
    for holding in holdings:
        at = holding.newest_usable_at
        if at is None:
            continue
        best = newest.newest_usable_at if newest else None
        if newest is None or best is None or (at, holding.promised) > (best, newest.promised):
            newest = holding
    return newest


def incomplete(holding: Holding) -> Reason:
    """Given a holding whose listing was incomplete, return that as a reason."""
    group = holding.matched.group
    return Reason.of(
        ReasonCode.GROUP_INCOMPLETE, server=group.server, datastore=group.datastore, namespace=group.namespace
    )


def unless_unseen(evidence: Evidence, finding: Finding) -> Judgement:
    """Given a finding that a backup not seen could refute, return it; a doubt in its place where some were not seen."""
    return Judgement(doubts=evidence.unseen) if evidence.unseen else Judgement((finding,))


def versions_of(matched: MatchedGroup) -> tuple[Sequence[int], Sequence[int]]:
    """Given a matched group, return the positions of the guest's own versions and of the usable ones among them, oldest first."""
    standing, older = matched.group.snapshots.standing, len(matched.inherited)
    versions, usable = standing.versions, standing.usable
    if not older:
        return versions, usable
    return versions[bisect_left(versions, older) :], usable[bisect_left(usable, older) :]


def picked(column: Sequence[int], positions: Sequence[int]) -> Sequence[int]:
    """Given a column of snapshots and ascending positions, return what stands there: a slice where they follow one another."""
    if isinstance(positions, range):
        return column[positions.start : positions.stop]
    return [column[position] for position in positions]
