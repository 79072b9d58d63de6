"""The gauges about guests: inventory, planned coverage, protection with its findings, backups, and the counts of both verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from exporter.metrics.rows import Gauge, Info, Labels, ReportMetric, Split, State, Subjects
from report.model.guests import Copy, Coverage, GuestReport, Protection
from report.model.jobs import JobState
from report.model.reasons import ReasonCode
from report.model.report import Report

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


def _findings(report: Report) -> Iterator[tuple[Labels, int]]:
    """Yield the open findings of each guest that is not waived, one a code: the gravest, which comes first."""
    for guest in report.guests:
        if guest.findings and guest.protection is not Protection.WAIVED:
            told: set[str] = set()
            for finding in guest.findings:
                if finding.code not in told:
                    told.add(finding.code)
                    yield (guest.pve, guest.guest.vmid, finding.code, finding.severity), 1


def _copies(report: Report) -> Iterator[tuple[Labels, tuple[Copy, ...]]]:
    """Yield the copies of each guest that are recent enough, where it is known that no other is."""
    for guest in report.guests:
        copies = guest.recent_copies
        if copies is not None:
            yield (guest.pve, guest.guest.vmid), copies


def _accepted_age(guest: GuestReport) -> int | None:
    return guest.rpo_seconds if guest.limit_seconds is None else guest.limit_seconds


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
FINDINGS = Subjects((*GUEST, "code", "severity"), _findings)
COPIES = Subjects(GUEST, _copies)

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
    Gauge(
        "guest_finding",
        "An open finding of the guest, always 1; several of one code are one, of the gravest severity (critical, warning, info); "
        "none of a waived guest",
        FINDINGS,
        lambda one: one,
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
        "Guests by protection state, the waived ones by themselves; absent while the inventory is not known",
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
        "Greatest accepted age of the newest good backup, by the policy or else by the schedules, grace included; "
        "before there is one the longest distance between events of the active jobs; absent where neither is known",
        GUESTS,
        _accepted_age,
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
        "guest_last_failure_timestamp_seconds",
        "Start of the newest attempt that failed, as far as tasks and their logs tell; absent if none is known",
        GUESTS,
        lambda guest: guest.last_failure_at,
    ),
    Gauge(
        "guest_next_backup_timestamp_seconds",
        "Next event of the active jobs that include the guest; absent without one",
        GUESTS,
        lambda guest: guest.next_backup_at,
    ),
    Gauge(
        "guest_copies",
        "Distinct stores with a good backup no older than accepted; absent while others may have one that was not seen",
        COPIES,
        len,
    ),
    Gauge(
        "guest_offsite_copies",
        "Of these copies, those on a store that the policy marks off-site",
        COPIES,
        lambda copies: sum(copy.offsite for copy in copies),
    ),
    Gauge(
        "guest_excluded_volumes",
        "Data volumes that no active job saves; absent where PVE does not tell",
        GUESTS,
        _excluded_volumes,
    ),
    Gauge(
        "guest_last_backup_duration_seconds",
        "How long the newest finished backup took; absent where no task log tells",
        GUESTS,
        lambda guest: guest.last_duration_seconds,
    ),
)
