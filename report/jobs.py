"""Whether a backup job can make backups, by configuration alone (rulebook B37): per job and guest, and per job as a whole."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import tzinfo
from functools import lru_cache

from report.facts import BackupJob, Guest
from report.model.jobs import GuestJob, JobReport, JobState, LastRun
from report.model.reasons import Reason, ReasonCode
from report.schedules import CalendarEvent, ScheduleError
from report.selection import Selection, excluded_ids, select_guests
from report.view import ClusterView

Verdict = tuple[JobState, Reason | None]
_ACTIVE: Verdict = (JobState.ACTIVE, None)


@dataclass(frozen=True, slots=True)
class JudgedJob:
    """A job, what it selects, and its state for guests of each node.

    `excluded`: vmids that its `exclude` takes out, empty unless it is an `all` job (B6). `elsewhere`: guests it would select but
    for its node restriction (B8). `pool_hidden`: its pool cannot be seen, so neither can its guests.
    """

    job: BackupJob
    selection: Selection
    excluded: frozenset[int]
    elsewhere: frozenset[int]
    pool_hidden: bool
    by_node: dict[str, Verdict]
    general: Verdict

    def for_guest(self, guest: Guest) -> GuestJob:
        """Given a guest that the job selects, return the job's state for it."""
        state, reason = self.by_node[guest.node]
        return GuestJob(self.job.id, state, reason)


@lru_cache(maxsize=4096)
def parse_schedule(text: str) -> CalendarEvent | None:
    """Given a schedule's text, return the calendar event, or None where it is not one."""
    try:
        return CalendarEvent.parse(text)
    except ScheduleError:
        return None


@lru_cache(maxsize=1 << 16)
def next_event(text: str, zone: tzinfo, after: int) -> int | None:
    """Given a schedule's text, a zone and an instant (epoch), return the first event after it; remembered, because the same backups and
    tasks come with every refresh.
    """
    event = parse_schedule(text)
    return event.next_after(after, zone) if event else None


def judge_job(job: BackupJob, view: ClusterView, now: int) -> JudgedJob:
    """Given a job and what is known of its cluster at `now`, return its selection and its state for each node that has guests of it."""
    guests = view.guests or ()
    hidden = bool(job.pool) and job.pool not in view.pools and job.pool not in view.missing_pools
    selection = Selection(frozenset()) if hidden else select_guests(job, guests, view.pools)
    anywhere = selection if hidden or not job.node else select_guests(replace(job, node=None), guests, view.pools)
    nodes = {guest.node for guest in guests if guest.vmid in selection.guests}
    general = _general_state(job, selection, view)
    by_node = {node: _state_on(job, node, view, now) if general == _ACTIVE else general for node in nodes}
    excluded = excluded_ids(job) if job.all and not job.pool and not job.vmid else frozenset()
    return JudgedJob(job, selection, excluded, anywhere.guests - selection.guests, hidden, by_node, general)


def report_job(
    judged: JudgedJob, view: ClusterView, now: int, last_run: LastRun | None = None, missed_runs: int | None = None
) -> JobReport:
    """Given a judged job, its newest run and how many it missed if that is known, return it as the Report shows it."""
    job, selection = judged.job, judged.selection
    state, reasons = _whole_state(judged, view, now)
    running = state is JobState.ACTIVE
    zones = {view.zone(node) for node in judged.by_node or {job.node}}
    event = parse_schedule(job.schedule) if job.schedule else None
    runs = [run for zone in zones if event and running and (run := event.next_after(now, zone)) is not None]
    return JobReport(
        pve=view.name,
        job=job,
        state=state,
        reasons=(*reasons, *_remarks(judged, event, view)),
        guests=tuple(sorted(selection.guests)),
        unknown_ids=_dead_ids(judged, view),
        next_run_at=min(runs, default=None),
        storage=_shown_storage(job, judged, view),
        last_run=last_run,
        missed_runs=missed_runs,
    )


def _general_state(job: BackupJob, selection: Selection, view: ClusterView) -> Verdict:
    """Judge what holds for every guest alike: switched off (B31), not evaluable (B24), bound to a node that is gone (B30)."""
    if not job.enabled:
        return JobState.PAUSED, Reason.of(ReasonCode.JOB_DISABLED, job=job.id)
    if selection.broken:
        return JobState.BROKEN, selection.broken
    if job.node:
        if view.nodes is None:
            return JobState.UNKNOWN, Reason.of(ReasonCode.NODES_NOT_VISIBLE, job=job.id, node=job.node)
        if job.node not in view.nodes:
            return JobState.BROKEN, Reason.of(ReasonCode.JOB_NODE_UNKNOWN, job=job.id, node=job.node)
    return _ACTIVE


def _state_on(job: BackupJob, node: str | None, view: ClusterView, now: int) -> Verdict:
    """Judge what may differ from node to node: the next event in its zone (B26) and the target (B28, B29)."""
    verdict = _schedule_state(job, node, view, now)
    return _target_state(job, node, view) if verdict == _ACTIVE else verdict


