"""A made-up finding of every code, and the guests, waivers and changes that carry them in the specimen with backups."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from report.findings import RULES, Area, Finding, FindingCode, Severity
from report.model.guests import (
    Copy,
    Coverage,
    DiskCover,
    GuestReport,
    Protection,
    RestoreProof,
    UsableBackup,
    WaivedFinding,
)
from report.model.jobs import GuestJob, JobState
from report.model.reasons import Reason, ReasonCode
from report.model.report import Change, ChangeKind, EstateFinding
from report.policy import NO_END, Expectation, Policy, Rule, Scope, StoreMark, Waiver
from report.restores import pbs_volume
from report.value import changed
from tests.builders import NOW, backed_up_guest, guest_report

DAY = 86_400
NEWEST = NOW - 7 * 3600
LATE = NOW - 55 * 3600
HERE, AWAY = "pbs1/main", "pbs2/vault"
_KEY = "1a:2b:3c:4d"

_F, _of = FindingCode, Finding.of
_NOT_AT_SOURCE: dict[str, Any] = {"source": "", "source_verified": 0}
_FINDINGS = (
    _of(_F.NEVER_BACKED_UP),
    _of(_F.NO_USABLE_BACKUP, failed=3, inherited=2),
    _of(_F.BACKUP_LATE, newest=LATE, due=LATE + DAY, limit_seconds=DAY + 5_400, jobs="nightly"),
    _of(_F.BACKUP_TOO_OLD, newest=NOW - 40 * DAY, limit_seconds=7 * DAY, rule=""),
    _of(_F.STORE_LATE, AWAY, place=AWAY, newest=LATE, due=LATE + DAY, jobs="weekly"),
    _of(_F.NOT_SCHEDULED, newest=LATE),
    _of(_F.BACKUP_DUE, newest=NEWEST - DAY, due=NEWEST, late_at=NOW + 1800),
    _of(_F.BACKUP_RUNNING, newest=NEWEST - DAY, due=NEWEST, started=NEWEST + 60),
    _of(_F.VOLUMES_EXCLUDED, volumes="mp0, mp2"),
    _of(_F.NO_VOLUME_SAVED, volumes="scsi0, scsi1"),
    _of(_F.CONFIG_ONLY),
    _of(_F.VOLUMES_NOT_IN_BACKUP, volumes="scsi2", backup=NEWEST, saved=2, present=3),
    _of(_F.VOLUME_GROWN, "scsi0", volume="scsi0", before_bytes=32 * 2**30, now_bytes=64 * 2**30, backup=NEWEST),
    _of(_F.VERIFICATION_FAILED, HERE, place=HERE, backup=NEWEST, verified=NOW - 3600, usable=NEWEST - DAY),
    _of(_F.VERSIONS_CORRUPT, HERE, place=HERE, count=2, newest=NEWEST - 9 * DAY),
    _of(_F.VERIFICATION_OVERDUE, newest=NOW - 45 * DAY, limit_seconds=30 * DAY, rule="production", **_NOT_AT_SOURCE),
    _of(_F.VERIFICATION_OUTDATED, HERE, place=HERE, verified=NOW - 41 * DAY, limit_seconds=30 * DAY, **_NOT_AT_SOURCE),
    _of(_F.NEVER_VERIFIED, AWAY, place=AWAY, source="pbs1/main", source_verified=NOW - 4 * DAY),
    _of(_F.VERIFICATION_NOT_POSSIBLE, place="lab/nas", rule="production"),
    _of(_F.ENCRYPTION_LOST, HERE, place=HERE, since=NOW - 3 * DAY),
    _of(_F.NOT_ENCRYPTED, HERE, place=HERE, mode="plain", rule="production"),
    _of(_F.SIGNED_ONLY, HERE, place=HERE),
    _of(_F.SEVERAL_KEYS, HERE, place=HERE, keys="1a:2b:3c:4d, 9f:8e:7d:6c"),
    _of(_F.KEY_NOT_ON_STORAGE, "pbs", storage="pbs", key="1a:2b:3c:4d"),
    _of(_F.TOO_FEW_COPIES, copies=1, wanted=2, rule="production"),
    _of(_F.NO_OFFSITE_COPY, rule="production"),
    _of(_F.OFFSITE_LATE, newest=LATE - DAY, lag_seconds=3 * DAY, limit_seconds=2 * DAY, rule="production"),
    _of(_F.SYNC_NOT_CLEAN, "pbs2/s-offsite", server="pbs2", job="s-offsite", status="WARNINGS: 2", ended=NOW - 3600),
    _of(_F.BACKUP_FAILED, at=NEWEST, message="no space left on device", node="pve1"),
    _of(_F.BACKUP_ABORTED, at=NEWEST, node="pve2", status="unexpected status"),
    _of(_F.BACKUP_NOT_REACHED, at=NEWEST, node="pve1", job="nightly", message="could not activate storage 'nas'"),
    _of(_F.BACKUP_WITH_ERRORS, at=NEWEST, message="pruning failed: permission denied", node="pve1"),
    _of(_F.MISSED_RUN, "nightly", job="nightly", at=NEWEST, node="pve3"),
    _of(_F.NEXT_BACKUP_BLOCKED, "nas", at=NEWEST + DAY, jobs="weekly", node="pve3", storage="nas", able="nightly"),
    _of(_F.BACKUP_STUCK, started=NOW - 20 * 3600, node="pve1", usual_seconds=3600, limit_seconds=6 * 3600),
    _of(_F.STALE_LOCK, lock="backup"),
    _of(_F.LEFTOVER_SNAPSHOT, snapshot="vzdump"),
    _of(_F.VERSIONS_MISSING, HERE, place=HERE, expected=7, actual=4),
    _of(_F.VERSIONS_SURPLUS, AWAY, place=AWAY, expected=7, actual=19),
    _of(_F.DRILL_FAILED, at=NOW - 12 * DAY, by="drill.sh", message="the guest did not boot"),
    _of(_F.RESTORE_NOT_PROVEN, newest=0, limit_seconds=90 * DAY, rule="production"),
    _of(_F.SIZE_COLLAPSED, HERE, place=HERE, backup=NEWEST, before_bytes=32 * 2**30, now_bytes=2**30),
    _of(_F.SIZE_JUMPED, AWAY, place=AWAY, backup=NEWEST, before_bytes=2**30, now_bytes=32 * 2**30),
    _of(_F.BACKUPS_INHERITED, HERE, place=HERE, count=4, created=NOW - 20 * DAY),
    _of(_F.BACKUPS_AMBIGUOUS, "pbs1/main/shared", place="pbs1/main/shared"),
    _of(_F.JOB_SELECTS_NOTHING, "empty"),
    _of(_F.JOB_NEVER_RUNS, "once", schedule="2020-01-01"),
    _of(_F.SCHEDULE_READS_OTHERWISE, "weekly", schedule="sat 22"),
    _of(_F.ORPHANED_BACKUPS, "main", groups=2, versions=7, newest_bytes=64 * 10**9),
    _of(_F.STORAGE_DRIFT, "pbs", field="namespace", wanted="lab", found="paris"),
    _of(_F.NAMESPACE_SHARED, "pbs1/main/shared", entries="lab/pbs, paris/pbs"),
    _of(_F.WAIVER_EXPIRING, "tag:dev not_encrypted", until=NOW + 9 * DAY, owner="ops"),
    _of(_F.WAIVER_EXPIRED, "lab/103", until=NOW - 2 * DAY, owner=""),
    _of(_F.WAIVER_NOT_READ, "vzcover: waive soon", line="vzcover: waive soon", fault="not_readable"),
)
EVERY_FINDING = {finding.code: finding for finding in _FINDINGS}

_FOREVER = Waiver(Scope(tags=("nobackup",)), "tag nobackup", NO_END, origin="tag")
_LAB = Waiver(Scope.of_guest("lab", 113), "rebuilt from scratch in an hour", NOW + 60 * DAY, "ops")
_SCRATCH = Waiver(
    Scope.of_guest("lab", 101), "mp0 is a cache", NOW + 200 * DAY, code="volumes_excluded", volume="mp0", origin="notes"
)
_DEV = Waiver(Scope(tags=("dev",)), "=HYPERLINK(1)", NOW + 9 * DAY, "ops", code="not_encrypted")
POLICY = Policy(
    default=Expectation(verified_within_seconds=30 * DAY),
    rules=(
        Rule(
            "production",
            Scope(pools=("prod",), vmids=((100, 199),)),
            Expectation(
                max_age_seconds=2 * DAY,
                verified_within_seconds=30 * DAY,
                copies=2,
                offsite=True,
                offsite_max_age_seconds=2 * DAY,
                encrypted=True,
                allowed_volumes=("mp*",),
                restore_proven_within_seconds=90 * DAY,
            ),
        ),
        Rule("scratch", Scope(clusters=("lab",), names=("tmp-*",)), Expectation(demanded=False)),
    ),
    waivers=(_LAB, _DEV),
    stores=(
        StoreMark("pbs1", "main", site="Paris", media="ssd"),
        StoreMark("pbs2", site="Lyon", offsite=True, media="tape", immutable=True),
    ),
    waive_by_tag="nobackup",
    waive_in_notes=True,
)
_MAIN = Copy("pbs1", "main", NEWEST, within_limit=True, same_time=True, site="Paris", media="ssd")
_VAULT = changed(
    Copy("pbs2", "vault", NEWEST - DAY, within_limit=True, same_time=False, site="Lyon", offsite=True, media="tape"),
    sync_job="s-offsite",
    sync_status="WARNINGS: 2",
    sync_ended_at=NOW - 3600,
)
_OLD_VAULT = Copy("pbs2", "vault", LATE - DAY, within_limit=False, same_time=False, site="Lyon", offsite=True)
_NAS = Copy("lab", "nas", NEWEST, within_limit=True, same_time=True)


def findings(*codes: FindingCode, since: int | None = NOW - 2 * DAY) -> tuple[Finding, ...]:
    """Given codes, return their findings, the gravest first, open since an instant."""
    found = (EVERY_FINDING[code] for code in codes)
    dated = (changed(each, since=since) for each in found)
    order = list(Severity)
    return tuple(sorted(dated, key=lambda each: order.index(each.severity)))


def _codes_of(*areas: Area) -> tuple[FindingCode, ...]:
    return tuple(code for code, rule in RULES.items() if rule.area in areas)


def held(vmid: int, at: int = NEWEST, *, in_time: bool = True) -> dict[str, Any]:
    """Given a vmid, the time of its newest backup and whether it is recent enough, return the fields of a guest that has it on one PBS."""
    volume = pbs_volume("pbs", "vm", str(vmid), at)
    usable = UsableBackup(*("pbs1", "main", "", "vm", str(vmid), at, "pbs", volume), 32 * 10**9, True, True, _KEY)
    return {
        "newest_backup_at": at,
        "limit_seconds": DAY + 5_400,
        "usable": usable,
        "copies": (changed(_MAIN, newest_at=at, within_limit=in_time),),
        "disks": DiskCover.FULL,
        "restore_command": f"qmrestore {volume} {vmid}",
    }


def sound(vmid: int) -> dict[str, Any]:
    """Given a vmid, return the fields of a guest that is well saved in two places, one of them off-site, with a restore that was seen and
    one that was reported.
    """
    saved = held(vmid)
    return {
        **saved,
        "copies": (_MAIN, _VAULT),
        "last_failure_at": NOW - 9 * DAY,
        "last_duration_seconds": 412,
        "restore_seen": RestoreProof(NOW - 30 * DAY, by="pve1", backup_at=NOW - 31 * DAY, target_vmid=9100),
        "restore_reported": RestoreProof(NOW - 3 * DAY, by="drill.sh"),
        "restore_command": f"{saved['restore_command']} --storage local-lvm",
        "findings": tuple(
            each.as_information() for each in findings(_F.VOLUME_GROWN, _F.SYNC_NOT_CLEAN, _F.VERSIONS_MISSING)
        ),
    }


def on_files(vmid: int) -> dict[str, Any]:
    """Given a vmid, return the fields of a container saved as files only; a finding of it is waived by a line in its notes."""
    volume = f"nas:backup/vzdump-lxc-{vmid}-2026_10_21-04_00_00.tar.zst"
    return {
        "limit_seconds": 2 * DAY,
        "rule": "production",
        "usable": UsableBackup("lab", "nas", "", "ct", str(vmid), NEWEST, "nas", volume, 9 * 10**9),
        "copies": (_NAS,),
        "disks": DiskCover.PARTIAL,
        "restore_reported": RestoreProof(NOW - 12 * DAY, by="drill.sh"),
        "restore_command": f"pct restore {vmid} {volume} --storage local-lvm",
        "waived": (WaivedFinding(EVERY_FINDING[_F.VOLUMES_EXCLUDED], _SCRATCH),),
    }


def found_guests() -> list[GuestReport]:
    """Return guests that carry the findings no other guest of the specimen has, and one that is waived as a whole."""
    active = Reason.of(ReasonCode.IN_ACTIVE_JOB, jobs="nightly")
    waived = Reason.of(ReasonCode.WAIVED, reason=_LAB.reason, until=_LAB.until, owner=_LAB.owner)
    (old,) = findings(_F.BACKUP_TOO_OLD)
    common: dict[str, Any] = {"protection": Protection.AT_RISK, "reasons": (active,), "rule": "production"}
    return [
        backed_up_guest(
            109,
            name="damaged",
            protection=Protection.UNPROTECTED,
            reasons=(active,),
            newest_backup_at=None,
            newest_verified_at=None,
            due_at=None,
            findings=findings(_F.NO_USABLE_BACKUP, _F.VERIFICATION_FAILED, _F.VERSIONS_CORRUPT, since=None),
        ),
        backed_up_guest(
            110,
            name="disks",
            **common | held(110) | {"disks": DiskCover.PARTIAL, "excluded_volumes": ("mp0", "mp2")},
            findings=findings(*_codes_of(Area.DISKS, Area.VERIFICATION)),
        ),
        backed_up_guest(
            111,
            name="copies",
            **common | held(111) | {"copies": (_MAIN, _OLD_VAULT)},
            findings=findings(*_codes_of(Area.ENCRYPTION, Area.COPIES, Area.RESTORE, Area.ODDITIES, Area.VERSIONS)),
        ),
        backed_up_guest(
            112,
            name="runs",
            **common | held(112),
            last_failure_at=NEWEST,
            findings=findings(
                *_codes_of(Area.RUNS), _F.STORE_LATE, _F.BACKUP_DUE, _F.BACKUP_RUNNING, _F.WAIVER_NOT_READ
            ),
        ),
        guest_report(
            113,
            name="lab",
            protection=Protection.WAIVED,
            reasons=(active, waived),
            waiver=_LAB,
            findings=findings(_F.NEVER_BACKED_UP),
        ),
        guest_report(
            114,
            name="leftover",
            coverage=Coverage.NOT_PLANNED,
            protection=Protection.UNPROTECTED,
            reasons=(Reason.of(ReasonCode.IN_NO_JOB),),
            jobs=(GuestJob("nightly", JobState.PAUSED, Reason.of(ReasonCode.JOB_DISABLED, job="nightly")),),
            **held(114, NOW - 40 * DAY, in_time=False) | {"limit_seconds": 7 * DAY},
            findings=(changed(old, severity=Severity.CRITICAL), *findings(_F.NOT_SCHEDULED)),
        ),
        guest_report(
            115, name="tagged", tags=("nobackup",), protection=Protection.WAIVED, reasons=(active,), waiver=_FOREVER
        ),
    ]


def estate_findings() -> tuple[EstateFinding, ...]:
    """Return a finding of every code that is about no single guest."""
    codes = {
        "lab": (_F.JOB_SELECTS_NOTHING, _F.JOB_NEVER_RUNS, _F.SCHEDULE_READS_OTHERWISE, _F.STORAGE_DRIFT),
        "pbs1": (_F.NAMESPACE_SHARED, _F.ORPHANED_BACKUPS),
        "": (_F.WAIVER_EXPIRING, _F.WAIVER_EXPIRED),
    }
    return tuple(EstateFinding(source, EVERY_FINDING[code]) for source, some in codes.items() for code in some)


def changes() -> Iterable[Change]:
    """Return a change of every kind."""
    disabled = Reason.of(ReasonCode.JOB_DISABLED, job="backup-3a1b2c3d-4e5f")
    moved = Reason.of(ReasonCode.GUEST_MOVED, before="pve1", node="pve2")
    reduced = Reason.of(ReasonCode.RETENTION_REDUCED, place=HERE, before=14, after=7)
    left_out = Reason.of(ReasonCode.VOLUMES_LEFT_OUT, volumes="scsi1")
    gone = Reason.of(ReasonCode.JOB_GONE, job="hourly")
    states = Protection
    late, unscheduled = (findings(code, since=NOW) for code in (_F.BACKUP_LATE, _F.NOT_SCHEDULED))
    return (
        Change(
            ChangeKind.LOST, "lab", 103, "archive", states.PROTECTED, states.AT_RISK, (disabled, moved), unscheduled
        ),
        Change(ChangeKind.REGAINED, "lab", 100, "web-1", states.AT_RISK, states.PROTECTED),
        Change(ChangeKind.WORSE, "lab", 109, "damaged", states.AT_RISK, states.UNPROTECTED, (reduced, gone), late),
        Change(ChangeKind.BETTER, "lab", 102, "mail", states.UNPROTECTED, states.AT_RISK),
        Change(ChangeKind.UNCLEAR, "lab", 106, "elsewhere", states.PROTECTED, states.UNKNOWN, (left_out,)),
        Change(ChangeKind.NEW, "lab", 104, "new", None, states.UNPROTECTED),
        Change(ChangeKind.GONE, "lab", 99, None, states.PROTECTED, None),
    )
