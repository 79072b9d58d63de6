"""The gauge table: every gauge that a Report feeds, in the order in which it is written."""

from __future__ import annotations

from exporter.metrics.estate import JOB_METRICS, STORAGE_METRICS
from exporter.metrics.guests import GUEST_METRICS
from exporter.metrics.own import SOURCE_METRICS
from exporter.metrics.rows import ReportMetric

REPORT_METRICS: tuple[ReportMetric, ...] = (*GUEST_METRICS, *STORAGE_METRICS, *JOB_METRICS, *SOURCE_METRICS)
