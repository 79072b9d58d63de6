"""Facts + policy + now → Report: calls the judgements in order. Pure; the same input gives the same Report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from report.agreement import compare_with_pve
from report.coverage import GuestCoverage, cover_guests
from report.expected import Calendar
from report.facts import ClusterFacts, Facts, Guest, GuestConfig, IncludedGuest
from report.jobs import JudgedJob, judge_job, report_job
from report.model import (
    Coverage,
    GuestReport,
    Issue,
    JobReport,
    JobState,
    Protection,
    Reason,
    ReasonCode,
    Report,
    SourceReport,
    StorageReport,
    Summary,
)
from report.policy import Policy
from report.runs import last_runs
from report.view import ClusterView, view_cluster
from report.visibility import find_issues, inventory_known, missing_privileges

# reasons with which PVE leaves a volume out that holds no data of the guest (C8)
_NOT_DATA = ("not a volume", "efidisk but no O")


def analyse(facts: Facts, policy: Policy, now: int) -> Report:
    """Given all facts, what the operator expects, and the instant of judgement (epoch, UTC), return the Report."""
    parts = [
        _analyse_cluster(cluster, policy, now) for cluster in sorted(facts.clusters, key=lambda cluster: cluster.name)
    ]
    guests = tuple(guest for part in parts for guest in part[0])
    return Report(
        created_at=now,
        policy=policy,
        summary=_summarise(guests),
        guests=guests,
        jobs=tuple(job for part in parts for job in part[1]),
        storages=tuple(storage for part in parts for storage in part[2]),
        sources=tuple(part[3] for part in parts),
        issues=tuple(issue for part in parts for issue in part[4]),
    )


_Part = tuple[Sequence[GuestReport], Sequence[JobReport], Sequence[StorageReport], SourceReport, Sequence[Issue]]


def _analyse_cluster(facts: ClusterFacts, policy: Policy, now: int) -> _Part:
    view = view_cluster(facts, now)
    judged = None if view.jobs is None else [judge_job(job, view, now) for job in view.jobs]
    covered = _covered(facts, judged, view)
    agreement = compare_with_pve(facts, judged, view)
    runs = last_runs(judged or (), facts, view, now)
    jobs = [report_job(job, view, now, runs.get(job.job.id)) for job in judged or ()]
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
    issues = (*find_issues(facts, view, covered, now), *agreement.issues)
    return _guests(facts, judged or (), covered, view, policy, now), jobs, _storages(facts, view, now), source, issues


def _covered(facts: ClusterFacts, judged: Sequence[JudgedJob] | None, view: ClusterView) -> dict[int, GuestCoverage]:
    """Judge coverage; guests known only from an inventory too old to rely on stay listed, undecided."""
    if view.guests is not None or facts.inventory.value is None:
        return cover_guests(judged, view)
    stale = Reason.of(ReasonCode.INVENTORY_STALE, fetched_at=facts.inventory.fetched_at or 0)
    return {guest.vmid: GuestCoverage(Coverage.UNDECIDED, (stale,)) for guest in facts.inventory.value.guests}


def _guests(
    facts: ClusterFacts,
    judged: Sequence[JudgedJob],
    covered: Mapping[int, GuestCoverage],
    view: ClusterView,
    policy: Policy,
    now: int,
) -> list[GuestReport]:
    calendar = Calendar(now)
    jobs = {job.job.id: job.job for job in judged}
    saved = _volumes(facts, now)
    known = view.guests if view.guests is not None else (facts.inventory.value.guests if facts.inventory.value else ())
    reports = []
    for guest in sorted(known, key=lambda guest: guest.vmid):
        coverage = covered[guest.vmid]
        config = facts.configs.get(guest.vmid, GuestConfig(0))
        active = [jobs[job.job] for job in coverage.jobs if job.state is JobState.ACTIVE]
        zone = view.zone(guest.node)
        demanded = policy.demand_templates or guest.template is not True
        protection = ReasonCode.BACKUPS_NOT_READ if demanded else ReasonCode.NOT_DEMANDED
        reports.append(
            GuestReport(
                pve=facts.name,
                guest=guest,
                demanded=demanded,
                coverage=coverage.coverage,
                protection=Protection.UNKNOWN if demanded else Protection.WAIVED,
                reasons=(*coverage.reasons, Reason.of(protection)),
                jobs=coverage.jobs,
                next_backup_at=calendar.next_backup(active, zone),
                rpo_seconds=calendar.rpo_seconds(active, zone) if active else None,
                excluded_volumes=_excluded(guest, coverage, saved),
                notes=config.notes,
                created_at=config.created_at,
            )
        )
    return reports


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


def _summarise(guests: Sequence[GuestReport]) -> Summary:
    coverage = Counter(guest.coverage for guest in guests)
    protection = Counter(guest.protection for guest in guests)
    demanded = Counter(guest.coverage for guest in guests if guest.demanded)
    return Summary(
        guests=len(guests),
        coverage=tuple((state, coverage[state]) for state in Coverage),
        protection=tuple((state, protection[state]) for state in Protection),
        demanded=sum(demanded.values()),
        demanded_coverage=tuple((state, demanded[state]) for state in Coverage),
    )
