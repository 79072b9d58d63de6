"""One ordinary estate for judging: a virtual machine that is saved every night to a PBS. A test changes what it is about.

Guest 100 runs on pve1 of `lab`; job `nightly` writes at 02:00 UTC through the storage `pbs` into datastore `main`, namespace `lab`, of the
PBS `vault`; a second datastore `offsite` there is led to by no storage. Everything was read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from report.analyse import analyse
from report.backups import Archive, BackupGroup, Datastore, PbsFacts, PbsJob, SnapshotFlag, Snapshots
from report.facts import (
    BackupJob,
    ClusterFacts,
    ConfigVolume,
    Facts,
    Guest,
    GuestConfig,
    IncludedGuest,
    IncludedVolume,
    OracleAnswer,
    StorageDefinition,
    Task,
    TaskOutcome,
    VzdumpDefaults,
)
from report.findings import Finding, FindingCode
from report.model.guests import GuestReport
from report.model.report import EstateFinding, Report
from report.past import NOTHING, Past
from report.policy import Policy
from report.readings import Permissions, Reading
from tests import builders as a

NOW = a.NOW  # 2026-10-21 09:00 UTC, a Wednesday
HOUR, DAY = 3600, 86_400
NIGHT = NOW - 7 * HOUR  # when the job last started
SAVED = NIGHT + 60
GIB = 2**30
DISK = 32 * GIB
TOKEN = "backup@pbs!lab"
NODES = ("pve1", "pve2")
AUDITOR = Permissions({"/": dict.fromkeys(("VM.Audit", "Datastore.Audit", "Sys.Audit", "Pool.Audit"), True)})
SCSI0 = Archive("drive-scsi0.img.fidx", DISK, "none")
OK = SnapshotFlag.VERIFIED


def entry(storage: str = "pbs", **fields: Any) -> StorageDefinition:
    """Return a storage entry that leads to the namespace `lab` of datastore `main` on `vault`."""
    known = {"server": "pbs.example", "datastore": "main", "namespace": "lab", "username": TOKEN}
    return a.storage_definition(storage, storage_type="pbs", **(known | fields))


def job(job_id: str = "nightly", **fields: Any) -> BackupJob:
    return a.backup_job(job_id, **({"storage": "pbs", "keep": (("keep-daily", 10),)} | fields))


def volume(key: str = "scsi0", *, included: bool = True, reason: str = "backup=yes") -> IncludedVolume:
    return IncludedVolume(key, f"local-lvm:vm-100-{key}", included, reason)


def included(*volumes: IncludedVolume, jobs: Sequence[str] = ("nightly",), vmid: int = 100) -> dict[str, Reading[Any]]:
    """Return PVE's word on the guest's volumes, the same for each job."""
    return {each: a.reading(OracleAnswer((IncludedGuest(vmid, "qemu", volumes),))) for each in jobs}


def task(started_at: int = NIGHT, status: str | None = "OK", lasts: int | None = 600, **fields: Any) -> Task:
    """Return a task of the scheduler on pve1; `lasts` None: it runs."""
    node = fields.get("node", "pve1")
    ended = None if lasts is None else started_at + lasts
    known: dict[str, Any] = {"upid": f"UPID:{node}:{started_at}", "node": node, "user": "root@pam", "subject": ""}
    return Task(**(known | {"started_at": started_at, "ended_at": ended, "status": status} | fields))


def nightly_tasks(days: int = 10, newest: int = NIGHT, **fields: Any) -> tuple[Task, ...]:
    return tuple(task(newest - day * DAY, **fields) for day in range(days))


def logs(*pairs: tuple[Task, TaskOutcome]) -> dict[str, Reading[TaskOutcome]]:
    return {each.upid: a.reading(outcome) for each, outcome in pairs}


def cluster(
    guests: Sequence[Guest] = (a.guest(100),),
    jobs: Sequence[BackupJob] = (),
    storages: Sequence[StorageDefinition] = (),
    name: str = "lab",
    pools: Sequence[str] = (),
    **fields: Any,
) -> ClusterFacts:
    planned = tuple(jobs) or (job(),)
    saved = tuple(IncludedGuest(guest.vmid, guest.guest_type, (volume(),)) for guest in guests)
    known: dict[str, Any] = {
        "permissions": a.reading(AUDITOR),
        "zones": {node: a.reading("UTC") for node in NODES},
        "tasks": {node: a.reading(nightly_tasks(node=node)) for node in NODES},
        "included": {each.id: a.reading(OracleAnswer(saved)) for each in planned},
        "vzdump_defaults": {node: a.reading(VzdumpDefaults()) for node in NODES},
        "restores": {node: a.reading(()) for node in NODES},
        "configs": {
            guest.vmid: GuestConfig(NOW, volumes=(ConfigVolume("scsi0", "local-lvm:vm-100-scsi0", DISK),))
            for guest in guests
        },
    }
    facts = a.cluster(name, guests=guests, jobs=planned, storages=storages or (entry(),), nodes=NODES, pools=pools)
    return replace(facts, **(known | fields))


def dailies(count: int = 10, newest: int = SAVED) -> list[int]:
    return [newest - day * DAY for day in reversed(range(count))]


def rows(times: Sequence[int], flags: int = OK, size: int = DISK) -> list[tuple[int, int, int, int]]:
    """Return rows of snapshots: each verified an hour after it was made, where it was."""
    checked = flags & (SnapshotFlag.VERIFIED | SnapshotFlag.VERIFY_FAILED)
    return [(time, size, flags, time + HOUR if checked else 0) for time in times]


def group(
    snapshots: Sequence[tuple[int, int, int, int]] | None = None, backup_id: str = "100", **fields: Any
) -> BackupGroup:
    """Return a group in the namespace `lab` of `main`, owned by the cluster's token; without rows, ten verified nights."""
    known: dict[str, Any] = {
        "server": "vault",
        "datastore": "main",
        "namespace": "lab",
        "backup_type": "vm",
        "owner": TOKEN,
        "newest_archives": (SCSI0,),
        "read_at": NOW,
    }
    held = Snapshots.of(rows(dailies()) if snapshots is None else snapshots)
    return BackupGroup(**(known | {"backup_id": backup_id, "snapshots": held} | fields))


