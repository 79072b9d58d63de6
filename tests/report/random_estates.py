"""Hypothesis strategies for whole estates: clusters, servers, backups of every kind, tasks and their logs, policies.

Two clusters share an account and its namespaces only where that is asked for, and never the second at which a backup began; the nodes
of a cluster share a zone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from report.backups import Archive, BackupGroup, SnapshotFlag, Snapshots
from report.facts import (
    BackupJob,
    ClusterFacts,
    ConfigVolume,
    Drill,
    Facts,
    Guest,
    GuestConfig,
    GuestOutcome,
    GuestResult,
    IncludedGuest,
    IncludedVolume,
    Node,
    OracleAnswer,
    PoolLookup,
    Restore,
    StorageDefinition,
    StorageState,
    Task,
    TaskOutcome,
    VzdumpDefaults,
)
from report.policy import Expectation, Policy, StoreMark
from tests import builders as a
from tests.report.estates import AUDITOR, DAY, DISK, HOUR, NIGHT, NODES, NOW, SAVED, server, sync_job, task

GOOD = SnapshotFlag.VERIFIED


def _rarely(common: Any, *rare: Any) -> st.SearchStrategy[Any]:
    """Return a strategy that gives what is ordinary twenty times in twenty-one: with all that can be wrong at once nothing would matter."""
    return st.sampled_from([common] * 20 * len(rare) + list(rare))


# good ones come most often, so that most guests have something to lose
_FLAGS = _rarely(
    GOOD,
    *[GOOD | SnapshotFlag.VERIFIED_ELSEWHERE, GOOD | SnapshotFlag.VERIFIED_ELSEWHERE],
    *[0, 0, GOOD | SnapshotFlag.ENCRYPTED, GOOD | SnapshotFlag.ENCRYPTED, GOOD | SnapshotFlag.SIGNED],
    *[SnapshotFlag.VERIFY_FAILED, SnapshotFlag.UNFINISHED, SnapshotFlag.PROTECTED | GOOD],
)
_SCSI0, _SCSI1 = (Archive(f"drive-{key}.img.fidx", DISK, "none") for key in ("scsi0", "scsi1"))
_ROOT = Archive("root.pxar.didx", DISK, "none")
_ARCHIVES = st.sampled_from([(), (_SCSI0,), (_SCSI0, _SCSI1, _ROOT), (_SCSI0, _SCSI1, _ROOT)])
_MOSTLY = _rarely(True, False)
_SELDOM = _MOSTLY.map(lambda mostly: not mostly)
_ONLINE = _rarely(True, False, None)
_NOTES = _rarely(
    None,
    "vzcover: waive finding=backup_late until=2030-01-01 reason=moving",
    "vzcover: waive until=2030-01-01 reason=moving",
    "vzcover: waive reason=",
)


def _owner(cluster: str) -> str:
    return f"backup@pbs!{cluster}"


@st.composite
def _guests(draw: st.DrawFn) -> list[Guest]:
    vmids = draw(st.lists(st.sampled_from([100, 101, 102]), min_size=1, max_size=2, unique=True))
    return [
        a.guest(
            vmid,
            guest_type=draw(st.sampled_from(["qemu", "qemu", "lxc"])),
            node=draw(st.sampled_from(NODES)),
            pool=draw(st.sampled_from([None, "prod"])),
            tags=draw(st.sampled_from([(), ("dev",)])),
            template=draw(_rarely(False, None, True)),
            status=draw(_rarely("running", "stopped", None)),
            lock=draw(_rarely(None, "backup")),
        )
        for vmid in vmids
    ]


@st.composite
def _job(draw: st.DrawFn, job_id: str) -> BackupJob:
    selection = draw(_rarely({"all": True}, {"all": True, "exclude": "101"}, {"vmid": "100,102"}, {"pool": "prod"}))
    return a.backup_job(
        job_id,
        **{
            "all": False,
            "storage": draw(_rarely("pbs", "off", "off", "off", "nas", "gone", None)),
            "schedule": draw(_rarely("02:00", "01:00", "mon..fri 22:00", "sat 3:00", "2025-10-21", "odd")),
            "enabled": draw(_MOSTLY),
            "node": draw(_rarely(None, "pve1", "pve9")),
            "keep": (("keep-daily", 7),),
            **selection,
        },
    )


@st.composite
def _storages(draw: st.DrawFn, account: str) -> list[StorageDefinition]:
    key = _rarely("ab:cd", None, "1")
    known = {"storage_type": "pbs", "server": "pbs.example", "namespace": account, "username": _owner(account)}
    return [
        a.storage_definition("pbs", datastore="main", encryption_key=draw(key), **known),
        a.storage_definition(
            "off",
            datastore="offsite",
            encryption_key=draw(key),
            disabled=draw(_SELDOM),
            **(known | draw(_rarely({}, {"server": "elsewhere.example"}))),
        ),
        a.storage_definition("nas", nodes=draw(st.sampled_from([frozenset(), frozenset({"pve1"})]))),
    ]


@st.composite
def _times(draw: st.DrawFn, cluster: str) -> list[int]:
    """Return the times of up to ten nights, the newest today's most often; some are left out."""
    newest = SAVED - DAY * draw(_rarely(0, 1, 2, 4, 9)) + draw(st.sampled_from([0, 0, 300, 5 * HOUR]))
    newest += len(cluster)
    count = draw(st.sampled_from([1, 3, 8, 10]))
    return [newest - DAY * night for night in reversed(range(count))]


