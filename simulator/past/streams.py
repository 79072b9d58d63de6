"""What is left today of the backups of a guest on a storage: saved, pruned after each run, copied, pruned again."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from zoneinfo import ZoneInfo

from simulator.model import Cluster
from simulator.past.pruning import Entry, period_of, survivors
from simulator.past.runs import Part

Fate = tuple[tuple[int, ...], list[tuple[int, ...]]]
Key = tuple[str, str, str, int]  # storage, node ("" where it is shared), kind, vmid


@dataclass(frozen=True, slots=True)
class Prune:
    """A prune job: when it ran and what it keeps."""

    instants: Sequence[int]
    keep: Mapping[str, object]


class Streams:
    """Every guest's backups on every storage, worked out when first asked for.

    `refused` tells since when the backups of a guest are not pruned any more, `trouble` who has which trouble.
    """

    def __init__(
        self,
        cluster: Cluster,
        parts: Sequence[Part],
        inherited: frozenset[int] = frozenset(),
        refused: Mapping[int, int] | None = None,
        trouble: Mapping[str, int] | None = None,
    ) -> None:
        self.cluster, self.zone = cluster, ZoneInfo(cluster.zone)
        self.trouble = trouble or {}
        self._inherited, self._refused = inherited, refused or {}
        self._parts: dict[Key, list[Part]] = {}
        for part in parts:
            shared = cluster.storages[part.storage].shared
            for vmid in part.vmids:
                if vmid in cluster.guests:
                    key = (part.storage, "" if shared else part.node, cluster.guests[vmid].kind, vmid)
                    self._parts.setdefault(key, []).append(part)
        self._left: dict[Key, tuple[Entry, ...]] = {}
        self._fates: dict[object, Fate] = {}

    def keys(self, storage: str, node: str = "") -> list[Key]:
        """The groups that jobs write on a storage (of one node, where it is not shared)."""
        return [key for key in self._parts if key[0] == storage and key[1] == node]

    def mix_with(self, other: Streams, storage: str) -> None:
        """Let another cluster write to this storage with the same account: what it saves under an id of ours comes to lie between ours, and
        each prunes the other's (D14).
        """
        for key in other.keys(storage):
            if key in self._parts:
                self._parts[key] += other.parts(key)

    def parts(self, key: Key) -> list[Part]:
        return self._parts.get(key, [])

    def made(self, key: Key) -> list[tuple[Entry, Part]]:
        """Every backup ever made there, ascending; a guest has none from before it was created (A10)."""
        vmid = key[3]
        born = 0 if vmid in self._inherited else created(self.cluster, vmid)
        runs = [[(instant, done, part) for instant, done in part.attempts(vmid)] for part in self._parts.get(key, [])]
        found = merge(*runs, key=lambda row: row[0])
        return [(Entry(instant, finished=done), part) for instant, done, part in found if instant >= born]

    def left(self, key: Key, protected: frozenset[int] = frozenset()) -> tuple[Entry, ...]:
        """What is left now; `protected` are the numbers of the backups, from the first one made, that nothing prunes."""
        if key not in self._left:
            self._left[key] = self._replay(key, protected, ())[0]
        return self._left[key]

    def copied(self, key: Key, syncs: Sequence[int], prune: Prune) -> tuple[Entry, ...]:
        """What is left of the copies that syncs made at these times, pruned by a job of their own."""
        _, seen = self._replay(key, frozenset(), syncs)
        present: dict[int, Entry] = {}
        actions = merge(((at, "sync") for at in syncs), ((at, "prune") for at in prune.instants))
        for at, action in actions:
            if action == "sync":
                # a copy that was pruned comes back only while it is newer than the newest one that is there (pull)
                newest = max(present, default=0)
                present |= {entry.time: entry for entry in seen[at] if entry.time > newest}
            else:
                kept = survivors([present[time] for time in sorted(present)], prune.keep, self.zone)
                present = {entry.time: entry for entry in kept}
        return tuple(present[time] for time in sorted(present))

    def _replay(
        self, key: Key, protected: frozenset[int], syncs: Sequence[int]
    ) -> tuple[tuple[Entry, ...], dict[int, list[Entry]]]:
        """Save and prune in the order of time (E7); also what a sync finds finished at its times.

        Guests whose backups fall into the same periods fare alike: that is worked out once.
        """
        made = self.made(key)
        times = [entry.time for entry, _ in made]
        before = tuple(bisect_left(times, at) for at in syncs)
        signature = (
            self.cluster.storages[key[0]].kind == "pbs",
            protected,
            before,
            self._refused.get(key[3]),
            tuple((period_of("keep-hourly", entry.time, self.zone), entry.finished, id(part)) for entry, part in made),
        )
        if signature not in self._fates:
            self._fates[signature] = self._fate(made, key, protected, before)
        left, found = self._fates[signature]
        entries = [replace(one, protected=True) if number in protected else one for number, (one, _) in enumerate(made)]
        seen = {at: [entries[number] for number in numbers] for at, numbers in zip(syncs, found, strict=True)}
        return tuple(entries[number] for number in left), seen

    def _fate(
        self, made: Sequence[tuple[Entry, Part]], key: Key, protected: frozenset[int], before: Sequence[int]
    ) -> Fate:
        """The numbers of the backups that are left, and of those that each sync finds finished."""
        partial = self.cluster.storages[key[0]].kind == "pbs"
        refused = self._refused.get(key[3])
        present: list[Entry] = []
        numbers = {entry.time: number for number, (entry, _) in enumerate(made)}
        seen: list[tuple[int, ...]] = []
        waiting = list(before)
        for number, (entry, part) in enumerate(made):
            while waiting and waiting[0] <= number:
                waiting.pop(0)
                seen.append(tuple(numbers[one.time] for one in present if one.finished))
            if not partial and not entry.finished:
                continue  # D8: what an aborted run leaves among files is not listed
            present.append(replace(entry, protected=True) if number in protected else entry)
            if entry.finished and (refused is None or entry.time < refused):
                present = survivors(present, part.keep, self.zone)
        seen += [tuple(numbers[one.time] for one in present if one.finished)] * len(waiting)
        return tuple(numbers[one.time] for one in present), seen


def created(cluster: Cluster, vmid: int) -> int:
    """When a machine was created as its configuration tells it (A10); 0 where it does not."""
    match = re.search(r"ctime=([0-9]+)", str(cluster.guests[vmid].config.get("meta", "")))
    return int(match.group(1)) if match else 0
