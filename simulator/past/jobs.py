"""Jobs and tasks of the simulated backup servers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from simulator.past.runs import DAY, events
from simulator.past.shelves import account_of
from simulator.past.streams import Streams
from simulator.pbs.model import Job, Server, Task, make_task
from simulator.scenario.logs import Run, begins
from simulator.scenario.wanted import Wanted

LAME = "s-alone"
# no list gets longer by single backups than this
MOST_BACKUP_TASKS = 2000
KINDS = {"prune": "prunejob", "verify": "verificationjob", "sync": "syncjob"}

ORIGINAL: tuple[tuple[str, dict[str, Any]], ...] = (
    ("prune", {"id": "p-hosts", "store": "main", "schedule": "daily", "max-depth": 0, "comment": "only the root"}
     | {"keep-last": 3, "keep-daily": 7, "keep-weekly": 4}),
    ("prune", {"id": "p-off", "store": "main", "ns": "dev", "schedule": "daily", "disable": True, "keep-last": 1}),
    ("prune", {"id": "p-nothing", "store": "empty", "schedule": "daily"}),
    ("verify", {"id": "v-main", "store": "main", "schedule": "05:00", "ignore-verified": True, "outdated-after": 30}),
    ("verify", {"id": "v-manual", "store": "archive"}),
)  # fmt: skip
COPY: tuple[tuple[str, dict[str, Any]], ...] = (
    ("verify", {"id": "v-copy", "store": "copy", "schedule": "05:00", "ignore-verified": False}),
    ("prune", {"id": "p-copy", "store": "copy", "schedule": "07:00", "keep-daily": 30, "keep-monthly": 6}),
    ("sync", {"id": "s-prod", "store": "copy", "ns": "prod", "remote": "origin", "remote-store": "main"}
     | {"remote-ns": "prod", "remove-vanished": False, "schedule": "06:30", "max-depth": 0}),
    ("sync", {"id": "s-push", "store": "copy", "remote": "origin", "remote-store": "main", "sync-direction": "push"}),
)  # fmt: skip


def _subject(kind: str, config: dict[str, Any]) -> str:
    """A job task's id, as recorded: STORE[:NS], STORE:ID, REMOTE:STORE:STORE:NS:ID."""
    if kind == "prune":
        return f"{config['store']}:{config['ns']}" if config.get("ns") else str(config["store"])
    if kind == "verify":
        return f"{config['store']}:{config['id']}"
    return f"{config['remote']}:{config['remote-store']}:{config['store']}:{config.get('ns', '')}:{config['id']}"


def _instants(config: dict[str, Any], wanted: Wanted) -> list[int]:
    keeps = any(key.startswith("keep-") for key in config)
    if "schedule" not in config or config.get("disable") or (config["id"].startswith("p-") and not keeps):
        return []  # the scheduler does not start what keeps everything (E26)
    start = wanted.now - wanted.history_days * DAY
    return events(str(config["schedule"]), start, wanted.now - 60, ZoneInfo(wanted.zone))


def make_jobs(wanted: Wanted, server: str, streams: Streams, original: bool) -> list[Job]:
    """The jobs of the first server or of a copy, with what is known of their last runs (H8)."""
    created = wanted.now - wanted.history_days * DAY
    found = []
    for kind, config in ORIGINAL if original else _of_copy(streams):
        instants = _instants(config, wanted)
        last: dict[str, Any] = {}
        if instants:
            run = _run(server, kind, config, len(instants) - 1, instants[-1], newest=True)
            upid = run.upid
            last = {"last-run-state": run.status, "last-run-endtime": instants[-1] + 30, "last-run-upid": upid}
        found.append(Job(kind, config, created, last))
    return found


def _of_copy(streams: Streams) -> Iterator[tuple[str, dict[str, Any]]]:
    """The jobs of a copy; where one machine is copied apart from the others, that job does not manage to."""
    guest = streams.cluster.guests.get(streams.trouble.get("unsynced", 0))
    name = f"group:{'vm' if guest.kind == 'qemu' else 'ct'}/{guest.vmid}" if guest else ""
    for kind, config in COPY:
        if name and config["id"] == "s-prod":
            yield kind, {**config, "group-filter": [f"exclude:{name}"]}
            yield kind, {**config, "id": LAME, "schedule": "06:45", "group-filter": [name]}
        else:
            yield kind, config


def _run(server: str, kind: str, config: dict[str, Any], number: int, instant: int, newest: bool) -> Task:
    """One run of a job; the newest one of the job that pulls a single machine did not get everything."""
    subject = _subject(kind, config)
    status = "WARNINGS: 1" if newest and config["id"] == LAME else "OK"
    return make_task(server, KINDS[kind], subject, "root@pam", instant, instant + 30, status, number)


def make_tasks(server: Server, wanted: Wanted, runs: Sequence[Run]) -> list[Task]:
    """The runs of the server's jobs, and of the last days the backups that the cluster's runs made there."""
    found = []
    for job in server.jobs:
        config = dict(job.config)
        instants = _instants(config, wanted)
        for number, instant in enumerate(instants):
            found.append(_run(server.name, job.kind, config, number, instant, newest=instant == instants[-1]))
    return found + backup_tasks(server, runs)


def backup_tasks(server: Server, runs: Sequence[Run]) -> list[Task]:
    """The backups that runs of a cluster's jobs made on the datastore `main`, the last ones."""
    found = [task for run in runs for task in _backup_tasks(server, run)]
    return sorted(found, key=lambda task: task.starttime)[-MOST_BACKUP_TASKS:]


def _backup_tasks(server: Server, run: Run) -> list[Task]:
    storage = run.cluster.storages.get(str(run.job.get("storage")))
    if storage is None or storage.config.get("datastore") != "main" or (run.status or "").startswith("could not"):
        return []
    found = []
    for position, vmid in enumerate(run.part):
        guest = run.cluster.guests.get(vmid)
        if guest is None:
            continue
        begun = run.start + begins(position, len(run.part))
        bad = vmid == run.stopped or vmid in run.failed
        status: str | None = "backup ended but finished flag is not set." if bad else "OK"
        if run.status is None and vmid == run.stopped:
            status = None
        end = None if status is None else begun + 40
        subject = f"main:{'vm' if guest.kind == 'qemu' else 'ct'}/{vmid}"
        found.append(
            make_task(server.name, "backup", subject, account_of(storage.config), begun, end, status, position)
        )
        if vmid == run.stopped:
            break
    return found
