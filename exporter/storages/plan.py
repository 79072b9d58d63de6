"""What would have to change so that PVE has what the file says, and what cannot be changed by anybody. Pure (rulebook J3 to J9)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from exporter.storages.entries import ClusterStorages, Desired
from exporter.storages.sharing import shared_targets
from report.facts import BackupJob, StorageDefinition
from report.sharing import Shared
from report.storage_options import DEFAULT_USERNAME, FIXED, PBS, FieldChange, differences, options_of


class Action(StrEnum):
    """What becomes of an entry."""

    CREATE = "create"
    UPDATE = "update"
    MANUAL = "manual"  # PVE cannot do it in place, and vzcover never deletes
    UNKNOWN = "unknown"  # the cluster, or the entry, could not be seen
    UNCHANGED = "unchanged"


WRITES = (Action.CREATE, Action.UPDATE)


@dataclass(frozen=True, slots=True)
class Manual:
    """What an administrator would do by hand: why, the steps, the jobs that refer to the entry (None: they could not be read), and what a
    deletion would lose (J9)."""

    reason: str
    steps: tuple[str, ...]
    jobs: tuple[str, ...] | None
    losses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One entry on one cluster. `warnings` say what the change would break or wants besides; `remarks` what is not compared."""

    desired: Desired
    action: Action
    fields: tuple[FieldChange, ...] = ()
    warnings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    manual: Manual | None = None
    reason: str = ""

    @property
    def cluster(self) -> str:
        """The cluster's configured name."""
        return self.desired.cluster

    @property
    def name(self) -> str:
        """The storage's name."""
        return self.desired.name

    @property
    def set_options(self) -> Mapping[str, str]:
        """The options to set."""
        return {field.option: field.after for field in self.fields if field.after is not None}

    @property
    def deleted_options(self) -> tuple[str, ...]:
        """The options to remove: never the password, never a key (J6)."""
        return tuple(field.option for field in self.fields if field.after is None)


@dataclass(frozen=True, slots=True)
class Advice:
    """Something wrong with an entry that no write would cure."""

    entry: str
    clusters: tuple[str, ...]
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All entries of the file on all their clusters, in the file's order; `shared` is critical (D14)."""

    changes: tuple[Change, ...]
    shared: tuple[Shared, ...] = ()
    advice: tuple[Advice, ...] = ()

    @property
    def writes(self) -> tuple[Change, ...]:
        """What `apply` would write."""
        return tuple(change for change in self.changes if change.action in WRITES)

    @property
    def in_line(self) -> bool:
        """Whether PVE has what the file says."""
        return all(change.action is Action.UNCHANGED for change in self.changes)


def make_plan(desired: Sequence[Desired], actual: Mapping[str, ClusterStorages]) -> Plan:
    """Given what the file wants and what each cluster that answered has, by name, return the plan."""
    changes = tuple(_change(entry, actual.get(entry.cluster)) for entry in desired)
    return Plan(changes, shared_targets(desired, actual), advice_on(desired))


def advice_on(desired: Sequence[Desired]) -> tuple[Advice, ...]:
    """Given what the file wants, return what is doubtful about it by itself."""
    rooted: dict[str, list[str]] = {}
    for entry in desired:
        if (entry.definition.username or DEFAULT_USERNAME).startswith("root@pam"):
            rooted.setdefault(entry.name, []).append(entry.cluster)
    return tuple(
        Advice(
            name,
            tuple(clusters),
            f"it uses the account {DEFAULT_USERNAME} of the PBS, which may do anything there",
            "make a token of its own for each cluster on the PBS, with DatastoreBackup on the datastore, and set username to it",
        )
        for name, clusters in rooted.items()
    )


def _change(desired: Desired, cluster: ClusterStorages | None) -> Change:
    if cluster is None:
        return Change(desired, Action.UNKNOWN, reason="the cluster could not be read")
    present = cluster.find(desired.name)
    if present is None:
        return _creation(desired, cluster)
    if present.storage_type != PBS:
        return Change(desired, Action.MANUAL, manual=_name_taken(present, cluster))
    fields = differences(desired.definition, present)
    remarks = tuple(_not_compared(desired, desired.name in cluster.encrypted))
    if any(field.option in FIXED for field in fields):
        return Change(desired, Action.MANUAL, fields, remarks=remarks, manual=_fixed(desired, fields, cluster))
    if not fields:
        return Change(desired, Action.UNCHANGED, remarks=remarks)
    return Change(desired, Action.UPDATE, fields, tuple(_breaks(desired, present, cluster)), remarks)


