"""The counts of a Report, and a Report cut down to some clusters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

from report.model import Coverage, GuestReport, Protection, Report, Summary

_PBS = "pbs"


def summarise(guests: Sequence[GuestReport], *, backups_read: bool) -> Summary:
    """Given all guests, and whether any backup was read, return the counts."""
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


def of_clusters(report: Report, clusters: Collection[str]) -> Report:
    """Given a Report and names of clusters, return what it says of these: their guests, jobs, storages and groups. Backup servers stay,
    with their jobs and datastores; the trend, which counts all clusters together, does not.
    """
    guests = tuple(guest for guest in report.guests if guest.pve in clusters)
    sources = tuple(source for source in report.sources if source.kind == _PBS or source.name in clusters)
    names = {source.name for source in sources}
    return replace(
        report,
        summary=summarise(guests, backups_read=report.summary.backups_read),
        guests=guests,
        jobs=tuple(job for job in report.jobs if job.pve in clusters),
        storages=tuple(storage for storage in report.storages if storage.pve in clusters),
        sources=sources,
        issues=tuple(issue for issue in report.issues if issue.source in names or not issue.source),
        groups=tuple(group for group in report.groups if group.pve in clusters),
        findings=tuple(found for found in report.findings if found.source in names),
        changes=tuple(change for change in report.changes if change.pve in clusters),
        trend=(),
    )
