"""Task logs of one cluster: which are read in a refresh, and what is kept of those that were read (G4–G8).

Each log is read once. A refresh reads at most `LOGS_AT_MOST` of vzdump tasks that did not end OK and `RESTORE_LOGS_AT_MOST` of restores,
the newest first; older ones wait for the next, if there is one. The lists of restores are asked for once in `RESTORES_SECONDS`: two calls
for each node.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import tzinfo
from typing import TypeVar
from zoneinfo import ZoneInfo

from exporter.collect.pve_calls import PveCalls
from exporter.collect.pve_parse import RESTORE_TYPES
from exporter.collect.steps import STALE_AFTER_PERIODS, Steps, kept
from exporter.collect.task_logs import parse_vzdump_log, restore_source
from exporter.errors import FailureReason
from report.facts import ClusterFacts, Restore, Task, TaskOutcome
from report.readings import Failure, Reading

T = TypeVar("T")

LOGS_AT_MOST = 50
RESTORE_LOGS_AT_MOST = 10
RESTORES_SECONDS = 3600
# what logs said is kept for as long after their tasks left the lists, but of so many tasks only, the newest
OUTCOMES_KEPT_SECONDS, OUTCOMES_KEPT = 45 * 86_400, 2000
RESTORES_KEPT_SECONDS, RESTORES_KEPT = 400 * 86_400, 200
# reasons for which asking again is of no use: the file is gone (old logs are removed), or larger than any answer may be
_FINAL = frozenset({FailureReason.NOT_FOUND, FailureReason.TOO_LARGE})
_UPID_START = 4


def _final(reading: Reading[T]) -> bool:
    """Say whether a log has been read, or never will be."""
    return reading.failure is None or reading.failure.code in _FINAL


def read_outcomes(
    steps: Steps,
    calls: PveCalls,
    held: ClusterFacts,
    tasks: Mapping[str, Reading[tuple[Task, ...]]],
    zones: Mapping[str, Reading[str]],
    away: Mapping[str, Failure],
) -> dict[str, Reading[TaskOutcome]]:
    """Given the steps and calls of a refresh, what is held, the nodes' tasks and zones, and the nodes that cannot be asked, return what
    the logs of vzdump tasks say that did not end OK, by UPID. Of a log that could not be read the failure tells why.
    """
    started = time.monotonic()
    listed = {
        task.upid: task
        for reading in tasks.values()
        for task in reading.value or ()
        if task.ended_at is not None and task.status != "OK"
    }
    since = steps.now - OUTCOMES_KEPT_SECONDS
    begun = {upid: task.started_at for upid, task in listed.items()}
    begun |= {
        upid: began
        for upid, reading in held.outcomes.items()
        if upid not in begun and _final(reading) and (began := _started_at(upid)) >= since
    }
    wanted = sorted(begun, key=lambda upid: (-begun[upid], upid))[:OUTCOMES_KEPT]
    outcomes = {upid: held.outcomes[upid] for upid in wanted if upid in held.outcomes}
    due = [
        listed[upid]
        for upid in wanted
        if upid in listed and listed[upid].node not in away and (upid not in outcomes or not _final(outcomes[upid]))
    ]
    # what failed before waits behind what was never tried
    chosen = sorted(due, key=lambda task: task.upid in outcomes)[: None if steps.once else LOGS_AT_MOST]

    def read(task: Task) -> Reading[TaskOutcome]:
        zone = _zone(zones.get(task.node, Reading()).value)
        return steps.read(Reading(), lambda: parse_vzdump_log(calls.log(task.node, task.upid), zone, task.started_at))

    readings = list(steps.pool.map(read, chosen))
    outcomes |= {task.upid: reading for task, reading in zip(chosen, readings, strict=True)}
    steps.note("task_logs", [r for r in readings if r.failure is None or not _final(r)], started, len(outcomes))
    return outcomes


def read_restores(
    steps: Steps, calls: PveCalls, held: ClusterFacts, nodes: Iterable[str], away: Mapping[str, Failure]
) -> dict[str, Reading[tuple[Restore, ...]]]:
    """Given the steps and calls of a refresh, what is held, and the nodes, return each node's restores that ended, the newest first.

    A successful one is in the list as soon as its log was looked for; while logs are still to be read the reading is partial.
    """
    started = time.monotonic()
    readings = {node: held.restores.get(node, Reading()) for node in nodes}
    for node in away.keys() & readings.keys():
        readings[node] = kept(readings[node], away[node])
    asked = [node for node, reading in readings.items() if node not in away and _due(reading, steps.now)]
    places = [(node, task_type) for node in asked for task_type in RESTORE_TYPES]
    lists = list(steps.pool.map(lambda place: steps.read(Reading(), lambda: calls.restores(*place)), places))
    answers = {node: [lists[at] for at, place in enumerate(places) if place[0] == node] for node in asked}
    known = {node: _newest(readings[node].value or (), answers[node], steps.now) for node in asked}
    held_upids = {one.upid for reading in readings.values() for one in reading.value or ()}
    due = [one for node in asked for one in known[node] if one.upid not in held_upids and _succeeded(one)]
    logs = _read_logs(steps, calls, due)
    readings |= {node: _told(steps, readings[node], known[node], answers[node], due, logs) for node in asked}
    total = sum(len(reading.value or ()) for reading in readings.values())
    steps.note("restores", [readings[node] for node in asked], started, total)
    return readings


def _due(reading: Reading[T], now: int) -> bool:
    """Say whether a node's restores are to be listed again: their time has come, or something is missing."""
    return (
        reading.fetched_at is None
        or reading.partial
        or reading.failure is not None
        or now - reading.fetched_at >= RESTORES_SECONDS
    )


