"""Why a verdict is what it is: a code with parameters. Words are not here; `report.words` says it in the reader's language."""

from __future__ import annotations

from enum import StrEnum

from report.findings import Parameter, Params
from report.value import Value


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
    SYNC_JOBS_NOT_READ = "sync_jobs_not_read"  # server
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


class Reason(Value, frozen=True):
    """A code with its parameters, in a fixed order, so that two equal reasons are equal and hash alike."""

    code: ReasonCode
    params: Params = ()

    @staticmethod
    def of(code: ReasonCode, **params: Parameter) -> Reason:
        """Given a code and its parameters by name, return the reason."""
        return Reason(code, tuple(params.items()))
