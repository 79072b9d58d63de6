"""Were the backups checked, and did they pass? (rulebook H6, H7). What a store cannot tell is no finding, unless the policy demands it.

What a sync brought counts as verified once it was verified where it lies; what its source said of it is told as that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from report.backups import SnapshotFlag
from report.evidence import NOTHING_FOUND, Evidence, Holding, Judgement
from report.findings import Finding, FindingCode
from report.model.reasons import Reason, ReasonCode

DAY_SECONDS = 86_400
# a verification older than this is outdated, as PBS's own page shows it, where no verify job says otherwise (H6)
OUTDATED_SECONDS = 30 * DAY_SECONDS
_VERIFIED, _ELSEWHERE = int(SnapshotFlag.VERIFIED), int(SnapshotFlag.VERIFIED_ELSEWHERE)
_NOT_AT_SOURCE = ("", 0)


def judge_verification(evidence: Evidence) -> Judgement:
    """Given the evidence on a guest, return what the verification of its backups says, store by store, and against the policy."""
    own = tuple(finding for holding in evidence.holdings if holding.pbs for finding in _of(holding, evidence))
    demanded = _demanded(evidence)
    return Judgement((*own, *demanded.findings), demanded.doubts)


def _of(holding: Holding, evidence: Evidence) -> Iterator[Finding]:
    if not holding.versions:
        return
    failed = holding.versions_with(SnapshotFlag.VERIFY_FAILED)
    newest = holding.versions[-1]
    if failed and failed[-1] == newest:
        yield holding.weigh(_newest_failed(holding, newest))
    elif failed:
        yield holding.weigh(
            Finding.of(
                FindingCode.VERSIONS_CORRUPT,
                holding.place,
                place=holding.place,
                count=len(failed),
                newest=holding.at(failed[-1]),
            )
        )
    verified = holding.newest_verified
    source, at_source = _verified_at_source(holding)
    if verified is None:
        if not failed:
            yield Finding.of(
                FindingCode.NEVER_VERIFIED,
                holding.place,
                place=holding.place,
                source=source,
                source_verified=at_source,
            )
        return
    checked = holding.matched.group.snapshots.verified_at[verified]
    limit = _outdated_after(holding, evidence)
    if checked and evidence.now - checked > limit:
        yield Finding.of(
            FindingCode.VERIFICATION_OUTDATED,
            holding.place,
            place=holding.place,
            verified=checked,
            limit_seconds=limit,
            source=source,
            source_verified=at_source,
        )


def _verified_at_source(holding: Holding) -> tuple[str, int]:
    """Return where the newest usable backup was verified that only its source verified, and when (epoch): one newer than any that was
    verified here; ("", 0) without such a one.
    """
    group = holding.matched.group
    if group.verified_elsewhere is None:
        return _NOT_AT_SOURCE
    flags = group.snapshots.flags
    checked = next((place for place in reversed(holding.usable) if flags[place] & (_VERIFIED | _ELSEWHERE)), None)
    if checked is None or flags[checked] & _VERIFIED:
        return _NOT_AT_SOURCE
    return group.verified_elsewhere, group.snapshots.verified_at[checked]


def _outdated_after(holding: Holding, evidence: Evidence) -> int:
    """Return the seconds after which a verification there is outdated: what the enabled verify jobs that reach the group say, the least
    where several do (H6, H10).
    """
    group = holding.matched.group
    days = [
        job.outdated_after_days
        for job in evidence.verify_jobs.get(group.server, ())
        if job.outdated_after_days and not job.disabled and job.reaches(group.datastore, group.namespace)
    ]
    return min(days) * DAY_SECONDS if days else OUTDATED_SECONDS


def _newest_failed(holding: Holding, newest: int) -> Finding:
    return Finding.of(
        FindingCode.VERIFICATION_FAILED,
        holding.place,
        place=holding.place,
        backup=holding.at(newest),
        verified=holding.matched.group.snapshots.verified_at[newest],
        usable=holding.newest_usable_at or 0,
    )


def _demanded(evidence: Evidence) -> Judgement:
    """Judge the policy's demand: a backup that was verified ok where it lies and is young enough, on any store. What may have been verified
    at its source alone, because sync jobs were not told, leaves it open.
    """
    limit = evidence.expectation.verified_within_seconds
    if limit is None or evidence.newest is None:
        return NOTHING_FOUND
    held = [holding for holding in evidence.holdings if holding.pbs]
    if not held:
        return _unless_older(
            evidence,
            Finding.of(FindingCode.VERIFICATION_NOT_POSSIBLE, place=evidence.newest.place, rule=evidence.rule),
        )
    verified = [(holding.at(place), holding) for holding in held if (place := holding.newest_verified) is not None]
    recent = [holding for at, holding in verified if evidence.now - at <= limit]
    if any(evidence.now - _surely_verified_at(holding) <= limit for holding in recent):
        return NOTHING_FOUND
    if recent:
        return Judgement(doubts=_untold_syncs(recent, evidence))
    source, at_source = max(map(_verified_at_source, held), key=lambda told: told[1])
    overdue = Finding.of(
        FindingCode.VERIFICATION_OVERDUE,
        newest=max((at for at, _ in verified), default=0),
        limit_seconds=limit,
        rule=evidence.rule,
        source=source,
        source_verified=at_source,
    )
    return _unless_older(evidence, overdue)


def _surely_verified_at(holding: Holding) -> int:
    """Return the time of the newest usable backup that was verified where it lies, whatever sync jobs there are; 0 without one."""
    flags = holding.matched.group.snapshots.flags
    sure = (place for place in reversed(holding.usable) if flags[place] & (_VERIFIED | _ELSEWHERE) == _VERIFIED)
    return next((holding.at(place) for place in sure), 0)


def _untold_syncs(holdings: Sequence[Holding], evidence: Evidence) -> tuple[Reason, ...]:
    """Return the servers whose sync jobs were not told, or not all of them."""
    untold = evidence.servers - evidence.sync_jobs.keys() or {holding.matched.group.server for holding in holdings}
    return tuple(Reason.of(ReasonCode.SYNC_JOBS_NOT_READ, server=server) for server in sorted(untold))


def _unless_older(evidence: Evidence, finding: Finding) -> Judgement:
    """Return a finding that a backup not seen could refute, also one older than the newest; a doubt in its place where some were not."""
    unseen = evidence.unseen_of_any_age
    return Judgement(doubts=unseen) if unseen else Judgement((finding,))
