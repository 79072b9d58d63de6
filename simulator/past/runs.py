"""Which guest a job tried to save when, on which node, and with what result; agrees with the task lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from zoneinfo import ZoneInfo

from simulator.answers import ApiError
from simulator.calendar_events import EventError, following, parse
from simulator.model import Cluster, Properties
from simulator.scenario.history import whole_failure
from simulator.scenario.logs import Run, begins
from simulator.selection import selected_vmids, truthy

DAY = 86_400
# a run that began later than this may still be going
SETTLED = 3600


@dataclass(frozen=True, slots=True)
class Outcome:
    """What went wrong in a run: the guests that failed, and the one that was being saved when the task was killed."""

    failed: frozenset[int] = frozenset()
    killed: int | None = None


GOOD = Outcome()


@dataclass(frozen=True, slots=True)
class Part:
    """A job's share on one node over the whole past: its guests in the order of saving, its runs, its policy (E1)."""

    job: Properties
    node: str
    storage: str
    vmids: tuple[int, ...]
    instants: Sequence[int]
    outcomes: Mapping[int, Outcome]
    keep: Mapping[str, object]
    _positions: dict[int, int] = field(default_factory=dict)

    def attempts(self, vmid: int) -> Iterator[tuple[int, bool]]:
        """When a guest was saved, ascending, and whether that backup was finished; failed attempts left nothing."""
        if not self._positions:
            self._positions.update({one: number for number, one in enumerate(self.vmids)})
        begun = begins(self._positions[vmid], len(self.vmids))
        for instant in self.instants:
            outcome = self.outcomes.get(instant, GOOD)
            if vmid not in outcome.failed:
                yield instant + begun, outcome.killed != vmid


def events(schedule: str, start: int, end: int, zone: ZoneInfo) -> list[int]:
    """Every time of a schedule in (start, end]; none for a text that is no event."""
    try:
        event = parse(schedule)
    except EventError:
        return []
    found, instant = [], following(event, start, zone)
    while instant is not None and instant <= end:
        found.append(instant)
        instant = following(event, instant, zone)
    return found


def make_parts(cluster: Cluster, runs: Sequence[Run], now: int, days: int, seed: int) -> list[Part]:
    """Given a cluster, the runs its task lists tell of, and how far back to go, return what every job did on every node."""
    told: dict[tuple[str, str], dict[int, Run]] = {}
    for run in runs:
        told.setdefault((str(run.job.get("id")), run.node), {})[run.start] = run
    found: list[Part] = []
    for job in cluster.jobs:
        if truthy(job.get("enabled", 1)) and "dumpdir" not in job:
            found += _parts_of(cluster, job, told, now, days, seed)
    return found


def _parts_of(
    cluster: Cluster, job: Properties, told: Mapping[tuple[str, str], Mapping[int, Run]], now: int, days: int, seed: int
) -> Iterator[Part]:
    try:
        chosen = selected_vmids(job, cluster)
    except ApiError:
        return
    zone = ZoneInfo(cluster.zone)
    instants = events(str(job.get("schedule", "")), now - days * DAY, now - SETTLED, zone)
    for node in cluster.nodes:
        if job.get("node") not in {None, node.name} or whole_failure(cluster, job, node.name):
            continue
        here = tuple(sorted(v for v in chosen if v not in cluster.guests or cluster.guests[v].node == node.name))
        known = told.get((str(job["id"]), node.name), {})
        if not any(vmid in cluster.guests for vmid in here):
            continue
        # a node that is dead now has no task any more since the lists begin
        first = min(known, default=now if node.online else now - 8 * DAY)
        random = Random(f"runs/{seed}/{job['id']}/{node.name}")
        outcomes = {
            instant: _outcome(known[instant]) if instant in known else _made_up(here, random) for instant in instants
        }
        happened = [instant for instant in instants if instant in known or instant < first]
        yield Part(
            job, node.name, str(job.get("storage", "local")), here, happened, outcomes, policy(cluster, job, node.name)
        )


def _outcome(run: Run) -> Outcome:
    return Outcome(run.failed, run.stopped)


def _made_up(vmids: tuple[int, ...], random: Random) -> Outcome:
    """An older run: about as often bad as those of the task lists."""
    chance = random.random()
    if chance < 0.03:
        return Outcome(frozenset({random.choice(vmids)}))
    return Outcome(killed=vmids[-1]) if chance < 0.045 else GOOD


def policy(cluster: Cluster, job: Properties, node: str) -> Mapping[str, object]:
    """What a run of the job prunes by on a node: the job's policy, the storage's, the node's, else none (E1)."""
    storage = cluster.storages[str(job.get("storage", "local"))].config
    for level in (job, storage, cluster.by_node[node].vzdump_conf):
        value = level.get("prune-backups")
        if value:
            return parse_policy(value)
        if level.get("maxfiles"):
            return {"keep-last": level["maxfiles"]}
    return {}


def parse_policy(value: object) -> Mapping[str, object]:
    """A policy as an object or as `keep-last=3,keep-daily=7` (E5)."""
    if isinstance(value, Mapping):
        return value
    return dict(part.split("=", 1) for part in str(value).split(",") if "=" in part)