def _creation(desired: Desired, cluster: ClusterStorages) -> Change:
    if not cluster.all_visible:
        reason = "the token does not see every storage, so this one may exist; grant PVEAuditor on / to token and user"
        return Change(desired, Action.UNKNOWN, reason=reason)
    fields = tuple(FieldChange(option, None, value) for option, value in options_of(desired.definition).items())
    if desired.password is None and not desired.definition.disabled:
        steps = ("give password_file: the file with the password or token secret of that account on the PBS",)
        return Change(desired, Action.MANUAL, fields, manual=Manual("PVE has no password for it yet", steps, (), ()))
    warnings = [] if cluster.jobs is not None else ["the jobs could not be read"]
    if desired.new_key:
        key = f"/etc/pve/priv/storage/{desired.name}.enc"
        warnings.append(f"PVE makes an encryption key: save {key} elsewhere, without it no backup can be read")
    if desired.password is None:
        warnings.append("it is created switched off and without a password; set one before you enable it")
    return Change(desired, Action.CREATE, fields, tuple(warnings))


def _not_compared(desired: Desired, encrypted: bool) -> Iterator[str]:
    yield "password: not comparable"
    if encrypted:
        yield "encryption key: not comparable, kept"
    elif desired.new_key:
        yield "encryption key: PVE has none; one is made only when an entry is created"


def _breaks(desired: Desired, present: StorageDefinition, cluster: ClusterStorages) -> Iterator[str]:
    """Yield what the change would break: targets of active jobs (B28, B29)."""
    wanted = desired.definition
    if cluster.jobs is None:
        yield "the jobs could not be read, so nobody can say which of them use it"
    active = tuple(job for job in cluster.jobs_of(desired.name) if job.enabled)
    lost_nodes = wanted.nodes and (present.nodes - wanted.nodes if present.nodes else wanted.nodes)
    if wanted.disabled and not present.disabled:
        yield from _stops(active, "it switches off the target of an active job")
    if "backup" in present.content and "backup" not in wanted.content:
        yield from _stops(active, "it takes no backups any more and is the target of an active job")
    if lost_nodes:
        still = ", ".join(sorted(wanted.nodes))
        touched = tuple(job for job in active if job.node is None or job.node not in wanted.nodes)
        yield from _stops(touched, f"only {still} would have it, and it is the target of an active job")


def _stops(jobs: Sequence[BackupJob], what: str) -> Iterator[str]:
    if jobs:
        yield f"{what}: {', '.join(job.id for job in jobs)}"


def _name_taken(present: StorageDefinition, cluster: ClusterStorages) -> Manual:
    steps = (f"choose another name in the file, such as {present.storage}-pbs",)
    jobs = _job_names(cluster, present.storage)
    return Manual(f"a storage of type {present.storage_type} has this name", steps, jobs, ())


def _fixed(desired: Desired, fields: Sequence[FieldChange], cluster: ClusterStorages) -> Manual:
    """What to do where server or datastore differ: PVE refuses to change them, and a deletion takes more with it (J5, J9)."""
    name = desired.name
    jobs = _job_names(cluster, name)
    options = " and ".join(field.option for field in fields if field.option in FIXED)
    steps = [
        f"best: leave {name} as it is in PVE, write the file's entry under a new name such as {name}-2, and apply",
        f"point the jobs to it: {', '.join(jobs)}" if jobs else "no job has to be pointed to it",
        f"keep {name} until its last backup is not needed any more, then: pvesm remove {name}",
    ]
    if jobs is None:
        steps[1] = "point the jobs that use it to the new one (they could not be read)"
    losses = ["the password or token secret", f"permissions on /storage/{name}", "its place in pools"]
    if name in cluster.encrypted:
        losses.insert(1, f"the encryption key: save /etc/pve/priv/storage/{name}.enc first, or no backup can be read")
    return Manual(f"{options} cannot be changed in place", tuple(steps), jobs, tuple(losses))


def _job_names(cluster: ClusterStorages, name: str) -> tuple[str, ...] | None:
    return None if cluster.jobs is None else tuple(job.id for job in cluster.jobs_of(name))
