"""One cluster made ready for judging: its jobs, what they cover, how they ran, and what its storages are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from report.agreement import Agreement, compare_with_pve, covered_by_hidden_jobs
from report.attempts import TaskReader
from report.coverage import GuestCoverage, cover_guests
from report.drift import Drift, drift_of
from report.estate import Estate, Unread
from report.facts import BackupJob, ClusterFacts, Guest, IncludedGuest
from report.history import ClusterHistory, read_history
from report.jobs import JudgedJob, judge_job
from report.judgements.proof import proofs_of
from report.model.guests import Coverage, RestoreProof
from report.model.jobs import JobState, LastRun, StorageReport
from report.model.reasons import Reason, ReasonCode
from report.model.sources import SourceReport
from report.policy import DeclaredStorage
from report.privileges import PVE, missing_privileges
from report.runs import durations, last_runs, starts_of
from report.storage_options import PBS
from report.view import ClusterView
from report.visibility import inventory_known


@dataclass(frozen=True, slots=True)
class ClusterCase:
    """A cluster before its guests are judged. `judged`: its jobs, None where they cannot be seen; `covered`, `active`: coverage and active
    jobs by vmid; `runs`: newest runs by job, `lasted`: how long they take, which does not age; `included`: PVE's word on volumes by job and
    vmid; `restores`: those that worked, by type and vmid of the source, `restores_unread`: why there may be others; `unread`: where backups
    may lie that were not seen.
    """

    facts: ClusterFacts
    view: ClusterView
    judged: Sequence[JudgedJob] | None
    covered: Mapping[int, GuestCoverage]
    active: Mapping[int, tuple[BackupJob, ...]]
    agreement: Agreement
    runs: Mapping[str, LastRun]
    lasted: Mapping[str, int]
    history: ClusterHistory
    included: Mapping[str, Mapping[int, IncludedGuest]]
    restores: Mapping[tuple[str, int], tuple[RestoreProof, ...]]
    unread: Unread
    restores_unread: Reason | None

    @property
    def guests(self) -> list[Guest]:
        """Return its guests by vmid: those of an inventory too old to rely on where there is no newer one."""
        held = self.facts.inventory.value
        known = self.view.guests if self.view.guests is not None else held.guests if held else ()
        return sorted(known, key=_vmid)


def prepare_cluster(facts: ClusterFacts, estate: Estate) -> ClusterCase:
    """Given a cluster's facts and the estate, return it ready for judging its guests."""
    view, now = estate.views[facts.name], estate.now
    judged = None if view.jobs is None else [judge_job(job, view, now) for job in sorted(view.jobs, key=_job_id)]
    covered = _covered(facts, judged, view)
    by_id = {job.job.id: job.job for job in judged or ()}
    unread = estate.unread(facts.name)
    starts = starts_of(judged or (), facts, view)
    reader = TaskReader(facts, {job.job.id: job for job in judged or ()}, view, starts, estate.targets.of_storage)
    return ClusterCase(
        facts=facts,
        view=view,
        judged=judged,
        covered=covered,
        active={
            vmid: tuple(by_id[job.job] for job in coverage.jobs if job.state is JobState.ACTIVE)
            for vmid, coverage in covered.items()
        },
        agreement=compare_with_pve(facts, judged, view),
        runs=last_runs(starts, facts, now),
        lasted=durations(starts, facts),
        history=read_history(reader, now),
        included=_volumes(facts, now),
        restores=proofs_of(
            (restore for reading in facts.restores.values() for restore in reading.value or ()), view.zones
        ),
        unread=unread if view.guests is not None else replace(unread, stores=(*unread.stores, _stale(facts))),
        restores_unread=_restores_unread(facts, view, now),
    )


