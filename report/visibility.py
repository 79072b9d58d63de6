"""What could not be seen of a cluster, and what that hides: missing privileges, failed collectors, aged facts (A8, H.5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from report.coverage import GuestCoverage
from report.facts import ClusterFacts, Reading
from report.model.guests import Coverage
from report.model.sources import Issue, IssueCode
from report.privileges import PVE, missing_privileges, needed_by
from report.view import ClusterView


def inventory_known(view: ClusterView) -> bool:
    """Say whether counts of guests mean anything: an empty inventory seen without VM.Audit is unknown, not zero."""
    if view.guests is None:
        return False
    return bool(view.guests) or view.all_guests_visible


def find_issues(
    facts: ClusterFacts, view: ClusterView, covered: Mapping[int, GuestCoverage], now: int
) -> Iterator[Issue]:
    """Given a cluster's facts, its view and each guest's coverage, yield what could not be seen, the gravest first."""
    name = facts.name
    if not facts.up and facts.failure:
        held = tuple(sorted(vmid for vmid, guest in covered.items() if guest.coverage is Coverage.UNDECIDED))
        yield Issue(name, "", IssueCode.SOURCE_DOWN, (("message", facts.failure.message),), held)
    if view.guests is not None and not inventory_known(view):
        yield Issue(name, "", IssueCode.NO_GUEST_VISIBLE)
    for needed in missing_privileges(PVE, view.permissions):
        touched = _undecided_for(needed.privilege, needed.path, covered)
        params = (
            ("privilege", needed.privilege),
            ("path", needed.path),
            ("hides", needed.hides),
            ("token", facts.token_id),
        )
        code = (
            IssueCode.PARTIAL_VIEW if needed.privilege == "VM.Audit" and view.guests else IssueCode.PERMISSION_MISSING
        )
        yield Issue(name, needed.path, code, params, touched)
    yield from _failed_collectors(facts, view, covered, now)


def _undecided_for(privilege: str, path: str, covered: Mapping[int, GuestCoverage]) -> tuple[int, ...]:
    codes = next(row.reasons for row in needed_by(PVE) if (row.privilege, row.path) == (privilege, path))
    return tuple(
        sorted(
            vmid
            for vmid, guest in covered.items()
            if guest.coverage is Coverage.UNDECIDED and any(reason.code in codes for reason in guest.reasons)
        )
    )


def _failed_collectors(
    facts: ClusterFacts, view: ClusterView, covered: Mapping[int, GuestCoverage], now: int
) -> Iterator[Issue]:
    for node in sorted(view.offline):
        there = tuple(sorted(guest.vmid for guest in view.guests or () if guest.node == node))
        yield Issue(facts.name, node, IssueCode.NODE_OFFLINE, (("node", node),), there)
    missing = {(needed.privilege, needed.path) for needed in missing_privileges(PVE, view.permissions)}
    for collector, subject, reading in _readings(facts):
        if reading.value is not None and reading.usable(now) is None:
            params = (("collector", collector), ("fetched_at", reading.fetched_at or 0))
            yield Issue(facts.name, subject, IssueCode.FACTS_STALE, params)
        if reading.failure is None or not facts.up or subject in view.offline:
            continue
        if reading.failure.code == "node_unreachable" and view.offline:
            continue  # the node is said to be off already
        if reading.failure.code == "forbidden" and missing:
            continue  # said already, with its remedy, by the missing privilege
        message = (("collector", collector), ("message", reading.failure.message))
        yield Issue(facts.name, subject, IssueCode.COLLECTOR_FAILED, message)


def _readings(facts: ClusterFacts) -> Iterator[tuple[str, str, Reading[object]]]:
    """Yield every reading with its collector's name and what it is about (a node, a job, a pool, or the cluster as a whole)."""
    yield "version", "", facts.version
    yield "permissions", "", facts.permissions
    yield "inventory", "", facts.inventory
    yield "nodes", "", facts.nodes
    yield "jobs", "", facts.jobs
    yield "not_backed_up", "", facts.not_backed_up
    yield "storages", "", facts.storages
    per_subject: tuple[tuple[str, Mapping[str, Reading[object]]], ...] = (
        ("pools", facts.pool_lookups),
        ("included_volumes", facts.included),
        ("storage_states", facts.storage_states),
        ("vzdump_defaults", facts.vzdump_defaults),
        ("zones", facts.zones),
        ("tasks", facts.tasks),
        ("backups", facts.backups),
    )
    for collector, readings in per_subject:
        for subject in sorted(readings):
            yield collector, subject, readings[subject]
