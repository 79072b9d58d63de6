"""Which family each row of the gauge table is in, and what is left of the table without some of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from exporter.metrics.estate import ESTATE_METRICS, JOB_METRICS, STORAGE_METRICS
from exporter.metrics.groups import CONTENT, RETENTION
from exporter.metrics.rows import Metric, ReportMetric
from exporter.metrics.servers import DATASTORE_METRICS, PBS_JOB_METRICS
from exporter.metrics.table import REPORT_METRICS


def _names(metrics: tuple[ReportMetric, ...]) -> tuple[str, ...]:
    return tuple(metric.name for metric in metrics)


# the names of exporter.config.families; what stands in none is always there
MEMBERS: Mapping[str, tuple[str, ...]] = {
    "findings": ("guest_finding", *_names(ESTATE_METRICS)),
    "backups": (
        "guest_rpo_seconds",
        "guest_last_backup_timestamp_seconds",
        "guest_last_verified_backup_timestamp_seconds",
        "guest_last_failure_timestamp_seconds",
        "guest_next_backup_timestamp_seconds",
        "guest_last_backup_duration_seconds",
        "guest_excluded_volumes",
    ),
    "copies": ("guest_copies", "guest_offsite_copies"),
    "groups": _names(CONTENT),
    "retention": _names(RETENTION),
    "datastores": _names(DATASTORE_METRICS),
    "storages": _names(STORAGE_METRICS),
    "jobs": ("guest_jobs", *_names(JOB_METRICS)),
    "pbs_jobs": _names(PBS_JOB_METRICS),
}
_FAMILY = {name: family for family, names in MEMBERS.items() for name in names}


def family_of(metric: Metric[Any, Any]) -> str | None:
    """Given a row of the gauge table, return its family; None: it cannot be left out."""
    return _FAMILY.get(metric.name)


def without(leave_out: Collection[str]) -> tuple[ReportMetric, ...]:
    """Given families to leave out, return the other rows of the gauge table in order."""
    return tuple(metric for metric in REPORT_METRICS if family_of(metric) not in leave_out)
