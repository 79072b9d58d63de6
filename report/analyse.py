"""Facts + policy + now → Report: calls the judgements in order. Pure; the same input gives the same Report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from report.agreement import compare_with_pve
from report.coverage import GuestCoverage, cover_guests
from report.estate import Estate, build_estate
from report.expected import Calendar
from report.facts import BackupJob, ClusterFacts, Facts, Guest, GuestConfig, IncludedGuest
from report.groups import report_groups
from report.jobs import JudgedJob, judge_job, report_job
from report.model import (
    Coverage,
    GuestReport,
    Issue,
    JobReport,
    JobState,
    LastRun,
    Protection,
    Reason,
    ReasonCode,
    Report,
    SourceReport,
    StorageReport,
    Summary,
)
from report.policy import Policy
from report.protection import judge_protection
from report.runs import last_runs
from report.servers import report_datastores, report_pbs_jobs, report_server, server_issues
from report.view import ClusterView
from report.visibility import find_issues, inventory_known, missing_privileges

# reasons with which PVE leaves a volume out that holds no data of the guest (C8)
_NOT_DATA = ("not a volume", "efidisk but no O")
_NO_CONFIG = GuestConfig(0)
_NOT_DEMANDED = (Reason.of(ReasonCode.NOT_DEMANDED),)


def analyse(facts: Facts, policy: Policy, now: int) -> Report:
    """Given all facts, what the operator expects, and the instant of judgement (epoch, UTC), return the Report."""
    estate = build_estate(facts, now)
    parts = [_analyse_cluster(cluster, estate, policy, now) for cluster in estate.clusters.values()]
    servers = estate.servers.values()
    guests = tuple(guest for part in parts for guest in part.guests)
    active = {key: jobs for part in parts for key, jobs in part.active.items()}
    return Report(
        created_at=now,
        policy=policy,
        summary=_summarise(guests, backups_read=_any_backup_read(estate)),
        guests=guests,
        jobs=tuple(job for part in parts for job in part.jobs),
        storages=tuple(storage for part in parts for storage in part.storages),
        sources=tuple(
            sorted((*(part.source for part in parts), *(report_server(server, now) for server in servers)), key=_name)
        ),
        issues=(
            *(issue for part in parts for issue in part.issues),
            *(issue for server in servers for issue in server_issues(server, estate.matched, now)),
        ),
        groups=tuple(report_groups(estate, active, now)),
        datastores=tuple(store for server in servers for store in report_datastores(server, estate.matched, now)),
        pbs_jobs=tuple(job for server in servers for job in report_pbs_jobs(server, now)),
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """What one cluster gives to the Report; `active`: its guests' active jobs by (cluster, vmid)."""

    guests: Sequence[GuestReport]
    active: Mapping[tuple[str, int], Sequence[BackupJob]]
    jobs: Sequence[JobReport]
    storages: Sequence[StorageReport]
    source: SourceReport
    issues: Sequence[Issue]


def _analyse_cluster(facts: ClusterFacts, estate: Estate, policy: Policy, now: int) -> _Part:
    view = estate.views[facts.name]
    judged = None if view.jobs is None else [judge_job(job, view, now) for job in view.jobs]
    covered = _covered(facts, judged, view)
    agreement = compare_with_pve(facts, judged, view)
    runs = last_runs(judged or (), facts, view, now)
    by_id = {job.job.id: job.job for job in judged or ()}
    active = {
        (facts.name, vmid): [by_id[job.job] for job in coverage.jobs if job.state is JobState.ACTIVE]
        for vmid, coverage in covered.items()
    }
    source = SourceReport(
        name=facts.name,
        kind="pve",
        up=facts.up,
        version=facts.version.value,
        fetched_at=facts.version.fetched_at,
        failure=facts.failure,
        missing_privileges=missing_privileges(view.permissions),
        collectors=facts.collectors,
        certificate_not_after=facts.certificate_not_after,
        coverage_disagreements=agreement.disagreements,
        inventory_known=inventory_known(view),
    )
    return _Part(
        guests=_guests(facts, covered, active, runs, estate, policy),
        active=active,
        jobs=[report_job(job, view, now, runs.get(job.job.id)) for job in judged or ()],
        storages=_storages(facts, view, now),
        source=source,
        issues=(*find_issues(facts, view, covered, now), *agreement.issues),
    )


def _covered(facts: ClusterFacts, judged: Sequence[JudgedJob] | None, view: ClusterView) -> dict[int, GuestCoverage]:
    """Judge coverage; guests known only from an inventory too old to rely on stay listed, undecided."""
    if view.guests is not None or facts.inventory.value is None:
        return cover_guests(judged, view)
    stale = Reason.of(ReasonCode.INVENTORY_STALE, fetched_at=facts.inventory.fetched_at or 0)
    return {guest.vmid: GuestCoverage(Coverage.UNDECIDED, (stale,)) for guest in facts.inventory.value.guests}


