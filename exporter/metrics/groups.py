"""The gauges about backup groups: what is in them, and how many versions schedule and policy would have left (rulebook E30 to E34)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from exporter.metrics.rows import Gauge, Info, Labels, ReportMetric, Split, Subjects
from report.model.groups import GroupReport
from report.model.report import Report

GROUP = ("server", "datastore", "namespace", "backup_type", "backup_id")
VERIFICATIONS = ("ok", "failed", "none")


def _labels(group: GroupReport) -> Labels:
    return group.server, group.datastore, group.namespace, group.backup_type, group.backup_id


def _groups(report: Report) -> Iterator[tuple[Labels, GroupReport]]:
    for group in report.groups:
        yield _labels(group), group


def _verifications(report: Report) -> Iterator[tuple[Labels, tuple[int | None, int | None, int | None]]]:
    """Yield how many versions of each group are verified, failed, neither. A file cannot be verified: only `none` is there."""
    clusters = {source.name for source in report.sources if source.kind == "pve"}
    for group in report.groups:
        if group.incomplete:
            yield _labels(group), (None, None, None)
        elif group.server in clusters:
            yield _labels(group), (None, None, group.snapshots)
        else:
            unverified = group.snapshots - group.verified - group.verify_failed
            yield _labels(group), (group.verified, group.verify_failed, unverified)


def _info(group: GroupReport) -> Labels:
    guest = (group.pve, group.vmid) if group.pve is not None and group.vmid is not None else ("", "")
    return *guest, group.owner or ""


def _complete(figure: Callable[[GroupReport], int | None]) -> Callable[[GroupReport], int | None]:
    """Given how to read a figure off a group, return the function that does so where the whole group was listed."""
    return lambda group: None if group.incomplete else figure(group)


GROUPS = Subjects(GROUP, _groups)
VERIFICATION = Subjects(GROUP, _verifications)

CONTENT: tuple[ReportMetric, ...] = (
    Info(
        "group_info",
        "Backup groups and the guest each belongs to, always 1; pve and vmid are empty when it belongs to none that is known",
        GROUPS,
        ("pve", "vmid", "owner"),
        _info,
    ),
    Split(
        "group_snapshots",
        "Finished snapshots by their last verification; only none for files; absent while not all could be listed",
        VERIFICATION,
        "verification",
        VERIFICATIONS,
        lambda counts: counts,
    ),
    Gauge(
        "group_verified_elsewhere_snapshots",
        "Those of verification none that only their source verified, whose verification a sync brought along; absent where there are none",
        GROUPS,
        _complete(lambda group: group.verified_elsewhere or None),
    ),
    Gauge(
        "group_unfinished_snapshots",
        "Snapshots that are being written or were never completed; absent while not all could be listed",
        GROUPS,
        _complete(lambda group: group.unfinished),
    ),
    Gauge(
        "group_protected_snapshots",
        "Protected snapshots, which no prune removes; absent while not all could be listed",
        GROUPS,
        _complete(lambda group: group.protected),
    ),
    Gauge(
        "group_encrypted_snapshots",
        "Encrypted snapshots; absent while not all could be listed",
        GROUPS,
        _complete(lambda group: group.encrypted),
    ),
    Gauge(
        "group_newest_backup_timestamp_seconds",
        "Time of the newest finished snapshot that was listed; absent without one",
        GROUPS,
        lambda group: group.newest_at,
    ),
    Gauge(
        "group_oldest_backup_timestamp_seconds",
        "Time of the oldest finished snapshot; absent without one or while not all could be listed",
        GROUPS,
        _complete(lambda group: group.oldest_at),
    ),
    Gauge(
        "group_newest_backup_size_bytes",
        "Logical size of the newest finished snapshot that was listed, not the space it uses; absent where that is not told",
        GROUPS,
        lambda group: group.newest_size_bytes,
    ),
)

RETENTION: tuple[ReportMetric, ...] = (
    Gauge(
        "group_retention_actual_snapshots",
        "Finished, unprotected snapshots with standard names: those that retention is about",
        GROUPS,
        _complete(lambda group: group.actual),
    ),
    Gauge(
        "group_retention_expected_snapshots",
        "Snapshots that schedule and policy would have left by now; absent when unbounded or not decidable",
        GROUPS,
        _complete(lambda group: group.expected),
    ),
    Gauge(
        "group_retention_nominal_snapshots",
        "Sum of the keep options; absent when everything is kept or the policy is not known",
        GROUPS,
        _complete(lambda group: group.nominal),
    ),
    Gauge(
        "group_retention_delta",
        "Actual less expected snapshots",
        GROUPS,
        _complete(lambda group: group.delta),
    ),
    Gauge(
        "group_retention_missing_snapshots",
        "Snapshots too few, beyond what is tolerated; never negative",
        GROUPS,
        _complete(lambda group: group.missing),
    ),
    Gauge(
        "group_retention_surplus_snapshots",
        "Snapshots too many, beyond what is tolerated; never negative",
        GROUPS,
        _complete(lambda group: group.surplus),
    ),
)

GROUP_METRICS: tuple[ReportMetric, ...] = (*CONTENT, *RETENTION)
