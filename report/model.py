"""The Report: facts judged against a policy at one instant. Immutable; every rendering is a view of it.

Instants are integer epoch seconds, UTC; None is "not known". Words are not here: a reason is a code with parameters, and
`report.words` says it in the reader's language.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from report.backups import Archive, Datastore, GarbageCollection, PbsJob
from report.drift import Drift
from report.facts import BackupJob, Guest, StorageDefinition, StorageState
from report.findings import Finding, Params
from report.findings import Parameter as Parameter
from report.policy import EVERY_GUEST, Policy, Scope, Waiver
from report.readings import CollectorRun, Failure, Keep
from report.timeline import DayState, Forecast, TrendDay, Usage


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


class JobState(StrEnum):
    """Whether a job can make backups, by configuration alone (B37)."""

    ACTIVE = "active"
    PAUSED = "paused"
    BROKEN = "broken"
    UNKNOWN = "unknown"


class ReasonCode(StrEnum):
    """Why a verdict is what it is. A closed list; each has its words in `report.words` (parameters in brackets)."""

    # planned
    IN_ACTIVE_JOB = "in_active_job"  # jobs
    # not planned
    IN_NO_JOB = "in_no_job"
    EXCLUDED_BY_JOB = "excluded_by_job"  # job
    JOB_ON_OTHER_NODE = "job_on_other_node"  # job, job_node, node
    IN_SUB_POOL_ONLY = "in_sub_pool_only"  # job, pool, guest_pool
    JOB_DISABLED = "job_disabled"  # job
    JOB_POOL_MISSING = "job_pool_missing"  # job, pool
    JOB_STRANGE_VMID = "job_strange_vmid"  # job, value
    JOB_NO_FUTURE_RUN = "job_no_future_run"  # job, schedule
    JOB_NODE_UNKNOWN = "job_node_unknown"  # job, node
    STORAGE_NOT_DEFINED = "storage_not_defined"  # job, storage
    STORAGE_DISABLED = "storage_disabled"  # job, storage
    STORAGE_NOT_ON_NODE = "storage_not_on_node"  # job, storage, node
    STORAGE_WITHOUT_BACKUP_CONTENT = "storage_without_backup_content"  # job, storage
    # not decidable
    INVENTORY_STALE = "inventory_stale"  # fetched_at
    JOBS_NOT_VISIBLE = "jobs_not_visible"
    STORAGE_NOT_VISIBLE = "storage_not_visible"  # job, storage
    POOL_NOT_VISIBLE = "pool_not_visible"  # job, pool
    NODES_NOT_VISIBLE = "nodes_not_visible"  # job, node
    SCHEDULE_NOT_READABLE = "schedule_not_readable"  # job, schedule
    VZDUMP_DEFAULTS_NOT_VISIBLE = "vzdump_defaults_not_visible"  # job, node
    # protection
    NOT_DEMANDED = "not_demanded"
    BACKUPS_NOT_READ = "backups_not_read"
    HAS_BACKUPS = "has_backups"  # newest
    STORE_NOT_READ = "store_not_read"  # storage
    PBS_NOT_CONFIGURED = "pbs_not_configured"  # storage, server
    GROUP_AMBIGUOUS = "group_ambiguous"  # server, datastore, namespace
    GROUP_INCOMPLETE = "group_incomplete"  # server, datastore, namespace
    FOLDER_NOT_LISTED = "folder_not_listed"  # job, folder
    VOLUMES_NOT_READ = "volumes_not_read"  # job
    TASKS_NOT_READ = "tasks_not_read"  # node
    LOG_NOT_READ = "log_not_read"  # node, at
    ZONE_NOT_READ = "zone_not_read"  # node
    RESTORES_NOT_READ = "restores_not_read"  # node
    NOTES_NOT_READ = "notes_not_read"
    WAIVED = "waived"  # reason, until, owner
    # why protection changed since the last Report
    JOB_GONE = "job_gone"  # job
    JOB_DROPPED_GUEST = "job_dropped_guest"  # job
    GUEST_MOVED = "guest_moved"  # before, node
    VOLUMES_LEFT_OUT = "volumes_left_out"  # volumes
    RETENTION_REDUCED = "retention_reduced"  # place, before, after
    BACKUPS_UNATTRIBUTED = "backups_unattributed"  # storage
    # about a job as a whole
    SELECTS_NO_GUEST = "selects_no_guest"  # job
    SELECTS_UNKNOWN_IDS = "selects_unknown_ids"  # job, vmids
    EXCLUDE_IGNORED = "exclude_ignored"  # job
    SCHEDULE_TRAP = "schedule_trap"  # job, schedule, warning


class IssueCode(StrEnum):
    """What could not be seen, or does not fit together. A closed list with words in `report.words`."""

    SOURCE_DOWN = "source_down"  # message
    COLLECTOR_FAILED = "collector_failed"  # collector, message
    FACTS_STALE = "facts_stale"  # collector, fetched_at
    PERMISSION_MISSING = "permission_missing"  # privilege, path, hides, token
    NO_GUEST_VISIBLE = "no_guest_visible"
    PARTIAL_VIEW = "partial_view"  # privilege, path, hides, token
    NODE_OFFLINE = "node_offline"  # node
    COVERAGE_DISAGREEMENT = "coverage_disagreement"  # job ("" = PVE's list of guests not backed up), ours, theirs
    CONFLICTING_POLICIES = "conflicting_policies"  # storage, jobs, policies, count
    PBS_NOT_CONFIGURED = "pbs_not_configured"  # storage, server
    AMBIGUOUS_GROUPS = "ambiguous_groups"  # server, datastore, namespace, count
    DATASTORE_UNREADABLE = "datastore_unreadable"  # datastore, message
    ORACLE_REFUSED = "oracle_refused"  # job, message
    # PVE answered though a broken job should have made it refuse
    ORACLE_SILENT = "oracle_silent"  # job, message
    DRILLS_UNREADABLE = "drills_unreadable"  # message, count
    STORAGES_FILE_UNREADABLE = "storages_file_unreadable"  # message
    HISTORY_UNAVAILABLE = "history_unavailable"  # message


@dataclass(frozen=True, slots=True)
class Reason:
    """A code with its parameters, in a fixed order, so that two equal reasons are equal and hash alike."""

    code: ReasonCode
    params: Params = ()

    @staticmethod
    def of(code: ReasonCode, **params: Parameter) -> Reason:
        """Given a code and its parameters by name, return the reason."""
        return Reason(code, tuple(params.items()))


@dataclass(frozen=True, slots=True)
class GuestJob:
    """A job that selects a guest, and whether it would save that guest (B37); `reason` says why not, None while active."""

    job: str
    state: JobState
    reason: Reason | None = None


# why a backup of a guest may exist that was not seen
_UNSEEN_BACKUPS = frozenset(
    {
        ReasonCode.BACKUPS_NOT_READ,
        ReasonCode.STORE_NOT_READ,
        ReasonCode.PBS_NOT_CONFIGURED,
        ReasonCode.GROUP_AMBIGUOUS,
        ReasonCode.GROUP_INCOMPLETE,
    }
)


class DiskCover(StrEnum):
    """How much of a guest its active jobs save (C8)."""

    FULL = "full"
    PARTIAL = "partial"
    CONFIG_ONLY = "config_only"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class UsableBackup:
    """A backup that could be restored: where it lies, and the storage and volume id by which the guest's own cluster reaches it, None
    where no entry leads there. `verified`: None where the store cannot tell. `key`: fingerprint of its encryption key.
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
    encrypted: bool = False
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Copy:
    """A store that holds usable backups of a guest, with what the operator says of it; `within_limit`: its newest is recent enough,
    `same_time`: it is the guest's newest one, or a synced copy of it (a copy keeps its backup time, E39).
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


@dataclass(frozen=True, slots=True)
class RestoreProof:
    """The newest restore of a guest's backup that worked. `observed`: a restore task was seen; else `by` reported a drill."""

    at: int
    observed: bool
    by: str
    backup_at: int | None = None
    target_vmid: int | None = None


