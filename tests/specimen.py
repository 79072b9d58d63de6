"""Two made-up reports that hold most of what a report can say: two clusters, every coverage, odd names, jobs of every state; and one of
which backups were read: every protection, a finding of every code, groups of every retention state, datastores and jobs of two
backup servers.
"""

from __future__ import annotations

from report.backups import GarbageCollection
from report.facts import CollectorRun, Failure
from report.findings import FindingCode
from report.model.groups import GroupMatch, GroupPolicy, GroupReport, RetentionState
from report.model.guests import Coverage, GuestReport, Protection
from report.model.jobs import GuestJob, JobReport, JobState, LastRun, StorageReport
from report.model.reasons import Reason, ReasonCode
from report.model.report import Report
from report.model.servers import DatastoreReport, PbsJobReport
from report.model.sources import Issue, IssueCode, MissingPrivilege, SourceReport
from tests.builders import (
    NOW,
    TERABYTE,
    backed_up_guest,
    datastore_report,
    group_report,
    guest_report,
    issue,
    job_report,
    pbs_job_report,
    pbs_source,
    reason,
    report,
    source_report,
    storage_definition,
    storage_report,
    storage_state,
)
from tests.specimen_findings import POLICY, changes, estate_findings, findings, found_guests, held, on_files, sound

_NOT_READ = Reason.of(ReasonCode.BACKUPS_NOT_READ)
_DISABLED = reason(ReasonCode.JOB_DISABLED, job="backup-3a1b2c3d-4e5f")
_NOT_ON_NODE = reason(ReasonCode.STORAGE_NOT_ON_NODE, job="weekly", storage="usb", node="pve2")


def specimen() -> Report:
    """Return the report of a site whose backups were not read; the same each time."""
    return report(_guests(), jobs=_jobs(), storages=_storages(), sources=_sources(), issues=_issues())


def specimen_with_backups() -> Report:
    """Return the report of a site whose backups were read, not all of them; the same each time."""
    return report(
        _backed_up_guests(),
        jobs=_jobs()[:3],
        storages=[*_storages()[:2], *_on_servers()],
        sources=_backup_sources(),
        issues=_backup_issues(),
        groups=_groups(),
        datastores=_datastores(),
        pbs_jobs=_pbs_jobs(),
        findings=estate_findings(),
        changes=changes(),
        compared_with=NOW - 300,
        backups_read=True,
        policy=POLICY,
    )


def _guests() -> list[GuestReport]:
    uncovered = Coverage.NOT_PLANNED
    return [
        guest_report(100, name="web-1", pool="prod", tags=("web", "prod"), notes="Frontend\nask Émilie first"),
        guest_report(
            101, name="émilie → 数据库", pool="prod", guest_type="lxc", node="pve2", excluded_volumes=("mp0", "mp2")
        ),
        guest_report(
            102, name="=cmd|' /C calc'!A0", coverage=uncovered, reasons=(reason(ReasonCode.IN_NO_JOB), _NOT_READ)
        ),
        guest_report(
            103,
            name="mail",
            coverage=uncovered,
            lock="backup",
            reasons=(_DISABLED, _NOT_READ),
            jobs=(GuestJob("backup-3a1b2c3d-4e5f", JobState.PAUSED, _DISABLED),),
        ),
        guest_report(
            104,
            name="line\nbreak \x1b[31m\u202eevil",
            node="pve2",
            coverage=uncovered,
            reasons=(_NOT_ON_NODE, _DISABLED, _NOT_READ),
            jobs=(
                GuestJob("weekly", JobState.BROKEN, _NOT_ON_NODE),
                GuestJob("backup-3a1b2c3d-4e5f", JobState.PAUSED, _DISABLED),
            ),
        ),
        guest_report(
            105,
            name=None,
            template=None,
            status="unknown",
            coverage=Coverage.UNDECIDED,
            reasons=(reason(ReasonCode.POOL_NOT_VISIBLE, job="clients", pool="clients"), _NOT_READ),
        ),
        guest_report(
            9000,
            name="debian-13",
            template=True,
            demanded=False,
            coverage=uncovered,
            reasons=(reason(ReasonCode.IN_NO_JOB), reason(ReasonCode.NOT_DEMANDED)),
        ),
        guest_report(
            200,
            pve="paris",
            name="bureau",
            reasons=(reason(ReasonCode.IN_ACTIVE_JOB, jobs="nightly, weekly"), _NOT_READ),
            jobs=(GuestJob("nightly", JobState.ACTIVE), GuestJob("weekly", JobState.ACTIVE)),
            protection=Protection.UNKNOWN,
        ),
    ]


