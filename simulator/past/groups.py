"""A guest's backups as a group on a backup server: those that are left of what its jobs made, or of the copies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from simulator.past.pruning import Entry
from simulator.past.shelves import account_of
from simulator.past.streams import Key, Prune, Streams
from simulator.pbs.control import ARCHIVES
from simulator.pbs.model import Group, Special, Verifications
from simulator.volumes import volumes


def saved_group(streams: Streams, key: Key, checked: Verifications, protected: frozenset[int] = frozenset()) -> Group:
    """The group that jobs write, owned by the entry's account; `protected` as in `Streams.left`."""
    owner = account_of(streams.cluster.storages[key[0]].config)
    return _group(streams, key, checked, owner, lambda: streams.left(key, protected))


def copied_group(streams: Streams, key: Key, checked: Verifications, syncs: Sequence[int], prune: Prune) -> Group:
    """The group that a sync job made of it at these times (H15)."""
    return _group(streams, key, checked, "root@pam", lambda: streams.copied(key, syncs, prune))


def _group(
    streams: Streams, key: Key, checked: Verifications, owner: str, entries: Callable[[], Sequence[Entry]]
) -> Group:
    guest = streams.cluster.guests[key[3]]
    kind = "vm" if guest.kind == "qemu" else "ct"
    saved = [volume for volume in volumes(guest.as_saved()) if volume.included]
    if kind == "vm":
        disks = [(f"drive-{volume.key}.img.fidx", volume.size or 34_359_738_368) for volume in saved]
        archives = (*disks, ("qemu-server.conf.blob", 389))
    else:
        archives = ARCHIVES["ct"]
    comment = f"{guest.shown_name} on {guest.node} ({guest.vmid})"
    group = Group(kind, str(guest.vmid), owner, tuple, comment=comment, archives=archives, verifications=checked)
    group.source = partial(_noted, group, entries)
    return group


def _noted(group: Group, entries: Callable[[], Sequence[Entry]]) -> Sequence[int]:
    """Work out what is left of a group, and note in what single snapshots differ."""
    left = entries()
    for entry in left:
        if not entry.finished:
            group.special.setdefault(entry.time, Special(finished=False, files=(group.archives[-1][0],)))
        elif entry.protected:
            group.special.setdefault(entry.time, Special(protected=True))
    return tuple(entry.time for entry in left)
