"""Backups on storages that hold files: named in the node's zone (D6), some renamed, of guests that are gone, odd (D7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from simulator.model import Backup, Cluster, Guest, Shelf, Storage
from simulator.past.streams import Key, Streams
from simulator.volumes import volumes

FILE_KINDS = frozenset({"dir", "nfs", "cifs", "cephfs", "btrfs"})
SUFFIX = {"zstd": ".zst", "gzip": ".gz", "lzo": ".lzo"}
DAY = 86_400
GONE_VMID, OPENVZ_VMID = 8999, 777


@dataclass(frozen=True, slots=True)
class FileShelf:
    """The files of one storage, on one node where it is not shared; `added` are those of runs after the past."""

    streams: Streams
    storage: str
    node: str
    odd: tuple[Backup, ...]
    added: tuple[Backup, ...] = ()

    def backups(self, listing: bool) -> Sequence[Backup]:
        keys = self.streams.keys(self.storage, self.node)
        left = (self._files(key, (entry.time for entry in self.streams.left(key))) for key in keys)
        return [*self.odd, *(backup for files in left for backup in files), *self.added]

    def after_run(self, guest: Guest, instant: int) -> FileShelf:
        """The shelf with one more backup of a guest."""
        key = (self.storage, self.node, guest.kind, guest.vmid)
        return replace(self, added=(*self.added, *self._files(key, (instant,))))

    def _files(self, key: Key, instants: Iterable[int]) -> Iterator[Backup]:
        guest = self.streams.cluster.guests[key[3]]
        ending = SUFFIX.get(
            str(next((part.job["compress"] for part in self.streams.parts(key) if "compress" in part.job), "")), ""
        )
        form = f"{'vma' if guest.kind == 'qemu' else 'tar'}{ending}"
        size = 1_000_000 * (100 + guest.vmid % 900) * max(1, sum(one.included for one in volumes(guest)))
        for instant in instants:
            name = file_name(guest.kind, guest.vmid, instant, form, self.streams)
            yield Backup(
                name,
                form,
                read_back(instant, self.streams),
                guest.kind,
                guest.vmid,
                size,
                notes=guest.configured_name,
            )


def file_name(kind: str, vmid: int, instant: int, form: str, streams: Streams) -> str:
    """`vzdump-qemu-100-2026_11_20-02_00_00.vma.zst` in the zone of the node that made it (D6)."""
    return f"vzdump-{kind}-{vmid}-{datetime.fromtimestamp(instant, streams.zone):%Y_%m_%d-%H_%M_%S}.{form}"


def read_back(instant: int, streams: Streams) -> int:
    """The time that a list tells: read from the name, so that the repeated autumn hour is taken for the first (D6)."""
    local = datetime.fromtimestamp(instant, streams.zone).replace(fold=0)
    return int(local.timestamp())


def file_shelves(cluster: Cluster, streams: Streams) -> dict[tuple[str, str], Shelf]:
    """Given a cluster and its past, return the shelf of every storage of files, by storage and node ("": shared).

    Entries with the same server and export are one target and have the same files (D12).
    """
    found: dict[tuple[str, str], Shelf] = {}
    exports: dict[tuple[object, object], str] = {}
    for storage in cluster.storages.values():
        if storage.kind not in FILE_KINDS or "backup" not in storage.content:
            continue
        target = storage.name
        if "export" in storage.config:
            target = exports.setdefault((storage.config.get("server"), storage.config["export"]), storage.name)
        for node in [""] if storage.shared else [node.name for node in cluster.nodes]:
            odd = tuple(_odd(cluster, storage, node, streams))
            found[storage.name, node] = FileShelf(streams, target, node, odd)
    return found


def _odd(cluster: Cluster, storage: Storage, node: str, streams: Streams) -> Iterator[Backup]:
    """Files that no job made: on the network storage, and on the first node's own folder."""
    keys = streams.keys("nas")
    newest = max((part.instants[-1] for key in keys for part in streams.parts(key) if part.instants), default=None)
    if newest is None:
        return
    if storage.kind == "nfs":
        for days in (20, 27, 34):  # D17: the guest was removed, nothing prunes them
            instant = newest - days * DAY
            name = file_name("qemu", GONE_VMID, instant, "vma.zst", streams)
            yield Backup(name, "vma.zst", read_back(instant, streams), "qemu", GONE_VMID)
        guest = cluster.guests[keys[0][3]]
        form = "vma.zst" if guest.kind == "qemu" else "tar.zst"
        name = f"vzdump-{guest.kind}-{guest.vmid}-before-upgrade.{form}"
        yield Backup(name, form, newest - 12 * DAY, guest.kind, guest.vmid, standard=False)
        instant = newest - 90 * DAY
        name = file_name(guest.kind, guest.vmid, instant, form, streams)
        told = read_back(instant, streams)
        yield Backup(name, form, told, guest.kind, guest.vmid, protected=True, notes="before the move\nsecond line")
    elif storage.name == "backup-dir" and storage.allowed_on(node):
        instant = newest - 300 * DAY
        name = file_name("openvz", OPENVZ_VMID, instant, "tar.gz", streams)
        yield Backup(name, "tar.gz", read_back(instant, streams), "openvz", OPENVZ_VMID)
        yield Backup("my-2024-backup.vma.zst", "vma.zst", newest - 3 * DAY, "unknown", 2024, standard=False)  # D7
