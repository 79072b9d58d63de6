"""One PVE cluster → its facts: which calls are made, in which order, and what is held from before when one fails.

A refresh makes 8 calls for the cluster, 4 for each node that is online, 1 for each job, 1 for each pool that a job names and that
`/cluster/resources` does not show, and 1 for each storage with backups that is no PBS (one that
is not shared: for each node). Guest configurations are read in a slow round (24 h by default), spread over refreshes. Once an hour it
asks each node twice more, for its restores; and it reads the log of each vzdump task that did not end OK, and of each restore, once: at
most 50 and 10 of them in a refresh.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from exporter.client.deadline import Deadline
from exporter.client.source import SourceClient
from exporter.collect.file_backups import FileCalls, Parts, read_backups
from exporter.collect.patience import Told
from exporter.collect.pve_calls import PveCalls
from exporter.collect.pve_defaults import read_defaults
from exporter.collect.pve_known import unseen_pools, with_last_names
from exporter.collect.pve_logs import read_outcomes, read_restores
from exporter.collect.pve_trust import (
    Plan,
    trusted_nodes,
    trusted_permissions,
    trusted_plan,
    trusted_storages,
    trusted_tasks,
)
from exporter.collect.steps import Steps, no_answer
from exporter.collect.task_counts import TaskCounter
from exporter.counters import Counters
from exporter.errors import FailureReason
from report.backups import BackupGroup
from report.facts import (
    ClusterFacts,
    Guest,
    GuestConfig,
    Inventory,
    StorageDefinition,
    StorageState,
    Task,
)
from report.readings import Failure, Permissions, Reading

T = TypeVar("T")

# guest configurations read in a refresh even where the spread round would ask for fewer, so that small estates are known at once
CONFIGS_AT_LEAST = 100


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often things are read, in seconds: the refresh itself, and the slow round over guest configurations.

    `once`: no other refresh follows, so that nothing is left to one; the deadline alone limits what is read.
    """

    refresh_seconds: int = 300
    guest_config_seconds: int = 86400
    once: bool = False

    def share(self, guests: int) -> int:
        """Given a number of guests, return how many configurations a refresh reads, so that the slow round ends in time."""
        if self.once:
            return guests
        return max(CONFIGS_AT_LEAST, math.ceil(guests * self.refresh_seconds / self.guest_config_seconds))


@dataclass(slots=True)
class ClusterCollector:
    """Reads one cluster again and again. Not thread-safe: one refresh at a time; within it, up to `parallel` calls run side by side."""

    name: str
    token_id: str
    client: SourceClient
    counters: Counters
    rhythm: Rhythm
    parallel: int = 4
    tasks: TaskCounter = field(init=False)
    configs_failed_at: dict[int, int] = field(default_factory=dict)
    told: Told = field(default_factory=Told)

    def __post_init__(self) -> None:
        self.tasks = TaskCounter(self.counters)

    def collect(self, before: ClusterFacts | None, now: int, deadline: Deadline) -> ClusterFacts:
        """Given the facts of the refresh before (None at first), now (epoch) and the refresh's deadline, return the facts.

        Never raises a SourceError: what a failed call would have told is held from before, with the failure beside it.
        """
        held = before or ClusterFacts(self.name, now, False, token_id=self.token_id)
        with ThreadPoolExecutor(max_workers=self.parallel, thread_name_prefix=f"collect-{self.name}") as pool:
            rhythm = self.rhythm
            steps = Steps(
                self.client.settings.label, now, rhythm.refresh_seconds, held.collectors, pool, once=rhythm.once
            )
            facts = _Round(self, held, now, PveCalls(self.client, deadline), steps).run()
        if facts.up:
            self.told.tell(self.name, steps.failures)
        self.tasks.count(held, facts)
        return facts