def keyed(found: BackupGroup, numbers: Sequence[int], *fingerprints: str) -> BackupGroup:
    """Return a group whose snapshots are encrypted with keys, by number; 0 is none."""
    return replace(found, snapshots=replace(found.snapshots, keys=bytes(numbers)), key_fingerprints=fingerprints)


def copy(snapshots: Sequence[tuple[int, int, int, int]] | None = None, **fields: Any) -> BackupGroup:
    """Return a group of the datastore `offsite`, which a sync job wrote as root@pam."""
    return group(snapshots, **({"datastore": "offsite", "namespace": "", "owner": "root@pam"} | fields))


def server(*groups: BackupGroup, **fields: Any) -> PbsFacts:
    """Return the PBS `vault` with these groups, of which everything was read; it has no jobs of its own."""
    places = {("main", "lab"), ("offsite", ""), *((each.datastore, each.namespace) for each in groups)}
    stores = sorted({datastore for datastore, _ in places})
    known: dict[str, Any] = {
        "version": a.reading("4.1.0"),
        "permissions": a.reading(Permissions({"/": {"Datastore.Audit": True, "Sys.Audit": True}})),
        "zone": a.reading("UTC"),
        "datastores": a.reading(tuple(Datastore(store) for store in stores)),
        "namespaces": {
            store: a.reading(tuple(sorted(namespace for datastore, namespace in places if datastore == store)))
            for store in stores
        },
        "groups": {
            place: a.reading(tuple(each for each in groups if (each.datastore, each.namespace) == place))
            for place in sorted(places)
        },
        "prune_jobs": a.reading(()),
        "verify_jobs": a.reading(()),
        "sync_jobs": a.reading(()),
        "tasks": a.reading(()),
    }
    return PbsFacts("vault", NOW, True, (("pbs.example", 8007),), **(known | fields))


def sync_job(**fields: Any) -> PbsJob:
    known: dict[str, Any] = {
        "last_run_state": "OK",
        "last_run_at": NIGHT + HOUR,
        "schedule": "03:00",
        "last_run_upid": "UPID",
    }
    return PbsJob("sync", "s1", "offsite", **(known | fields))


@dataclass(frozen=True)
class Judged:
    """A Report with its parts by name."""

    report: Report

    def guest(self, vmid: int = 100, pve: str = "lab") -> GuestReport:
        return next(each for each in self.report.guests if (each.pve, each.guest.vmid) == (pve, vmid))

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.guest().findings

    @property
    def codes(self) -> set[FindingCode]:
        return {finding.code for finding in self.findings}

    def finding(self, code: FindingCode) -> Finding:
        (found,) = (finding for finding in self.findings if finding.code is code)
        return found

    @property
    def estate(self) -> tuple[EstateFinding, ...]:
        return self.report.findings


def judge(
    *groups: BackupGroup,
    policy: Policy | None = None,
    vault: PbsFacts | None = None,
    now: int = NOW,
    past: Past = NOTHING,
    **facts: Any,
) -> Judged:
    """Judge the estate with these groups in it, or with the PBS `vault` as given; `drills`, `clusters`, and fields of the cluster."""
    whole = Facts(
        facts.pop("clusters", None) or (cluster(**{key: value for key, value in facts.items() if key != "drills"}),),
        (vault or server(*groups),),
        facts.get("drills"),
    )
    return Judged(analyse(whole, policy or Policy(), now, past))
