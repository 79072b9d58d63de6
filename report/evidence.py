"""Everything known of one guest, laid out for judging: its backups by store, its jobs by target, what is expected, what was not seen."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import tzinfo

from report.backups import PbsJob, SnapshotFlag, place_name
from report.coverage import GuestCoverage
from report.facts import BackupJob, Drill, Guest, GuestConfig, IncludedGuest, StorageDefinition
from report.findings import Finding
from report.history import ClusterHistory
from report.matching import MatchedGroup
from report.model.guests import RestoreProof
from report.model.reasons import Reason, ReasonCode
from report.past import PastGuest
from report.policy import Expectation, StoreMark
from report.targets import Target
from report.value import Value


class Holding(Value, frozen=True):
    """A backup group of the guest, at `target`. `versions`: positions of its own finished, standard-named snapshots, oldest first (E33,
    D16); `usable`: those that did not fail verification (H6), `newest_usable_at` the time of the last (epoch); `newest_verified`: the last
    of them that was verified ok. `jobs`: the active jobs that write there; `storages`: entries of the guest's own cluster that lead there.
    `pbs`: it lies on a Proxmox Backup Server, which verifies, encrypts and names archives.
    """

    matched: MatchedGroup
    target: Target
    mark: StoreMark
    jobs: tuple[BackupJob, ...]
    storages: tuple[StorageDefinition, ...]
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


class Judgement(Value, frozen=True):
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


class Evidence(Value, frozen=True):
    """Everything known of one guest. Instants are epochs, durations seconds.

    `guest_at`: when the guest itself, with its lock, was read. `config` None: not read yet. `unreadable`: the active jobs whose events PVE
    alone knows: it tells only the next (B3). `promised`: its active jobs by where they write; `included`: PVE's word on its volumes by
    active job, None where it did not tell. `unread`: why backups of it may exist that were not seen, one reason a store; `unread_promised`:
    those of stores that its active jobs write to, also where a group there is ambiguous; `unread_copies`: beside `unread`, stores that
    nobody can reach now. `usual_seconds`: how long its jobs usually take, None where tasks that tell were never read. `stopped`: its active
    jobs that cannot run now, by the storage that is not active on its node, by "" where the node is offline (B28, B30). `servers`: every
    PBS; `sync_jobs`, `verify_jobs`: by those that told them. `restores`: those that worked and were seen, `restores_unread`: why there may
    be others; `drills`: those reported. `before`: as it was judged last. `zone` is that of its node, a guess unless `zone_known`.
    """

    pve: str
    guest: Guest
    guest_at: int
    config: GuestConfig | None
    coverage: GuestCoverage
    active: tuple[BackupJob, ...]
    unreadable: tuple[BackupJob, ...]
    promised: Mapping[Target, tuple[BackupJob, ...]]
    stopped: Mapping[str, tuple[BackupJob, ...]]
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
    before: PastGuest | None
    servers: Set[str]
    sync_jobs: Mapping[str, tuple[PbsJob, ...]]
    verify_jobs: Mapping[str, tuple[PbsJob, ...]]
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

    def target_of(self, job: BackupJob) -> Target | None:
        """Given an active job, return where it writes, None where that is not among the places that are read."""
        return next((target for target, jobs in self.promised.items() if job in jobs), None)

    def newest_on(self, target: Target | None) -> int | None:
        """Given a place, return the time of the newest usable version there, None without any; of no place: that of all."""
        if target is None:
            return self.newest_at
        held = (holding.newest_usable_at for holding in self.holdings if holding.target == target)
        return max((at for at in held if at is not None), default=None)

    @property
    def unseen(self) -> tuple[Reason, ...]:
        """Return why there may be a usable backup, or a newer one, that was not seen, or not told whose it is."""
        return self._unseen_after(self.newest_at or 0)

    @property
    def unseen_of_any_age(self) -> tuple[Reason, ...]:
        """Return why there may be usable backups, older ones too, that were not seen, or not told whose they are."""
        return self._unseen_after(0)

    @property
    def maybe_own(self) -> tuple[tuple[MatchedGroup, int | None], ...]:
        """Return the groups that may be the guest's, with the time of their newest usable version: those in which there may be one that is
        not older than the guest (D16). The time is None where the listing was incomplete.
        """
        born = (self.config.created_at if self.config else None) or 0
        newest = ((matched, newest_usable_at(matched)) for matched in self.ambiguous)
        return tuple((matched, at) for matched, at in newest if at is None or at >= max(born, 1))

    def _unseen_after(self, newest: int) -> tuple[Reason, ...]:
        if not (self.unread or self.ambiguous or any(holding.matched.group.incomplete for holding in self.holdings)):
            return ()
        return (
            *(incomplete(holding) for holding in self.holdings if holding.matched.group.incomplete),
            *self.unread,
            *(ambiguous(matched) for matched, at in self.maybe_own if at is None or at > newest),
        )


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


def ambiguous(matched: MatchedGroup) -> Reason:
    """Given a group that may be a guest's, return that as a reason."""
    group = matched.group
    return Reason.of(
        ReasonCode.GROUP_AMBIGUOUS, server=group.server, datastore=group.datastore, namespace=group.namespace
    )


def newest_usable_at(matched: MatchedGroup) -> int | None:
    """Given a group, return the time of its newest usable version, 0 without one; None where a newer one may not have been listed."""
    _, usable = versions_of(matched)
    if matched.group.incomplete:
        return None
    return matched.group.snapshots.times[usable[-1]] if usable else 0


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