@dataclass(frozen=True, slots=True)
class WaivedFinding:
    """A finding that a waiver takes out of the verdict."""

    finding: Finding
    waiver: Waiver


@dataclass(frozen=True, slots=True)
class GuestReport:
    """The verdict on one guest. `jobs` are all that select it. `excluded_volumes` are data volumes that no active job saves (C8),
    None where PVE did not tell. `next_backup_at`: next event of its active jobs. `rpo_seconds`: longest distance between events (F10).
    `newest_backup_at`: its newest usable version on any target; `newest_verified_at`: time of the newest version that was verified ok;
    `due_at`: the first event after the newest version (F11). `limit_seconds`: greatest accepted age of the newest usable version, grace
    included. `findings`: the gravest first; `waived`: those that a waiver takes out; `waiver`: the one of the guest as a whole.
    `rule`: name of the policy's rule for it, "" the default. `restore_command`: how its newest usable version is restored, "" if it can't.
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
    disks: DiskCover = DiskCover.UNKNOWN
    last_failure_at: int | None = None
    last_duration_seconds: int | None = None
    proof: RestoreProof | None = None
    restore_command: str = ""
    days: tuple[DayState, ...] = ()

    @property
    def active_jobs(self) -> int:
        """Return how many jobs would save this guest."""
        return sum(1 for job in self.jobs if job.state is JobState.ACTIVE)

    @property
    def recent_copies(self) -> tuple[Copy, ...] | None:
        """Return its copies within the limit; None where stores that may hold one were not read, or nothing tells whether they were."""
        waived = self.protection is Protection.WAIVED
        unseen = self.protection is Protection.UNKNOWN and any(
            reason.code in _UNSEEN_BACKUPS for reason in self.reasons
        )
        if unseen or (waived and not self.copies):
            return None
        return tuple(copy for copy in self.copies if copy.within_limit)


@dataclass(frozen=True, slots=True)
class LastRun:
    """A job's newest run as far as its tasks can be told apart (G2): ok, warning or error, when, how long (seconds), and the text."""

    state: str
    started_at: int
    duration_seconds: int | None
    status: str