def _schedule_state(job: BackupJob, node: str | None, view: ClusterView, now: int) -> Verdict:
    schedule = job.schedule or ""
    event = parse_schedule(schedule)
    if event is None:
        # PVE reads more than we do, or has changed: its own next run is evidence that there is one (B3)
        if job.next_run is not None and job.next_run > now:
            return _ACTIVE
        return JobState.UNKNOWN, Reason.of(ReasonCode.SCHEDULE_NOT_READABLE, job=job.id, schedule=schedule)
    if event.next_after(now, view.zone(node)) is None:
        return JobState.BROKEN, Reason.of(ReasonCode.JOB_NO_FUTURE_RUN, job=job.id, schedule=schedule)
    return _ACTIVE


def _target_state(job: BackupJob, node: str | None, view: ClusterView) -> Verdict:
    storage = job.storage
    if not storage:
        if job.dumpdir:
            return _ACTIVE
        defaults = view.defaults.get(node or "")
        if defaults is None:
            return JobState.UNKNOWN, Reason.of(ReasonCode.VZDUMP_DEFAULTS_NOT_VISIBLE, job=job.id, node=node or "")
        storage = defaults.storage or ("" if defaults.dumpdir else "local")
    return _storage_state(job, storage, node, view) if storage else _ACTIVE


def _storage_state(job: BackupJob, storage: str, node: str | None, view: ClusterView) -> Verdict:
    """Judge a named target by its storage.cfg entry; `node` None leaves the node restriction out."""
    definition = view.storages.get(storage) if view.storages is not None else None
    if definition is None:
        if view.storages is None or not view.all_storages_visible:
            return JobState.UNKNOWN, Reason.of(ReasonCode.STORAGE_NOT_VISIBLE, job=job.id, storage=storage)
        return JobState.BROKEN, Reason.of(ReasonCode.STORAGE_NOT_DEFINED, job=job.id, storage=storage)
    if definition.disabled:
        return JobState.BROKEN, Reason.of(ReasonCode.STORAGE_DISABLED, job=job.id, storage=storage)
    if "backup" not in definition.content:
        return JobState.BROKEN, Reason.of(ReasonCode.STORAGE_WITHOUT_BACKUP_CONTENT, job=job.id, storage=storage)
    if definition.nodes and node is not None and node not in definition.nodes:
        return JobState.BROKEN, Reason.of(ReasonCode.STORAGE_NOT_ON_NODE, job=job.id, storage=storage, node=node)
    return _ACTIVE


def _whole_state(judged: JudgedJob, view: ClusterView, now: int) -> tuple[JobState, tuple[Reason, ...]]:
    """Judge the job as a whole: broken only if broken for every guest it selects (B37, case 16); without guests by what needs none."""
    job = judged.job
    if judged.general != _ACTIVE:
        state, reason = judged.general
        return state, (reason,) if reason else ()
    if judged.pool_hidden:
        return JobState.UNKNOWN, (Reason.of(ReasonCode.POOL_NOT_VISIBLE, job=job.id, pool=job.pool or ""),)
    verdicts = [judged.by_node[node] for node in sorted(judged.by_node)]
    if not verdicts:
        state, reason = _schedule_state(job, job.node, view, now)
        if state is JobState.ACTIVE and job.storage:
            state, reason = _storage_state(job, job.storage, job.node, view)
        return state, (reason,) if reason else ()
    reasons = tuple(dict.fromkeys(reason for _, reason in verdicts if reason))
    states = {state for state, _ in verdicts}
    for state in (JobState.ACTIVE, JobState.UNKNOWN):
        if state in states:
            return state, reasons
    return JobState.BROKEN, reasons


def _remarks(judged: JudgedJob, event: CalendarEvent | None, view: ClusterView) -> tuple[Reason, ...]:
    """Say what an administrator would want to know of a job whatever its state: it selects nothing, names dead ids, reads otherwise."""
    job, selection = judged.job, judged.selection
    remarks = []
    if (
        not (selection.guests or selection.broken or judged.pool_hidden)
        and view.guests is not None
        and view.all_guests_visible
    ):
        remarks.append(Reason.of(ReasonCode.SELECTS_NO_GUEST, job=job.id))
    if dead := _dead_ids(judged, view):
        remarks.append(Reason.of(ReasonCode.SELECTS_UNKNOWN_IDS, job=job.id, vmids=", ".join(map(str, dead))))
    if job.exclude and (job.pool or job.vmid or not job.all):
        remarks.append(Reason.of(ReasonCode.EXCLUDE_IGNORED, job=job.id))
    if event and event.warnings:
        remarks.append(Reason.of(ReasonCode.SCHEDULE_TRAP, job=job.id, schedule=job.schedule or ""))
    return tuple(remarks)


def _dead_ids(judged: JudgedJob, view: ClusterView) -> tuple[int, ...]:
    """Return the ids that the job names and no guest has, as far as the token would see such a guest."""
    return tuple(vmid for vmid in sorted(judged.selection.unknown_ids) if view.may_see(vmid))


def _shown_storage(job: BackupJob, judged: JudgedJob, view: ClusterView) -> str | None:
    """Return the target's name: the job's own, else what its nodes' defaults agree on, else None."""
    if job.storage or job.dumpdir:
        return job.storage or job.dumpdir
    defaults = [view.defaults.get(node) for node in judged.by_node or ([job.node] if job.node else view.defaults)]
    names = {default.storage or default.dumpdir or "local" if default else None for default in defaults}
    return names.pop() if len(names) == 1 else None
