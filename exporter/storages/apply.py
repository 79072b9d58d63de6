"""Bringing PVE in line with an approved plan: one write at a time, each on a fresh reading, each read again afterwards (rulebook J3 to J8).

Whoever is killed at any point leaves whole entries behind, old or new; the next run finds the rest by reading.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from exporter.client.deadline import Deadline
from exporter.client.source import SourceClient
from exporter.client.writer import ModifiedMeanwhile, StorageWriter
from exporter.errors import SourceError
from exporter.storages.audit import BEGUN, DONE, FAILED, AuditLog, Entry
from exporter.storages.entries import ClusterStorages, Desired
from exporter.storages.plan import Action, Change, Plan, make_plan
from exporter.storages.reading import read_cluster, read_storages
from report.storage_options import FieldChange, options_of

# how often somebody else may change storage.cfg while we work
REPLANS = 5
CHANGED = "storage.cfg was changed meanwhile"


@dataclass(frozen=True, slots=True)
class Door:
    """How one cluster is read and written; `seconds`: the longest time for one reading or one write (a creation makes PVE connect to the
    PBS)."""

    client: SourceClient
    writer: StorageWriter
    seconds: float

    def read(self) -> ClusterStorages:
        """Return what the cluster has; raise SourceError."""
        return read_cluster(self.client, self._deadline())

    def read_entries(self, known: ClusterStorages) -> ClusterStorages:
        """Given what was known of the cluster, return that with storage.cfg as it is now; raise SourceError."""
        now = read_storages(self.client, self._deadline())
        return replace(known, storages=now.storages, digest=now.digest, encrypted=now.encrypted)

    def write(self, change: Change, secret: str | None, digest: str) -> None:
        """Carry a change out; raise SourceError."""
        if change.action is Action.CREATE:
            options = dict(change.set_options)
            if change.desired.new_key:
                options["encryption-key"] = "autogen"
            self.writer.create(change.name, options, secret, self._deadline())
        else:
            self.writer.update(change.name, change.set_options, change.deleted_options, digest, self._deadline())

    def _deadline(self) -> Deadline:
        return Deadline.after(self.seconds)


@dataclass(frozen=True, slots=True)
class Talk:
    """How the run speaks with whoever started it: `tell` one line of progress; `approve` a new plan after somebody else changed
    storage.cfg, given what was approved before."""

    tell: Callable[[str], None]
    approve: Callable[[Plan, Sequence[Change]], bool]


@dataclass(slots=True)
class Outcome:
    """What was done, what failed and why, and what was therefore not begun. `withdrawn`: whoever was asked again said no."""

    done: list[Change] = field(default_factory=list)
    failed: Change | None = None
    problem: str = ""
    not_done: tuple[Change, ...] = ()
    withdrawn: bool = False

    @property
    def whole(self) -> bool:
        """Whether all was done."""
        return self.failed is None and not self.not_done


class _ConflictError(Exception):
    """Somebody else changed storage.cfg since the plan was made."""


@dataclass(slots=True)
class Run:
    """One run of apply. `secrets`: by (cluster, name), the password of each entry to be created. `known`: what each cluster had when it was
    last read."""

    desired: Sequence[Desired]
    doors: Mapping[str, Door]
    secrets: Mapping[tuple[str, str], str]
    log: AuditLog
    talk: Talk
    known: dict[str, ClusterStorages]
    outcome: Outcome = field(default_factory=Outcome)

    def carry_out(self, plan: Plan) -> Outcome:
        """Given the approved plan, write what it says, and return what came of it. Raises OutputError where the audit log fails."""
        approved: tuple[Change, ...] = plan.writes
        waiting = list(approved)
        replans = 0
        while waiting:
            change = waiting[0]
            try:
                self._one(change)
            except _ConflictError:
                replans += 1
                approved = self._again(approved, replans)
                waiting = list(approved)
            except SourceError as error:
                return self._end(change, str(error), waiting[1:])
            else:
                self.outcome.done.append(change)
                waiting.pop(0)
            if self.outcome.failed or self.outcome.withdrawn:
                break
        return self.outcome

    def _one(self, change: Change) -> None:
        """Write one change and see that it is in force; raise _ConflictError if storage.cfg is not what the plan was made from."""
        door = self.doors[change.cluster]
        before = self._read(change.cluster)
        if before.digest != self.known[change.cluster].digest:
            raise _ConflictError
        self._record(change, before, BEGUN)
        try:
            door.write(change, self.secrets.get((change.cluster, change.name)), before.digest)
        except SourceError as error:
            self._after_failure(change, before, error)
        else:
            self._confirm(change, before)
        self.talk.tell(f"{change.cluster}: {change.name} {'created' if change.action is Action.CREATE else 'updated'}")

    def _after_failure(self, change: Change, before: ClusterStorages, error: SourceError) -> None:
        """See what became of a write that failed: the answer alone may have been lost, or somebody else was quicker."""
        try:
            now = self._read(change.cluster)
        except SourceError:
            self._record(change, before, FAILED, f"{error}; and the cluster could not be read to see what became of it")
            raise error from None
        if self._left(change, now) == ():
            self.known[change.cluster] = now
            self._record(change, before, DONE, "the answer was lost; read again, and it is in force")
            return
        self._record(change, before, FAILED, str(error))
        if isinstance(error, ModifiedMeanwhile) or now.digest != before.digest:
            raise _ConflictError
        raise error

    def _confirm(self, change: Change, before: ClusterStorages) -> None:
        try:
            now = self._read(change.cluster)
        except SourceError as error:
            self._record(change, before, DONE, "PVE accepted it; it could not be read again")
            detail = f"PVE accepted it, and it could not be read again: {error.detail}"
            raise SourceError(error.source, error.endpoint, detail, error.remedy, reason=error.reason) from None
        self.known[change.cluster] = now
        left = self._left(change, now)
        if left:
            shown = ", ".join(f"{field.option} is {field.before or 'not set'}" for field in left)
            detail = f"PVE accepted it, and afterwards {shown}"
            self._record(change, before, FAILED, detail)
            raise SourceError(
                f"pve {change.cluster}", f"/storage/{change.name}", detail, "somebody else may be writing too"
            )
        self._record(change, before, DONE)

    def _left(self, change: Change, now: ClusterStorages) -> tuple[FieldChange, ...]:
        """Return what still differs of this entry; for one that is missing or something else, everything."""
        left = make_plan([change.desired], {change.cluster: replace(now, all_visible=True)}).changes[0]
        return () if left.action is Action.UNCHANGED else left.fields or change.fields

    def _again(self, approved: Sequence[Change], replans: int) -> tuple[Change, ...]:
        """Read all clusters anew, plan, and have it approved; return what is to be written now."""
        self.talk.tell(f"{CHANGED} by somebody else: reading again")
        try:
            self.known = {name: door.read() for name, door in self.doors.items()}
        except SourceError as error:
            self._end(approved[0], str(error), approved[1:])
            return ()
        plan = make_plan(self.desired, self.known)
        if plan.writes and (replans > REPLANS or not self.talk.approve(plan, approved)):
            self.outcome.withdrawn = replans <= REPLANS
            self._end(None, f"{CHANGED}; nothing more was written", plan.writes)
            return ()
        return plan.writes

    def _end(self, failed: Change | None, problem: str, not_done: Sequence[Change]) -> Outcome:
        self.outcome.failed, self.outcome.problem, self.outcome.not_done = failed, problem, tuple(not_done)
        return self.outcome

    def _read(self, cluster: str) -> ClusterStorages:
        return self.doors[cluster].read_entries(self.known[cluster])

    def _record(self, change: Change, before: ClusterStorages, result: str, detail: str = "") -> None:
        present = before.find(change.name)
        self.log.append(
            Entry(
                change.cluster,
                change.name,
                change.action,
                self.doors[change.cluster].writer.settings.token_id,
                None if present is None else options_of(present),
                options_of(change.desired.definition),
                result,
                detail,
            )
        )
