"""Hypothesis strategies for whole reports: every code, every state, any text that an API might send, in any mixture."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from report.backups import Datastore, GarbageCollection, PbsJob
from report.facts import BackupJob, CollectorRun, Failure, Guest, StorageDefinition, StorageState
from report.findings import PARAMETERS, Finding, FindingCode, Severity
from report.model.groups import GroupMatch, GroupPolicy, GroupReport, RetentionState
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
from report.model.jobs import GuestJob, JobReport, JobState, LastRun, StorageReport
from report.model.reasons import Reason, ReasonCode
from report.model.report import Change, ChangeKind, EstateFinding, Report
from report.model.servers import DatastoreReport, PbsJobReport
from report.model.sources import Issue, IssueCode, MissingPrivilege, SourceReport
from report.policy import NO_END, Expectation, Policy, Rule, Scope, StoreMark, Waiver
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
            (
                *("job", "jobs", "pool", "storage", "node", "schedule", "fetched_at", "message", "collector", "odd"),
                *("newest", "due", "server", "datastore", "namespace", "count", "path", "privilege"),
            )
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
FINDINGS = st.builds(
    Finding,
    st.sampled_from(FindingCode),
    st.sampled_from(Severity),
    st.lists(
        st.tuples(
            st.sampled_from(sorted({name for names in PARAMETERS.values() for name in names})), TEXTS | _INSTANTS
        ),
        max_size=4,
        unique_by=lambda pair: pair[0],
    ).map(tuple),
    TEXTS,
    optional(_INSTANTS),
)
_FINDINGS = st.lists(FINDINGS, max_size=3).map(tuple)
_TEXT_LISTS = st.lists(TEXTS, max_size=2).map(tuple)
_SCOPES = st.builds(
    Scope,
    clusters=_TEXT_LISTS,
    pools=_TEXT_LISTS,
    tags=_TEXT_LISTS,
    names=_TEXT_LISTS,
    vmids=st.lists(st.tuples(_VMIDS, _VMIDS), max_size=2).map(tuple),
)
_WAIVERS = st.builds(
    Waiver,
    _SCOPES,
    TEXTS,
    _INSTANTS | st.just(NO_END),
    owner=TEXTS,
    code=st.sampled_from(["", *FindingCode]),
    volume=TEXTS,
    origin=st.sampled_from(["configuration", "tag", "notes"]),
)
_USABLE = st.builds(
    UsableBackup,
    server=TEXTS,
    datastore=TEXTS,
    namespace=TEXTS,
    backup_type=TEXTS,
    backup_id=TEXTS,
    at=_INSTANTS,
    storage=optional(TEXTS),
    volume=optional(TEXTS),
    size_bytes=optional(st.integers(0, 10**16)),
    verified=optional(st.booleans()),
    encrypted=st.booleans(),
    key=optional(TEXTS),
)
_COPIES = st.builds(
    Copy, TEXTS, TEXTS, _INSTANTS, st.booleans(), st.booleans(), site=TEXTS, offsite=st.booleans(), media=TEXTS
)
_PROOFS = st.builds(RestoreProof, _INSTANTS, TEXTS, optional(_INSTANTS), optional(_VMIDS))
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
    newest_backup_at=optional(_INSTANTS),
    newest_verified_at=optional(_INSTANTS),
    due_at=optional(_INSTANTS),
    limit_seconds=optional(st.integers(0, 10**8)),
    findings=_FINDINGS,
    waived=st.lists(st.builds(WaivedFinding, FINDINGS, _WAIVERS), max_size=2).map(tuple),
    waiver=optional(_WAIVERS),
    rule=TEXTS,
    usable=optional(_USABLE),
    copies=st.lists(_COPIES, max_size=3).map(tuple),
    copies_known=st.booleans(),
    disks=st.sampled_from(DiskCover),
    last_failure_at=optional(_INSTANTS),
    last_duration_seconds=optional(st.integers(0, 10**6)),
    restore_seen=optional(_PROOFS),
    restore_reported=optional(_PROOFS),
    restore_command=TEXTS,
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
    missed_runs=optional(st.integers(0, 99)),
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
    kind=st.sampled_from(["pve", "pbs"]),
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

_COUNTS = st.integers(0, 2000)
_POLICIES = st.builds(
    GroupPolicy,
    pruned_by=st.lists(TEXTS | st.sampled_from(["job nightly", "prune job p1"]), max_size=2).map(tuple),
    keep=_KEEP,
    zone=optional(TEXTS),
    next_prune_at=optional(_INSTANTS),
    next_prune_removes=optional(_COUNTS),
)
_GROUPS = st.builds(
    GroupReport,
    server=st.sampled_from(["pbs1", "pbs2", "lab"]),
    datastore=TEXTS,
    namespace=TEXTS,
    backup_type=st.sampled_from(["vm", "ct", "host"]) | TEXTS,
    backup_id=TEXTS,
    match=st.sampled_from(GroupMatch),
    pve=optional(st.sampled_from(["lab", "paris"])),
    vmid=optional(_VMIDS),
    owner=optional(TEXTS),
    comment=optional(TEXTS),
    incomplete=st.booleans(),
    snapshots=_COUNTS,
    newest_at=optional(_INSTANTS),
    oldest_at=optional(_INSTANTS),
    newest_size_bytes=_BYTES,
    policy=_POLICIES,
    nominal=optional(_COUNTS),
    expected=optional(_COUNTS),
    low=optional(_COUNTS),
    high=optional(_COUNTS),
    actual=optional(_COUNTS),
    delta=optional(st.integers(-2000, 2000)),
    missing=optional(_COUNTS),
    surplus=optional(_COUNTS),
    state=st.sampled_from(RetentionState),
)
_COLLECTIONS = st.builds(
    GarbageCollection,
    datastore=TEXTS,
    schedule=optional(_SCHEDULES),
    next_run_at=optional(_INSTANTS),
    last_run_at=optional(_INSTANTS),
    last_run_state=optional(st.sampled_from(["OK", "WARNINGS: 1", "unknown"]) | TEXTS),
    pending_bytes=_BYTES,
    still_bad=optional(_COUNTS),
)
_DATASTORES = st.builds(
    DatastoreReport,
    server=st.sampled_from(["pbs1", "pbs2"]),
    datastore=st.builds(
        Datastore,
        name=TEXTS,
        maintenance=optional(TEXTS),
        mount_status=optional(TEXTS),
        error=optional(TEXTS),
        total_bytes=_BYTES,
        used_bytes=_BYTES,
        available_bytes=_BYTES,
        estimated_full_at=optional(_INSTANTS),
    ),
    state=st.sampled_from(["online", "maintenance", "unmounted", "error"]),
    garbage_collection=optional(_COLLECTIONS),
    deduplication_ratio=optional(st.floats(0, 1e6)),
    orphans=st.lists(st.tuples(TEXTS, _COUNTS, _COUNTS), max_size=2).map(tuple),
    groups=optional(_COUNTS),
    snapshots=optional(_COUNTS),
)
_PBS_JOBS = st.builds(
    PbsJobReport,
    server=st.sampled_from(["pbs1", "pbs2"]),
    job=st.builds(
        PbsJob,
        job_type=st.sampled_from(["prune", "verify", "sync", "gc"]) | TEXTS,
        id=TEXTS,
        datastore=TEXTS,
        namespace=TEXTS,
        max_depth=optional(st.integers(0, 7)),
        schedule=optional(_SCHEDULES),
        disabled=st.booleans(),
        keep=_KEEP.map(lambda keep: keep or ()),
        comment=optional(TEXTS),
        last_run_at=optional(_INSTANTS),
        last_run_state=optional(TEXTS),
        remote=optional(TEXTS),
        remote_store=optional(TEXTS),
        remote_namespace=optional(TEXTS),
        direction=optional(TEXTS),
        ignore_verified=optional(st.booleans()),
        outdated_after_days=optional(_COUNTS),
        group_filter=st.lists(TEXTS, max_size=2).map(tuple),
        remove_vanished=optional(st.booleans()),
    ),
    last_run=optional(st.sampled_from(["ok", "warning", "error", "never", "running"])),
    next_run_at=optional(_INSTANTS),
)


_ESTATE_FINDINGS = st.builds(EstateFinding, st.sampled_from(["lab", "pbs1", ""]), FINDINGS)
_CHANGES = st.builds(
    Change,
    st.sampled_from(ChangeKind),
    st.sampled_from(["lab", "paris"]),
    _VMIDS,
    optional(TEXTS),
    optional(st.sampled_from(Protection)),
    optional(st.sampled_from(Protection)),
    _REASONS,
    _FINDINGS,
)
_EXPECTATIONS = st.builds(
    Expectation,
    templates=st.booleans(),
    max_age_seconds=optional(st.integers(0, 10**8)),
    copies=st.integers(1, 5),
    offsite=st.booleans(),
    allowed_volumes=_TEXT_LISTS,
)
_POLICY = st.builds(
    Policy,
    _EXPECTATIONS,
    st.lists(st.builds(Rule, TEXTS, _SCOPES, _EXPECTATIONS), max_size=2).map(tuple),
    st.lists(_WAIVERS, max_size=2).map(tuple),
    st.lists(st.builds(StoreMark, TEXTS, TEXTS, TEXTS, st.booleans(), TEXTS, st.booleans()), max_size=2).map(tuple),
    TEXTS,
    st.booleans(),
)


def _known(changes: list[Change], guests: list[GuestReport]) -> list[Change]:
    """Return the changes, each but those that are gone about a guest that is there, as the analysis finds them."""
    found = [change for change in changes if change.kind is ChangeKind.GONE]
    there = [change for change in changes if change.kind is not ChangeKind.GONE]
    return found + [
        replace(change, pve=guest.pve, vmid=guest.guest.vmid, name=guest.guest.name)
        for change, guest in zip(there, guests, strict=False)
    ]


def reports() -> st.SearchStrategy[Report]:
    """Return a strategy of consistent reports (the counts fit the guests) whose parts are anything at all."""
    return st.builds(
        lambda guests, changes, **parts: report(guests, changes=_known(changes, guests), **parts),
        st.lists(_GUEST_REPORTS, max_size=12),
        jobs=st.lists(_JOB_REPORTS, max_size=3),
        storages=st.lists(_STORAGE_REPORTS, max_size=3),
        sources=st.lists(_SOURCE_REPORTS, max_size=2),
        issues=st.lists(_ISSUES, max_size=10),
        groups=st.lists(_GROUPS, max_size=6),
        datastores=st.lists(_DATASTORES, max_size=3),
        pbs_jobs=st.lists(_PBS_JOBS, max_size=4),
        backups_read=st.booleans(),
        findings=st.lists(_ESTATE_FINDINGS, max_size=2),
        changes=st.lists(_CHANGES, max_size=2),
        compared_with=optional(_INSTANTS),
        policy=_POLICY,
    )
