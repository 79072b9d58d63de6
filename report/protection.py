"""Whether a guest's backups exist and are as recent as its jobs promise: never, late, or there (rulebook F11).

Verification, disks, copies and policies are not judged yet; a version that failed verification does not count as one (H6).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from report.backups import SnapshotFlag
from report.coverage import GuestCoverage
from report.facts import BackupJob
from report.jobs import parse_schedule
from report.matching import MatchedGroup, good_versions
from report.model import Coverage, Protection, Reason, ReasonCode

# how long after its event a backup may start and run before it counts as late; the job's usual duration is added (F11, B21)
GRACE_SECONDS = 3600
REASONS_AT_MOST = 3


@dataclass(frozen=True, slots=True)
class GuestBackups:
    """What is known of a guest's backups: its groups, those that might be its own, and why others may exist that were not seen."""

    groups: tuple[MatchedGroup, ...] = ()
    ambiguous: tuple[MatchedGroup, ...] = ()
    unread: tuple[Reason, ...] = ()
    any_read: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """The protection of a demanded guest, why, its newest good version, the newest verified one, and when the next was due (epochs)."""

    protection: Protection
    reasons: tuple[Reason, ...]
    newest_at: int | None = None
    newest_verified_at: int | None = None
    due_at: int | None = None


def judge_protection(
    backups: GuestBackups,
    coverage: GuestCoverage,
    active: Sequence[BackupJob],
    zone: tzinfo,
    usual_seconds: int,
    now: int,
) -> Verdict:
    """Given a guest's backups, its coverage, its active jobs, its node's zone, how long these jobs usually take, and now (epoch),
    return the verdict. What was not seen makes it unknown where it could change the answer, and only there.
    """
    newest, verified = _newest(backups.groups)
    incomplete = tuple(
        Reason.of(
            ReasonCode.GROUP_INCOMPLETE, server=group.server, datastore=group.datastore, namespace=group.namespace
        )
        for group in (matched.group for matched in backups.groups)
        if group.incomplete
    )
    unseen = (*incomplete, *backups.unread)
    if newest is None:
        return _without_backup(backups, unseen)
    if coverage.coverage is Coverage.UNDECIDED:
        return Verdict(Protection.UNKNOWN, (Reason.of(ReasonCode.HAS_BACKUPS, newest=newest),), newest, verified)
    due = min((at for job in active if (at := _due(job, newest, zone)) is not None), default=None)
    if not active:
        reason = Reason.of(ReasonCode.BACKUPS_UNSCHEDULED, newest=newest)
        return Verdict(Protection.AT_RISK, (reason,), newest, verified)
    if due is not None and now > due + GRACE_SECONDS + usual_seconds:
        late = Reason.of(ReasonCode.BACKUP_LATE, newest=newest, due=due)
        if unseen:
            return Verdict(Protection.UNKNOWN, (late, *unseen[:REASONS_AT_MOST]), newest, verified, due)
        return Verdict(Protection.AT_RISK, (late,), newest, verified, due)
    return Verdict(Protection.PROTECTED, (Reason.of(ReasonCode.HAS_BACKUPS, newest=newest),), newest, verified, due)


def _without_backup(backups: GuestBackups, unseen: tuple[Reason, ...]) -> Verdict:
    if not backups.any_read:
        return Verdict(Protection.UNKNOWN, (Reason.of(ReasonCode.BACKUPS_NOT_READ),))
    doubtful = tuple(
        Reason.of(ReasonCode.GROUP_AMBIGUOUS, server=group.server, datastore=group.datastore, namespace=group.namespace)
        for group in (matched.group for matched in backups.ambiguous)
    )
    if doubtful or unseen:
        return Verdict(Protection.UNKNOWN, (*doubtful, *unseen)[:REASONS_AT_MOST])
    return Verdict(Protection.UNPROTECTED, (Reason.of(ReasonCode.NEVER_BACKED_UP),))


def _newest(groups: Sequence[MatchedGroup]) -> tuple[int | None, int | None]:
    """Return the time of the newest good version on any target, and of the newest that was verified ok."""
    newest = verified = None
    for matched in groups:
        snapshots = matched.group.snapshots
        good = good_versions(matched)
        if good:
            newest = max(newest or 0, snapshots.times[good[-1]])
        ok = [position for position in good if snapshots.flags[position] & SnapshotFlag.VERIFIED]
        if ok:
            verified = max(verified or 0, snapshots.times[ok[-1]])
    return newest, verified


def _due(job: BackupJob, newest: int, zone: tzinfo) -> int | None:
    """Return the first event after the newest version: until then nothing was promised (F11)."""
    event = parse_schedule(job.schedule or "")
    return event.next_after(newest, zone) if event else None
