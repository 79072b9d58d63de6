"""Which guest a backup group belongs to (rulebook D.3): by the storage entries that lead to it, its owner, its type and id.

Guests of two clusters with one id are never mixed: where nothing tells which of them wrote a group, it is ambiguous.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from report.backups import BackupGroup, SnapshotFlag
from report.facts import Guest
from report.model import GroupMatch
from report.targets import Entry, Target, Targets
from report.view import ClusterView

GUEST_TYPE_OF = {"vm": "qemu", "ct": "lxc"}
# a copy made by a sync job keeps its backup times: so many of them must be those of a group whose guest is known (H15, E39)
SAME_TIMES_AT_LEAST = 1


@dataclass(frozen=True, slots=True)
class MatchedGroup:
    """A group and whose it is; `pve` and `vmid` only where `match` is GUEST. `inherited`: positions of snapshots older than the guest."""

    group: BackupGroup
    match: GroupMatch
    pve: str | None = None
    vmid: int | None = None
    inherited: frozenset[int] = frozenset()

    @property
    def target(self) -> Target:
        """Return where the group lies."""
        return Target(self.group.server, self.group.datastore, self.group.namespace)


Guests = Mapping[str, Mapping[tuple[str, int], Guest]]


def match_groups(
    groups: Iterable[BackupGroup],
    views: Sequence[ClusterView],
    targets: Targets,
    created: Mapping[tuple[str, int], int],
) -> list[MatchedGroup]:
    """Given all groups, the clusters' views, where entries lead, and creation times of guests by (cluster, vmid), return whose each
    group is. Groups that no entry's account may have written are matched by their times with groups that are matched already: a
    sync job writes copies under an owner of its own (H15).
    """
    guests: Guests = {
        view.name: {(guest.guest_type, guest.vmid): guest for guest in view.guests or ()} for view in views
    }
    hidden = {view.name for view in views if view.guests is None or not view.all_guests_visible}
    direct: list[MatchedGroup] = []
    elsewhere: list[tuple[BackupGroup, bool]] = []
    for group in groups:
        entries = targets.entries.get(Target(group.server, group.datastore, group.namespace), ())
        matched = _by_entries(group, entries, guests, hidden)
        if matched.match is GroupMatch.FOREIGN:
            elsewhere.append((group, bool(entries)))
        else:
            direct.append(matched)
    known = _known_by_name(direct)
    copies = [
        _by_times(group, known.get((group.backup_type, group.backup_id), ()), hidden, owned_by_others=led_to)
        for group, led_to in elsewhere
    ]
    return [_with_inherited(matched, created) for matched in (*direct, *copies)]


def _by_entries(group: BackupGroup, entries: Sequence[Entry], guests: Guests, hidden: set[str]) -> MatchedGroup:
    guest_type = GUEST_TYPE_OF.get(group.backup_type)
    if guest_type is None or not group.backup_id.isdecimal():
        return MatchedGroup(group, GroupMatch.HOST)
    key = (guest_type, int(group.backup_id))
    writers = _writers(group, entries)
    if not writers:
        return MatchedGroup(group, GroupMatch.FOREIGN)
    owners = [cluster for cluster in writers if key in guests.get(cluster, {})]
    if len(owners) == 1:
        return MatchedGroup(group, GroupMatch.GUEST, owners[0], key[1])
    if owners:
        return MatchedGroup(group, GroupMatch.AMBIGUOUS)
    return MatchedGroup(group, GroupMatch.UNKNOWN if hidden & set(writers) else GroupMatch.ORPHAN)


def _writers(group: BackupGroup, entries: Sequence[Entry]) -> list[str]:
    """Return the clusters that may have written the group: those whose account may append to it (D13); all where that is not told."""
    if group.owner is None or all(entry.username is None for entry in entries):
        return sorted({entry.pve for entry in entries})
    return sorted(
        {entry.pve for entry in entries if entry.username is None or _may_append(entry.username, group.owner)}
    )


def _may_append(username: str, owner: str) -> bool:
    """Say whether an account may append to an owner's group: the owner itself, or the plain user of an owning token (D13)."""
    return username == owner or ("!" not in username and owner.startswith(f"{username}!"))


def _known_by_name(matched: Iterable[MatchedGroup]) -> dict[tuple[str, str], list[MatchedGroup]]:
    known: dict[tuple[str, str], list[MatchedGroup]] = {}
    for candidate in matched:
        if candidate.match is GroupMatch.GUEST:
            known.setdefault((candidate.group.backup_type, candidate.group.backup_id), []).append(candidate)
    return known


def _by_times(
    group: BackupGroup, candidates: Sequence[MatchedGroup], hidden: set[str], *, owned_by_others: bool
) -> MatchedGroup:
    """Match a copy by the backup times that it shares with a group whose guest is known. Without any it is another account's where an
    entry leads (D14), and nobody's elsewhere.
    """
    sharing = {
        (candidate.pve, candidate.vmid)
        for candidate in candidates
        if _shared_times(group, candidate.group) >= SAME_TIMES_AT_LEAST
    }
    if len(sharing) == 1:
        pve, vmid = sharing.pop()
        return MatchedGroup(group, GroupMatch.GUEST, pve, vmid)
    if sharing:
        return MatchedGroup(group, GroupMatch.AMBIGUOUS)
    if owned_by_others:
        return MatchedGroup(group, GroupMatch.FOREIGN)
    return MatchedGroup(group, GroupMatch.UNKNOWN if hidden else GroupMatch.ORPHAN)


def _shared_times(one: BackupGroup, other: BackupGroup) -> int:
    return len(set(one.snapshots.times) & set(other.snapshots.times))


def _with_inherited(matched: MatchedGroup, created: Mapping[tuple[str, int], int]) -> MatchedGroup:
    """Mark the snapshots that are older than the guest: they are a predecessor's with the same id (A10, D16)."""
    born = created.get((matched.pve or "", matched.vmid or 0))
    if matched.match is not GroupMatch.GUEST or born is None:
        return matched
    older = range(bisect_left(matched.group.snapshots.times, born))
    return MatchedGroup(matched.group, matched.match, matched.pve, matched.vmid, frozenset(older)) if older else matched


def good_versions(matched: MatchedGroup) -> list[int]:
    """Given a matched group, return the positions of its guest's own versions that did not fail verification, oldest first (E33, H6)."""
    snapshots = matched.group.snapshots
    return [
        position
        for position in snapshots.finished()
        if position not in matched.inherited and not snapshots.flags[position] & SnapshotFlag.VERIFY_FAILED
    ]
