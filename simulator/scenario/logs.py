"""The log of one vzdump task, written when somebody asks for it (G7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from simulator.model import Cluster, Guest, Properties
from simulator.scenario.incidents import KILLED
from simulator.volumes import volumes

SECONDS, LONGEST = 65, 3000
SUFFIX = {"zstd": ".zst", "gzip": ".gz", "lzo": ".lzo"}
# how a guest fails: what the log says, with its kind of guest, its lock and the datastore filled in
FAILURES = {
    "io": "job failed with err -5 - Input/output error",
    "full": "backup write data failed: command error: write_data upload error: pipelined request failed: "
    "inserting chunk on store '{store}' failed for 1f2e3d4c5b6a79880716253443526170: ENOSPC: No space left on device",
    "locked": "{word} is locked ({lock})",
    "prune": "error pruning backups - check log",
}


def begins(position: int, guests: int) -> int:
    """How many seconds into a run of so many guests the one at this position (0 the first) begins; within the hour."""
    return position * min(SECONDS * guests, LONGEST) // max(1, guests)


@dataclass(frozen=True, slots=True)
class Run:
    """A job's run on a node: the guests of its part, when it began, how it ended (None: it runs), and how guests failed.

    `stop` is the place of the guest that a running or killed one is at, the last one unless given.
    """

    cluster: Cluster
    job: Properties
    node: str
    part: tuple[int, ...]
    start: int
    status: str | None
    failures: Mapping[int, str] = field(default_factory=dict)
    stop: int | None = None

    @property
    def failed(self) -> frozenset[int]:
        """The guests that this run left without a backup: those that failed but for a prune (E9), and those it did not reach."""
        failed = {vmid for vmid, failure in self.failures.items() if failure != "prune"}
        return frozenset(failed.union(self.part[self.part.index(self.stopped) + 1 :] if self.stopped else ()))

    @property
    def stopped(self) -> int | None:
        """The guest that a running or killed run is at."""
        if self.status not in {None, KILLED} or not self.part:
            return None
        return self.part[-1 if self.stop is None else self.stop]


def log_lines(run: Run) -> list[str]:
    """Given a run, return its lines; a killed or running one stops in the middle."""
    lines = [f"INFO: starting new backup job: vzdump {_command(run)}"]
    whole = run.status is not None and run.status.startswith("could not")
    if whole:
        return [*lines, f"ERROR: Backup job failed - {run.status}", f"TASK ERROR: {run.status}"]
    for position, vmid in enumerate(run.part):
        begun = run.start + begins(position, len(run.part))
        guest = run.cluster.guests.get(vmid)
        if guest is None:
            lines.append(f"ERROR: Backup of VM {vmid} failed - unable to find VM '{vmid}'")
            lines.append(f"INFO: Failed at {_local(run, begun)}")
            continue
        lines += _guest_lines(run, guest, begun)
        if vmid == run.stopped:
            return lines
    return lines + _ending(run)


def _ending(run: Run) -> list[str]:
    if run.status in {None, KILLED}:
        return []
    if run.status == "job errors":
        return ["INFO: Backup job finished with errors", "TASK ERROR: job errors"]
    return ["INFO: Backup job finished successfully", f"TASK {run.status}"]


def _command(run: Run) -> str:
    keys = ("all", "vmid", "pool", "exclude", "node", "storage", "mode", "compress", "quiet")
    words = [str(run.job["vmid"]).replace(",", " ")] if "vmid" in run.job else []
    words += [f"--{key} {run.job[key]}" for key in keys if key != "vmid" and key in run.job]
    return " ".join(words)


def archive_of(run: Run, guest: Guest, begun: int) -> str:
    """What the log calls the target: a snapshot of a backup server, or a file (G7)."""
    storage = run.cluster.storages.get(str(run.job.get("storage", "local")))
    if storage is not None and storage.kind == "pbs":
        kind = "vm" if guest.kind == "qemu" else "ct"
        return f"{kind}/{guest.vmid}/{datetime.fromtimestamp(begun, UTC):%Y-%m-%dT%H:%M:%SZ}"
    folder = run.job.get("dumpdir") or f"{storage.config['path'] if storage else ''}/dump"
    local = datetime.fromtimestamp(begun, ZoneInfo(run.cluster.zone))
    form = f"{'vma' if guest.kind == 'qemu' else 'tar'}{SUFFIX.get(str(run.job.get('compress', '')), '')}"
    return f"{folder}/vzdump-{guest.kind}-{guest.vmid}-{local:%Y_%m_%d-%H_%M_%S}.{form}"


def _guest_lines(run: Run, guest: Guest, begun: int) -> Iterator[str]:
    word = "VM" if guest.kind == "qemu" else "CT"
    yield f"INFO: Starting Backup of VM {guest.vmid} ({guest.kind})"
    yield f"INFO: Backup started at {_local(run, begun)}"
    yield f"INFO: status = {guest.status}"
    failure = run.failures.get(guest.vmid)
    if failure == "locked":
        yield from _failed(run, guest, begun)
        return
    yield f"INFO: {word} Name: {guest.shown_name}"
    for volume in volumes(guest):
        verb = "include" if volume.included else "exclude"
        tail = "" if volume.included else f" ({volume.reason})"
        yield f"INFO: {verb} disk '{volume.key}' '{volume.name}'{tail}"
    yield "INFO: backup mode: snapshot"
    yield "INFO: ionice priority: 7"
    archive = archive_of(run, guest, begun)
    yield f"INFO: creating {'vzdump' if archive.startswith('/') else 'Proxmox Backup Server'} archive '{archive}'"
    if guest.vmid == run.stopped:
        return
    if failure == "prune":
        group = archive.rpartition("/")[0]
        yield "INFO: prune older backups with retention: keep-daily=14, keep-monthly=12, keep-weekly=8"
        yield f"ERROR: prune '{group}': proxmox-backup-client failed: Error: missing Datastore.Modify|Datastore.Prune on {group}"
    if failure:
        yield from _failed(run, guest, begun)
        return
    if run.status is not None and run.status.startswith("WARNINGS"):
        yield "WARN: Systemd 255 detected. You may need to enable nesting."
    yield "INFO: archive file size: 3.12GB"
    yield f"INFO: Finished Backup of VM {guest.vmid} (00:01:05)"
    yield f"INFO: Backup finished at {_local(run, begun + begins(1, len(run.part)))}"


def _failed(run: Run, guest: Guest, begun: int) -> Iterator[str]:
    storage = run.cluster.storages.get(str(run.job.get("storage", "local")))
    message = FAILURES[run.failures[guest.vmid]].format(
        store=storage.config.get("datastore", storage.name) if storage else "",
        word="VM" if guest.kind == "qemu" else "CT",
        lock=guest.config.get("lock", "backup"),
    )
    yield f"ERROR: Backup of VM {guest.vmid} failed - {message}"
    yield f"INFO: Failed at {_local(run, begun + 7)}"


def _local(run: Run, instant: int) -> str:
    return datetime.fromtimestamp(instant, ZoneInfo(run.cluster.zone)).strftime("%Y-%m-%d %H:%M:%S")
