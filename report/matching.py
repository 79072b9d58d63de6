"""Which guest a backup group belongs to (rulebook D.3): by the storage entries that lead to it, its owner, its type and id.

Guests of two clusters with one id are never mixed: where nothing tells which of them wrote a group, it is ambiguous.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from report.backups import BackupGroup
from report.model.groups import GroupMatch
from report.syncs import Syncs
from report.targets import Entry, Target, Targets
from report.value import Value
from report.view import ClusterView

# ids of guests: plain digits without leading zeros, at most nine (PVE's own form)
_VMID = re.compile(r"[1-9][0-9]{0,8}")
# an external provider need not say of which type a backup is (I4); no PBS has a type of that name
_GUEST_TYPES_OF = {"vm": ("qemu",), "ct": ("lxc",), "unknown": ("qemu", "lxc")}
# a copy made by a sync job keeps its backup times: this part of the times of the group with fewer must be the other's too (H15, E39)
SHARED_AT_LEAST = 0.5


class MatchedGroup(Value, frozen=True):
    """A group and whose it is; `pve` and `vmid` only where `match` is GUEST. `inherited`: positions of snapshots older than the guest.
    `maybe`: where it is AMBIGUOUS, the clusters whose guest it may be.
    """

    group: BackupGroup
    match: GroupMatch
    pve: str | None = None
    vmid: int | None = None
    inherited: frozenset[int] = frozenset()
    maybe: frozenset[str] = frozenset()

    @property
    def target(self) -> Target:
        """Return where the group lies."""
        return Target(self.group.server, self.group.datastore, self.group.namespace)


GuestKey = tuple[str, int]


@dataclass(frozen=True, slots=True)
class _Known:
    """The guests of each cluster by (guest type, vmid), and the clusters that may have others."""

    guests: Mapping[str, frozenset[GuestKey]]
    hidden: frozenset[str]

    def has(self, cluster: str, keys: Sequence[GuestKey]) -> bool:
        """Given a cluster and guest keys, say whether it has one of them."""
        return not self.guests[cluster].isdisjoint(keys)

    def having(self, keys: Sequence[GuestKey]) -> frozenset[str]:
        """Given guest keys, return the clusters that have one of them."""
        return frozenset(cluster for cluster in self.guests if self.has(cluster, keys))

    @property
    def whole(self) -> bool:
        """Say whether every guest is known: of a guest that is none of these nothing is left."""
        return bool(self.guests) and not self.hidden


def guest_keys(group: BackupGroup) -> tuple[GuestKey, ...]:
    """Given a group, return the (guest type, vmid) that it may be of in a cluster; none where it is no guest's by its name (H5)."""
    if not _VMID.fullmatch(group.backup_id):
        return ()
    return tuple((guest_type, int(group.backup_id)) for guest_type in _GUEST_TYPES_OF.get(group.backup_type, ()))


def match_groups(
    groups: Iterable[BackupGroup],
    views: Sequence[ClusterView],
    targets: Targets,
    created: Mapping[tuple[str, int], int],
    syncs: Syncs,
) -> list[MatchedGroup]:
    """Given all groups, the clusters' views, where entries lead, creation times of guests by (cluster, vmid), and what is known of sync
    jobs, return whose each group is. What no entry's account may have written is whose its source is, from which a sync job pulled it
    under an owner of its own (H15); else it is told by the times that it shares with a group that is matched already.
    """
    known = _known(views)
    direct: list[MatchedGroup] = []
    elsewhere: list[tuple[BackupGroup, bool]] = []
    led: dict[tuple[str | None, ...], _Led] = {}
    for group in groups:
        place = (group.server, group.datastore, group.namespace, group.owner)
        if place not in led:
            led[place] = _led_to(group, targets.entries.get(_target(group), ()))
        matched = _by_entries(group, led[place], known)
        if matched.match is GroupMatch.FOREIGN:
            elsewhere.append((group, bool(led[place].entries)))
        else:
            direct.append(matched)
    by_name = _known_by_name(direct)
    sources = _Sources(known, targets, syncs, direct, [group for group, _ in elsewhere])
    accounts = _accounts(targets)
    copies = [
        sources.match(group)
        or _by_times(group, by_name.get(_name(group), ()))
        or _by_owner(group, None if syncs.may_own(group) else accounts.get(group.server, {}), known, led_to=led_to)
        for group, led_to in elsewhere
    ]
    return [_with_inherited(matched, created) for matched in (*direct, *copies)]


