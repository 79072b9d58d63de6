"""Datastores and jobs of Proxmox Backup Servers."""

from __future__ import annotations

from dataclasses import dataclass

from report.backups import Datastore, GarbageCollection, PbsJob
from report.timeline import Forecast, Usage


@dataclass(frozen=True, slots=True)
class DatastoreReport:
    """A datastore of a PBS: `state` online, maintenance, unmounted or error; `deduplication_ratio` of the last garbage collection (H12);
    `orphans`: (namespace, groups without guest, their versions) of each namespace in which the guest of every group is known. `groups`,
    `snapshots`: None unless all of it was read. `usage`: how full it was on the last days, today last, in the zone of the policy.
    """

    server: str
    datastore: Datastore
    state: str
    garbage_collection: GarbageCollection | None = None
    deduplication_ratio: float | None = None
    orphans: tuple[tuple[str, int, int], ...] = ()
    groups: int | None = None
    snapshots: int | None = None
    forecast: Forecast | None = None
    usage: tuple[Usage, ...] = ()


@dataclass(frozen=True, slots=True)
class PbsJobReport:
    """A prune, verify, sync or gc job of a PBS: `last_run` ok, warning, error, never or running; None where that was not told (H8)."""

    server: str
    job: PbsJob
    last_run: str | None
    next_run_at: int | None = None
