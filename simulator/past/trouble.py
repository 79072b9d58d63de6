"""What happened to single groups of backups on the servers: spoiled, removed, no longer checked or copied, made by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from simulator.model import Cluster
from simulator.past.runs import DAY
from simulator.pbs.control import ARCHIVES
from simulator.pbs.model import Brought, Group, Special, Verifications
from simulator.scenario.wanted import Wanted

# since when a group is not verified any more, and since when another is not copied
UNCHECKED_DAYS, UNCOPIED_DAYS = 36, 9
# positions from the newest on: what failed verification while newer ones are good, and what somebody removed
CORRUPT, DELETED = (3, 5), range(4, 10)
JUMP = 8
# days ago: backups that nobody's job made
SPOILED, FORGOTTEN, BY_HAND = (33, 32, 31), (40, 17), (2,)

Groups = Mapping[tuple[str, str], Group]
Source = Callable[[], Sequence[int]]


def spoil(groups: Groups, trouble: Mapping[str, int]) -> None:
    """Given the cluster's groups and who has which trouble, let it happen to them."""
    for name, change in (("corrupt", _with_failures), ("deleted", _without_some), ("jumped", _with_jump)):
        group = _of(groups, trouble, name)
        if group is not None and (name != "jumped" or group.kind == "ct"):
            group.source = partial(change, group, group.source)
    _no_longer_checked(_of(groups, trouble, "outdated"))


def fall_behind(groups: Groups, trouble: Mapping[str, int], wanted: Wanted) -> None:
    """Given the copies: those of one guest stopped coming, and another's tell of the same old verification as the original (H7)."""
    _no_longer_checked(_of(groups, trouble, "outdated"))
    group = _of(groups, trouble, "unsynced")
    if group is not None:
        group.source = partial(_until, group.source, wanted.now - UNCOPIED_DAYS * DAY)


def add_forgotten(
    groups: dict[tuple[str, str], Group],
    cluster: Cluster,
    trouble: Mapping[str, int],
    wanted: Wanted,
    checked: Verifications,
) -> None:
    """Add the backups of guests that no job saves: old ones that all failed verification, old ones, and a recent one made by hand."""
    for name, days in (("spoiled", SPOILED), ("forgotten", FORGOTTEN), ("by-hand", BY_HAND)):
        guest = cluster.guests.get(trouble.get(name, 0))
        if guest is None:
            continue
        kind = "vm" if guest.kind == "qemu" else "ct"
        times = tuple(wanted.now - count * DAY - 3000 for count in days)
        group = Group(kind, str(guest.vmid), wanted.account, partial(tuple, times), archives=ARCHIVES[kind])
        group.comment, group.verifications = f"{guest.shown_name}, by hand", checked
        if name == "spoiled":
            group.special.update(dict.fromkeys(times, Special(verification="failed")))
        groups[group.key] = group


def _of(groups: Groups, trouble: Mapping[str, int], name: str) -> Group | None:
    identity = str(trouble.get(name, ""))
    return next((group for group in groups.values() if group.identity == identity), None)


def _no_longer_checked(group: Group | None) -> None:
    """The verify job passes the group over since some weeks; of a copy that of its own server always did."""
    if group is None:
        return
    checked = group.verifications
    checked = checked.source if isinstance(checked, Brought) else checked
    kept = max(len(checked.instants) - UNCHECKED_DAYS, 0)
    group.verifications = Verifications(checked.instants[:kept], checked.upids[:kept])


def _with_failures(group: Group, source: Source) -> Sequence[int]:
    """Two older backups failed verification."""
    times = source()
    for position in CORRUPT:
        if position < len(times) and group.of(times[-1 - position]).finished:
            time = times[-1 - position]
            group.special[time] = replace(group.of(time), verification="failed")
    return times


def _without_some(group: Group, source: Source) -> Sequence[int]:
    """Somebody removed backups."""
    times = source()
    return tuple(time for position, time in enumerate(reversed(times)) if position not in DELETED)[::-1]


def _with_jump(group: Group, source: Source) -> Sequence[int]:
    """The newest backup is far larger than those before it."""
    times = source()
    newest = next((time for time in reversed(times) if group.of(time).finished), None)
    if newest is not None:
        large = tuple((name, size * JUMP if size > 1_000_000 else size) for name, size in group.archives)
        group.special[newest] = replace(group.of(newest), archives=large)
    return times


def _until(source: Source, last: int) -> Sequence[int]:
    return tuple(time for time in source() if time <= last)
