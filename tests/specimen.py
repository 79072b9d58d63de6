"""One made-up report that holds most of what a report can say: two clusters, every coverage, odd names, jobs of every state."""

from __future__ import annotations

from report.facts import CollectorRun, Failure
from report.model import (
    Coverage,
    GuestJob,
    GuestReport,
    Issue,
    IssueCode,
    JobReport,
    JobState,
    LastRun,
    MissingPrivilege,
    Protection,
    Reason,
    ReasonCode,
    Report,
    SourceReport,
    StorageReport,
)
from tests.builders import (
    NOW,
    TERABYTE,
    guest_report,
    issue,
    job_report,
    reason,
    report,
    source_report,
    storage_definition,
    storage_report,
    storage_state,
)

_NOT_READ = Reason.of(ReasonCode.BACKUPS_NOT_READ)
_DISABLED = reason(ReasonCode.JOB_DISABLED, job="backup-3a1b2c3d-4e5f")
_NOT_ON_NODE = reason(ReasonCode.STORAGE_NOT_ON_NODE, job="weekly", storage="usb", node="pve2")


def specimen() -> Report:
    """Return the report; the same each time."""
    return report(_guests(), jobs=_jobs(), storages=_storages(), sources=_sources(), issues=_issues())


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
