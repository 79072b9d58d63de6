"""Tasks of the last days: runs of the jobs as the genuine scheduler makes them (B16-B21, G1, G2, G5), and others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from zoneinfo import ZoneInfo

from simulator.answers import ApiError
from simulator.calendar_events import between
from simulator.model import Cluster, Properties, Task
from simulator.scenario.incidents import KILLED, Incident, incident_of
from simulator.scenario.jobs import BIG, HOURLY
from simulator.scenario.logs import Run, begins, log_lines
from simulator.scenario.restores import make_restores
from simulator.selection import selected_vmids, truthy

DAYS = 8
DAY, HOUR = 86_400, 3600
RUNS_PER_JOB = 10
EVENTS_AT_MOST = DAYS * 24
# how often a run ends in each of these ways, in percent
STATUSES = ("OK", "WARNINGS: 2", "job errors", "unexpected status")
ORDINARY_LUCK, ALWAYS_GOOD = (88, 5, 4, 3), (100, 0, 0, 0)
# a run that hangs keeps the next one from beginning for so long (B17)
HANGING_SECONDS = 600

Chance = tuple[Random, Sequence[int]]


@dataclass(frozen=True, slots=True)
class Start:
    """What a task begins with: node, kind, subject (id), start time."""

    node: str
    kind: str
    subject: str
    time: int


def make_tasks(
    cluster: Cluster, trouble: Mapping[str, int], now: int, random: Random
) -> tuple[tuple[Task, ...], tuple[Run, ...]]:
    """Given a cluster without tasks and who has which trouble, return the tasks of the last days, some of them running, and the runs they
    tell of.
    """
    told = job_tasks(cluster, trouble, now, random, ORDINARY_LUCK)
    tasks, runs = [task for task, _ in told], [run for _, run in told]
    for node in cluster.nodes:
        if node.online:
            for day in range(1, DAYS):
                start = Start(node.name, "aptupdate", "", now - day * 86_400 + random.randint(0, 7200))
                tasks.append(_task(start, 3, "OK", lambda: ["update new package list", "TASK OK"], random))
    tasks += _running(cluster, now, random)
    for one in make_restores(cluster, runs, now):
        tasks.append(_task(Start(one.node, one.kind, str(one.target), one.start), 130, one.status, one.lines, random))
    return tuple(tasks), tuple(runs)


def job_tasks(
    cluster: Cluster, trouble: Mapping[str, int], now: int, random: Random, luck: Sequence[int]
) -> list[tuple[Task, Run]]:
    """Given a cluster without tasks, who has which trouble, and how often a run ends in which way, return the runs of its jobs."""
    jobs = [job for job in cluster.jobs if truthy(job.get("enabled", 1))]
    return [row for job in jobs for row in _tasks_of(cluster, trouble, job, now, (random, luck))]


def _tasks_of(
    cluster: Cluster, trouble: Mapping[str, int], job: Properties, now: int, chance: Chance
) -> list[tuple[Task, Run]]:
    try:
        chosen = selected_vmids(job, cluster)
    except ApiError:
        return []  # B24: it dies before there is a task
    tasks = []
    for node in cluster.nodes:
        if not node.online or job.get("node") not in {None, node.name}:
            continue
        unknown = [vmid for vmid in chosen if vmid not in cluster.guests]
        here = [vmid for vmid in chosen if vmid in cluster.guests and cluster.guests[vmid].node == node.name]
        if not (here or unknown or truthy(job.get("all"))):
            continue  # B18: nothing to do here, no task
        part = sorted([*here, *unknown])
        instants = _instants(cluster, trouble, job, node.name, now)
        present = _present(cluster, trouble, job, node.name, now)
        ages = range(len(instants) - 1, -1 - len(present), -1)
        for instant, age in zip((*instants, *present), ages, strict=True):
            incident = incident_of(cluster, trouble, str(job["id"]), node.name, tuple(part), (age, now - instant))
            tasks.append(_run_task(cluster, job, node.name, part, instant, incident, chance))
    return tasks


def _instants(cluster: Cluster, trouble: Mapping[str, int], job: Properties, node: str, now: int) -> Sequence[int]:
    """When a job's last runs on a node began that had an hour to end: none while one does not end (B17), none while the node was down."""
    # what cannot begin at all has ended at once
    settled = now - (60 if whole_failure(cluster, job, node) else HOUR)
    if trouble and job["id"] == "backup-db" and node == cluster.nodes[0].name:
        settled -= HANGING_SECONDS
    found = between(str(job.get("schedule", "")), now - DAYS * DAY, settled, ZoneInfo(cluster.zone), EVENTS_AT_MOST)
    if job["id"] == BIG:
        found = found[:-1]
    if "rebooted" in trouble and cluster.guests[trouble["rebooted"]].node == node:
        down = _down_since(cluster, now)
        found = [instant for instant in found if instant < down]
    return found[-RUNS_PER_JOB:]