@dataclass(frozen=True, slots=True)
class JobReport:
    """One backup job judged: `guests` that exist and are selected, `unknown_ids` that do not exist any more (B13). `missed_runs`: events of
    the last 7 days that certainly passed without a task, summed over the nodes with a part in it; None where task history does not tell.
    """

    pve: str
    job: BackupJob
    state: JobState
    reasons: tuple[Reason, ...] = ()
    guests: tuple[int, ...] = ()
    unknown_ids: tuple[int, ...] = ()
    next_run_at: int | None = None
    storage: str | None = None
    last_run: LastRun | None = None
    missed_runs: int | None = None


@dataclass(frozen=True, slots=True)
class StorageReport:
    """A storage entry with what each node says of it; `definition` None when only a node's view is visible, or PVE has no such entry.

    `drift`: where it is not what the file of storages says; None: the file does not name it, or it is not known what PVE has.
    `description`: what the file says of it for people.
    """

    pve: str
    storage: str
    storage_type: str
    definition: StorageDefinition | None
    states: tuple[StorageState, ...] = ()
    drift: tuple[Drift, ...] | None = None
    description: str = ""

    @property
    def exists(self) -> bool:
        """Whether PVE has it; an entry that only the file names does not exist."""
        return self.definition is not None or bool(self.states)


class GroupMatch(StrEnum):
    """Whose a backup group is (D.3)."""

    GUEST = "guest"
    ORPHAN = "orphan"  # of a guest that does not exist any more, or of none we know (D17)
    HOST = "host"  # a host's own backup, never a guest's
    FOREIGN = "foreign"  # of another cluster's guest, by its owner (D14)
    AMBIGUOUS = "ambiguous"  # of one of several guests, and nothing tells which (D15)
    EXTERNAL = "external"  # of an external backup provider, which does not tell whose (I8)
    UNKNOWN = "unknown"  # what tells whose it is cannot be seen


class RetentionState(StrEnum):
    """How the versions that exist compare with what schedule and policy would have left (E34)."""

    OK = "ok"
    SHORT = "short"
    EXCESS = "excess"
    UNBOUNDED = "unbounded"
    NOT_APPLICABLE = "not_applicable"
    YOUNG = "young"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class GroupPolicy:
    """What prunes a group: `pruned_by` names jobs ("job nightly", "prune job p1"), `keep` their options where they agree, `zone` the
    zone of the periods, the next prune and how many versions it will remove; None where that cannot be told. `acts`: all that writes or
    prunes, by name, with schedule and options, None where not all is known; `since` (epoch): it was otherwise before, None not known.
    """

    pruned_by: tuple[str, ...] = ()
    keep: Keep | None = None
    zone: str | None = None
    next_prune_at: int | None = None
    next_prune_removes: int | None = None
    acts: tuple[tuple[str, str, Keep], ...] | None = None
    since: int | None = None


