"""The log of one vzdump task, written when somebody asks for it (G7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from simulator.model import Cluster, Guest, Properties
from simulator.volumes import volumes

SECONDS, LONGEST = 65, 3000


def begins(position: int, guests: int) -> int:
    """How many seconds into a run of so many guests the one at this position (0 the first) begins; within the hour."""
    return position * min(SECONDS * guests, LONGEST) // max(1, guests)


@dataclass(frozen=True, slots=True)
class Run:
    """A job's run on a node: the guests of its part, when it began, how it ended (None: it runs), which guests failed."""

    cluster: Cluster
    job: Properties
    node: str
    part: tuple[int, ...]
    start: int
    status: str | None
    failed: frozenset[int]


def log_lines(run: Run) -> list[str]:
    """Given a run, return its lines; a killed or running one stops in the middle."""
    lines = [f"INFO: starting new backup job: vzdump {_command(run)}"]
    whole = run.status is not None and run.status.startswith("could not")
    if whole:
        return [*lines, f"ERROR: Backup job failed - {run.status}", f"TASK ERROR: {run.status}"]
    last = len(run.part) - 1
    for position, vmid in enumerate(run.part):
        begun = run.start + begins(position, len(run.part))
        guest = run.cluster.guests.get(vmid)
        if guest is None:
            lines.append(f"ERROR: Backup of VM {vmid} failed - unable to find VM '{vmid}'")
            lines.append(f"INFO: Failed at {_local(run, begun)}")
            continue
        unfinished = position == last and run.status in {None, "unexpected status"}
        lines += _guest_lines(run, guest, begun, unfinished)
    return lines + _ending(run)


def _ending(run: Run) -> list[str]:
    if run.status in {None, "unexpected status"}:
        return []
    if run.status == "job errors":
        return ["INFO: Backup job finished with errors", "TASK ERROR: job errors"]
    return ["INFO: Backup job finished successfully", f"TASK {run.status}"]


def _command(run: Run) -> str:
    keys = ("all", "vmid", "pool", "exclude", "node", "storage", "mode", "compress", "quiet")
    words = [str(run.job["vmid"]).replace(",", " ")] if "vmid" in run.job else []
    words += [f"--{key} {run.job[key]}" for key in keys if key != "vmid" and key in run.job]
    return " ".join(words)


def _guest_lines(run: Run, guest: Guest, begun: int, unfinished: bool) -> Iterator[str]:
    word = "VM" if guest.kind == "qemu" else "CT"
    yield f"INFO: Starting Backup of VM {guest.vmid} ({guest.kind})"
    yield f"INFO: Backup started at {_local(run, begun)}"
    yield f"INFO: status = {guest.status}"
    yield f"INFO: {word} Name: {guest.shown_name}"
    for volume in volumes(guest):
        verb = "include" if volume.included else "exclude"
        tail = "" if volume.included else f" ({volume.reason})"
        yield f"INFO: {verb} disk '{volume.key}' '{volume.name}'{tail}"
    yield "INFO: backup mode: snapshot"
    yield "INFO: ionice priority: 7"
    yield f"INFO: creating vzdump archive '{'vm' if word == 'VM' else 'ct'}/{guest.vmid}'"
    if unfinished:
        return
    if guest.vmid in run.failed:
        yield f"ERROR: Backup of VM {guest.vmid} failed - job failed with err -5 - Input/output error"
        yield f"INFO: Failed at {_local(run, begun + 7)}"
        return
    if run.status is not None and run.status.startswith("WARNINGS"):
        yield "WARN: Systemd 255 detected. You may need to enable nesting."
    yield "INFO: archive file size: 3.12GB"
    yield f"INFO: Finished Backup of VM {guest.vmid} (00:01:05)"
    yield f"INFO: Backup finished at {_local(run, begun + begins(1, len(run.part)))}"


def _local(run: Run, instant: int) -> str:
    return datetime.fromtimestamp(instant, ZoneInfo(run.cluster.zone)).strftime("%Y-%m-%d %H:%M:%S")
