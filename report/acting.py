"""What writes into a backup group and what prunes it (E30): the same for all guests of a node that the same jobs save in the same place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo

from report.backups import PbsJob
from report.estate import Estate
from report.facts import BackupJob, Guest
from report.jobs import parse_schedule
from report.matching import MatchedGroup
from report.model.groups import GroupMatch, GroupPolicy
from report.next_prune import DuePrune, due_prune
from report.past import Acts
from report.prunes import Writer, prune_jobs_of, writers_of
from report.readings import Keep
from report.retention import Course
from report.runs import GRACE_SECONDS, usual_seconds
from report.streams import BackupRun, Plan, PruneJob, Stream
from report.view import parse_zone

ActiveJobs = Mapping[tuple[str, int], Sequence[BackupJob]]
Durations = Mapping[str, Mapping[str, int]]
# where a group lies, the cluster and the node of its guest, and the active jobs that select that
_Key = tuple[str, ...]


@dataclass(slots=True)
class Acting:
    """What acts on some groups, by name with schedule and options (`acts`), as a plan, and what comes of it. The policy of every writer is
    known. `zone_name`: of the host that marks (E16). `course` tells how many versions there should be, `due` the next prune.
    """

    acts: Acts
    pruned_by: tuple[str, ...]
    keep: Keep | None
    zone_name: str | None
    plan: Plan
    course: Course
    due: DuePrune | None
    _policies: dict[tuple[int | None, int | None], GroupPolicy] = field(default_factory=dict)

    def policy(self, stream: Stream) -> GroupPolicy:
        """Given one of the groups, say who prunes it, with what, and what comes next; `keep` only where all that prune agree."""
        coming = self.due.of(stream) if self.due else None
        key = (coming.removes if coming else None, stream.policy_since)
        if key not in self._policies:
            self._policies[key] = GroupPolicy(
                pruned_by=self.pruned_by,
                keep=self.keep,
                zone=self.zone_name,
                next_prune_at=coming.at if coming else None,
                next_prune_removes=coming.removes if coming else None,
                acts=self.acts,
                since=stream.policy_since,
            )
        return self._policies[key]


@dataclass(slots=True)
class Actings:
    """Finds what acts on the groups of an estate as of now (epoch). `active`: jobs by (cluster, vmid); `lasted`: seconds of the newest run,
    by cluster and job.
    """

    estate: Estate
    active: ActiveJobs
    lasted: Durations
    now: int
    _guests: Mapping[tuple[str, int], Guest] = field(init=False)
    _known: dict[_Key, Acting | None] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._guests = {
            (name, guest.vmid): guest for name, view in self.estate.views.items() for guest in view.guests or ()
        }

    def on(self, matched: MatchedGroup) -> Acting | None:
        """Given a group, return what acts on it; None where prune jobs or a policy are hidden, a schedule is not readable, or the group is
        incomplete.
        """
        if matched.group.incomplete or matched.match in (GroupMatch.AMBIGUOUS, GroupMatch.UNKNOWN):
            return None
        owner = (matched.pve or "", matched.vmid or 0)
        guest = self._guests.get(owner)
        jobs = self.active.get(owner, ()) if guest else ()
        group, node = matched.group, guest.node if guest else ""
        key = (group.server, group.datastore, group.namespace, owner[0], node, *[job.id for job in jobs])
        if key not in self._known:
            self._known[key] = self._find(matched, guest, jobs)
        return self._known[key]

    def _find(self, matched: MatchedGroup, guest: Guest | None, jobs: Sequence[BackupJob]) -> Acting | None:
        server, now = self.estate.servers.get(matched.group.server), self.now
        prune_jobs = prune_jobs_of(server, matched.target, now)
        if prune_jobs is None:
            return None
        writers: tuple[Writer, ...] = ()
        run_zone: tzinfo = UTC
        if guest is not None:
            view = self.estate.views[matched.pve or ""]
            writers = writers_of(guest, jobs, matched.target, view, self.estate.targets)
            run_zone = view.zone(guest.node)
            if any(writer.keep is None or parse_schedule(writer.job.schedule or "") is None for writer in writers):
                return None
        name = server.zone.usable(now) if server else None
        zone = parse_zone(name) if name else run_zone
        plan = Plan(tuple(_runs(writers, run_zone)), tuple(_prunes(prune_jobs, zone)), zone)
        usual = usual_seconds((writer.job for writer in writers), self.lasted.get(matched.pve or "", {}))
        by_name: dict[str, Keep] = {f"job {writer.job.id}": writer.keep for writer in writers if writer.keep}
        by_name |= {f"prune job {job.id}": job.keep for job in prune_jobs}
        keeps = set(by_name.values())
        return Acting(
            acts=_acts(writers, prune_jobs),
            pruned_by=tuple(by_name),
            keep=keeps.pop() if len(keeps) == 1 else None,
            zone_name=name or getattr(zone, "key", None),
            plan=plan,
            # a backup may be under way for the grace and as long as its job usually takes (E32, F11)
            course=Course(plan, now, grace=GRACE_SECONDS + usual),
            due=due_prune(plan, now),
        )


def _acts(writers: Iterable[Writer], prune_jobs: Iterable[PbsJob]) -> Acts:
    """Return what writes and prunes, by name, with schedule and options."""
    by_jobs = [(f"job {writer.job.id}", writer.job.schedule or "", writer.keep or ()) for writer in writers]
    by_prunes = [(f"prune job {job.id}", job.schedule or "", job.keep) for job in prune_jobs]
    return (*sorted(by_jobs), *sorted(by_prunes))


def _runs(writers: Iterable[Writer], zone: tzinfo) -> Iterable[BackupRun]:
    return (
        BackupRun(event, zone, writer.keep or (), writer.protects, writer.limit)
        for writer in writers
        if (event := parse_schedule(writer.job.schedule or ""))
    )


def _prunes(jobs: Iterable[PbsJob], zone: tzinfo) -> Iterable[PruneJob]:
    return (
        PruneJob(event, zone, job.keep, enabled=not job.disabled, never_ran=job.last_run_upid is None)
        for job in jobs
        if (event := parse_schedule(job.schedule or ""))
    )