def _jobs() -> list[JobReport]:
    failed = LastRun("error", NOW - 7 * 3600, 1_260, "job errors")
    return [
        job_report(
            "nightly",
            guests=(100, 101),
            keep=(("keep-last", 3), ("keep-daily", 7)),
            last_run=LastRun("ok", NOW - 7 * 3600, 5_400, "OK"),
            missed_runs=1,
        ),
        job_report(
            "backup-3a1b2c3d-4e5f",
            state=JobState.PAUSED,
            enabled=False,
            all=False,
            vmid="103,104",
            guests=(103, 104),
            next_run_at=None,
            reasons=(reason(ReasonCode.JOB_DISABLED, job="backup-3a1b2c3d-4e5f"),),
        ),
        job_report(
            "weekly",
            schedule="sat 22",
            all=False,
            vmid="104,998,999",
            guests=(104,),
            unknown_ids=(998, 999),
            state=JobState.BROKEN,
            storage="usb",
            next_run_at=None,
            last_run=failed,
            reasons=(
                _NOT_ON_NODE,
                reason(ReasonCode.SELECTS_UNKNOWN_IDS, job="weekly", vmids="998, 999"),
                reason(ReasonCode.SCHEDULE_TRAP, job="weekly", schedule="sat 22"),
            ),
        ),
        job_report(
            "clients",
            state=JobState.UNKNOWN,
            pool="clients",
            all=False,
            guests=(),
            storage=None,
            next_run_at=None,
            schedule="mon-fri 22:00",
            reasons=(reason(ReasonCode.POOL_NOT_VISIBLE, job="clients", pool="clients"),),
        ),
        job_report("nightly", pve="paris", guests=(200,), schedule="mon..fri 22:30", keep=(("keep-all", 1),)),
    ]


def _storages() -> list[StorageReport]:
    keep = (("keep-daily", 7), ("keep-weekly", 4))
    return [
        storage_report(
            "local",
            storage_type="dir",
            definition=storage_definition(
                "local", storage_type="dir", content=frozenset({"iso", "vztmpl"}), shared=False
            ),
            states=tuple(
                storage_state("local", node, storage_type="dir", shared=False, total_bytes=94 * 10**9, used_bytes=used)
                for node, used in (("pve1", 41 * 10**9), ("pve2", 93_999_000_000))
            ),
        ),
        storage_report(
            definition=storage_definition(keep=keep),
            states=(storage_state(), storage_state(node="pve2", active=False, total_bytes=None, used_bytes=None)),
        ),
        storage_report(
            "usb",
            storage_type="dir",
            definition=storage_definition("usb", storage_type="dir", nodes=frozenset({"pve1"}), disabled=True),
            states=(),
        ),
        storage_report(
            "pbs",
            pve="paris",
            storage_type="pbs",
            definition=None,
            states=(storage_state("pbs", storage_type="pbs", total_bytes=12 * TERABYTE),),
        ),
    ]


