"""Hypothesis strategies for whole reports: every code, every state, any text that an API might send, in any mixture."""

from __future__ import annotations

from hypothesis import strategies as st

from report.facts import BackupJob, CollectorRun, Failure, Guest, StorageDefinition, StorageState
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
from report.policy import Policy
from tests.builders import report

# half characters, line ends, colours of terminals, formulas, placeholders: what names hold when someone means harm
TEXTS = st.text(max_size=12) | st.sampled_from(
    ["\ud800", "\r\n", "\x1b[31m", "=1+1", "{job}", "a, b", "émilie → 数据库"]
)
_SCHEDULES = st.sampled_from(["02:00", "mon..fri 22", "2020-01-01", "never", "sat *-1..7 15:00", ""]) | TEXTS
_INSTANTS = st.integers(0, 2**33) | st.sampled_from([-1, 10**20])
_VMIDS = st.integers(1, 10**9)
_PARAMS = st.lists(
    st.tuples(
        st.sampled_from(
            ["job", "jobs", "pool", "storage", "node", "schedule", "fetched_at", "message", "collector", "odd"]
        ),
        TEXTS | _INSTANTS,
    ),
    max_size=4,
    unique_by=lambda pair: pair[0],
).map(tuple)
_KEEP = st.none() | st.lists(
    st.tuples(st.sampled_from(["keep-last", "keep-daily", "keep-all", "weekly"]), st.integers(0, 99)), max_size=3
).map(tuple)

REASONS = st.builds(Reason, st.sampled_from(ReasonCode), _PARAMS)
_REASONS = st.lists(REASONS, max_size=3).map(tuple)
_VMID_LISTS = st.lists(_VMIDS, max_size=12).map(tuple)


def optional(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """Given a strategy, return one that also gives None."""
    return st.none() | strategy


_GUESTS = st.builds(
    Guest,
    vmid=_VMIDS,
    guest_type=st.sampled_from(["qemu", "lxc", "openvz"]),
    node=TEXTS,
    name=optional(TEXTS),
    pool=optional(TEXTS),
    tags=st.lists(TEXTS, max_size=2).map(tuple),
    template=optional(st.booleans()),
    status=optional(TEXTS),
    lock=optional(TEXTS),
)
_GUEST_REPORTS = st.builds(
    GuestReport,
    pve=st.sampled_from(["lab", "paris"]),
    guest=_GUESTS,
    demanded=st.booleans(),
    coverage=st.sampled_from(Coverage),
    protection=st.sampled_from(Protection),
    reasons=_REASONS,
    jobs=st.lists(st.builds(GuestJob, TEXTS, st.sampled_from(JobState), st.none() | REASONS), max_size=5).map(tuple),
    next_backup_at=optional(_INSTANTS),
    rpo_seconds=optional(st.integers(0, 10**8)),
    excluded_volumes=optional(st.lists(TEXTS, max_size=2).map(tuple)),
    notes=optional(TEXTS),
    created_at=optional(_INSTANTS),
)
_JOBS = st.builds(
    BackupJob, id=TEXTS, schedule=optional(_SCHEDULES), keep=_KEEP, comment=optional(TEXTS), dumpdir=optional(TEXTS)
)
_LAST_RUNS = st.builds(
    LastRun, st.sampled_from(["ok", "warning", "error"]), _INSTANTS, optional(st.integers(0, 10**6)), TEXTS
)
_JOB_REPORTS = st.builds(
    JobReport,
    pve=st.sampled_from(["lab", "paris"]),
    job=_JOBS,
    state=st.sampled_from(JobState),
    reasons=_REASONS,
    guests=_VMID_LISTS,
    unknown_ids=_VMID_LISTS,
    next_run_at=optional(_INSTANTS),
    storage=optional(TEXTS),
    last_run=optional(_LAST_RUNS),
)
_BYTES = optional(st.integers(0, 10**16))
_STATES = st.builds(
    StorageState, TEXTS, TEXTS, TEXTS, st.booleans(), st.booleans(), st.booleans(), _BYTES, _BYTES, _BYTES
)
_DEFINITIONS = st.builds(
    StorageDefinition,
    storage=TEXTS,
    storage_type=TEXTS,
    content=st.frozensets(TEXTS | st.just("backup"), max_size=2),
    nodes=st.frozensets(TEXTS, max_size=2),
    disabled=st.booleans(),
    keep=_KEEP,
)
_STORAGE_REPORTS = st.builds(
    StorageReport, TEXTS, TEXTS, TEXTS, optional(_DEFINITIONS), st.lists(_STATES, max_size=3).map(tuple)
)
_SOURCE_REPORTS = st.builds(
    SourceReport,
    name=st.sampled_from(["lab", "paris"]),
    kind=st.just("pve"),
    up=st.booleans(),
    version=optional(TEXTS),
    fetched_at=optional(_INSTANTS),
    failure=optional(st.builds(Failure, TEXTS, TEXTS, TEXTS)),
    missing_privileges=st.lists(st.builds(MissingPrivilege, TEXTS, TEXTS, TEXTS), max_size=2).map(tuple),
    collectors=st.lists(
        st.builds(
            CollectorRun,
            TEXTS,
            st.booleans(),
            st.floats(0, 100),
            optional(_INSTANTS),
            optional(st.integers(0, 10**6)),
        ),
        max_size=2,
    ).map(tuple),
    coverage_disagreements=optional(st.integers(0, 99)),
    inventory_known=st.booleans(),
)
_ISSUES = st.builds(Issue, st.sampled_from(["lab", "paris"]), TEXTS, st.sampled_from(IssueCode), _PARAMS, _VMID_LISTS)


def reports() -> st.SearchStrategy[Report]:
    """Return a strategy of consistent reports (the counts fit the guests) whose parts are anything at all."""
    return st.builds(
        lambda guests, jobs, storages, sources, issues, policy: report(
            guests, jobs=jobs, storages=storages, sources=sources, issues=issues, policy=policy
        ),
        st.lists(_GUEST_REPORTS, max_size=12),
        st.lists(_JOB_REPORTS, max_size=3),
        st.lists(_STORAGE_REPORTS, max_size=3),
        st.lists(_SOURCE_REPORTS, max_size=2),
        st.lists(_ISSUES, max_size=10),
        st.builds(Policy, st.booleans()),
    )