@dataclass(slots=True)
class _Round:
    """One refresh of one cluster."""

    collector: ClusterCollector
    held: ClusterFacts
    now: int
    calls: PveCalls
    steps: Steps

    def run(self) -> ClusterFacts:
        """Make the calls and return the facts."""
        held, calls, steps = self.held, self.calls, self.steps
        version = steps.one("version", held.version, calls.version)
        permissions = steps.one("permissions", held.permissions, calls.permissions)
        if no_answer(version) and no_answer(permissions):
            return self._source_down(version, permissions)
        inventory = steps.one("inventory", held.inventory, calls.inventory)
        permissions = trusted_permissions(steps, held.permissions, permissions, inventory)
        plan = self._plan(inventory)
        inventory = plan.inventory
        rights = permissions.usable(self.now)
        all_visible = rights is not None and rights.below("Datastore.Audit", "/storage")
        storages = steps.one("storages", held.storages, lambda: calls.storages(all_visible))
        nodes = trusted_nodes(steps, steps.one("nodes", held.nodes, calls.nodes), inventory)
        names = [node.name for node in nodes.value or ()]
        away = {
            node.name: Failure(FailureReason.NODE_UNREACHABLE, "", f"node {node.name} is offline")
            for node in nodes.usable(self.now) or ()
            if node.online is False
        }
        configs = self._configs(inventory, away)
        states = steps.many("storage_states", names, held.storage_states, calls.storage_states, away=away)
        storages = trusted_storages(steps, held.storages, storages, states)
        backups, parts = self._backups(storages, states, rights)
        zones = steps.many("zones", names, held.zones, calls.zone, away=away)
        tasks = self._tasks(names, away)
        facts = ClusterFacts(
            name=held.name,
            attempted_at=self.now,
            up=True,
            version=version,
            token_id=self.collector.token_id,
            permissions=permissions,
            inventory=with_last_names(inventory, held.inventory.value, configs),
            nodes=nodes,
            pool_lookups=plan.lookups,
            jobs=plan.jobs,
            included=plan.included,
            not_backed_up=plan.uncovered,
            storages=storages,
            storage_states=states,
            vzdump_defaults=steps.many(
                "vzdump_defaults",
                names,
                held.vzdump_defaults,
                lambda node: read_defaults(calls, node, storages.usable(self.now)),
                away=away,
            ),
            zones=zones,
            tasks=tasks,
            configs=configs,
            backups=backups,
            backup_parts=parts,
            # the last to be read: everything else matters more when time runs out
            restores=read_restores(steps, calls, held, names, away),
            outcomes=read_outcomes(steps, calls, held, tasks, zones, away),
            certificate_not_after=self.collector.client.certificate_not_after,
        )
        failure = None if steps.answered else version.failure
        return replace(facts, up=steps.answered, failure=failure, collectors=tuple(steps.runs))

    def _plan(self, inventory: Reading[Inventory]) -> Plan:
        """Read the jobs, their pools, and what PVE itself says that they select; believe what the answers do not contradict."""
        held, calls, steps = self.held, self.calls, self.steps
        jobs = steps.one("jobs", held.jobs, calls.jobs)
        lookups = steps.many("pools", unseen_pools(jobs, inventory), held.pool_lookups, calls.pool)
        names = (job.id for job in jobs.value or ())
        included = steps.many("included_volumes", names, held.included, calls.included)
        uncovered = steps.one("not_backed_up", held.not_backed_up, calls.not_backed_up)
        return trusted_plan(steps, held, Plan(inventory, jobs, lookups, included, uncovered))

    def _backups(
        self,
        storages: Reading[tuple[StorageDefinition, ...]],
        states: Mapping[str, Reading[tuple[StorageState, ...]]],
        rights: Permissions | None,
    ) -> tuple[dict[str, Reading[tuple[BackupGroup, ...]]], Parts]:
        """Read which backups lie on storages that are no PBS (D5); also return what each node told, to be held."""
        calls = FileCalls(self.collector.client, self.calls.deadline)
        return read_backups(
            self.steps, calls, self.held.name, storages.value or (), states, rights, self.held.backup_parts
        )

    def _source_down(self, *asked: Reading[Any]) -> ClusterFacts:
        """Return the facts held from before when the cluster does not answer at all; nothing more is asked."""
        version, permissions = asked
        return replace(
            self.held,
            attempted_at=self.now,
            up=False,
            failure=version.failure,
            version=version,
            permissions=permissions,
            collectors=(*self.steps.runs, *self.steps.missed()),
        )

    def _tasks(self, names: Sequence[str], away: Mapping[str, Failure]) -> dict[str, Reading[tuple[Task, ...]]]:
        """Read each node's vzdump tasks; of a node that was never asked, what the cluster's own list has of it (G3)."""
        tasks = self.steps.many("tasks", names, self.held.tasks, self.calls.tasks, away=away)
        recent = self.steps.one("cluster_tasks", Reading(), self.calls.cluster_tasks)
        for node, reading in trusted_tasks(self.steps, self.held.tasks, tasks, recent).items():
            tasks[node] = reading
            there = tuple(task for task in recent.value or () if task.node == node)
            if reading.failure and there and reading.value is None:
                tasks[node] = replace(reading, value=there, fetched_at=recent.fetched_at, max_age=recent.max_age)
        return tasks

    def _configs(self, inventory: Reading[Inventory], away: Mapping[str, Failure]) -> dict[int, GuestConfig]:
        """Read the configurations that are due, the longest unread first, so many that the slow round ends in time."""
        rhythm = self.collector.rhythm
        guests = inventory.value.guests if inventory.value else ()
        held = {guest.vmid: self.held.configs[guest.vmid] for guest in guests if guest.vmid in self.held.configs}
        read_at = {guest.vmid: held[guest.vmid].fetched_at if guest.vmid in held else 0 for guest in guests}
        failed_at = self.collector.configs_failed_at
        due = [
            guest
            for guest in guests
            if guest.node not in away and self.now - read_at[guest.vmid] >= rhythm.guest_config_seconds
        ]
        chosen = (
            sorted(due, key=lambda guest: (max(read_at[guest.vmid], failed_at.get(guest.vmid, 0)), guest.vmid))
            if inventory.failure is None
            else []
        )[: rhythm.share(len(guests))]
        started = time.monotonic()

        def read(guest: Guest) -> Reading[GuestConfig]:
            return self.steps.read(Reading(), lambda: self.calls.config(guest, self.now))

        readings = list(self.steps.pool.map(read, chosen))
        for guest, reading in zip(chosen, readings, strict=True):
            # one that cannot be read waits for its next turn like any other and keeps what was known; one never read, behind the others
            if reading.value is not None:
                held[guest.vmid] = reading.value
                failed_at.pop(guest.vmid, None)
            elif guest.vmid in held:
                held[guest.vmid] = replace(held[guest.vmid], fetched_at=self.now)
            else:
                failed_at[guest.vmid] = self.now
        for vmid in failed_at.keys() - {guest.vmid for guest in guests}:
            del failed_at[vmid]
        self.steps.note("guest_configs", readings, started, len(held))
        return held
