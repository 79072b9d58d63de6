"""Restores of backups to other ids, as drills leave them in the task lists: with logs that name the backup."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from simulator.model import Cluster, Guest
from simulator.scenario.logs import Run, archive_of, begins

FIRST_TARGET = 9901
HOURS_LATER = 6 * 3600


@dataclass(frozen=True, slots=True)
class Restore:
    """A restore that ended: task kind, node, the guest that was written, start and end, status, and the lines of its log."""

    kind: str
    node: str
    target: int
    start: int
    status: str
    lines: Callable[[], list[str]]


def make_restores(cluster: Cluster, runs: Sequence[Run], now: int) -> Iterator[Restore]:
    """Given the runs of the last days, return a restore from each kind of storage and of each kind of guest, and one that failed."""
    wanted = [("pbs-main", "qemu"), ("pbs-main", "lxc"), ("nas", "qemu"), ("nas", "lxc")]
    for number, (storage, kind) in enumerate(wanted):
        found = next(_saved(cluster, runs, storage, kind, now), None)
        if found is None:
            continue
        run, guest, begun = found
        target = FIRST_TARGET + number
        yield Restore(
            "qmrestore" if kind == "qemu" else "vzrestore",
            run.node,
            target,
            min(begun + HOURS_LATER, now - 600 - number),
            "OK",
            partial(restore_lines, run, guest, begun, target),
        )
        if number == 0:
            message = f"unable to restore VM {target} - VM {target} already exists on node '{run.node}'"
            lines = [f"TASK ERROR: {message}"]
            yield Restore("qmrestore", run.node, target, now - 7200, message, partial(list, lines))


def _saved(
    cluster: Cluster, runs: Sequence[Run], storage: str, kind: str, now: int
) -> Iterator[tuple[Run, Guest, int]]:
    """Guests of a kind that a run of the last days but the last hours saved on a storage, the newest first."""
    for run in sorted(runs, key=lambda one: -one.start):
        if run.status != "OK" or run.job.get("storage") != storage or run.start > now - HOURS_LATER:
            continue
        for position, vmid in enumerate(run.part):
            guest = cluster.guests.get(vmid)
            if guest is not None and guest.kind == kind and not guest.config.get("template"):
                yield run, guest, run.start + begins(position, len(run.part))


def restore_lines(run: Run, guest: Guest, begun: int, target: int) -> list[str]:
    """The log of a restore of the backup that a run began at a time."""
    storage = run.cluster.storages[str(run.job["storage"])]
    archive = archive_of(run, guest, begun)
    if guest.kind == "lxc":
        source = f"{storage.name}:backup/{archive.rpartition('/')[2] if storage.kind != 'pbs' else archive}"
        return [
            f"recovering backed-up configuration from '{source}'",
            f'  Logical volume "vm-{target}-disk-0" created.',
            "Creating filesystem with 2097152 4k blocks and 524288 inodes",
            f"restoring '{source}' now..",
            "Total bytes read: 512901120 (489MiB, 118MiB/s)",
            "merging backed-up and given configuration..",
            "TASK OK",
        ]
    volume = f"new volume ID is 'local-lvm:vm-{target}-disk-0'"
    if storage.kind == "pbs":
        config = storage.config
        repository = f"{config['username']}@{config['server']}:{config['datastore']}"
        namespace = f" --ns {config['namespace']}" if config.get("namespace") else ""
        return [
            volume,
            f"restore proxmox backup image: /usr/bin/pbs-restore --repository {repository}{namespace} {archive}"
            f" drive-scsi0.img.fidx /dev/pve/vm-{target}-disk-0 --verbose --format raw --skip-zero",
            f"connecting to repository '{repository}'",
            f"starting to restore snapshot '{archive}'",
            "progress 100% (read 34359738368 bytes, zeroes = 45% (15461882265 bytes), duration 94 sec)",
            "restore image complete (bytes=34359738368, duration=94.68s, speed=346.10MB/s)",
            "rescan volumes...",
            "TASK OK",
        ]
    pipe = f"/var/tmp/vzdumptmp{target}"  # noqa: S108 (as the log says it)
    return [
        f"restore vma archive: zstd -q -d -c {archive} | vma extract -v -r {pipe}.fifo - {pipe}",
        "CFG: size: 458 name: qemu-server.conf",
        "DEV: dev_id=1 size: 34359738368 devname: drive-scsi0",
        f"CTIME: {datetime.fromtimestamp(begun, UTC):%a %b %e %H:%M:%S %Y}",
        volume,
        f"map 'drive-scsi0' to '/dev/pve/vm-{target}-disk-0' (write zeros = 0)",
        "progress 100% (read 34359738368 bytes, duration 120 sec)",
        "total bytes read 34359738368, sparse bytes 17458354995 (50.8%)",
        "rescan volumes...",
        "TASK OK",
    ]
