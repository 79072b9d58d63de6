"""Where one cluster is not what the file says, for `storages status`; how it is compared is the Report's business."""

from __future__ import annotations

from exporter.storages.entries import ClusterStorages, Desired
from report.drift import Drift, drift_of


def drift_on(cluster: ClusterStorages, wanted: Desired) -> tuple[Drift, ...]:
    """Given what a cluster has and an entry that it should have, return every difference."""
    return drift_of(wanted, cluster.find(wanted.name))
