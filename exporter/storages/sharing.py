"""Namespaces that two clusters write to, by what the file wants and what was read (rulebook D14)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exporter.storages.entries import ClusterStorages, Desired
from report import sharing
from report.sharing import Shared


def shared_targets(desired: Sequence[Desired], actual: Mapping[str, ClusterStorages]) -> tuple[Shared, ...]:
    """Given what the file wants and what the clusters have, return each namespace that more than one cluster would write to."""
    return sharing.shared_targets(desired, {name: cluster.storages for name, cluster in actual.items()})
