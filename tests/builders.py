"""Small builders of facts and reports with harmless defaults: a test names only what it is about.

Every builder takes the fields of the dataclass it builds by name; what is left out is an ordinary, healthy value. `report()` sorts
and counts as the analysis does, so that a hand-made report is consistent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from report.backups import Datastore, GarbageCollection, PbsJob
from report.facts import (
    BackupJob,
    ClusterFacts,
    Facts,
    Guest,
    Inventory,
    Node,
    Reading,
    StorageDefinition,
    StorageState,
)
from report.findings import Parameter
from report.model.groups import GroupMatch, GroupPolicy, GroupReport, RetentionState
from report.model.guests import Coverage, GuestReport, Protection
from report.model.jobs import GuestJob, JobReport, JobState, StorageReport
from report.model.reasons import Reason, ReasonCode
from report.model.report import Change, EstateFinding, Report, Summary
from report.model.servers import DatastoreReport, PbsJobReport
from report.model.sources import Issue, IssueCode, SourceReport
from report.policy import Policy

NOW = 1_792_573_200  # 2026-10-21 09:00:00 UTC, a Wednesday
TERABYTE = 10**12


def guest(vmid: int = 100, **fields: Any) -> Guest:
    """Given a vmid and any fields, return a running virtual machine on pve1."""
    defaults: dict[str, Any] = {
        "guest_type": "qemu",
        "node": "pve1",
        "name": f"guest-{vmid}",
        "template": False,
        "status": "running",
    }
    return Guest(vmid, **(defaults | fields))


def backup_job(job_id: str = "nightly", **fields: Any) -> BackupJob:
    """Given a job id and any fields, return an enabled daily job over all guests."""
    defaults: dict[str, Any] = {
        "schedule": "02:00",
        "storage": "nas",
        "all": True,
        "mode": "snapshot",
        "next_run": None,
    }
    return BackupJob(job_id, **(defaults | fields))


def storage_definition(storage: str = "nas", **fields: Any) -> StorageDefinition:
    """Given a storage id and any fields, return an NFS entry that takes backups on all nodes."""
    defaults: dict[str, Any] = {"storage_type": "nfs", "content": frozenset({"backup"}), "shared": True}
    return StorageDefinition(storage, **(defaults | fields))


def storage_state(storage: str = "nas", node: str = "pve1", **fields: Any) -> StorageState:
    """Given a storage, a node and any fields, return an active NFS storage that is a quarter full."""
    defaults: dict[str, Any] = {
        "storage_type": "nfs",
        "enabled": True,
        "active": True,
        "shared": True,
        "total_bytes": 4 * TERABYTE,
        "used_bytes": 1 * TERABYTE,
        "available_bytes": 3 * TERABYTE,
    }
    return StorageState(storage, node, **(defaults | fields))


def reading(value: Any, fetched_at: int = NOW, max_age: int = 900) -> Reading[Any]:
    """Given a value, return it as read at `fetched_at`."""
    return Reading(value, fetched_at, max_age)


def cluster(
    name: str = "lab",
    *,
    guests: Iterable[Guest] = (),
    jobs: Iterable[BackupJob] = (),
    storages: Iterable[StorageDefinition] | None = None,
    nodes: Iterable[str] = ("pve1", "pve2", "pve3"),
    pools: Iterable[str] = (),
    **fields: Any,
) -> ClusterFacts:
    """Given guests, jobs, storages, node names and pools, return a cluster that answered everything at NOW."""
    node_names = tuple(nodes)
    defaults: dict[str, Any] = {
        "attempted_at": NOW,
        "up": True,
        "version": reading("9.1.2"),
        "inventory": reading(Inventory(tuple(guests), frozenset(pools), frozenset(node_names))),
        "nodes": reading(tuple(Node(node, online=True) for node in node_names)),
        "jobs": reading(tuple(jobs)),
        "storages": reading((storage_definition(),) if storages is None else tuple(storages)),
    }
    return ClusterFacts(name, **(defaults | fields))


def facts(*clusters: ClusterFacts) -> Facts:
    """Given clusters, return the facts."""
    return Facts(clusters)


def reason(code: ReasonCode, **params: Parameter) -> Reason:
    """Given a reason code and its parameters, return the reason."""
    return Reason.of(code, **params)


def issue(
    code: IssueCode, source: str = "lab", subject: str = "", guests: tuple[int, ...] = (), **params: Parameter
) -> Issue:
    """Given an issue code, where it belongs and its parameters, return the issue."""
    return Issue(source, subject, code, tuple(params.items()), guests)


def guest_report(vmid: int = 100, *, pve: str = "lab", demanded: bool = True, **fields: Any) -> GuestReport:
    """Given a vmid, fields of the guest (name, node, pool, …) or of the verdict, return a guest that an active job saves.

    Another `coverage` brings fitting reasons and jobs, and `demanded=False` the protection `waived`, unless they are given. No backup of
    it was looked for; `backed_up_guest` is one that was.
    """
    guest_fields = {key: fields.pop(key) for key in list(fields) if key in Guest.__dataclass_fields__}
    coverage = fields.get("coverage", Coverage.PLANNED)
    protection = Reason.of(ReasonCode.BACKUPS_NOT_READ if demanded else ReasonCode.NOT_DEMANDED)
    fitting: dict[Coverage, dict[str, Any]] = {
        Coverage.PLANNED: {
            "reasons": (Reason.of(ReasonCode.IN_ACTIVE_JOB, jobs="nightly"), protection),
            "jobs": (GuestJob("nightly", JobState.ACTIVE),),
            "next_backup_at": NOW + 17 * 3600,
            "rpo_seconds": 86_400,
        },
        Coverage.NOT_PLANNED: {"reasons": (Reason.of(ReasonCode.IN_NO_JOB), protection)},
        Coverage.UNDECIDED: {"reasons": (Reason.of(ReasonCode.JOBS_NOT_VISIBLE), protection)},
    }
    defaults: dict[str, Any] = {
        "coverage": coverage,
        "protection": Protection.UNKNOWN if demanded else Protection.WAIVED,
        **fitting[coverage],
    }
    return GuestReport(pve, guest(vmid, **guest_fields), demanded, **(defaults | fields))


def backed_up_guest(vmid: int = 100, **fields: Any) -> GuestReport:
    """Given a vmid and any fields as `guest_report` takes them, return a guest that was saved this morning, the next due tomorrow."""
    newest = NOW - 7 * 3600
    defaults: dict[str, Any] = {
        "protection": Protection.PROTECTED,
        "newest_backup_at": newest,
        "newest_verified_at": newest - 86_400,
        "due_at": newest + 86_400,
        "copies_known": True,
        "reasons": (
            Reason.of(ReasonCode.IN_ACTIVE_JOB, jobs="nightly"),
            Reason.of(ReasonCode.HAS_BACKUPS, newest=newest),
        ),
    }
    return guest_report(vmid, **(defaults | fields))


def group_report(vmid: int = 100, **fields: Any) -> GroupReport:
    """Given a vmid and any fields, return the group `vm/VMID` of lab's guest on pbs1, with the seven versions that its prune job leaves."""
    defaults: dict[str, Any] = {
        "server": "pbs1",
        "datastore": "main",
        "namespace": "",
        "backup_type": "vm",
        "backup_id": str(vmid),
        "match": GroupMatch.GUEST,
        "owner": "pve@pbs!lab",
        "read_at": NOW,
        "snapshots": 7,
        "verified": 6,
        "newest_at": NOW - 7 * 3600,
        "oldest_at": NOW - 7 * 3600 - 6 * 86_400,
        "newest_size_bytes": 32 * 10**9,
        "newest_verified_at": NOW - 31 * 3600,
        "policy": GroupPolicy(("prune job p-main",), (("keep-daily", 7),), "Europe/Paris", NOW + 17 * 3600, 1),
        **dict.fromkeys(("nominal", "expected", "low", "high", "actual"), 7),
        **dict.fromkeys(("delta", "missing", "surplus"), 0),
        "state": RetentionState.OK,
    }
    chosen = defaults | fields
    owner: dict[str, Any] = {"pve": "lab", "vmid": vmid} if chosen["match"] is GroupMatch.GUEST else {}
    return GroupReport(**(owner | chosen))


