"""Each backup group judged: whose it is, what is in it, who prunes it, and how it compares with what should be there (E30–E37)."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from report.acting import Acting, Actings, ActiveJobs, Durations
from report.backups import SnapshotFlag
from report.estate import Estate
from report.flags import standing_of
from report.matching import MatchedGroup
from report.model.groups import GroupMatch, GroupPolicy, GroupReport, RetentionState
from report.past import NOTHING, GroupKey, Past, policy_since
from report.retention import Retention
from report.streams import Stream

_NO_POLICY = GroupPolicy()


def report_groups(
    estate: Estate, active: ActiveJobs, lasted: Durations, now: int, past: Past = NOTHING
) -> Iterator[GroupReport]:
    """Given the estate, the active jobs of each guest by (cluster, vmid), how long the newest runs took by cluster and job, and now
    (epoch), yield each group judged, sorted by place.

    Since when jobs and policies are as they are (E35) no API tells, only the Report before. Without it a job that was switched off for
    a while, or a policy that grew, reads SHORT until the versions have grown, and a policy that shrank reads EXCESS until the next
    prune; a job that is new never does, because the replay begins at the oldest version (E32).
    """
    actings = Actings(estate, active, lasted, now)
    for matched in sorted(estate.matched, key=_place):
        acting = actings.on(matched)
        if acting is None:
            yield _report(matched, _NO_POLICY, RetentionState.UNKNOWN)
            continue
        stream = _stream(matched, acting, estate, past)
        policy = acting.policy(stream)
        if matched.match is GroupMatch.GUEST:
            found = acting.course.judge(stream)
            yield _report(matched, policy, found.state, found)
        else:
            yield _report(matched, policy, RetentionState.NOT_APPLICABLE)


def _stream(matched: MatchedGroup, acting: Acting, estate: Estate, past: Past) -> Stream:
    """Return the group's own standard-named snapshots with all that acts on them; a predecessor's are left out (E33, D16)."""
    snapshots, plan = matched.group.snapshots, acting.plan
    times, standing = snapshots.times, snapshots.standing
    if matched.inherited or standing.renamed:
        held, renamed = snapshots.flags, int(SnapshotFlag.RENAMED)
        own = [at for at, flags in enumerate(held) if not flags & renamed and at not in matched.inherited]
        times, standing = array("q", (times[at] for at in own)), standing_of(bytes(held[at] for at in own))
    cluster = estate.clusters.get(matched.pve or "")
    config = cluster.configs.get(matched.vmid or 0) if cluster else None
    return Stream(
        times=times,
        zone=plan.zone,
        runs=plan.runs,
        prune_jobs=plan.prune_jobs,
        protected=standing.protected_at,
        unfinished=standing.unfinished_at,
        running=len(times) - 1 in standing.unfinished_at,
        guest_since=config.created_at if config else None,
        policy_since=policy_since(past, _key(matched), acting.acts),
    )


def _report(
    matched: MatchedGroup, policy: GroupPolicy, state: RetentionState, found: Retention | None = None
) -> GroupReport:
    """Tell what is in a group, who prunes it when, and, where it was compared with what should be, how that came out."""
    group, snapshots = matched.group, matched.group.snapshots
    times, standing = snapshots.times, snapshots.standing
    versions, verified = standing.versions, standing.newest_verified
    compared = found if found and found.expected is not None else None
    return GroupReport(
        server=group.server,
        datastore=group.datastore,
        namespace=group.namespace,
        backup_type=group.backup_type,
        backup_id=group.backup_id,
        match=matched.match,
        pve=matched.pve,
        vmid=matched.vmid,
        owner=group.owner,
        comment=group.comment,
        incomplete=group.incomplete,
        read_at=group.read_at,
        snapshots=len(versions),
        unfinished=len(standing.unfinished_at),
        renamed=standing.renamed,
        protected=standing.protected,
        encrypted=standing.encrypted,
        verified=standing.verified,
        verify_failed=standing.failed,
        verified_elsewhere=standing.elsewhere,
        inherited=sum(1 for position in versions if position in matched.inherited) if matched.inherited else 0,
        newest_at=times[versions[-1]] if versions else None,
        oldest_at=times[versions[0]] if versions else None,
        newest_size_bytes=_size(snapshots.sizes[versions[-1]]) if versions else None,
        newest_verified_at=times[verified] if verified is not None else None,
        newest_archives=group.newest_archives,
        key_fingerprints=group.key_fingerprints,
        policy=policy,
        nominal=found.nominal if found else None,
        expected=found.expected if found else None,
        low=found.low if found else None,
        high=found.high if found else None,
        actual=found.actual if found else None,
        delta=found.delta if found else None,
        missing=compared.missing if compared else None,
        surplus=compared.surplus if compared else None,
        state=state,
    )


def _size(held: int) -> int | None:
    return held if held >= 0 else None


def _key(matched: MatchedGroup) -> GroupKey:
    group = matched.group
    return group.server, group.datastore, group.namespace, group.backup_type, group.backup_id


def _place(matched: MatchedGroup) -> GroupKey:
    server, datastore, namespace, backup_type, backup_id = _key(matched)
    return server, datastore, namespace, backup_type, backup_id.rjust(12)
