"""Findings: what is wrong, or worth knowing, of a guest's backups, a job or a store. A closed list; `docs/findings.md` is made from it.

A finding is a code with its threshold and its evidence as parameters; its words are in `report.words`. Warnings and critical ones lower
a guest's protection, information never does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from report.value import Value, changed

Parameter = str | int
Params = tuple[tuple[str, Parameter], ...]


class Severity(StrEnum):
    """How grave a finding is. The values are a contract."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class Area(StrEnum):
    """What a finding is about; the order is that of docs/findings.md."""

    FRESHNESS = "freshness"
    DISKS = "disks"
    VERIFICATION = "verification"
    ENCRYPTION = "encryption"
    COPIES = "copies"
    RUNS = "runs"
    VERSIONS = "versions"
    RESTORE = "restore"
    ODDITIES = "oddities"
    JOBS = "jobs"
    STORES = "stores"
    WAIVERS = "waivers"


class FindingCode(StrEnum):
    """Every finding; the values are a contract. `PARAMETERS` names what each tells."""

    NEVER_BACKED_UP = "never_backed_up"
    NO_USABLE_BACKUP = "no_usable_backup"
    BACKUP_LATE = "backup_late"
    BACKUP_TOO_OLD = "backup_too_old"
    STORE_LATE = "store_late"
    NOT_SCHEDULED = "not_scheduled"
    BACKUP_DUE = "backup_due"
    BACKUP_RUNNING = "backup_running"
    VOLUMES_EXCLUDED = "volumes_excluded"
    NO_VOLUME_SAVED = "no_volume_saved"
    CONFIG_ONLY = "config_only"
    VOLUMES_NOT_IN_BACKUP = "volumes_not_in_backup"
    VOLUME_GROWN = "volume_grown"
    VERIFICATION_FAILED = "verification_failed"
    VERSIONS_CORRUPT = "versions_corrupt"
    VERIFICATION_OVERDUE = "verification_overdue"
    VERIFICATION_OUTDATED = "verification_outdated"
    NEVER_VERIFIED = "never_verified"
    VERIFICATION_NOT_POSSIBLE = "verification_not_possible"
    ENCRYPTION_LOST = "encryption_lost"
    NOT_ENCRYPTED = "not_encrypted"
    SIGNED_ONLY = "signed_only"
    SEVERAL_KEYS = "several_keys"
    KEY_NOT_ON_STORAGE = "key_not_on_storage"
    TOO_FEW_COPIES = "too_few_copies"
    NO_OFFSITE_COPY = "no_offsite_copy"
    OFFSITE_LATE = "offsite_late"
    SYNC_NOT_CLEAN = "sync_not_clean"
    BACKUP_FAILED = "backup_failed"
    BACKUP_ABORTED = "backup_aborted"
    BACKUP_NOT_REACHED = "backup_not_reached"
    BACKUP_WITH_ERRORS = "backup_with_errors"
    MISSED_RUN = "missed_run"
    NEXT_BACKUP_BLOCKED = "next_backup_blocked"
    BACKUP_STUCK = "backup_stuck"
    STALE_LOCK = "stale_lock"
    LEFTOVER_SNAPSHOT = "leftover_snapshot"
    VERSIONS_MISSING = "versions_missing"
    VERSIONS_SURPLUS = "versions_surplus"
    DRILL_FAILED = "drill_failed"
    RESTORE_NOT_PROVEN = "restore_not_proven"
    SIZE_COLLAPSED = "size_collapsed"
    SIZE_JUMPED = "size_jumped"
    BACKUPS_INHERITED = "backups_inherited"
    BACKUPS_AMBIGUOUS = "backups_ambiguous"
    # about a job, a store or a waiver: no guest's verdict rests on them
    JOB_SELECTS_NOTHING = "job_selects_nothing"
    JOB_NEVER_RUNS = "job_never_runs"
    SCHEDULE_READS_OTHERWISE = "schedule_reads_otherwise"
    ORPHANED_BACKUPS = "orphaned_backups"
    STORAGE_DRIFT = "storage_drift"
    NAMESPACE_SHARED = "namespace_shared"
    WAIVER_EXPIRING = "waiver_expiring"
    WAIVER_EXPIRED = "waiver_expired"
    WAIVER_NOT_READ = "waiver_not_read"


