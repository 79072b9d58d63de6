"""Sources of facts and their health, and what could not be seen or does not fit together."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from report.findings import Parameter
from report.readings import CollectorRun, Failure


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
    FOLDER_NOT_LISTED = "folder_not_listed"  # job, folder
    NOTES_NOT_READ = "notes_not_read"
    AMBIGUOUS_GROUPS = "ambiguous_groups"  # server, datastore, namespace, count
    DATASTORE_UNREADABLE = "datastore_unreadable"  # datastore, message
    ORACLE_REFUSED = "oracle_refused"  # job, message
    # PVE answered though a broken job should have made it refuse
    ORACLE_SILENT = "oracle_silent"  # job, message
    DRILLS_UNREADABLE = "drills_unreadable"  # message, count
    STORAGES_FILE_UNREADABLE = "storages_file_unreadable"  # message
    HISTORY_UNAVAILABLE = "history_unavailable"  # message


@dataclass(frozen=True, slots=True)
class Issue:
    """Something that could not be seen or does not fit, and the guests (vmids of that source) whose verdict it touches."""

    source: str
    subject: str
    code: IssueCode
    params: tuple[tuple[str, Parameter], ...] = ()
    guests: tuple[int, ...] = ()


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
