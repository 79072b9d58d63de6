"""Which answers of a PVE cluster are believed: one that another answer of the same refresh contradicts is not (`contradictions`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from exporter.collect.contradictions import (
    covered_by_no_job,
    hidden_guests,
    incomplete,
    is_of,
    selections,
    unlisted_storages,
    unlisted_tasks,
    unlisted_volumes,
    without_any,
)
from exporter.collect.pve_known import nodes_or_names
from exporter.collect.steps import Steps
from report.facts import (
    BackupJob,
    ClusterFacts,
    IncludedGuest,
    Inventory,
    Node,
    OracleAnswer,
    PoolLookup,
    StorageDefinition,
    StorageState,
    Task,
)
from report.readings import Permissions, Reading

INVENTORY, JOBS, STATUS, STORAGES = "/cluster/resources", "/cluster/backup", "/cluster/status", "/storage"
INCLUDED, UNCOVERED = "/cluster/backup/{id}/included_volumes", "/cluster/backup-info/not-backed-up"
PERMISSIONS, TASKS = "/access/permissions", "/nodes/{node}/tasks"


@dataclass(frozen=True, slots=True)
class Plan:
    """The guests, the jobs with the pools that they name, and PVE's own word on what they select."""

    inventory: Reading[Inventory]
    jobs: Reading[tuple[BackupJob, ...]]
    lookups: dict[str, Reading[PoolLookup]]
    included: dict[str, Reading[OracleAnswer[tuple[IncludedGuest, ...]]]]
    uncovered: Reading[OracleAnswer[frozenset[int]]]


def trusted_plan(steps: Steps, held: ClusterFacts, plan: Plan) -> Plan:
    """Given a refresh's steps, what is held, and what the calls told, return what may be believed of that."""
    now = steps.now
    hidden = hidden_guests(plan.inventory, plan.included, plan.uncovered, now)
    before_guests = held.inventory.usable(now)
    # guests that never were in the inventory may not be listed by design: those of a node directory that is left over
    hidden &= frozenset(guest.vmid for guest in before_guests.guests) if before_guests else frozenset()
    if hidden:
        failure = incomplete(steps.label, INVENTORY, "guests", hidden, "PVE's own evaluation of the jobs")
        return replace(plan, inventory=steps.distrust("inventory", held.inventory, failure))
    selected = selections(plan.jobs, plan.inventory, plan.lookups, now)
    covered = covered_by_no_job(selected, plan.inventory, plan.uncovered, now)
    before = held.jobs.usable(now)
    if covered and before is not None:
        # a guest that lost its jobs and counts as covered all the same: either list may lack a row
        lost = {job.id for job in before} - {job.id for job in plan.jobs.value or ()}
        return _with_jobs(steps, held, plan, covered) if lost else _with_uncovered(steps, held, plan, covered)
    return replace(plan, included=_included(steps, held, plan, unlisted_volumes(selected, plan.included, now)))


def _with_jobs(steps: Steps, held: ClusterFacts, plan: Plan, covered: frozenset[int]) -> Plan:
    failure = incomplete(steps.label, JOBS, "the jobs of guests", covered, UNCOVERED)
    return replace(
        plan,
        jobs=steps.distrust("jobs", held.jobs, failure),
        lookups={**held.pool_lookups, **plan.lookups},
        included={**held.included, **plan.included},
    )


def _with_uncovered(steps: Steps, held: ClusterFacts, plan: Plan, covered: frozenset[int]) -> Plan:
    failure = incomplete(steps.label, UNCOVERED, "guests without a job", covered, JOBS)
    return replace(plan, uncovered=steps.distrust("not_backed_up", held.not_backed_up, failure))


def _included(
    steps: Steps, held: ClusterFacts, plan: Plan, missing: Mapping[str, frozenset[int]]
) -> dict[str, Reading[OracleAnswer[tuple[IncludedGuest, ...]]]]:
    """Return PVE's word on volumes; of a job whose answer lacks guests that it had, what is held."""
    included = dict(plan.included)
    for job, guests in missing.items():
        before = held.included.get(job, Reading())
        answer = before.usable(steps.now)
        lost = guests & {guest.vmid for guest in answer.value or ()} if answer else frozenset()
        if lost:
            failure = incomplete(steps.label, INCLUDED, f"guests of job {job}", lost, JOBS)
            included[job] = steps.distrust("included_volumes", before, failure)
    return included


def trusted_permissions(
    steps: Steps, held: Reading[Permissions], told: Reading[Permissions], inventory: Reading[Inventory]
) -> Reading[Permissions]:
    """Given what the token is said to be allowed, and the guests, return what may be believed: without any right it would see no guest."""
    if not is_of(inventory, steps.now) or not without_any(
        told, inventory.value.guests if inventory.value else (), steps.now
    ):
        return told
    failure = incomplete(steps.label, PERMISSIONS, "rights", ["VM.Audit"], INVENTORY)
    return steps.distrust("permissions", held, failure)


def trusted_nodes(
    steps: Steps, nodes: Reading[tuple[Node, ...]], inventory: Reading[Inventory]
) -> Reading[tuple[Node, ...]]:
    """Given the nodes and the inventory, return the nodes with those that only the inventory shows."""
    merged = nodes_or_names(nodes, inventory)
    missing = {node.name for node in merged.value or ()} - {node.name for node in nodes.value or ()}
    if not missing or nodes.value is None:
        return merged
    failure = incomplete(steps.label, STATUS, "nodes", missing, INVENTORY)
    steps.failed("nodes", failure)
    return replace(merged, failure=failure)


def trusted_storages(
    steps: Steps,
    held: Reading[tuple[StorageDefinition, ...]],
    told: Reading[tuple[StorageDefinition, ...]],
    states: Mapping[str, Reading[tuple[StorageState, ...]]],
) -> Reading[tuple[StorageDefinition, ...]]:
    """Given the storages as listed and as nodes see them, return what may be believed of the list."""
    missing = unlisted_storages(told, states, steps.now)
    if not missing:
        return told
    failure = incomplete(steps.label, STORAGES, "storages", missing, "/nodes/{node}/storage")
    return steps.distrust("storages", held, failure)


def trusted_tasks(
    steps: Steps,
    held: Mapping[str, Reading[tuple[Task, ...]]],
    told: Mapping[str, Reading[tuple[Task, ...]]],
    recent: Reading[tuple[Task, ...]],
) -> dict[str, Reading[tuple[Task, ...]]]:
    """Given each node's tasks and the cluster's list, return what may be believed of the nodes' lists."""
    trusted = dict(told)
    for node, reading in told.items():
        missing = unlisted_tasks(node, reading, recent, steps.now)
        if missing:
            failure = incomplete(steps.label, TASKS, f"tasks of {node}", missing, "/cluster/tasks")
            trusted[node] = steps.distrust("tasks", held.get(node, Reading()), failure)
    return trusted
