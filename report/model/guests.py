"""The verdict on one guest and what it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from report.facts import Guest
from report.findings import Finding
from report.model.jobs import GuestJob, JobState
from report.model.reasons import Reason
from report.policy import Waiver
from report.timeline import DayState
from report.value import Value


class Coverage(StrEnum):
    """What is planned for a guest. The values are a contract: labels, JSON and alert rules use them as they are (B37)."""

    PLANNED = "sauvegarde_planifiee"
    NOT_PLANNED = "non_sauvegardee"
    UNDECIDED = "indetermine"


class Protection(StrEnum):
    """What is true of a guest's backups. The values are a contract."""

    PROTECTED = "protected"
    AT_RISK = "at_risk"
    UNPROTECTED = "unprotected"
    UNKNOWN = "unknown"
    WAIVED = "waived"


class DiskCover(StrEnum):
    """How much of a guest its active jobs save (C8)."""

    FULL = "full"
    PARTIAL = "partial"
    CONFIG_ONLY = "config_only"
    UNKNOWN = "unknown"


class UsableBackup(Value, frozen=True):
    """A backup that could be restored: where it lies, and the storage and volume id by which the guest's own cluster reaches it, None
    where no entry leads there. `verified`, `encrypted`: None of a file, to which neither applies. `key`: fingerprint of its encryption key.
    `nodes`: from which alone it can be restored, empty: from any of the cluster. `verified_elsewhere`: the source that verified it, where
    nobody else did (H7).
    """

    server: str
    datastore: str
    namespace: str
    backup_type: str
    backup_id: str
    at: int
    storage: str | None = None
    volume: str | None = None
    size_bytes: int | None = None
    verified: bool | None = None
    encrypted: bool | None = None
    key: str | None = None
    nodes: tuple[str, ...] = ()
    verified_elsewhere: str | None = None

    @property
    def on_pbs(self) -> bool:
        """Say whether it lies on a Proxmox Backup Server, which alone tells of verification."""
        return self.verified is not None


class Copy(Value, frozen=True):
    """A store that holds usable backups of a guest, with what the operator says of it; `within_limit`: its newest is recent enough,
    `same_time`: it is the guest's newest one, or a synced copy of it (a copy keeps its backup time, E39). `sync_job`: the job of its server
    that brings it, "" none is known; `sync_status`: how its last run ended as the server says it, "never" or "running" without an end;
    `sync_ended_at`: when.
    """

    server: str
    datastore: str
    newest_at: int
    within_limit: bool
    same_time: bool
    site: str = ""
    offsite: bool = False
    media: str = ""
    immutable: bool = False
    sync_job: str = ""
    sync_status: str | None = None
    sync_ended_at: int | None = None


class RestoreProof(Value, frozen=True):
    """The newest restore of a guest's backup that worked: a task that was seen on the node `by`, or a drill that `by` reported."""

    at: int
    by: str
    backup_at: int | None = None
    target_vmid: int | None = None


@dataclass(frozen=True, slots=True)
class WaivedFinding:
    """A finding that a waiver takes out of the verdict."""

    finding: Finding
    waiver: Waiver


class GuestReport(Value, frozen=True):
    """The verdict on one guest. `jobs` are all that select it. `excluded_volumes` are data volumes that no active job saves (C8),
    None where PVE did not tell. `next_backup_at`: next event of its active jobs. `rpo_seconds`: longest distance between events (F10).
    `newest_backup_at`: its newest usable version on any target; `newest_verified_at`: time of the newest version that was verified ok;
    `due_at`: the first event after the newest version (F11). `limit_seconds`: greatest accepted age of the newest usable version, grace
    included. `findings`: the gravest first; `waived`: those that a waiver takes out; `waiver`: the one of the guest as a whole.
    `rule`: name of the policy's rule for it, "" the default. `restore_command`: how its newest usable version is restored, "" if it can't.
    `copies_known`: every place that may hold a copy was seen, and whose that is, and which are recent enough is decided.
    `days`: what became of its backups on each of the last 28 days, today last, in the zone of the policy.
    """

    pve: str
    guest: Guest
    demanded: bool
    coverage: Coverage
    protection: Protection
    reasons: tuple[Reason, ...]
    jobs: tuple[GuestJob, ...] = ()
    next_backup_at: int | None = None
    rpo_seconds: int | None = None
    excluded_volumes: tuple[str, ...] | None = None
    notes: str | None = None
    created_at: int | None = None
    newest_backup_at: int | None = None
    newest_verified_at: int | None = None
    due_at: int | None = None
    limit_seconds: int | None = None
    findings: tuple[Finding, ...] = ()
    waived: tuple[WaivedFinding, ...] = ()
    waiver: Waiver | None = None
    rule: str = ""
    usable: UsableBackup | None = None
    copies: tuple[Copy, ...] = ()
    copies_known: bool = False
    disks: DiskCover = DiskCover.UNKNOWN
    last_failure_at: int | None = None
    last_duration_seconds: int | None = None
    restore_seen: RestoreProof | None = None
    restore_reported: RestoreProof | None = None
    restore_command: str = ""
    days: tuple[DayState, ...] = ()

    @property
    def active_jobs(self) -> int:
        """Return how many jobs would save this guest."""
        return sum(1 for job in self.jobs if job.state is JobState.ACTIVE)

    @property
    def recent_copies(self) -> tuple[Copy, ...] | None:
        """Return its copies within the limit; None where it is not known that there are no others."""
        if not self.copies_known:
            return None
        return tuple(copy for copy in self.copies if copy.within_limit)