@dataclass(frozen=True, slots=True)
class GroupReport:
    """A backup group judged: whose it is, what is in it, and how that compares with what should be.

    `snapshots` counts finished versions, `inherited` those older than the guest (D16). `newest_at`, `oldest_at`, `newest_size_bytes`:
    of finished versions. `key_fingerprints`: of the keys that its snapshots are encrypted with. `nominal`, `expected`, `low`, `high`,
    `actual`, `delta`: rulebook E30–E34; None where undecidable or unbounded.
    """

    server: str
    datastore: str
    namespace: str
    backup_type: str
    backup_id: str
    match: GroupMatch
    pve: str | None = None
    vmid: int | None = None
    owner: str | None = None
    comment: str | None = None
    incomplete: bool = False
    read_at: int | None = None
    snapshots: int = 0
    unfinished: int = 0
    renamed: int = 0
    protected: int = 0
    encrypted: int = 0
    verified: int = 0
    verify_failed: int = 0
    inherited: int = 0
    newest_at: int | None = None
    oldest_at: int | None = None
    newest_size_bytes: int | None = None
    newest_verified_at: int | None = None
    newest_archives: tuple[Archive, ...] = ()
    key_fingerprints: tuple[str, ...] = ()
    policy: GroupPolicy = GroupPolicy()
    nominal: int | None = None
    expected: int | None = None
    low: int | None = None
    high: int | None = None
    actual: int | None = None
    delta: int | None = None
    missing: int | None = None
    surplus: int | None = None
    state: RetentionState = RetentionState.UNKNOWN


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


@dataclass(frozen=True, slots=True)
class MissingPrivilege:
    """A privilege the token should hold on a path, and which facts its absence hides."""

    privilege: str
    path: str
    hides: str


@dataclass(frozen=True, slots=True)
class SourceReport:
    """A source of facts and its health. `fetched_at`: the last refresh in which it answered."""

    name: str
    kind: str
    up: bool
    version: str | None = None
    fetched_at: int | None = None
    failure: Failure | None = None
    missing_privileges: tuple[MissingPrivilege, ...] = ()
    collectors: tuple[CollectorRun, ...] = ()
    certificate_not_after: int | None = None
    coverage_disagreements: int | None = None
    inventory_known: bool = True


@dataclass(frozen=True, slots=True)
class Issue:
    """Something that could not be seen or does not fit, and the guests (vmids of that source) whose verdict it touches."""

    source: str
    subject: str
    code: IssueCode
    params: tuple[tuple[str, Parameter], ...] = ()
    guests: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class EstateFinding:
    """A finding about no single guest: of a job, a store or a waiver, `finding.subject`, of a source."""

    source: str
    finding: Finding


class ChangeKind(StrEnum):
    """What became of a guest since the last Report."""

    LOST = "lost"  # it was protected and is not
    REGAINED = "regained"
    WORSE = "worse"
    BETTER = "better"
    UNCLEAR = "unclear"  # its state was known and is not
    NEW = "new"  # a guest that was not there
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Change:
    """How a guest's protection changed since the last Report. `causes`: what changed about it (job switched off, guest moved, …);
    `findings`: those that lower the verdict and were not there before.
    """

    kind: ChangeKind
    pve: str
    vmid: int
    name: str | None
    before: Protection | None
    after: Protection | None
    causes: tuple[Reason, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts over all guests, and over those that policy demands (the denominator of the sentence). Zeros are listed."""

    guests: int
    coverage: tuple[tuple[Coverage, int], ...]
    protection: tuple[tuple[Protection, int], ...]
    demanded: int
    demanded_coverage: tuple[tuple[Coverage, int], ...]
    backups_read: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """Everything vzcover says, as of `created_at`. Lists are sorted: sources and jobs by name, guests by (pve, vmid).

    `changes` are those since the Report of `compared_with` (epoch), None where none is remembered. `scope`: the guests that it was cut to
    (`report.cut`), empty for all.
    """

    created_at: int
    policy: Policy
    summary: Summary
    guests: tuple[GuestReport, ...] = ()
    jobs: tuple[JobReport, ...] = ()
    storages: tuple[StorageReport, ...] = ()
    sources: tuple[SourceReport, ...] = ()
    issues: tuple[Issue, ...] = ()
    groups: tuple[GroupReport, ...] = ()
    datastores: tuple[DatastoreReport, ...] = ()
    pbs_jobs: tuple[PbsJobReport, ...] = ()
    findings: tuple[EstateFinding, ...] = ()
    changes: tuple[Change, ...] = ()
    compared_with: int | None = None
    trend: tuple[TrendDay, ...] = ()
    scope: Scope = EVERY_GUEST

    @property
    def is_cut(self) -> bool:
        """Whether it is about some guests only."""
        return self.scope != EVERY_GUEST
