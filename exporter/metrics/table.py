"""The gauge table: every gauge that a Report feeds, in the order in which it is written."""

from __future__ import annotations

from exporter.metrics.estate import ESTATE_METRICS, JOB_METRICS, STORAGE_METRICS
from exporter.metrics.groups import GROUP_METRICS
from exporter.metrics.guests import GUEST_METRICS
from exporter.metrics.own import SOURCE_METRICS
from exporter.metrics.rows import ReportMetric
from exporter.metrics.servers import DATASTORE_METRICS, PBS_JOB_METRICS

REPORT_METRICS: tuple[ReportMetric, ...] = (
    *GUEST_METRICS,
    *GROUP_METRICS,
    *DATASTORE_METRICS,
    *STORAGE_METRICS,
    *JOB_METRICS,
    *ESTATE_METRICS,
    *PBS_JOB_METRICS,
    *SOURCE_METRICS,
)