def datastore_report(name: str = "main", *, server: str = "pbs1", **fields: Any) -> DatastoreReport:
    """Given a name, fields of the datastore (maintenance, used_bytes, …) or of the verdict, return a datastore online, half full."""
    store_fields = {key: fields.pop(key) for key in list(fields) if key in Datastore.__dataclass_fields__}
    store: dict[str, Any] = {
        "total_bytes": 8 * TERABYTE,
        "used_bytes": 4 * TERABYTE,
        "available_bytes": 4 * TERABYTE,
        "estimated_full_at": NOW + 200 * 86_400,
    }
    collection = GarbageCollection(
        name,
        schedule="daily",
        next_run_at=NOW + 15 * 3600,
        last_run_at=NOW - 9 * 3600,
        last_run_state="OK",
        index_data_bytes=40 * TERABYTE,
        disk_bytes=4 * TERABYTE,
        pending_bytes=12 * 10**9,
        still_bad=0,
    )
    defaults: dict[str, Any] = {
        "state": "online",
        "garbage_collection": collection,
        "deduplication_ratio": 10.0,
        "groups": 3,
        "snapshots": 21,
    }
    return DatastoreReport(server, Datastore(name, **(store | store_fields)), **(defaults | fields))


def pbs_job_report(
    job_type: str = "prune", job_id: str = "p-main", *, server: str = "pbs1", **fields: Any
) -> PbsJobReport:
    """Given a type, an id, fields of the job (schedule, keep, …) or of the verdict, return a job on `main` that ran well last night."""
    verdict_fields = {key: fields.pop(key) for key in ("last_run",) if key in fields}
    job: dict[str, Any] = {
        "datastore": "main",
        "schedule": "02:00",
        "keep": (("keep-daily", 7),) if job_type == "prune" else (),
        "next_run_at": NOW + 17 * 3600,
        "last_run_state": "OK",
        "last_run_at": NOW - 7 * 3600,
    }
    made = PbsJob(job_type, job_id, **(job | fields))
    verdict: dict[str, Any] = {"last_run": "ok", "next_run_at": None if made.disabled else made.next_run_at}
    return PbsJobReport(server, made, **(verdict | verdict_fields))


