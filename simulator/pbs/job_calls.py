"""Prune, verify and sync jobs, as configured and with the state of their last run (sections 10 and 11, H8, H9)."""

from __future__ import annotations

from collections.abc import Callable

from simulator.answers import Answer
from simulator.pbs.answers import Row, success
from simulator.pbs.call import Call
from simulator.pbs.datastore_calls import digest, next_run
from simulator.pbs.model import Job
from simulator.pbs.privileges import AUDIT, MODIFY, VERIFY, store_path

ENOUGH = {"prune": (AUDIT,), "verify": (AUDIT, VERIFY), "sync": (AUDIT,)}
PUSH_JOBS = (3, 2, 14)


def config_list(kind: str) -> Callable[[Call], Answer]:
    """Make the handler of `/config/KIND`."""

    def handler(call: Call) -> Answer:
        return _answer(call, kind, [dict(job.config) for job in _seen(call, kind, ENOUGH[kind])])

    return handler


def admin_list(kind: str) -> Callable[[Call], Answer]:
    """Make the handler of `/admin/KIND`: the same rows with their last and next run."""

    def handler(call: Call) -> Answer:
        enough = (*ENOUGH[kind], MODIFY) if kind == "prune" else ENOUGH[kind]
        return _answer(call, kind, [_with_state(call, job) for job in _seen(call, kind, enough)])

    return handler


def _answer(call: Call, kind: str, rows: list[Row]) -> Answer:
    every = [sorted(job.config.items()) for job in call.server.jobs if job.kind == kind]
    return success(call.shuffled(rows), digest=digest(every))


def _seen(call: Call, kind: str, enough: tuple[str, ...]) -> list[Job]:
    """The jobs of a kind whose own path the caller may see, not the ones that reach into what he sees."""
    found = []
    for job in call.server.jobs:
        if job.kind != kind or call.text("store") not in {None, job.config["store"]}:
            continue
        if not call.permissions.has(store_path(job.config["store"], job.config.get("ns", "")), *enough):
            continue
        remote = job.config.get("remote")
        if remote and not call.permissions.has(f"/remote/{remote}/{job.config['remote-store']}", "Remote.Audit"):
            continue
        if _right_direction(call, job):
            found.append(job)
    return found


def _right_direction(call: Call, job: Job) -> bool:
    """Without a direction asked for only jobs that pull are told (H.1)."""
    direction = call.text("sync-direction") or "pull"
    return job.kind != "sync" or direction in {"all", job.config.get("sync-direction", "pull")}


def _with_state(call: Call, job: Job) -> Row:
    row: Row = {**job.config, **job.last}
    schedule = job.config.get("schedule")
    if schedule and not job.config.get("disable"):
        found = next_run(call, str(schedule), job.last.get("last-run-endtime", job.created))
        row |= {} if found is None else {"next-run": found}
    return row