def _accounts(targets: Targets) -> dict[str, dict[str, set[str]]]:
    """Return by server the accounts that entries use, with the clusters that use them."""
    accounts: dict[str, dict[str, set[str]]] = {}
    for target, entries in targets.entries.items():
        for entry in entries:
            if entry.username:
                accounts.setdefault(target.server, {}).setdefault(entry.username, set()).add(entry.pve)
    return accounts


def _target(group: BackupGroup) -> Target:
    return Target(group.server, group.datastore, group.namespace)


class _Sources:
    """Tells whose a copy is by the place that a sync job pulled it from: as its source there, or as what that place's entries lead to."""

    def __init__(
        self,
        known: _Known,
        targets: Targets,
        syncs: Syncs,
        direct: Iterable[MatchedGroup],
        copies: Iterable[BackupGroup],
    ) -> None:
        """Take what is known, the groups that are matched, and those that are not."""
        self._known, self._targets, self._syncs = known, targets, syncs
        self._direct = {(each.target, *_name(each.group)): each for each in direct} if any(syncs.jobs.values()) else {}
        self._copies = {(_target(each), *_name(each)): each for each in copies} if any(syncs.jobs.values()) else {}

    def match(self, group: BackupGroup, seen: frozenset[Target] = frozenset()) -> MatchedGroup | None:
        """Given a copy, and the places that it was followed through, return whose it is; None where no source tells."""
        origins = self._syncs.origins(group)
        if len(origins) != 1 or not origins.isdisjoint(seen):
            return None
        (origin,) = origins
        found = self._of_source(group, origin, seen | {_target(group)})
        if found is None or found.match not in (GroupMatch.GUEST, GroupMatch.ORPHAN):
            return None
        return MatchedGroup(group, found.match, found.pve, found.vmid)

    def _of_source(self, group: BackupGroup, origin: Target, seen: frozenset[Target]) -> MatchedGroup | None:
        key = origin, *_name(group)
        if source := self._direct.get(key):
            return source
        if copy := self._copies.get(key):
            return self.match(copy, seen)
        if origin not in self._syncs.read:
            return None
        ownerless = replace(group, owner=None)
        return _by_entries(ownerless, _led_to(ownerless, self._targets.entries.get(origin, ())), self._known)


def _name(group: BackupGroup) -> tuple[str, str]:
    return group.backup_type, group.backup_id


def _known(views: Sequence[ClusterView]) -> _Known:
    return _Known(
        {view.name: frozenset((guest.guest_type, guest.vmid) for guest in view.guests or ()) for view in views},
        frozenset(view.name for view in views if view.guests is None or not view.all_guests_visible),
    )


@dataclass(frozen=True, slots=True)
class _Led:
    """What leads to the groups of one owner in one place: entries, and the clusters that may have written them."""

    entries: Sequence[Entry]
    writers: Sequence[str]


def _led_to(group: BackupGroup, entries: Sequence[Entry]) -> _Led:
    return _Led(entries, _writers(group, entries))


def _by_entries(group: BackupGroup, led: _Led, known: _Known) -> MatchedGroup:
    keys, writers = guest_keys(group), led.writers
    if not keys:
        return MatchedGroup(group, _of_no_guest(group, led.entries))
    if not writers:
        return MatchedGroup(group, GroupMatch.FOREIGN)
    owners = [cluster for cluster in writers if known.has(cluster, keys)]
    others = known.hidden.intersection(writers).difference(owners)
    if len(owners) == 1 and not others:
        return MatchedGroup(group, GroupMatch.GUEST, owners[0], keys[0][1])
    if owners:
        return MatchedGroup(group, GroupMatch.AMBIGUOUS, maybe=frozenset(owners))
    if known.hidden.intersection(writers):
        return MatchedGroup(group, GroupMatch.UNKNOWN)
    # the account, or the cluster whose own storage it is, tells of the writer, whose guest is gone
    told = group.server in writers or (group.owner is not None and any(entry.username for entry in led.entries))
    return MatchedGroup(group, GroupMatch.ORPHAN) if told else _of_nobody(group, known)


