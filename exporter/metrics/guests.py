"""The gauges about guests: inventory, planned coverage, protection, and the counts of both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from exporter.metrics.rows import Kind, Metric, ReportMetric, Sample, states
from report.model import Coverage, GuestReport, JobState, Protection, ReasonCode, Report

GUEST = ("pve", "vmid")
COVERAGES = tuple(coverage.value for coverage in Coverage)
PROTECTIONS = tuple(protection.value for protection in Protection)


def _each(figure: Callable[[GuestReport], int | None]) -> Callable[[Report], Iterator[Sample]]:
    """Given how to read a figure off a guest, return the function that reads it off all; None is an absent series."""

    def samples(report: Report) -> Iterator[Sample]:
        for guest in report.guests:
            value = figure(guest)
            if value is not None:
                yield (guest.pve, guest.guest.vmid), value

    return samples


def _info(report: Report) -> Iterator[Sample]:
    for judged in report.guests:
        guest = judged.guest
        yield (judged.pve, guest.vmid, guest.guest_type, guest.name or "", guest.node, guest.pool or ""), 1


def _coverage(report: Report) -> Iterator[Sample]:
    for guest in report.guests:
        yield from states((guest.pve, guest.guest.vmid), COVERAGES, guest.coverage)


def _protection(report: Report) -> Iterator[Sample]:
    for guest in report.guests:
        yield from states((guest.pve, guest.guest.vmid), PROTECTIONS, guest.protection)


def _active_jobs(report: Report) -> Iterator[Sample]:
    """Yield how many active jobs select each guest, where that is known.

    It is not while a guest is undecided, while one of its jobs is, or while an enabled job's pool is hidden: a guest that is
    seen in no pool might be in that one (A7).
    """
    hiding = {
        job.pve
        for job in report.jobs
        if job.state is JobState.UNKNOWN and any(reason.code is ReasonCode.POOL_NOT_VISIBLE for reason in job.reasons)
    }
    for guest in report.guests:
        undecided = guest.coverage is Coverage.UNDECIDED or any(job.state is JobState.UNKNOWN for job in guest.jobs)
        if not undecided and not (guest.pve in hiding and guest.guest.pool is None):
            yield (guest.pve, guest.guest.vmid), guest.active_jobs


def _counted(kind: Callable[[GuestReport], str], values: Iterable[str]) -> Callable[[Report], Iterator[Sample]]:
    """Given what to count guests by and its values, return the function that counts them for each cluster, zeros included.

    An inventory that is not held is not empty: such a cluster has no counts at all.
    """
    every = tuple(values)

    def samples(report: Report) -> Iterator[Sample]:
        counts = Counter((guest.pve, kind(guest)) for guest in report.guests)
        for source in report.sources:
            if source.kind == "pve" and source.inventory_known:
                for value in every:
                    yield (source.name, value), counts[source.name, value]

    return samples


def _excluded_volumes(guest: GuestReport) -> int | None:
    return None if guest.excluded_volumes is None else len(guest.excluded_volumes)


GUEST_METRICS: tuple[ReportMetric, ...] = (
    Metric(
        "guest_info",
        Kind.INFO,
        "Inventory of guests, always 1; join on pve and vmid to see names",
        (*GUEST, "guest_type", "name", "node", "pool"),
        _info,
    ),
    Metric(
        "guest_coverage",
        Kind.STATE,
        "Planned coverage by backup jobs: 1 on the status that holds, 0 on the others",
        (*GUEST, "status"),
        _coverage,
        COVERAGES,
    ),
    Metric(
        "guest_protection",
        Kind.STATE,
        "What is true of the backups of a guest: 1 on the state that holds, 0 on the others",
        (*GUEST, "state"),
        _protection,
        PROTECTIONS,
    ),
    Metric(
        "guests",
        Kind.GAUGE,
        "Guests by coverage status; absent while the inventory is not known",
        ("pve", "status"),
        _counted(lambda guest: guest.coverage, COVERAGES),
        COVERAGES,
    ),
    Metric(
        "guests_by_protection",
        Kind.GAUGE,
        "Guests by protection state; absent while the inventory is not known",
        ("pve", "state"),
        _counted(lambda guest: guest.protection, PROTECTIONS),
        PROTECTIONS,
    ),
    Metric(
        "guest_jobs",
        Kind.GAUGE,
        "Active vzdump jobs that include the guest; absent while that cannot be decided",
        GUEST,
        _active_jobs,
    ),
    Metric(
        "guest_rpo_seconds",
        Kind.GAUGE,
        "Greatest accepted age of the newest good backup; absent without an active job",
        GUEST,
        _each(lambda guest: guest.rpo_seconds),
    ),
    Metric(
        "guest_next_backup_timestamp_seconds",
        Kind.GAUGE,
        "Next event of the active jobs that include the guest; absent without one",
        GUEST,
        _each(lambda guest: guest.next_backup_at),
    ),
    Metric(
        "guest_excluded_volumes",
        Kind.GAUGE,
        "Data volumes that no active job saves; absent where PVE does not tell",
        GUEST,
        _each(_excluded_volumes),
    ),
)
