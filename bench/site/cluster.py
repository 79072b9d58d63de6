"""The cluster of a site: configurations, PVE's word on volumes, tasks of ten nights with what their logs said, restores."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from bench.site.plan import DAY, FIRST_VMID, GIB, NODES, NOW, POOLS, PVE, TOKEN, ZONE_NAME, Site, events, is_so
from report.facts import (
    BackupJob,
    ClusterFacts,
    ConfigVolume,
    Guest,
    GuestConfig,
    GuestOutcome,
    GuestResult,
    IncludedGuest,
    IncludedVolume,
    OracleAnswer,
    Restore,
    StorageDefinition,
    Task,
    TaskOutcome,
    VzdumpDefaults,
)
from report.readings import Permissions
from tests import builders as a

TASK_NIGHTS = 10
DISK = 32 * GIB
AUDITED = dict.fromkeys(("VM.Audit", "Datastore.Audit", "Sys.Audit", "Pool.Audit"), True)
NODE_NAMES = tuple(f"pve{number}" for number in range(NODES))
FAILED = "job errors"
# drills restore a guest to its own vmid and so much
DRILLS_FROM = 900_000


def cluster_of(site: Site) -> ClusterFacts:
    """Given a site, return its cluster, of which everything was read."""
    tasks = {node: tuple(_tasks(site, node)) for node in NODE_NAMES}
    failed = [task for listed in tasks.values() for task in listed if task.status == FAILED]
    return a.cluster(
        PVE,
        guests=site.inventory,
        jobs=site.jobs,
        storages=[_entry("main"), _entry("second")],
        nodes=NODE_NAMES,
        pools=[f"pool{pool}" for pool in range(POOLS)],
        permissions=a.reading(Permissions({"/": AUDITED})),
        zones={node: a.reading(ZONE_NAME) for node in NODE_NAMES},
        vzdump_defaults={node: a.reading(VzdumpDefaults()) for node in NODE_NAMES},
        included={job.id: a.reading(OracleAnswer(tuple(_included(site, job)))) for job in site.jobs},
        not_backed_up=a.reading(OracleAnswer(frozenset[int]())),
        configs={guest.vmid: _config(guest) for guest in site.inventory},
        tasks={node: a.reading(listed) for node, listed in tasks.items()},
        outcomes={task.upid: a.reading(_outcome(site, task)) for task in failed},
        restores={node: a.reading(tuple(_restores(site, node))) for node in NODE_NAMES},
    )


def _entry(store: str) -> StorageDefinition:
    where = {"server": "pbs.example", "datastore": store, "namespace": PVE, "username": TOKEN, "encryption_key": "1"}
    return a.storage_definition(f"pbs-{store}", storage_type="pbs", **where)


def _keys(guest: Guest) -> tuple[str, ...]:
    return ("rootfs", "mp0") if guest.guest_type == "lxc" else ("scsi0", "scsi1")


def _volume(guest: Guest, key: str) -> str:
    return f"ceph:vm-{guest.vmid}-{key}"


def _included(site: Site, job: BackupJob) -> Iterator[IncludedGuest]:
    for guest in site.inventory:
        if guest.pool == job.pool:
            first, last = _keys(guest)
            saved = not is_so("excluded", guest)
            volumes = (
                IncludedVolume(first, _volume(guest, first), included=True, reason="enabled"),
                IncludedVolume(last, _volume(guest, last), included=saved, reason="enabled" if saved else "disabled"),
            )
            yield IncludedGuest(guest.vmid, guest.guest_type, volumes)


def _config(guest: Guest) -> GuestConfig:
    return GuestConfig(
        NOW,
        created_at=NOW - (100 if is_so("reused", guest) else 1000) * DAY,
        notes=f"Asked for by team {guest.vmid % 7}\nsee the wiki" if is_so("noted", guest) else None,
        volumes=tuple(ConfigVolume(key, _volume(guest, key), DISK) for key in _keys(guest)),
    )


def _tasks(site: Site, node: str) -> Iterator[Task]:
    """Yield a task for each job and night; of the newest ones each job's is failed on one node."""
    for number, job in enumerate(site.jobs):
        for at in events(job.schedule or "", TASK_NIGHTS):
            failed = at > NOW - DAY and node == NODE_NAMES[number]
            upid, status = f"UPID:{node}:{job.id}:{at}", FAILED if failed else "OK"
            yield Task(upid, node, at + 3, at + 3000 + number, status, "root@pam", "")


def _outcome(site: Site, task: Task) -> TaskOutcome:
    job = task.upid.split(":")[2]
    saved = [guest for guest in site.inventory if guest.node == task.node and job.endswith(f"-{guest.pool}")]
    return TaskOutcome(
        tuple(
            GuestOutcome(guest.vmid, GuestResult.FAILED, task.started_at + 60, 20, "job failed with err -5")
            if is_so("failed", guest)
            else GuestOutcome(guest.vmid, GuestResult.OK, task.started_at + 60, 45)
            for guest in saved
        )
    )


def _restores(site: Site, node: str) -> Iterator[Restore]:
    for guest in site.inventory:
        if guest.node == node and is_so("restored", guest):
            start = NOW - DAY * (1 + (guest.vmid - FIRST_VMID) % 60)
            made = datetime.fromtimestamp(start - DAY, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            volume = f"{'ct' if guest.guest_type == 'lxc' else 'vm'}/{guest.vmid}/{made}"
            upid, target = f"UPID:{node}:restore:{guest.vmid}", DRILLS_FROM + guest.vmid
            yield Restore(upid, node, guest.guest_type, target, start, start + 600, "OK", volume)
