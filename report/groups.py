"""Each backup group judged: whose it is, what is in it, who prunes it, and how it compares with what should be there (E30–E37)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo

from report.backups import PbsJob, SnapshotFlag
from report.estate import Estate
from report.facts import BackupJob, Guest
from report.jobs import parse_schedule
from report.matching import MatchedGroup
from report.model import GroupMatch, GroupPolicy, GroupReport, RetentionState
from report.next_prune import next_prune
from report.prunes import Writer, prune_jobs_of, writers_of
from report.readings import Keep
from report.retention import expected
from report.streams import BackupRun, PruneJob, Stream
from report.view import parse_zone

ActiveJobs = Mapping[tuple[str, int], Sequence[BackupJob]]


def report_groups(estate: Estate, active: ActiveJobs, now: int) -> Iterator[GroupReport]:
    """Given the estate, the active jobs of each guest by (cluster, vmid), and now (epoch), yield each group judged, sorted by place."""
    guests = {(name, guest.vmid): guest for name, view in estate.views.items() for guest in view.guests or ()}
    for matched in sorted(estate.matched, key=_place):
        contents = _contents(matched)
        acting = _acting(matched, guests.get((matched.pve or "", matched.vmid or 0)), estate, active)
        yield _judged(contents, matched, acting, now) if acting else contents


@dataclass(frozen=True, slots=True)
class _Acting:
    """What writes into a group and what prunes it; `zone` is that of the host that marks (E16)."""

    writers: tuple[Writer, ...]
    prune_jobs: tuple[PbsJob, ...]
    run_zone: tzinfo
    zone: tzinfo
    zone_name: str | None
    guest_since: int | None


def _acting(matched: MatchedGroup, guest: Guest | None, estate: Estate, active: ActiveJobs) -> _Acting | None:
    """Return what acts on a group; None where prune jobs are hidden, a schedule is not readable, or the group is incomplete."""
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
        if any(parse_schedule(writer.job.schedule or "") is None for writer in writers):
            return None
        config = estate.clusters[view.name].configs.get(guest.vmid)
        guest_since = config.created_at if config else None
    name = server.zone.usable(estate.now) if server else None
    zone = parse_zone(name) if name else run_zone
    return _Acting(writers, prune_jobs, run_zone, zone, name or getattr(zone, "key", None), guest_since)


def _judged(contents: GroupReport, matched: MatchedGroup, acting: _Acting, now: int) -> GroupReport:
    """Add to what is in a group how that compares with what should be, and who prunes it when."""
    stream = _stream(matched, acting)
    policy = _policy(stream, acting, now)
    if contents.match is not GroupMatch.GUEST:
        return replace(contents, policy=policy, state=RetentionState.NOT_APPLICABLE)
    found = expected(stream, now)
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


def _stream(matched: MatchedGroup, acting: _Acting) -> Stream:
    """Return the group's own standard-named snapshots with all that acts on them; a predecessor's are left out (E33, D16)."""
    snapshots = matched.group.snapshots
    own = [
        position
        for position, flags in enumerate(snapshots.flags)
        if not flags & SnapshotFlag.RENAMED and position not in matched.inherited
    ]
    held = [snapshots.flags[position] for position in own]
    runs = [
        BackupRun(event, acting.run_zone, writer.keep, writer.protects, writer.limit)
        for writer in acting.writers
        if (event := parse_schedule(writer.job.schedule or ""))
    ]
    prunes = [
        PruneJob(event, acting.zone, job.keep, enabled=not job.disabled, never_ran=job.last_run_upid is None)
        for job in acting.prune_jobs
        if (event := parse_schedule(job.schedule or ""))
    ]
    return Stream(
        times=[snapshots.times[position] for position in own],
        zone=acting.zone,
        runs=tuple(runs),
        prune_jobs=tuple(prunes),
        protected=frozenset(place for place, flags in enumerate(held) if flags & SnapshotFlag.PROTECTED),
        unfinished=frozenset(place for place, flags in enumerate(held) if flags & SnapshotFlag.UNFINISHED),
        running=bool(held and held[-1] & SnapshotFlag.UNFINISHED),
        guest_since=acting.guest_since,
    )


def _policy(stream: Stream, acting: _Acting, now: int) -> GroupPolicy:
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
    )


def _contents(matched: MatchedGroup) -> GroupReport:
    """Tell what is in a group, whatever should be."""
    group, snapshots = matched.group, matched.group.snapshots
    versions = snapshots.finished()
    flags = [snapshots.flags[position] for position in versions]
    verified = [position for position in versions if snapshots.flags[position] & SnapshotFlag.VERIFIED]
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
        protected=sum(1 for held in flags if held & SnapshotFlag.PROTECTED),
        encrypted=sum(1 for held in flags if held & SnapshotFlag.ENCRYPTED),
        verified=len(verified),
        verify_failed=sum(1 for held in flags if held & SnapshotFlag.VERIFY_FAILED),
        inherited=sum(1 for position in versions if position in matched.inherited),
        newest_at=snapshots.times[versions[-1]] if versions else None,
        oldest_at=snapshots.times[versions[0]] if versions else None,
        newest_size_bytes=_size(snapshots.sizes[versions[-1]]) if versions else None,
        newest_verified_at=snapshots.times[verified[-1]] if verified else None,
        newest_archives=group.newest_archives,
    )


def _size(held: int) -> int | None:
    return held if held >= 0 else None


def _place(matched: MatchedGroup) -> tuple[str, str, str, str, str]:
    group = matched.group
    return group.server, group.datastore, group.namespace, group.backup_type, group.backup_id.rjust(12)