def _guests(
    facts: ClusterFacts,
    covered: Mapping[int, GuestCoverage],
    active: Mapping[tuple[str, int], Sequence[BackupJob]],
    runs: Mapping[str, LastRun],
    estate: Estate,
    policy: Policy,
) -> list[GuestReport]:
    """Judge each guest of a cluster: its coverage is judged already, its backups are judged here."""
    view, calendar = estate.views[facts.name], Calendar(estate.now)
    saved = _volumes(facts, estate.now)
    unread = estate.unread(facts.name)
    known = view.guests if view.guests is not None else (facts.inventory.value.guests if facts.inventory.value else ())
    reports = []
    for guest in sorted(known, key=lambda guest: guest.vmid):
        coverage, jobs = covered[guest.vmid], active[facts.name, guest.vmid]
        config = facts.configs.get(guest.vmid, _NO_CONFIG)
        zone = view.zone(guest.node)
        demanded = policy.demand_templates or guest.template is not True
        usual = max((runs[job.id].duration_seconds or 0 for job in jobs if job.id in runs), default=0)
        backups = estate.backups_of(facts.name, guest, unread)
        verdict = judge_protection(backups, coverage, jobs, zone, usual, estate.now)
        reports.append(
            GuestReport(
                pve=facts.name,
                guest=guest,
                demanded=demanded,
                coverage=coverage.coverage,
                protection=verdict.protection if demanded else Protection.WAIVED,
                reasons=(*coverage.reasons, *(verdict.reasons if demanded else _NOT_DEMANDED)),
                jobs=coverage.jobs,
                next_backup_at=calendar.next_backup(jobs, zone),
                rpo_seconds=calendar.rpo_seconds(jobs, zone) if jobs else None,
                excluded_volumes=_excluded(guest, coverage, saved),
                notes=config.notes,
                created_at=config.created_at,
                newest_backup_at=verdict.newest_at,
                newest_verified_at=verdict.newest_verified_at,
                due_at=verdict.due_at,
            )
        )
    return reports


def _any_backup_read(estate: Estate) -> bool:
    """Say whether any store was read, so that the absence of a backup means something somewhere."""
    return any(estate.unread(name).any_read for name in estate.clusters)


def _name(source: SourceReport) -> str:
    return source.name


def _volumes(facts: ClusterFacts, now: int) -> dict[str, dict[int, IncludedGuest]]:
    """Return PVE's own word on volumes, by job and vmid, as far as it was read."""
    answers = {job: answer.value for job, reading in facts.included.items() if (answer := reading.usable(now))}
    return {job: {guest.vmid: guest for guest in guests} for job, guests in answers.items() if guests is not None}


def _excluded(
    guest: Guest, coverage: GuestCoverage, saved: Mapping[str, Mapping[int, IncludedGuest]]
) -> tuple[str, ...] | None:
    """Return the keys of data volumes that no active job saves (C3, C6, C8); None where PVE did not tell of any active job."""
    told = [
        saved[job.job][guest.vmid]
        for job in coverage.jobs
        if job.state is JobState.ACTIVE and guest.vmid in saved.get(job.job, {})
    ]
    if not told:
        return None
    included = {volume.key for answer in told for volume in answer.volumes if volume.included}
    left_out = {
        volume.key
        for answer in told
        for volume in answer.volumes
        if volume.key not in included and not volume.reason.startswith(_NOT_DATA)
    }
    return tuple(sorted(left_out))


def _storages(facts: ClusterFacts, view: ClusterView, now: int) -> list[StorageReport]:
    """List every storage that is defined or that a node tells of, with what each node says."""
    definitions = view.storages or {}
    states = [state for reading in facts.storage_states.values() for state in reading.usable(now) or ()]
    names = sorted(definitions.keys() | {state.storage for state in states})
    return [
        StorageReport(
            pve=facts.name,
            storage=name,
            storage_type=definitions[name].storage_type
            if name in definitions
            else next(state.storage_type for state in states if state.storage == name),
            definition=definitions.get(name),
            states=tuple(sorted((state for state in states if state.storage == name), key=lambda state: state.node)),
        )
        for name in names
    ]


def _summarise(guests: Sequence[GuestReport], *, backups_read: bool) -> Summary:
    coverage = Counter(guest.coverage for guest in guests)
    protection = Counter(guest.protection for guest in guests)
    demanded = Counter(guest.coverage for guest in guests if guest.demanded)
    return Summary(
        guests=len(guests),
        coverage=tuple((state, coverage[state]) for state in Coverage),
        protection=tuple((state, protection[state]) for state in Protection),
        demanded=sum(demanded.values()),
        demanded_coverage=tuple((state, demanded[state]) for state in Coverage),
        backups_read=backups_read,
    )