def job_report(job_id: str = "nightly", *, pve: str = "lab", **fields: Any) -> JobReport:
    """Given a job id, fields of the job (schedule, node, keep, …) or of the verdict, return an active job judged.

    `guests` are vmids and `storage` is the resolved one, both of the verdict.
    """
    job_fields = {
        key: fields.pop(key) for key in list(fields) if key in BackupJob.__dataclass_fields__ and key != "storage"
    }
    defaults: dict[str, Any] = {
        "state": JobState.ACTIVE,
        "guests": (100,),
        "next_run_at": NOW + 17 * 3600,
        "storage": "nas",
    }
    return JobReport(pve, backup_job(job_id, **job_fields), **(defaults | fields))


def storage_report(storage: str = "nas", *, pve: str = "lab", **fields: Any) -> StorageReport:
    """Given a storage id and any fields, return it as defined and as pve1 sees it."""
    defaults: dict[str, Any] = {
        "storage_type": "nfs",
        "definition": storage_definition(storage),
        "states": (storage_state(storage),),
    }
    return StorageReport(pve, storage, **(defaults | fields))


def source_report(name: str = "lab", **fields: Any) -> SourceReport:
    """Given a source's name and any fields, return a PVE cluster that answered at NOW and agrees with us."""
    defaults: dict[str, Any] = {
        "kind": "pve",
        "up": True,
        "version": "9.1.2",
        "fetched_at": NOW,
        "coverage_disagreements": 0,
    }
    return SourceReport(name, **(defaults | fields))


def pbs_source(name: str = "pbs1", **fields: Any) -> SourceReport:
    """Given a PBS's name and any fields, return it as a source that answered at NOW."""
    return source_report(name, **({"kind": "pbs", "version": "4.1.0", "coverage_disagreements": None} | fields))


def summary(guests: Iterable[GuestReport], *, backups_read: bool = False) -> Summary:
    """Given judged guests, return the counts over them, zeros listed."""
    everyone = tuple(guests)
    demanded = tuple(each for each in everyone if each.demanded)
    coverage = Counter(each.coverage for each in everyone)
    protection = Counter(each.protection for each in everyone)
    of_demanded = Counter(each.coverage for each in demanded)
    return Summary(
        len(everyone),
        tuple((state, coverage[state]) for state in Coverage),
        tuple((state, protection[state]) for state in Protection),
        len(demanded),
        tuple((state, of_demanded[state]) for state in Coverage),
        backups_read,
    )


def report(
    guests: Iterable[GuestReport] = (),
    *,
    jobs: Iterable[JobReport] = (),
    storages: Iterable[StorageReport] = (),
    sources: Iterable[SourceReport] | None = None,
    issues: Iterable[Issue] = (),
    groups: Iterable[GroupReport] = (),
    datastores: Iterable[DatastoreReport] = (),
    pbs_jobs: Iterable[PbsJobReport] = (),
    findings: Iterable[EstateFinding] = (),
    changes: Iterable[Change] = (),
    compared_with: int | None = None,
    backups_read: bool = False,
    policy: Policy | None = None,
    created_at: int = NOW,
) -> Report:
    """Given judged guests and what belongs to them, return a consistent report; by default of one healthy source, `lab`, of whose guests
    no backup was looked for.
    """
    everyone = tuple(sorted(guests, key=lambda each: (each.pve, each.guest.vmid)))
    return Report(
        created_at,
        policy or Policy(),
        summary(everyone, backups_read=backups_read),
        everyone,
        tuple(sorted(jobs, key=lambda each: (each.pve, each.job.id))),
        tuple(storages),
        (source_report(),) if sources is None else tuple(sources),
        tuple(issues),
        tuple(groups),
        tuple(datastores),
        tuple(pbs_jobs),
        tuple(findings),
        tuple(changes),
        compared_with,
    )