def _newest(held: Sequence[Restore], answers: Sequence[Reading[tuple[Restore, ...]]], now: int) -> tuple[Restore, ...]:
    """Return the restores that a node lists and those that are held, as they are held, the newest first."""
    restores = {one.upid: one for answer in answers for one in answer.value or ()}
    restores |= {one.upid: one for one in held if one.ended_at >= now - RESTORES_KEPT_SECONDS}
    return tuple(sorted(restores.values(), key=lambda one: (-one.started_at, one.upid))[:RESTORES_KEPT])


def _succeeded(restore: Restore) -> bool:
    """Say whether a restore may be a proof: one that failed needs no look at its log."""
    return restore.status == "OK" or restore.status.startswith("WARNINGS")


def _read_logs(steps: Steps, calls: PveCalls, due: Sequence[Restore]) -> dict[str, Reading[str]]:
    """Read the newest of the logs that are due; return by UPID which backup each names, a text that is empty where it names none."""
    chosen = sorted(due, key=lambda one: (-one.started_at, one.upid))
    chosen = chosen if steps.once else chosen[:RESTORE_LOGS_AT_MOST]

    def read(restore: Restore) -> Reading[str]:
        return steps.read(Reading(), lambda: restore_source(calls.log(restore.node, restore.upid)) or "")

    return {one.upid: reading for one, reading in zip(chosen, steps.pool.map(read, chosen), strict=True)}


def _told(
    steps: Steps,
    held: Reading[tuple[Restore, ...]],
    known: Sequence[Restore],
    answers: Sequence[Reading[tuple[Restore, ...]]],
    due: Sequence[Restore],
    logs: Mapping[str, Reading[str]],
) -> Reading[tuple[Restore, ...]]:
    """Put one node's restores together, without those whose log is still to be read."""
    upids = {one.upid for one in known}
    missing = {one.upid for one in due if one.upid not in logs or not _final(logs[one.upid])}
    problems = [*answers, *(logs[upid] for upid in sorted(upids & missing & logs.keys()))]
    failure = next((reading.failure for reading in problems if reading.failure is not None), None)
    done = tuple(
        replace(one, volume=logs[one.upid].value or None) if one.upid in logs else one
        for one in known
        if one.upid not in missing
    )
    max_age = STALE_AFTER_PERIODS * max(RESTORES_SECONDS, steps.period)
    if all(answer.failure is not None for answer in answers):
        return replace(held, value=None if held.value is None else done, failure=failure, max_age=max_age)
    return Reading(done, steps.now, max_age, failure, partial=failure is not None or bool(upids & missing))


def _started_at(upid: str) -> int:
    """Given a UPID of a PVE, return when its task started (G1); 0 for what is none."""
    parts = upid.split(":")
    try:
        return int(parts[_UPID_START], 16)
    except (IndexError, ValueError):
        return 0


def _zone(name: str | None) -> tzinfo | None:
    """Given a zone's name, None where a node does not tell it, return the zone; None for a name that the zone data does not hold."""
    try:
        return None if name is None else ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None
