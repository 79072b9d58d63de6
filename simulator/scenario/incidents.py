"""What went wrong in single runs, so that every kind of trouble is there whatever the dice say (A6, E9, G8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from simulator.model import Cluster
from simulator.scenario.jobs import BIG, HOURLY, WEEKLY

DAY = 86_400
# a lock that was left behind so long ago makes every run since then fail (A6)
LOCKED_SINCE = 3 * DAY
KILLED = "unexpected status"


@dataclass(frozen=True, slots=True)
class Incident:
    """What is different in a run: guest → how it failed (a key of `logs.FAILURES`), where it stopped, and whether it still runs."""

    failures: Mapping[int, str] = field(default_factory=dict)
    stop: int | None = None
    runs_on: bool = False


def incident_of(
    cluster: Cluster,
    trouble: Mapping[str, int],
    identity: str,
    node: str,
    part: tuple[int, ...],
    age: tuple[int, int],
) -> Incident:
    """Given who has which trouble and a job's run on a node: its guests, how many runs there were after it, and how long ago it began,
    return what went wrong.
    """
    runs_after, seconds = age
    here = [vmid for vmid in part if vmid in cluster.guests]
    failures = {vmid: "locked" for vmid in here if "lock" in cluster.guests[vmid].config and seconds < LOCKED_SINCE}
    first = next((one.name for one in cluster.nodes if one.online), None)
    place = identity, "first" if node == first else "other", runs_after
    free = [vmid for vmid in here if vmid not in failures]
    if place == ("backup-db", "first", 0) and free:
        return Incident(failures, part.index(free[-2:][0]), runs_on=True)
    if (identity, runs_after) in {(BIG, 0), (HOURLY, -1)}:
        return Incident(failures, 0, runs_on=True)
    if (identity, runs_after) == (WEEKLY, 0):
        return Incident(dict.fromkeys(free, "io"))
    if trouble and place == ("backup-infra", "first", 0) and free:
        return Incident(failures, part.index(free[-1]))
    if place == ("backup-web", "first", 2) and len(part) > 1 and free:
        return Incident(failures, part.index(free[0]))
    if place == ("backup-prod", "first", 0) and free:
        failures[free[-1]] = "full"
    if identity == "backup-prod" and trouble.get("unpruned") in free:
        failures[trouble["unpruned"]] = "prune"
    elif not trouble and place == ("backup-prod", "other", 1) and free:
        failures[free[0]] = "prune"
    return Incident(failures)