# parameters that are instants, epoch seconds UTC; 0 is "never"
INSTANTS = frozenset(
    {"newest", "due", "late_at", "backup", "verified", "source_verified", "usable", "since", "at", "started", "ended"}
    | {"created", "until"}
)


@dataclass(frozen=True, slots=True)
class FindingRule:
    """What holds for every finding of a code: what it is about, and how grave it is unless the judgement lowers it to information."""

    area: Area
    severity: Severity


def _rules(area: Area, severity: Severity, *codes: FindingCode) -> dict[FindingCode, FindingRule]:
    return dict.fromkeys(codes, FindingRule(area, severity))


_C, _W, _I = Severity.CRITICAL, Severity.WARNING, Severity.INFO
_F = FindingCode
RULES: Mapping[FindingCode, FindingRule] = {
    **_rules(Area.FRESHNESS, _C, _F.NEVER_BACKED_UP, _F.NO_USABLE_BACKUP),
    **_rules(Area.FRESHNESS, _W, _F.BACKUP_LATE, _F.BACKUP_TOO_OLD, _F.STORE_LATE, _F.NOT_SCHEDULED),
    **_rules(Area.FRESHNESS, _I, _F.BACKUP_DUE, _F.BACKUP_RUNNING),
    **_rules(Area.DISKS, _W, _F.VOLUMES_EXCLUDED, _F.NO_VOLUME_SAVED, _F.VOLUMES_NOT_IN_BACKUP),
    **_rules(Area.DISKS, _I, _F.CONFIG_ONLY, _F.VOLUME_GROWN),
    **_rules(Area.VERIFICATION, _W, _F.VERIFICATION_FAILED, _F.VERSIONS_CORRUPT, _F.VERIFICATION_OVERDUE),
    **_rules(Area.VERIFICATION, _W, _F.VERIFICATION_NOT_POSSIBLE),
    **_rules(Area.VERIFICATION, _I, _F.VERIFICATION_OUTDATED, _F.NEVER_VERIFIED),
    **_rules(Area.ENCRYPTION, _W, _F.ENCRYPTION_LOST, _F.NOT_ENCRYPTED, _F.KEY_NOT_ON_STORAGE),
    **_rules(Area.ENCRYPTION, _I, _F.SIGNED_ONLY, _F.SEVERAL_KEYS),
    **_rules(Area.COPIES, _W, _F.TOO_FEW_COPIES, _F.NO_OFFSITE_COPY, _F.OFFSITE_LATE, _F.SYNC_NOT_CLEAN),
    **_rules(Area.RUNS, _W, _F.BACKUP_FAILED, _F.BACKUP_ABORTED, _F.BACKUP_NOT_REACHED, _F.BACKUP_WITH_ERRORS),
    **_rules(Area.RUNS, _W, _F.MISSED_RUN, _F.BACKUP_STUCK, _F.STALE_LOCK),
    **_rules(Area.RUNS, _I, _F.NEXT_BACKUP_BLOCKED, _F.LEFTOVER_SNAPSHOT),
    **_rules(Area.VERSIONS, _I, _F.VERSIONS_MISSING, _F.VERSIONS_SURPLUS),
    **_rules(Area.RESTORE, _W, _F.DRILL_FAILED, _F.RESTORE_NOT_PROVEN),
    **_rules(Area.ODDITIES, _W, _F.SIZE_COLLAPSED),
    **_rules(Area.ODDITIES, _I, _F.SIZE_JUMPED, _F.BACKUPS_INHERITED, _F.BACKUPS_AMBIGUOUS),
    **_rules(Area.JOBS, _W, _F.JOB_SELECTS_NOTHING, _F.JOB_NEVER_RUNS, _F.SCHEDULE_READS_OTHERWISE),
    **_rules(Area.STORES, _C, _F.NAMESPACE_SHARED),
    **_rules(Area.STORES, _W, _F.STORAGE_DRIFT),
    **_rules(Area.STORES, _I, _F.ORPHANED_BACKUPS),
    **_rules(Area.WAIVERS, _W, _F.WAIVER_EXPIRED),
    **_rules(Area.WAIVERS, _I, _F.WAIVER_EXPIRING, _F.WAIVER_NOT_READ),
}