def _on_servers() -> list[StorageReport]:
    """Return storages on backup servers: one with all options, one without any, one of which only a node tells."""
    whole = storage_definition(
        "vault",
        storage_type="pbs",
        server="pbs1.example",
        port=8010,
        datastore="main",
        namespace="prod/eu",
        username="backup@pbs!lab",
        fingerprint="ab:" * 31 + "cd",
        keep=(("keep-daily", 7),),
        nodes=frozenset({"pve1"}),
        encryption_key="12:34:56:78:9a:bc:de:f0:" + "11:" * 23 + "22",
    )
    bare = storage_definition("second", storage_type="pbs", server="192.0.2.7", datastore="store two")
    return [
        storage_report("second", storage_type="pbs", definition=bare, states=()),
        storage_report("vault", storage_type="pbs", definition=whole, states=()),
        _storages()[3],
    ]


def _sources() -> list[SourceReport]:
    return [
        source_report(
            coverage_disagreements=1,
            missing_privileges=(MissingPrivilege("Pool.Audit", "/pool", "pools"),),
            collectors=(CollectorRun("inventory", True, 0.25, NOW, 7), CollectorRun("tasks", False, 10.0, None, None)),
        ),
        source_report(
            "paris",
            up=False,
            version="8.4.1",
            fetched_at=NOW - 600,
            failure=Failure("unreachable", "/version", "pve paris: no host answers: connection refused"),
            coverage_disagreements=None,
        ),
    ]


def _issues() -> list[Issue]:
    return [
        issue(IssueCode.SOURCE_DOWN, "paris", message="pve paris: no host answers: connection refused."),
        issue(
            IssueCode.PERMISSION_MISSING,
            "lab",
            "/pool",
            (105,),
            privilege="Pool.Audit",
            path="/pool",
            hides="pools",
            token="root@pam!vzcover",
        ),
        issue(IssueCode.NODE_OFFLINE, "lab", "pve3", node="pve3"),
        issue(IssueCode.COLLECTOR_FAILED, "lab", "pve2", collector="tasks", message="500 on /nodes/pve2/tasks"),
        issue(IssueCode.COVERAGE_DISAGREEMENT, "lab", "weekly", (104,), job="weekly", ours="", theirs="104"),
    ]


DAY = 86_400
_NEWEST = NOW - 7 * 3600
_LATE = NOW - 55 * 3600


def _backed_up_guests() -> list[GuestReport]:
    active = reason(ReasonCode.IN_ACTIVE_JOB, jobs="nightly")
    has_backups = reason(ReasonCode.HAS_BACKUPS, newest=_NEWEST)
    return [
        backed_up_guest(100, name="web-1", pool="prod", **sound(100)),
        backed_up_guest(101, name="émilie → 数据库", pool="prod", guest_type="lxc", node="pve2", **on_files(101)),
        backed_up_guest(
            102,
            name="mail",
            protection=Protection.AT_RISK,
            reasons=(active,),
            **held(102, _LATE, in_time=False),
            newest_verified_at=None,
            due_at=_LATE + DAY,
            last_failure_at=_NEWEST,
            findings=findings(FindingCode.BACKUP_LATE, FindingCode.BACKUP_FAILED),
        ),
        backed_up_guest(
            103,
            name="archive",
            coverage=Coverage.NOT_PLANNED,
            protection=Protection.AT_RISK,
            reasons=(_DISABLED,),
            findings=findings(FindingCode.NOT_SCHEDULED, since=NOW),
            jobs=(GuestJob("backup-3a1b2c3d-4e5f", JobState.PAUSED, _DISABLED),),
            **held(103, _LATE) | {"limit_seconds": 7 * DAY},
            due_at=None,
            next_backup_at=None,
        ),
        guest_report(
            104,
            name="new",
            protection=Protection.UNPROTECTED,
            reasons=(active,),
            findings=findings(FindingCode.NEVER_BACKED_UP),
        ),
        guest_report(
            105,
            name="old =1+1",
            coverage=Coverage.NOT_PLANNED,
            protection=Protection.UNPROTECTED,
            reasons=(reason(ReasonCode.IN_NO_JOB),),
            findings=findings(FindingCode.NEVER_BACKED_UP),
        ),
        guest_report(
            106,
            name="elsewhere",
            reasons=(
                active,
                reason(ReasonCode.PBS_NOT_CONFIGURED, storage="offsite", server="pbs.example.net"),
                reason(ReasonCode.STORE_NOT_READ, storage="nas"),
            ),
        ),
        guest_report(
            107,
            name="twin",
            reasons=(active, reason(ReasonCode.GROUP_AMBIGUOUS, server="pbs1", datastore="main", namespace="shared")),
        ),
        backed_up_guest(
            108,
            name="undecided",
            coverage=Coverage.UNDECIDED,
            protection=Protection.UNKNOWN,
            reasons=(reason(ReasonCode.POOL_NOT_VISIBLE, job="clients", pool="clients"), has_backups),
            jobs=(),
            **held(108),
            next_backup_at=None,
            due_at=None,
        ),
        guest_report(
            9000,
            name="debian-13",
            template=True,
            demanded=False,
            coverage=Coverage.NOT_PLANNED,
            reasons=(reason(ReasonCode.IN_NO_JOB), reason(ReasonCode.NOT_DEMANDED)),
        ),
        *found_guests(),
    ]