def _down_since(cluster: Cluster, now: int) -> int:
    """When the node went down that is back by now: shortly before the last run of the hourly job that should have ended."""
    schedule = next(str(job["schedule"]) for job in cluster.jobs if job["id"] == HOURLY)
    return between(schedule, now - 3 * HOUR, now - HOUR, ZoneInfo(cluster.zone))[-1] - 120


def _present(cluster: Cluster, trouble: Mapping[str, int], job: Properties, node: str, now: int) -> Sequence[int]:
    """When the run of the hourly job began that goes on now."""
    if job["id"] != HOURLY or "hourly" not in trouble or cluster.guests[trouble["hourly"]].node != node:
        return ()
    return between(str(job["schedule"]), now - HOUR, now, ZoneInfo(cluster.zone))[-1:]


def _run_task(
    cluster: Cluster, job: Properties, node: str, part: list[int], instant: int, incident: Incident, chance: Chance
) -> tuple[Task, Run]:
    random, luck = chance
    error = whole_failure(cluster, job, node)
    failures = dict.fromkeys((vmid for vmid in part if vmid not in cluster.guests), "io")
    status: str | None = error or ("job errors" if failures else "OK")
    if status == "OK" and part:
        status = random.choices(STATUSES, luck)[0]
        if status == "job errors":
            failures = {random.choice(part): "io"}
    stop = None
    if not error:
        failures, stop = failures | dict(incident.failures), incident.stop
        if stop is not None:
            status = None if incident.runs_on else KILLED
        elif failures:
            status = KILLED if status == KILLED else "job errors"
    run = Run(cluster, job, node, tuple(part), instant, status, failures, stop)
    seconds = None if status is None else 2 if error else max(2, begins(len(part), len(part)))
    subject = str(part[0]) if len(part) == 1 else ""
    return _task(Start(node, "vzdump", subject, instant), seconds, status, partial(log_lines, run), random), run


def whole_failure(cluster: Cluster, job: Properties, node: str) -> str | None:
    """Why the task fails as a whole, from its storage (B28, B29)."""
    if "dumpdir" in job:
        return None
    name = str(job.get("storage", "local"))
    storage = cluster.storages.get(name)
    if storage is None:
        return f"could not get storage information for '{name}': storage '{name}' does not exist"
    if not storage.enabled:
        return f"could not activate storage '{name}': storage '{name}' is disabled"
    if not storage.allowed_on(node):
        return f"could not activate storage '{name}': storage '{name}' is not available on node '{node}'"
    if "backup" not in storage.content:
        return f"could not get storage information for '{name}': can't use storage '{name}' for backups - wrong content type"
    return None


def _running(cluster: Cluster, now: int, random: Random) -> list[Task]:
    """One backup that began a minute ago and does not end."""
    node = next((one.name for one in cluster.nodes if one.online), None)
    vmid = min((guest.vmid for guest in cluster.guests.values() if guest.node == node), default=None)
    if node is None or vmid is None:
        return []
    job: Properties = {"vmid": str(vmid), "storage": "nas"}
    run = Run(cluster, job, node, (vmid,), now - 60, None)
    return [_task(Start(node, "vzdump", str(vmid), now - 60), None, None, partial(log_lines, run), random)]


def _task(
    start: Start, seconds: int | None, status: str | None, lines: Callable[[], list[str]], random: Random
) -> Task:
    pid, pstart = random.randint(1000, 99_999), random.randint(30_000, 900_000)
    upid = f"UPID:{start.node}:{pid:08X}:{pstart:08X}:{start.time:08X}:{start.kind}:{start.subject}:root@pam:"
    return Task(
        upid=upid,
        node=start.node,
        kind=start.kind,
        subject=start.subject,
        user="root@pam",
        pid=pid,
        pstart=pstart,
        starttime=start.time,
        endtime=None if seconds is None else start.time + seconds,
        status=status,
        lines=lines,
    )