def report_cluster(case: ClusterCase) -> SourceReport:
    """Given a prepared cluster, return it as a source of facts with its health."""
    facts = case.facts
    return SourceReport(
        name=facts.name,
        kind="pve",
        up=facts.up,
        version=facts.version.value,
        fetched_at=facts.version.fetched_at,
        failure=facts.failure,
        missing_privileges=missing_privileges(PVE, case.view.permissions),
        collectors=facts.collectors,
        certificate_not_after=facts.certificate_not_after,
        coverage_disagreements=case.agreement.disagreements,
        inventory_known=inventory_known(case.view),
    )


def report_storages(case: ClusterCase, now: int, declared: Iterable[DeclaredStorage]) -> list[StorageReport]:
    """Given a prepared cluster, now (epoch) and what the file of storages says, return every storage that is defined, that a node tells of
    or that the file names, with what each node says and where it differs from the file.
    """
    facts, definitions = case.facts, case.view.storages or {}
    states = [state for reading in facts.storage_states.values() for state in reading.usable(now) or ()]
    own = {entry.name: entry for entry in declared if entry.cluster == facts.name}
    drift = _drift(case.view, own.values())
    names = sorted(definitions.keys() | {state.storage for state in states} | drift.keys())
    return [
        StorageReport(
            pve=facts.name,
            storage=name,
            storage_type=definitions[name].storage_type
            if name in definitions
            else next((state.storage_type for state in states if state.storage == name), PBS),
            definition=definitions.get(name),
            states=tuple(sorted((state for state in states if state.storage == name), key=lambda state: state.node)),
            drift=drift.get(name),
            description=own[name].description if name in own else "",
        )
        for name in names
    ]


def _drift(view: ClusterView, declared: Iterable[DeclaredStorage]) -> dict[str, tuple[Drift, ...]]:
    """Return where each declared entry differs, by name; nothing where an entry may exist and be hidden."""
    if view.storages is None or not view.all_storages_visible:
        return {}
    return {entry.name: drift_of(entry, view.storages.get(entry.name)) for entry in declared}


def _covered(facts: ClusterFacts, judged: Sequence[JudgedJob] | None, view: ClusterView) -> dict[int, GuestCoverage]:
    """Judge coverage; guests known only from an inventory too old to rely on stay listed, undecided."""
    if view.guests is not None or facts.inventory.value is None:
        unlisted = Reason.of(ReasonCode.JOBS_NOT_VISIBLE)
        hidden = GuestCoverage(Coverage.UNDECIDED, (unlisted,), doubts=(unlisted,))
        return cover_guests(judged, view) | dict.fromkeys(covered_by_hidden_jobs(facts, judged, view), hidden)
    return {guest.vmid: GuestCoverage(Coverage.UNDECIDED, (_stale(facts),)) for guest in facts.inventory.value.guests}


def _stale(facts: ClusterFacts) -> Reason:
    return Reason.of(ReasonCode.INVENTORY_STALE, fetched_at=facts.inventory.fetched_at or 0)


def _restores_unread(facts: ClusterFacts, view: ClusterView, now: int) -> Reason | None:
    """Return that restores may have run that were not seen, on the first such node: a restore may run on any of them."""
    known = {guest.node for guest in view.guests or ()} | (view.nodes or frozenset()) | facts.restores.keys()
    for node in sorted(known):
        reading = facts.restores.get(node)
        if reading is None or reading.partial or reading.usable(now) is None:
            return Reason.of(ReasonCode.RESTORES_NOT_READ, node=node)
    return None


def _volumes(facts: ClusterFacts, now: int) -> dict[str, dict[int, IncludedGuest]]:
    """Return PVE's own word on volumes, by job and vmid, as far as it was read."""
    answers = {job: answer.value for job, reading in facts.included.items() if (answer := reading.usable(now))}
    return {job: {guest.vmid: guest for guest in guests} for job, guests in answers.items() if guests is not None}


def _vmid(guest: Guest) -> int:
    return guest.vmid


def _job_id(job: BackupJob) -> str:
    return job.id