def _groups() -> list[GroupReport]:
    nightly = GroupPolicy(("job nightly",), (("keep-daily", 7), ("keep-last", 3)), "Europe/Paris", NOW + 17 * 3600, 1)
    both = GroupPolicy(("job nightly", "prune job p-main"), None, "Europe/Paris", NOW + 17 * 3600, None)
    nobody = {
        "policy": GroupPolicy(),
        **dict.fromkeys(("nominal", "expected", "low", "high", "delta", "missing", "surplus")),
    }
    return [
        group_report(
            101,
            server="lab",
            datastore="nas",
            backup_type="ct",
            owner=None,
            verified=0,
            policy=nightly,
            snapshots=9,
            actual=8,
            protected=1,
            renamed=1,
            nominal=10,
            expected=8,
            low=8,
            high=8,
        ),
        group_report(
            100, unfinished=1, encrypted=7, key_fingerprints=("12:34:56:78:9a:bc:de:f0:" + "11:" * 23 + "22",)
        ),
        group_report(
            100,
            namespace="copies",
            snapshots=4,
            verified=1,
            verified_elsewhere=3,
            actual=4,
            delta=-3,
            missing=3,
            state=RetentionState.SHORT,
        ),
        group_report(
            101, backup_type="ct", snapshots=3, actual=3, expected=3, low=3, high=3, state=RetentionState.YOUNG
        ),
        group_report(
            102,
            snapshots=19,
            actual=19,
            low=7,
            high=14,
            delta=12,
            surplus=5,
            state=RetentionState.EXCESS,
            newest_at=_LATE,
            policy=both,
            verify_failed=2,
        ),
        group_report(103, snapshots=12, actual=12, state=RetentionState.NOT_APPLICABLE, newest_at=_LATE, **nobody),
        group_report(108, snapshots=31, actual=31, state=RetentionState.UNBOUNDED, **nobody),
        group_report(107, namespace="shared", match=GroupMatch.AMBIGUOUS, state=RetentionState.UNKNOWN, **nobody),
        group_report(666, match=GroupMatch.ORPHAN, snapshots=5, actual=5, state=RetentionState.UNKNOWN, **nobody),
        group_report(667, match=GroupMatch.ORPHAN, snapshots=2, actual=2, state=RetentionState.UNKNOWN, **nobody),
        group_report(
            0,
            match=GroupMatch.HOST,
            backup_type="host",
            backup_id="pve1",
            state=RetentionState.UNKNOWN,
            incomplete=True,
            **nobody,
        ),
    ]