def _of_no_guest(group: BackupGroup, entries: Sequence[Entry]) -> GroupMatch:
    """Tell apart what names no guest: on a PBS every group has an id (H5), so that one without is on a storage of PVE (case 74)."""
    if group.backup_id:
        return GroupMatch.HOST
    return GroupMatch.EXTERNAL if any(entry.external for entry in entries) else GroupMatch.UNKNOWN


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
        if candidate.match in (GroupMatch.GUEST, GroupMatch.AMBIGUOUS):
            known.setdefault((candidate.group.backup_type, candidate.group.backup_id), []).append(candidate)
    return known


def _by_times(group: BackupGroup, candidates: Sequence[MatchedGroup]) -> MatchedGroup | None:
    """Match a copy by the backup times that it shares with a group whose guest is known, or that is ambiguous itself; None where it shares
    none.
    """
    sharing = [candidate for candidate in candidates if _is_copy(group, candidate.group)]
    owners = {(each.pve, each.vmid) for each in sharing if each.match is GroupMatch.GUEST}
    if len(owners) == 1:
        pve, vmid = owners.pop()
        return MatchedGroup(group, GroupMatch.GUEST, pve, vmid)
    maybe = frozenset(pve for pve, _ in owners if pve).union(*(each.maybe for each in sharing))
    return MatchedGroup(group, GroupMatch.AMBIGUOUS, maybe=maybe) if sharing else None


def _by_owner(
    group: BackupGroup, accounts: Mapping[str, set[str]] | None, known: _Known, *, led_to: bool
) -> MatchedGroup:
    """Match a group by its owner, given the accounts of its server by the clusters that use them; None: the owner tells nothing.

    It may be a guest's of a cluster that uses the account, written when its entry led there; where none does it is another cluster's
    (D14, case 33).
    """
    if accounts is None:
        return _of_nobody(group, known)
    users = {
        pve for username, used_by in accounts.items() if _may_append(username, group.owner or "") for pve in used_by
    }
    keys = guest_keys(group)
    if not users:
        return MatchedGroup(group, GroupMatch.FOREIGN) if led_to or known.having(keys) else _of_nobody(group, known)
    if having := known.having(keys) & users:
        return MatchedGroup(group, GroupMatch.AMBIGUOUS, maybe=having)
    return MatchedGroup(group, GroupMatch.UNKNOWN if known.hidden & users else GroupMatch.ORPHAN)


def _of_nobody(group: BackupGroup, known: _Known) -> MatchedGroup:
    """Match a group of which nothing tells who wrote it: it may be any visible guest's of that type and id (D15), and only where there
    is none, nor one hidden, is it an orphan (D17, case 8).
    """
    keys = guest_keys(group)
    if having := known.having(keys):
        return MatchedGroup(group, GroupMatch.AMBIGUOUS, maybe=having)
    return MatchedGroup(group, GroupMatch.ORPHAN if known.whole else GroupMatch.UNKNOWN)


def _is_copy(group: BackupGroup, original: BackupGroup) -> bool:
    """Say whether a group is a copy of another: where both reach, most times of the one with fewer are the other's, for each is pruned by
    its own policy. One equal second is chance: nightly jobs of two clusters begin at the same one (H15, E39).
    """
    own, others = group.snapshots.times, original.snapshots.times
    if not own or not others:
        return False
    first, last = max(own[0], others[0]), min(own[-1], others[-1])
    ours, theirs = (set(times[bisect_left(times, first) : bisect_right(times, last)]) for times in (own, others))
    shared = len(ours & theirs)
    return shared > 0 and shared >= SHARED_AT_LEAST * min(len(ours), len(theirs))


def _with_inherited(matched: MatchedGroup, created: Mapping[tuple[str, int], int]) -> MatchedGroup:
    """Mark the snapshots that are older than the guest: they are a predecessor's with the same id (A10, D16)."""
    born = created.get((matched.pve or "", matched.vmid or 0))
    if matched.match is not GroupMatch.GUEST or born is None:
        return matched
    older = range(bisect_left(matched.group.snapshots.times, born))
    return MatchedGroup(matched.group, matched.match, matched.pve, matched.vmid, frozenset(older)) if older else matched
