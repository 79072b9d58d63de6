"""Findings about no single guest: jobs that do nothing or not what they seem to, backups that are nobody's, waivers that end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from report.backups import place_name
from report.estate import Estate
from report.findings import Finding, FindingCode
from report.model.groups import GroupMatch, GroupReport
from report.model.jobs import JobReport, StorageReport
from report.model.reasons import ReasonCode
from report.model.report import EstateFinding
from report.policy import Policy, Waiver
from report.sharing import shared_targets
from report.waivers import waiver_findings

# what is remarked of a job as a whole → the finding
_OF_JOBS = {
    ReasonCode.SELECTS_NO_GUEST: FindingCode.JOB_SELECTS_NOTHING,
    ReasonCode.JOB_NO_FUTURE_RUN: FindingCode.JOB_NEVER_RUNS,
    ReasonCode.SCHEDULE_TRAP: FindingCode.SCHEDULE_READS_OTHERWISE,
}


def estate_findings(
    jobs: Iterable[JobReport],
    groups: Iterable[GroupReport],
    storages: Iterable[StorageReport],
    estate: Estate,
    policy: Policy,
    noted: Iterable[Waiver],
) -> tuple[EstateFinding, ...]:
    """Given all judged jobs, groups and storages, the estate, the policy, and the waivers in guests' notes, return the findings about them,
    by kind and place.
    """
    now = estate.now
    return (
        *_of_jobs(jobs),
        *_shared(estate),
        *_drift(storages),
        *_orphans(groups),
        *(EstateFinding("", finding) for finding in waiver_findings(policy, now, noted)),
    )


def _of_jobs(jobs: Iterable[JobReport]) -> Iterator[EstateFinding]:
    for job in jobs:
        for reason in job.reasons:
            code = _OF_JOBS.get(reason.code)
            if code is not None and (job.job.enabled or code is not FindingCode.JOB_SELECTS_NOTHING):
                schedule = {} if code is FindingCode.JOB_SELECTS_NOTHING else {"schedule": job.job.schedule or ""}
                yield EstateFinding(job.pve, Finding.of(code, job.job.id, **schedule))


def _shared(estate: Estate) -> Iterator[EstateFinding]:
    """Yield each namespace that entries of several clusters write to (D14)."""
    actual = {name: tuple(view.storages.values()) for name, view in estate.views.items() if view.storages is not None}
    sources = {key: target.server for key, target in estate.targets.of_storage.items() if target is not None}
    for shared in shared_targets((), actual, sources):
        entries = ", ".join(f"{cluster}/{storage}" for cluster, storage in shared.entries)
        place = place_name(shared.source or shared.server, shared.datastore, shared.namespace)
        yield EstateFinding(shared.source, Finding.of(FindingCode.NAMESPACE_SHARED, place, entries=entries))


def _drift(storages: Iterable[StorageReport]) -> Iterator[EstateFinding]:
    """Yield each option of an entry that is not what the file of storages says."""
    for storage in storages:
        for one in storage.drift or ():
            params = {"field": one.field, "wanted": one.wanted, "found": one.found}
            yield EstateFinding(storage.pve, Finding.of(FindingCode.STORAGE_DRIFT, one.entry, **params))


def _orphans(groups: Iterable[GroupReport]) -> Iterator[EstateFinding]:
    """Yield, for each place that has them, the groups without a guest, their versions, and the size of the newest of each (D17)."""
    found: dict[tuple[str, str], list[GroupReport]] = {}
    for group in groups:
        if group.match is GroupMatch.ORPHAN:
            place = place_name(group.datastore, group.namespace)
            found.setdefault((group.server, place), []).append(group)
    for (server, place), orphans in sorted(found.items()):
        finding = Finding.of(
            FindingCode.ORPHANED_BACKUPS,
            place,
            groups=len(orphans),
            versions=sum(group.snapshots for group in orphans),
            newest_bytes=sum(group.newest_size_bytes or 0 for group in orphans),
        )
        yield EstateFinding(server, finding)
