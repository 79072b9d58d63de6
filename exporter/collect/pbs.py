"""One PBS → its facts: which calls are made, in which order, and what is held from before when one fails.

A refresh makes some 15 calls for the server, one for each datastore (its namespaces) and one for each namespace (its groups), and
those for the snapshots of groups that are due (`pbs_listing`). Offline and lost datastores are not asked.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from exporter.client.deadline import Deadline
from exporter.client.source import SourceClient
from exporter.collect.patience import Told
from exporter.collect.pbs_calls import PbsCalls
from exporter.collect.pbs_groups import GroupReader
from exporter.collect.pbs_listing import Cause, Place, ServerRhythm, touched_by
from exporter.collect.pbs_parse import ServerTime, merge_jobs
from exporter.collect.pbs_sight import Sight
from exporter.collect.pbs_trust import trusted_permissions, unlisted_jobs, without_figures
from exporter.collect.pbs_values import AHEAD_SECONDS, upid_nodes
from exporter.collect.steps import Steps, kept, no_answer
from exporter.errors import FailureReason, SourceError
from report.backups import Datastore, GarbageCollection, GroupsByNamespace, PbsFacts, PbsJob, PbsTask
from report.readings import Failure, Permissions, Reading

# a task that ended since is seen although it took long: the server filters by start
TASKS_SINCE_SECONDS = 3 * 86400
# kinds of maintenance in which nothing can be listed (H20)
_NOT_LISTABLE = frozenset({"offline", "delete", "unmount", "s3-refresh"})
Jobs = Reading[tuple[PbsJob, ...]]


@dataclass(slots=True)
class ServerCollector:
    """Reads one PBS again and again. Not thread-safe: one refresh at a time; within it, up to `parallel` calls run side by side.

    `nodes`: the names that the server's node was seen to have, one that was renamed more than one.
    """

    name: str
    token_id: str
    client: SourceClient
    rhythm: ServerRhythm
    parallel: int = 4
    groups: GroupReader = field(init=False)
    nodes: frozenset[str] = frozenset()
    told: Told = field(default_factory=Told)

    def __post_init__(self) -> None:
        self.groups = GroupReader(self.name, self.rhythm)

    @property
    def manifests_opened(self) -> dict[Cause, int]:
        """How many manifests the server had to open for the last refresh, by cause."""
        return self.groups.manifests_opened

    def collect(self, before: PbsFacts | None, now: int, deadline: Deadline) -> PbsFacts:
        """Given the facts of the refresh before (None at first), now (epoch) and the refresh's deadline, return the facts.

        Never raises a SourceError: what a failed call would have told is held from before, with the failure beside it.
        """
        held = before or PbsFacts(self.name, now, False)
        held = replace(held, token_id=self.token_id, hosts=tuple(self.client.settings.hosts))
        with ThreadPoolExecutor(max_workers=self.parallel, thread_name_prefix=f"collect-{self.name}") as pool:
            steps = Steps(self.client.settings.label, now, self.rhythm.refresh_seconds, held.collectors, pool)
            facts = _Round(self, held, steps, PbsCalls(self.client, deadline, now + AHEAD_SECONDS)).run()
        if facts.up:
            self.told.tell(self.name, steps.failures)
        return replace(
            facts,
            certificate_not_after=self.client.certificate_not_after,
            certificate_fingerprint=self.client.certificate_fingerprint,
        )


@dataclass(slots=True)
class _Round:
    """One refresh of one PBS."""

    collector: ServerCollector
    held: PbsFacts
    steps: Steps
    calls: PbsCalls

    def run(self) -> PbsFacts:
        """Make the calls and return the facts."""
        held, calls, steps = self.held, self.calls, self.steps
        version = steps.one("version", held.version, calls.version)
        permissions = steps.one("permissions", held.permissions, calls.permissions)
        if no_answer(version) and no_answer(permissions):
            return self._source_down(version, permissions)
        server_time: Reading[ServerTime] = steps.one("zone", Reading(), calls.time)
        permissions, sight, stores = self._seen(permissions)
        names = [store.name for store in stores.value or ()]
        unlistable = _unlistable(steps.label, stores)
        namespaces = steps.many(
            "namespaces",
            names,
            held.namespaces,
            lambda store: calls.namespaces(store, version.value),
            sight.namespaces,
            unlistable,
        )
        prune_jobs = self._jobs("prune", held.prune_jobs, sight, names)
        verify_jobs = self._jobs("verify", held.verify_jobs, sight, names)
        tasks = steps.one("tasks", held.tasks, lambda: calls.tasks(steps.now - TASKS_SINCE_SECONDS), sight.tasks)
        sync_jobs = self._jobs("sync", held.sync_jobs, sight, names)
        collections = self._collections(sight, stores, unlistable)
        # last, because only they may take longer than the deadline leaves
        self._learn_names(tasks, prune_jobs, verify_jobs, sync_jobs)
        groups = self._groups(sight, namespaces, verify_jobs, tasks, server_time)
        facts = replace(
            held,
            attempted_at=steps.now,
            up=True,
            failure=None,
            version=version,
            permissions=permissions,
            identity=self._identity(version),
            zone=_zone(held.zone, server_time),
            datastores=stores,
            namespaces=namespaces,
            groups=groups,
            garbage_collections=collections,
            prune_jobs=prune_jobs,
            verify_jobs=verify_jobs,
            sync_jobs=sync_jobs,
            tasks=tasks,
        )
        failure = None if steps.answered else version.failure
        return replace(facts, up=steps.answered, failure=failure, collectors=tuple(steps.runs))

    def _source_down(self, version: Reading[str], permissions: Reading[Permissions]) -> PbsFacts:
        """Return the facts held from before when the server does not answer at all; nothing more is asked."""
        return replace(
            self.held,
            attempted_at=self.steps.now,
            up=False,
            failure=version.failure,
            version=version,
            permissions=permissions,
            collectors=(*self.steps.runs, *self.steps.missed()),
        )

    def _identity(self, version: Reading[str]) -> str | None:
        """Ask what names the installation, once a version: it does not change, and older ones do not know it."""
        if version.value == self.held.version.value and self.held.version.failure is None:
            return self.held.identity
        try:
            return self.calls.identity()
        except SourceError:
            return self.held.identity

    def _seen(
        self, permissions: Reading[Permissions]
    ) -> tuple[Reading[Permissions], Sight, Reading[tuple[Datastore, ...]]]:
        """Read the datastores, by what the token may see, and believe both as far as they do not contradict each other."""
        label, token, now = self.steps.label, self.collector.token_id, self.steps.now
        stores = self._stores(Sight.of(label, token, permissions, now))
        permissions = trusted_permissions(self.steps, self.held.permissions, permissions, stores)
        return permissions, Sight.of(label, token, permissions, now), stores

    def _stores(self, sight: Sight) -> Reading[tuple[Datastore, ...]]:
        """Read the datastores: what is configured from one call, figures and errors from another; either may fail alone."""
        held = self.held.datastores
        nothing: Reading[tuple[Datastore, ...]] = Reading()
        listed = self.steps.one("datastores", nothing, self.calls.stores, sight.stores)
        usage = self.steps.one("datastore_usage", nothing, self.calls.usage, sight.stores)
        failure = listed.failure or usage.failure or without_figures(self.steps, listed, usage)
        if listed.value is None and usage.value is None:
            return kept(held, failure, self.steps.max_age) if failure else held
        known = {store.name: store for store in held.value or ()}
        configured = known if listed.value is None else {**known, **{store.name: store for store in listed.value}}
        figures = known if usage.value is None else {**known, **{store.name: store for store in usage.value}}
        names = sorted({store.name for reading in (listed, usage) for store in reading.value or ()})
        merged = tuple(
            _merged(configured.get(name, Datastore(name)), figures.get(name, Datastore(name))) for name in names
        )
        return Reading(merged, self.steps.now, self.steps.max_age, failure)

    def _collections(
        self, sight: Sight, stores: Reading[tuple[Datastore, ...]], unlistable: dict[str, Failure]
    ) -> Reading[tuple[GarbageCollection, ...]]:
        """Read garbage collections: at once, or from each datastore of a server older than 3.2. What is not told of a datastore that
        cannot be read now is held.
        """
        held = {collection.datastore: collection for collection in self.held.garbage_collections.value or ()}
        names = [store.name for store in stores.value or ()]

        def fetch() -> tuple[GarbageCollection, ...]:
            told = self.calls.collections()
            if told is None:
                told = tuple(self.calls.collection(name) for name in names if name not in unlistable)
            found = {collection.datastore: collection for collection in told}
            for name in unlistable.keys() & held.keys():
                found.setdefault(name, held[name])
            return tuple(found[name] for name in sorted(found))

        return self.steps.one("garbage_collections", self.held.garbage_collections, fetch, sight.collections)

    def _jobs(self, job_type: str, held: Jobs, sight: Sight, stores: Sequence[str]) -> Jobs:
        """Read the jobs of one type: how they are configured from one call, how they ran from another; either may fail alone."""
        started = time.monotonic()
        steps, calls = self.steps, self.calls
        nothing: Jobs = Reading()
        doubt = sight.jobs(f"/admin/{job_type}", stores)
        configured = steps.read(nothing, lambda: calls.configured_jobs(job_type), doubt)
        run = steps.read(nothing, lambda: calls.run_jobs(job_type), doubt)
        failure = run.failure or configured.failure or unlisted_jobs(steps.label, job_type, configured, run)
        if configured.value is None and run.value is None:
            reading = kept(held, failure, steps.max_age) if failure else held
        else:
            ids = {job.id for job in configured.value or ()}
            told = {job.id for job in run.value or ()}
            # how a job ran that the second call does not tell of
            last = [job for job in held.value or () if job.id in ids - told]
            jobs = merge_jobs(configured.value or (), [*(run.value or ()), *last])
            reading = Reading(jobs, steps.now, steps.max_age, failure, configured.partial or run.partial)
        steps.note(f"{job_type}_jobs", [reading], started, len(reading.value or ()))
        return reading

    def _learn_names(self, tasks: Reading[tuple[PbsTask, ...]], *jobs: Jobs) -> None:
        """Take the names of the server's node from the UPIDs of its own tasks and of its jobs' last runs: no call tells an auditor."""
        ran = [job.last_run_upid for reading in jobs for job in reading.value or ()]
        self.collector.nodes |= upid_nodes((*(task.upid for task in tasks.value or ()), *ran))

    def _groups(
        self,
        sight: Sight,
        namespaces: dict[str, Reading[tuple[str, ...]]],
        verify_jobs: Jobs,
        tasks: Reading[tuple[PbsTask, ...]],
        server_time: Reading[ServerTime],
    ) -> GroupsByNamespace:
        """Read the groups of every namespace that is known; those of a datastore that gives no answer are held."""
        places: dict[Place, Failure | None] = {}
        for store, reading in namespaces.items():
            away = reading.failure if reading.fetched_at != self.steps.now else None
            places |= {(store, namespace): away for namespace in reading.value or ()}
        clock = server_time.value.clock if server_time.value else None
        ahead = clock - self.steps.now if clock is not None else 0
        # one that says to end in the future would touch every group again and again
        ended = [
            task for task in tasks.value or () if task.ended_at is not None and task.ended_at - ahead <= self.steps.now
        ]
        verified, pruned = (touched_by(ended, verify_jobs.value or (), kind, ahead) for kind in ("verif", "prune"))
        doubts = {place: sight.groups(*place) for place in places}
        reader = self.collector.groups
        calls = replace(self.calls, nodes=self.collector.nodes)
        return reader.read(self.steps, calls, places, doubts, self.held.groups, (verified, pruned))


def _zone(held: Reading[str], told: Reading[ServerTime]) -> Reading[str]:
    if told.value is None:
        return kept(held, told.failure, told.max_age) if told.failure else held
    return Reading(told.value.zone, told.fetched_at, told.max_age)


def _merged(configured: Datastore, figures: Datastore) -> Datastore:
    return replace(
        figures,
        comment=configured.comment,
        maintenance=configured.maintenance,
        mount_status=configured.mount_status or figures.mount_status,
    )


def _unlistable(label: str, stores: Reading[tuple[Datastore, ...]]) -> dict[str, Failure]:
    """Return the datastores that the server itself cannot read, and why: asking would only cost it and us a failed call each (H20)."""
    away = {}
    for store in stores.value or () if stores.failure is None else ():
        why = store.error
        if why is None and store.maintenance in _NOT_LISTABLE:
            why = f"datastore '{store.name}' is in maintenance: {store.maintenance}"
        if why is None and store.mount_status == "notmounted":
            why = f"datastore '{store.name}' is not mounted"
        if why is not None:
            away[store.name] = Failure(FailureReason.UNAVAILABLE, "/status/datastore-usage", f"{label}: {why}")
    return away
