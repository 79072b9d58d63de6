"""Each backup group judged: whose it is, what is in it, who prunes it, and how it compares with what should be there (E30–E37)."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo

from report.backups import PbsJob, SnapshotFlag, count_flagged, flagged
from report.estate import Estate
from report.facts import BackupJob, Guest
from report.jobs import parse_schedule
from report.matching import MatchedGroup
from report.model import GroupMatch, GroupPolicy, GroupReport, RetentionState
from report.next_prune import next_prune
from report.past import NOTHING, Acts, GroupKey, Past, policy_since
from report.prunes import Writer, prune_jobs_of, writers_of
from report.readings import Keep
from report.retention import expected
from report.runs import GRACE_SECONDS, usual_seconds
from report.streams import BackupRun, PruneJob, Stream
from report.view import parse_zone

ActiveJobs = Mapping[tuple[str, int], Sequence[BackupJob]]
Durations = Mapping[str, Mapping[str, int]]


def report_groups(
    estate: Estate, active: ActiveJobs, lasted: Durations, now: int, past: Past = NOTHING
) -> Iterator[GroupReport]:
    """Given the estate, the active jobs of each guest by (cluster, vmid), how long the newest runs took by cluster and job, and now
    (epoch), yield each group judged, sorted by place.

    Since when jobs and policies are as they are (E35) no API tells, only the Report before. Without it a job that was switched off for
    a while, or a policy that grew, reads SHORT until the versions have grown, and a policy that shrank reads EXCESS until the next
    prune; a job that is new never does, because the replay begins at the oldest version (E32).
    """
    guests = {(name, guest.vmid): guest for name, view in estate.views.items() for guest in view.guests or ()}
    for matched in sorted(estate.matched, key=_place):
        contents = _contents(matched)
        acting = _acting(matched, guests.get((matched.pve or "", matched.vmid or 0)), estate, active)
        if acting is None:
            yield contents
            continue
        usual = usual_seconds((writer.job for writer in acting.writers), lasted.get(matched.pve or "", {}))
        acts = _acts(acting)
        since = policy_since(past, _key(matched), acts)
        stream = _stream(matched, acting, since)
        yield _judged(contents, stream, _policy(stream, acting, acts, now), now, usual)


def _acts(acting: _Acting) -> Acts:
    """Return what writes and prunes, by name, with schedule and options."""
    writers = [(f"job {writer.job.id}", writer.job.schedule or "", writer.keep or ()) for writer in acting.writers]
    prunes = [(f"prune job {job.id}", job.schedule or "", job.keep) for job in acting.prune_jobs]
    return (*sorted(writers), *sorted(prunes))


@dataclass(frozen=True, slots=True)
class _Acting:
    """What writes into a group and what prunes it; `zone` is that of the host that marks (E16). The policy of every writer is known."""

    writers: tuple[Writer, ...]
    prune_jobs: tuple[PbsJob, ...]
    run_zone: tzinfo
    zone: tzinfo
    zone_name: str | None
    guest_since: int | None


def _acting(matched: MatchedGroup, guest: Guest | None, estate: Estate, active: ActiveJobs) -> _Acting | None:
    """Return what acts on a group; None where prune jobs or a policy are hidden, a schedule is not readable, or the group is incomplete."""
    server = estate.servers.get(matched.group.server)
    prune_jobs = prune_jobs_of(server, matched.target, estate.now)
    unclear = matched.match in (GroupMatch.AMBIGUOUS, GroupMatch.UNKNOWN)
    if prune_jobs is None or matched.group.incomplete or unclear:
        return None
    view = estate.views.get(matched.pve or "")
    writers: tuple[Writer, ...] = ()
    run_zone: tzinfo = UTC
    guest_since = None
    if guest is not None and view is not None:
        jobs = active.get((view.name, guest.vmid), ())
        writers = writers_of(guest, jobs, matched.target, view, estate.targets)
        run_zone = view.zone(guest.node)
        if any(writer.keep is None or parse_schedule(writer.job.schedule or "") is None for writer in writers):
            return None
        config = estate.clusters[view.name].configs.get(guest.vmid)
        guest_since = config.created_at if config else None
    name = server.zone.usable(estate.now) if server else None
    zone = parse_zone(name) if name else run_zone
    return _Acting(writers, prune_jobs, run_zone, zone, name or getattr(zone, "key", None), guest_since)


def _judged(contents: GroupReport, stream: Stream, policy: GroupPolicy, now: int, usual_seconds: int) -> GroupReport:
    """Add to what is in a group how that compares with what should be, and who prunes it when. A backup may be under way for the grace
    and as long as its job usually takes (E32, F11).
    """
    if contents.match is not GroupMatch.GUEST:
        return replace(contents, policy=policy, state=RetentionState.NOT_APPLICABLE)
    found = expected(stream, now, grace=GRACE_SECONDS + usual_seconds)
    return replace(
        contents,
        policy=policy,
        nominal=found.nominal,
        expected=found.expected,
        low=found.low,
        high=found.high,
        actual=found.actual,
        delta=found.delta,
        missing=found.missing if found.expected is not None else None,
        surplus=found.surplus if found.expected is not None else None,
        state=found.state,
    )


def _stream(matched: MatchedGroup, acting: _Acting, policy_since: int | None) -> Stream:
    """Return the group's own standard-named snapshots with all that acts on them; a predecessor's are left out (E33, D16)."""
    snapshots = matched.group.snapshots
    times, held = snapshots.times, snapshots.flags
    if matched.inherited or snapshots.count(SnapshotFlag.RENAMED):
        renamed = int(SnapshotFlag.RENAMED)
        own = [at for at, flags in enumerate(held) if not flags & renamed and at not in matched.inherited]
        times, held = array("q", (times[at] for at in own)), bytes(held[at] for at in own)
    runs = [
        BackupRun(event, acting.run_zone, writer.keep or (), writer.protects, writer.limit)
        for writer in acting.writers
        if (event := parse_schedule(writer.job.schedule or ""))
    ]
    prunes = [
        PruneJob(event, acting.zone, job.keep, enabled=not job.disabled, never_ran=job.last_run_upid is None)
        for job in acting.prune_jobs
        if (event := parse_schedule(job.schedule or ""))
    ]
    return Stream(
        times=times,
        zone=acting.zone,
        runs=tuple(runs),
        prune_jobs=tuple(prunes),
        protected=frozenset(flagged(held, SnapshotFlag.PROTECTED)),
        unfinished=frozenset(flagged(held, SnapshotFlag.UNFINISHED)),
        running=bool(held and held[-1] & SnapshotFlag.UNFINISHED),
        guest_since=acting.guest_since,
        policy_since=policy_since,
    )


def _policy(stream: Stream, acting: _Acting, acts: Acts, now: int) -> GroupPolicy:
    """Say who prunes, with what, and what comes next; `keep` only where all that prune agree."""
    by_name: dict[str, Keep] = {f"job {writer.job.id}": writer.keep for writer in acting.writers if writer.keep}
    by_name |= {f"prune job {job.id}": job.keep for job in acting.prune_jobs}
    keeps = set(by_name.values())
    coming = next_prune(stream, now)
    return GroupPolicy(
        pruned_by=tuple(by_name),
        keep=keeps.pop() if len(keeps) == 1 else None,
        zone=acting.zone_name,
        next_prune_at=coming.at if coming else None,
        next_prune_removes=coming.removes if coming else None,
        acts=acts,
        since=stream.policy_since,
    )


def _contents(matched: MatchedGroup) -> GroupReport:
    """Tell what is in a group, whatever should be."""
    group, snapshots = matched.group, matched.group.snapshots
    versions = snapshots.finished()
    whole = len(versions) == len(snapshots)
    flags = snapshots.flags if whole else bytes(snapshots.flags[position] for position in versions)
    wanted = int(SnapshotFlag.VERIFIED)
    verified_at = next((snapshots.times[at] for at in reversed(versions) if snapshots.flags[at] & wanted), None)
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
        unfinished=snapshots.count(SnapshotFlag.UNFINISHED),
        renamed=snapshots.count(SnapshotFlag.RENAMED),
        protected=count_flagged(flags, SnapshotFlag.PROTECTED),
        encrypted=count_flagged(flags, SnapshotFlag.ENCRYPTED),
        verified=count_flagged(flags, wanted),
        verify_failed=count_flagged(flags, SnapshotFlag.VERIFY_FAILED),
        inherited=sum(1 for position in versions if position in matched.inherited) if matched.inherited else 0,
        newest_at=snapshots.times[versions[-1]] if versions else None,
        oldest_at=snapshots.times[versions[0]] if versions else None,
        newest_size_bytes=_size(snapshots.sizes[versions[-1]]) if versions else None,
        newest_verified_at=verified_at,
        newest_archives=group.newest_archives,
    )


def _size(held: int) -> int | None:
    return held if held >= 0 else None


def _key(matched: MatchedGroup) -> GroupKey:
    group = matched.group
    return group.server, group.datastore, group.namespace, group.backup_type, group.backup_id


def _place(matched: MatchedGroup) -> GroupKey:
    server, datastore, namespace, backup_type, backup_id = _key(matched)
    return server, datastore, namespace, backup_type, backup_id.rjust(12)