# what each tells besides its subject, in this order; `INSTANTS` are epochs; 0 is "none"
PARAMETERS: Mapping[FindingCode, tuple[str, ...]] = {
    code: tuple(names.split())
    for code, names in {
        _F.NO_USABLE_BACKUP: "failed inherited",
        _F.BACKUP_LATE: "newest due limit_seconds jobs",
        _F.BACKUP_TOO_OLD: "newest limit_seconds rule",
        _F.STORE_LATE: "place newest due jobs",
        _F.NOT_SCHEDULED: "newest",
        _F.BACKUP_DUE: "newest due late_at",
        _F.BACKUP_RUNNING: "newest due started",
        _F.VOLUMES_EXCLUDED: "volumes",
        _F.NO_VOLUME_SAVED: "volumes",
        _F.VOLUMES_NOT_IN_BACKUP: "volumes backup saved present",
        _F.VOLUME_GROWN: "volume before_bytes now_bytes backup",
        _F.VERIFICATION_FAILED: "place backup verified usable",
        _F.VERSIONS_CORRUPT: "place count newest",
        _F.VERIFICATION_OVERDUE: "newest limit_seconds rule source source_verified",
        _F.VERIFICATION_OUTDATED: "place verified limit_seconds source source_verified",
        _F.NEVER_VERIFIED: "place source source_verified",
        _F.VERIFICATION_NOT_POSSIBLE: "place rule",
        _F.ENCRYPTION_LOST: "place since",
        _F.NOT_ENCRYPTED: "place mode rule",
        _F.SIGNED_ONLY: "place",
        _F.SEVERAL_KEYS: "place keys",
        _F.KEY_NOT_ON_STORAGE: "storage key",
        _F.TOO_FEW_COPIES: "copies wanted rule",
        _F.NO_OFFSITE_COPY: "rule",
        _F.OFFSITE_LATE: "newest lag_seconds limit_seconds rule",
        _F.SYNC_NOT_CLEAN: "server job status ended",
        _F.BACKUP_FAILED: "at message node",
        _F.BACKUP_ABORTED: "at node status",
        _F.BACKUP_NOT_REACHED: "at node job message",
        _F.BACKUP_WITH_ERRORS: "at message node",
        _F.MISSED_RUN: "job at node",
        _F.NEXT_BACKUP_BLOCKED: "at jobs node storage able",
        _F.BACKUP_STUCK: "started node usual_seconds limit_seconds",
        _F.STALE_LOCK: "lock",
        _F.LEFTOVER_SNAPSHOT: "snapshot",
        _F.VERSIONS_MISSING: "place expected actual",
        _F.VERSIONS_SURPLUS: "place expected actual",
        _F.DRILL_FAILED: "at by message",
        _F.RESTORE_NOT_PROVEN: "newest limit_seconds rule",
        _F.SIZE_COLLAPSED: "place backup before_bytes now_bytes",
        _F.SIZE_JUMPED: "place backup before_bytes now_bytes",
        _F.BACKUPS_INHERITED: "place count created",
        _F.BACKUPS_AMBIGUOUS: "place",
        _F.JOB_NEVER_RUNS: "schedule",
        _F.SCHEDULE_READS_OTHERWISE: "schedule",
        _F.ORPHANED_BACKUPS: "groups versions newest_bytes",
        _F.STORAGE_DRIFT: "field wanted found",
        _F.NAMESPACE_SHARED: "entries",
        _F.WAIVER_EXPIRING: "until owner",
        _F.WAIVER_EXPIRED: "until owner",
        _F.WAIVER_NOT_READ: "line fault",
    }.items()
}


class Finding(Value, frozen=True):
    """A code with its parameters in a fixed order. `subject`: what of the guest it is about (a volume, a place), "" the guest as a whole;
    with the code it names the finding from one Report to the next. `since` (epoch): the Report in which it appeared, None not known.
    """

    code: FindingCode
    severity: Severity
    params: Params = ()
    subject: str = ""
    since: int | None = None

    @staticmethod
    def of(code: FindingCode, subject: str = "", **params: Parameter) -> Finding:
        """Given a code, what it is about, and its parameters by name, return the finding with the severity of its rule."""
        return Finding(code, RULES[code].severity, tuple(params.items()), subject)

    def as_information(self) -> Finding:
        """Return the finding with the severity of information: it is told, and lowers nothing."""
        return changed(self, severity=Severity.INFO)

    @property
    def lowers(self) -> bool:
        """Say whether it lowers a guest's protection."""
        return self.severity is not Severity.INFO

    @property
    def area(self) -> Area:
        """What it is about."""
        return RULES[self.code].area
