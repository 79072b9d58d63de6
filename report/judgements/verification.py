"""Were the backups checked, and did they pass? (rulebook H6, H7). What a store cannot tell is no finding, unless the policy demands it."""

from __future__ import annotations

from collections.abc import Iterator

from report.backups import SnapshotFlag
from report.evidence import NOTHING_FOUND, Evidence, Holding, Judgement
from report.findings import Finding, FindingCode

DAY_SECONDS = 86_400
# a verification older than this is outdated, as PBS's own page shows it, where no verify job says otherwise (H6)
OUTDATED_SECONDS = 30 * DAY_SECONDS


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
    if verified is None:
        if not failed:
            yield Finding.of(FindingCode.NEVER_VERIFIED, holding.place, place=holding.place)
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
        )


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
    """Judge the policy's demand: a backup that was verified ok and is young enough, on any store."""
    limit = evidence.expectation.verified_within_seconds
    if limit is None or evidence.newest is None:
        return NOTHING_FOUND
    held = [holding for holding in evidence.holdings if holding.pbs]
    if not held:
        return _unless_older(
            evidence,
            Finding.of(FindingCode.VERIFICATION_NOT_POSSIBLE, place=evidence.newest.place, rule=evidence.rule),
        )
    times = [holding.at(place) for holding in held if (place := holding.newest_verified) is not None]
    newest = max(times, default=0)
    if newest and evidence.now - newest <= limit:
        return NOTHING_FOUND
    overdue = Finding.of(FindingCode.VERIFICATION_OVERDUE, newest=newest, limit_seconds=limit, rule=evidence.rule)
    return _unless_older(evidence, overdue)


def _unless_older(evidence: Evidence, finding: Finding) -> Judgement:
    """Return a finding that a backup not seen could refute, also one older than the newest; a doubt in its place where some were not."""
    unseen = evidence.unseen_of_any_age
    return Judgement(doubts=unseen) if unseen else Judgement((finding,))
