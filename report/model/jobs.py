"""Backup jobs and the storages they write to, judged."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from report.drift import Drift
from report.facts import BackupJob, StorageDefinition, StorageState
from report.model.reasons import Reason
from report.value import Value


class JobState(StrEnum):
    """Whether a job can make backups, by configuration alone (B37)."""

    ACTIVE = "active"
    PAUSED = "paused"
    BROKEN = "broken"
    UNKNOWN = "unknown"


class GuestJob(Value, frozen=True):
    """A job that selects a guest, and whether it would save that guest (B37); `reason` says why not, None while active."""

    job: str
    state: JobState
    reason: Reason | None = None


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
