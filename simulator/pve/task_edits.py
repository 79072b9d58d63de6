"""Runs of a job that a test lets happen: their tasks with logs, and the files they leave (G1, G5, G7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from simulator.model import Cluster, Shelf, Task
from simulator.past.files import FileShelf
from simulator.pve.call import Changed
from simulator.scenario.logs import FAILURES, Run, begins, log_lines
from simulator.selection import selected_vmids

RUNS = "/runs"
FIRST_PID = 100_000


def with_run(cluster: Cluster, document: Mapping[str, Any]) -> Changed:
    """Given a run of `job` on `node` that began at `start`, with `failures` (vmid → a key of `logs.FAILURES`; none: all were saved),
    return the cluster with its task and the task's `upid`.

    A storage of files has a backup more of each guest that was saved; on a backup server the test puts the snapshot itself. Raises
    KeyError for an unknown job, ValueError for a guest without a part in the run and for an unknown failure.
    """
    job = next((one for one in cluster.jobs if one["id"] == document["job"]), None)
    if job is None:
        raise KeyError(document["job"])
    node, start = str(document["node"]), int(document["start"])
    failures = {int(vmid): str(failure) for vmid, failure in document.get("failures", {}).items()}
    chosen = selected_vmids(job, cluster)
    part = tuple(sorted(vmid for vmid in chosen if vmid in cluster.guests and cluster.guests[vmid].node == node))
    for vmid, failure in failures.items():
        if vmid not in part or failure not in FAILURES:
            raise ValueError(
                f"{vmid} {failure}: not in the run of {job['id']} on {node}, or none of {', '.join(FAILURES)}"
            )
    run = Run(cluster, job, node, part, start, "job errors" if failures else "OK", failures)
    task = _task(run, FIRST_PID + len(cluster.tasks))
    return replace(cluster, tasks=(*cluster.tasks, task), backups=_shelves(run)), {"upid": task.upid}


def _task(run: Run, pid: int) -> Task:
    """The task as the scheduler starts it; its id is the guest where there is one only (G2)."""
    subject = str(run.part[0]) if len(run.part) == 1 else ""
    upid = f"UPID:{run.node}:{pid:08X}:{pid:08X}:{run.start:08X}:vzdump:{subject}:root@pam:"
    end = run.start + begins(len(run.part), len(run.part))
    lines = partial(log_lines, run)
    return Task(upid, run.node, "vzdump", subject, "root@pam", pid, pid, run.start, end, run.status, lines)


def _shelves(run: Run) -> dict[tuple[str, str], Shelf]:
    """All shelves after the run; entries with one target have the same files (D12)."""
    shelves, storage = run.cluster.backups, str(run.job.get("storage", "local"))
    own = shelves.get((storage, "")) or shelves.get((storage, run.node))
    if not isinstance(own, FileShelf):
        return dict(shelves)
    target = own.storage, own.node
    return {
        place: _filled(shelf, run) if isinstance(shelf, FileShelf) and (shelf.storage, shelf.node) == target else shelf
        for place, shelf in shelves.items()
    }


def _filled(shelf: FileShelf, run: Run) -> FileShelf:
    for position, vmid in enumerate(run.part):
        if vmid not in run.failed:
            shelf = shelf.after_run(run.cluster.guests[vmid], run.start + begins(position, len(run.part)))
    return shelf