@st.composite
def _group(draw: st.DrawFn, times: Sequence[int], place: dict[str, Any]) -> BackupGroup:
    same = draw(_FLAGS)
    flags = [int(draw(_FLAGS)) if draw(_SELDOM) else int(same) for _ in times]
    sizes = [draw(_rarely(DISK, DISK // 50, 50 * DISK)) if draw(_SELDOM) else DISK for _ in times]
    checked = int(SnapshotFlag.VERIFIED | SnapshotFlag.VERIFY_FAILED)
    rows = [
        (time, size, held, time + HOUR if held & checked else 0)
        for time, size, held in zip(times, sizes, flags, strict=True)
    ]
    snapshots = Snapshots.of(rows)
    keys = st.just(1) if draw(_MOSTLY) else st.sampled_from([0, 1, 2])
    encrypted = [bool(held & SnapshotFlag.ENCRYPTED) for held in snapshots.flags]
    snapshots = replace(snapshots, keys=bytes(draw(keys) if held else 0 for held in encrypted))
    return BackupGroup(
        snapshots=snapshots,
        read_at=NOW,
        incomplete=draw(_SELDOM) and draw(_SELDOM),
        newest_archives=draw(_ARCHIVES),
        key_fingerprints=("ab:cd", "ef:01"),
        verified_elsewhere="pbs9/main" if snapshots.count(SnapshotFlag.VERIFIED_ELSEWHERE) else None,
        **place,
    )


@st.composite
def _groups(
    draw: st.DrawFn, cluster: str, account: str, guests: Sequence[Guest]
) -> tuple[list[BackupGroup], list[BackupGroup]]:
    """Return the groups of a cluster on `vault`, under an account, with copies that keep the times, and those on its file storage."""
    on_vault, on_files = [], []
    for guest in guests:
        kind = {"backup_type": "vm" if guest.guest_type == "qemu" else "ct", "backup_id": str(guest.vmid)}
        owner = _owner(account) if draw(_MOSTLY) else "other@pbs"
        copier = _rarely("root@pam", "other@pbs", "sync@pbs")
        owners = _rarely(_owner(account), "root@pam", "sync@pbs")
        times = draw(_times(cluster))
        if draw(_MOSTLY):
            place = {"server": "vault", "datastore": "main", "namespace": account, "owner": owner}
            on_vault.append(draw(_group(times, place | kind)))
        if draw(st.booleans()):
            place = {"server": "vault", "datastore": "offsite", "namespace": account, "owner": draw(owners)}
            on_vault.append(draw(_group(draw(_times(cluster)), place | kind)))
        if draw(st.booleans()):
            place = {"server": "vault", "datastore": "copies", "namespace": account, "owner": draw(copier)}
            kept = times[: draw(st.integers(1, len(times)))]
            earlier = draw(_rarely(0, 30 * DAY))
            on_vault.append(draw(_group([time - earlier for time in kept], place | kind)))
        if draw(_SELDOM):
            files = {"server": cluster, "datastore": "nas", "namespace": "", "owner": None}
            on_files.append(draw(_group(draw(_times(cluster)), files | kind)))
    return on_vault, on_files


@st.composite
def _tasks(draw: st.DrawFn, node: str, guests: Sequence[Guest]) -> tuple[list[Task], dict[str, Any]]:
    """Return a node's tasks, and what the logs of those that failed say."""
    tasks: list[Task] = []
    outcomes: dict[str, Any] = {}
    results = st.sampled_from(GuestResult)
    for night in range(draw(_rarely(3, 0, 1))):
        status = draw(_rarely("OK", "job errors", "WARNINGS: 1", "unexpected status"))
        subject = draw(st.sampled_from(["", "", "", "100"]))
        lasts = draw(_rarely(600, 3 * HOUR, 20 * HOUR))
        one = task(NIGHT - night * DAY, status, lasts, node=node, subject=subject, upid=f"{node}-{night}")
        tasks.append(one)
        if status == "OK":
            continue
        told = [
            GuestOutcome(guest.vmid, draw(results), one.started_at + 60, 300, "no space")
            for guest in guests
            if guest.node == node and draw(st.sampled_from([True, True, False]))
        ]
        outcomes[one.upid] = a.reading(TaskOutcome(tuple(told)))
    if draw(_SELDOM):
        started = NOW - draw(st.sampled_from([HOUR, 7 * HOUR, 25 * HOUR]))
        tasks.append(
            task(started, None, None, node=node, upid=f"{node}-now", subject=draw(st.sampled_from(["", "100"])))
        )
    return tasks, outcomes


# the volumes of a guest, and whether PVE saves them
_VOLUMES = _rarely(
    {"scsi0": True},
    *[{"scsi0": True, "scsi1": True}, {"scsi0": True, "scsi1": False}, {"scsi0": False, "scsi1": False}, {}],
)


def _said(guest: Guest, volumes: Mapping[str, bool]) -> IncludedGuest:
    told = (
        IncludedVolume(key, f"local-lvm:{key}", saved, "backup=yes" if saved else "backup=no")
        for key, saved in volumes.items()
    )
    return IncludedGuest(guest.vmid, guest.guest_type, tuple(told))


@st.composite
def _restores(draw: st.DrawFn, node: str) -> tuple[Restore, ...]:
    if draw(_MOSTLY):
        return ()
    volume = draw(st.sampled_from(["pbs:backup/vm/100/2026-10-01T02:01:00Z", None]))
    return (Restore(f"{node}-r", node, "qemu", 900, NOW - 3 * DAY, NOW - 3 * DAY + 60, "OK", volume),)


@st.composite
def _cluster(draw: st.DrawFn, name: str, account: str) -> tuple[ClusterFacts, list[BackupGroup]]:
    guests = draw(_guests())
    jobs = [draw(_job(job_id)) for job_id in draw(st.sampled_from([["j1"], ["j1"], ["j1", "j2"], ["j1", "j2", "j3"]]))]
    on_vault, on_files = draw(_groups(name, account, guests))
    tasks: dict[str, Any] = {}
    outcomes: dict[str, Any] = {}
    for node in NODES:
        listed, told = draw(_tasks(node, guests))
        tasks[node] = a.reading(tuple(listed))
        outcomes |= told
    disks = {guest.vmid: draw(_VOLUMES) for guest in guests}
    facts = replace(
        a.cluster(name, guests=guests, jobs=jobs, storages=draw(_storages(account)), nodes=NODES),
        permissions=a.reading(AUDITOR),
        pool_lookups={"prod": a.reading(PoolLookup(frozenset(g.vmid for g in guests if g.pool == "prod")))},
        zones=dict.fromkeys(NODES, a.reading(draw(st.sampled_from(["UTC", "Europe/Berlin", "America/Lima"])))),
        vzdump_defaults={
            node: a.reading(VzdumpDefaults(storage=draw(st.sampled_from(["pbs", None])))) for node in NODES
        },
        nodes=a.reading((Node("pve1", online=draw(_ONLINE)), Node("pve2", online=True))),
        storage_states={"pve1": a.reading((StorageState("pbs", "pve1", "pbs", True, draw(_MOSTLY), True),))},
        tasks=tasks,
        outcomes=outcomes,
        restores={node: a.reading(draw(_restores(node))) for node in NODES},
        backups={"nas": a.reading(tuple(on_files))},
        included={job.id: a.reading(OracleAnswer(tuple(_said(g, disks[g.vmid]) for g in guests))) for job in jobs},
        configs={
            guest.vmid: GuestConfig(
                NOW,
                created_at=draw(_rarely(None, SAVED - 3 * DAY, NOW - HOUR)),
                notes=draw(_NOTES),
                volumes=tuple(
                    ConfigVolume(key, f"local-lvm:{key}", draw(_rarely(DISK, 2 * DISK, None)), saved)
                    for key, saved in disks[guest.vmid].items()
                ),
                parent_snapshot=draw(_rarely(None, "vzdump")),
            )
            for guest in guests
        },
    )
    return facts, on_vault


_EXPECTATIONS = st.builds(
    Expectation,
    demanded=_MOSTLY,
    max_age_seconds=_rarely(None, 2 * DAY, 40 * DAY),
    verified_within_seconds=_rarely(None, 7 * DAY),
    copies=st.sampled_from([1, 1, 2, 3]),
    offsite=st.sampled_from([False, False, True]),
    offsite_max_age_seconds=st.sampled_from([None, 2 * DAY]),
    encrypted=_SELDOM,
    allowed_volumes=st.sampled_from([(), ("scsi1",)]),
    restore_proven_within_seconds=_rarely(None, 90 * DAY),
)
POLICIES = st.builds(
    Policy,
    default=_EXPECTATIONS,
    stores=st.sampled_from(
        [(), (StoreMark("vault", "offsite", offsite=True),), (StoreMark("vault", "copies", offsite=True),)]
    ),
    waive_in_notes=_SELDOM,
)
_DRILLS = st.none() | st.lists(
    st.builds(Drill, st.just("lab"), st.just(100), st.just(NOW - DAY), st.booleans(), st.just("ana")), max_size=2
).map(tuple)


_SYNCS = st.sampled_from(
    [
        (),
        (sync_job(last_run_state="WARNINGS: 1"),),
        (replace(sync_job(remote_store="main"), datastore="copies"),),
        (sync_job(remote_store="main", owner="sync@pbs"),),
        (replace(sync_job(remote_store="main", last_run_state="WARNINGS: 1"), datastore="copies"),),
    ]
)


@st.composite
def estates(draw: st.DrawFn, sharing: bool = False) -> Facts:
    """Return facts of one or two clusters and their PBS, of which everything was read; where they share, of two under one account."""
    names = ["lab", "shop"] if sharing else draw(st.sampled_from([["lab"], ["lab"], ["lab", "shop"]]))
    parts = [draw(_cluster(name, "lab" if sharing else name)) for name in names]
    held = {(one.datastore, one.namespace, one.backup_type, one.backup_id): one for _, own in parts for one in own}
    places = {(store, name) for store in ("main", "offsite", "copies") for name in names}
    vault = server(*held.values(), sync_jobs=a.reading(draw(_SYNCS)))
    groups = {place: vault.groups.get(place, a.reading(())) for place in sorted(places)}
    return Facts(tuple(facts for facts, _ in parts), (replace(vault, groups=groups),), draw(_DRILLS))
