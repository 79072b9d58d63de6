"""The gauges about guests: inventory, planned coverage, protection, backups, and the counts of both verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from exporter.metrics.rows import Gauge, Info, Labels, ReportMetric, Split, State, Subjects
from report.model import Coverage, GuestReport, JobState, Protection, ReasonCode, Report

GUEST = ("pve", "vmid")
COVERAGES = tuple(coverage.value for coverage in Coverage)
PROTECTIONS = tuple(protection.value for protection in Protection)

Counts = Counter[tuple[str, str]]


def _guests(report: Report) -> Iterator[tuple[Labels, GuestReport]]:
    for guest in report.guests:
        yield (guest.pve, guest.guest.vmid), guest


def _inventories(report: Report) -> Iterator[tuple[Labels, tuple[str, Counts]]]:
    """Yield each cluster whose inventory is held, with its guests counted by both verdicts: one that is not held is not empty."""
    counts: Counts = Counter()
    for guest in report.guests:
        counts[guest.pve, guest.coverage] += 1
        counts[guest.pve, guest.protection] += 1
    for source in report.sources:
        if source.kind == "pve" and source.inventory_known:
            yield (source.name,), (source.name, counts)


def _active_jobs(report: Report) -> Iterator[tuple[Labels, int]]:
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


def _info(judged: GuestReport) -> Labels:
    guest = judged.guest
    return guest.guest_type, guest.name or "", guest.node, guest.pool or ""


def _counted(values: tuple[str, ...], inventory: tuple[str, Counts]) -> list[int]:
    name, counts = inventory
    return [counts[name, value] for value in values]


def _excluded_volumes(guest: GuestReport) -> int | None:
    return None if guest.excluded_volumes is None else len(guest.excluded_volumes)


GUESTS = Subjects(GUEST, _guests)
INVENTORIES = Subjects(("pve",), _inventories)
ACTIVE_JOBS = Subjects(GUEST, _active_jobs)

GUEST_METRICS: tuple[ReportMetric, ...] = (
    Info(
        "guest_info",
        "Inventory of guests, always 1; join on pve and vmid to see names",
        GUESTS,
        ("guest_type", "name", "node", "pool"),
        _info,
    ),
    State(
        "guest_coverage",
        "Planned coverage by backup jobs: 1 on the status that holds, 0 on the others",
        GUESTS,
        "status",
        COVERAGES,
        lambda guest: guest.coverage,
    ),
    State(
        "guest_protection",
        "What is true of the backups of a guest: 1 on the state that holds, 0 on the others",
        GUESTS,
        "state",
        PROTECTIONS,
        lambda guest: guest.protection,
    ),
    Split(
        "guests",
        "Guests by coverage status; absent while the inventory is not known",
        INVENTORIES,
        "status",
        COVERAGES,
        lambda inventory: _counted(COVERAGES, inventory),
    ),
    Split(
        "guests_by_protection",
        "Guests by protection state; absent while the inventory is not known",
        INVENTORIES,
        "state",
        PROTECTIONS,
        lambda inventory: _counted(PROTECTIONS, inventory),
    ),
    Gauge(
        "guest_jobs",
        "Active vzdump jobs that include the guest; absent while that cannot be decided",
        ACTIVE_JOBS,
        lambda count: count,
    ),
    Gauge(
        "guest_rpo_seconds",
        "Greatest accepted age of the newest good backup; absent without an active job",
        GUESTS,
        lambda guest: guest.rpo_seconds,
    ),
    Gauge(
        "guest_last_backup_timestamp_seconds",
        "Newest good backup on any target; absent if there is none or none is known",
        GUESTS,
        lambda guest: guest.newest_backup_at,
    ),
    Gauge(
        "guest_last_verified_backup_timestamp_seconds",
        "Time of the newest backup that was verified ok (not when it was verified); absent if there is none or none is known",
        GUESTS,
        lambda guest: guest.newest_verified_at,
    ),
    Gauge(
        "guest_next_backup_timestamp_seconds",
        "Next event of the active jobs that include the guest; absent without one",
        GUESTS,
        lambda guest: guest.next_backup_at,
    ),
    Gauge(
        "guest_excluded_volumes",
        "Data volumes that no active job saves; absent where PVE does not tell",
        GUESTS,
        _excluded_volumes,
    ),
)