def _datastores() -> list[DatastoreReport]:
    never = GarbageCollection("full", schedule="sat 03:00", next_run_at=NOW + 3 * DAY)
    failed = GarbageCollection(
        "main", "daily", NOW + 15 * 3600, NOW - 9 * 3600, "WARNINGS: 2", 40 * TERABYTE, 4 * TERABYTE, 12 * 10**9, 3
    )
    return [
        datastore_report(garbage_collection=failed, orphans=(("", 2, 7),), groups=8, snapshots=91),
        datastore_report(
            "full",
            used_bytes=7_960_000_000_000,
            estimated_full_at=NOW + 9 * DAY,
            garbage_collection=never,
            deduplication_ratio=None,
        ),
        datastore_report("shrinking", used_bytes=10**12, estimated_full_at=0, groups=0, snapshots=0),
        datastore_report(
            "offline",
            server="pbs2",
            state="maintenance",
            maintenance='offline,message="disk swap"',
            garbage_collection=None,
            deduplication_ratio=None,
            groups=None,
            snapshots=None,
            **dict.fromkeys(("total_bytes", "used_bytes", "available_bytes", "estimated_full_at")),
        ),
        datastore_report(
            "lost",
            server="pbs2",
            state="error",
            error="unable to open chunk store",
            total_bytes=0,
            used_bytes=0,
            estimated_full_at=None,
            garbage_collection=None,
            deduplication_ratio=None,
            groups=None,
            snapshots=None,
        ),
    ]


def _pbs_jobs() -> list[PbsJobReport]:
    return [
        pbs_job_report("gc", "main", schedule="daily", last_run="warning", last_run_state="WARNINGS: 2"),
        pbs_job_report(),
        pbs_job_report(
            "prune",
            "p-off",
            namespace="copies",
            max_depth=0,
            disabled=True,
            last_run="never",
            last_run_state=None,
            last_run_at=None,
        ),
        pbs_job_report(
            "sync",
            "s-offsite",
            remote="far",
            remote_store="vault",
            remote_namespace="lab",
            direction="pull",
            group_filter=("type:vm",),
            remove_vanished=True,
            last_run="error",
            last_run_state="connection refused",
        ),
        pbs_job_report(
            "sync",
            "s-push",
            remote="far",
            remote_store="vault",
            direction="push",
            max_depth=2,
            last_run="running",
            last_run_state=None,
            last_run_at=None,
        ),
        pbs_job_report(
            "verify",
            "v-main",
            schedule=None,
            next_run_at=None,
            outdated_after_days=30,
            last_run=None,
            last_run_state="unknown",
        ),
    ]


def _backup_sources() -> list[SourceReport]:
    return [
        source_report(),
        pbs_source(missing_privileges=(MissingPrivilege("Sys.Audit", "/system/tasks", "pbs_tasks"),)),
        pbs_source(
            "pbs2",
            up=False,
            version="3.4.1",
            fetched_at=NOW - 600,
            failure=Failure("unreachable", "/version", "pbs pbs2: no host answers: connection refused"),
        ),
    ]


def _backup_issues() -> list[Issue]:
    return [
        issue(
            IssueCode.PERMISSION_MISSING,
            "pbs1",
            "/system/tasks",
            privilege="Sys.Audit",
            path="/system/tasks",
            hides="pbs_tasks",
            token="mon@pbs!vzcover",
        ),
        issue(IssueCode.SOURCE_DOWN, "pbs2", message="pbs pbs2: no host answers: connection refused."),
        issue(IssueCode.DATASTORE_UNREADABLE, "pbs2", "lost", datastore="lost", message="unable to open chunk store"),
        issue(
            IssueCode.AMBIGUOUS_GROUPS,
            "pbs1",
            "main/shared",
            (107,),
            server="pbs1",
            datastore="main",
            namespace="shared",
            count=1,
        ),
        issue(
            IssueCode.CONFLICTING_POLICIES,
            "lab",
            "nas",
            (101,),
            storage="nas",
            jobs="nightly, weekly",
            policies="nightly: keep-last=3,keep-daily=7; weekly: keep-weekly=8",
            count=1,
        ),
        issue(IssueCode.PBS_NOT_CONFIGURED, "lab", "offsite", (106,), storage="offsite", server="pbs.example.net"),
    ]
