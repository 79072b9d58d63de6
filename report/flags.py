"""What is true of snapshots, held as a byte of flags each, and what the flags of a whole group say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache


class SnapshotFlag(IntEnum):
    """What is true of a snapshot; one byte each. Neither VERIFIED nor VERIFY_FAILED: never verified, or not known of a file (H6).

    VERIFIED_ELSEWHERE, as it is read: the verification names another node or datastore than the one it lies in, which stands beside
    VERIFIED. Once sync jobs are known (`report.provenance`) it stands alone, or not at all (H7).

    Plain integers and no IntFlag, whose operators are functions: millions of bytes are looked at.
    """

    PROTECTED = 1
    UNFINISHED = 2  # no manifest: running or crashed (H3, D9)
    RENAMED = 4  # a file without the standard name: no version, never pruned (D7)
    VERIFIED = 8
    VERIFY_FAILED = 16
    ENCRYPTED = 32
    SIGNED = 64
    VERIFIED_ELSEWHERE = 128


@lru_cache(maxsize=256)
def _without(flag: int) -> bytes:
    """Return every byte that has none of the flags: what is left of flags without them is counted, without a loop."""
    return bytes(held for held in range(256) if not held & flag)


def count_flagged(flags: bytes, wanted: int) -> int:
    """Given the flags of snapshots, a byte each, and one flag or several, return how many have any of it."""
    return len(flags.translate(None, _without(wanted)))


def flagged(flags: bytes, wanted: int) -> list[int]:
    """Given the same, return the positions of those that have any of it."""
    if not count_flagged(flags, wanted):
        return []
    wanted = int(wanted)
    return [position for position, held in enumerate(flags) if held & wanted]


@dataclass(frozen=True, slots=True)
class Standing:
    """What the flags of a group's snapshots say, by position, oldest first.

    `versions`: finished, standard-named; `usable`: those that did not fail verification (H6); `newest_verified`: the last version that was
    verified ok. `unfinished_at`, `protected_at` and (how many) `renamed`: of all snapshots. `protected`, `encrypted`, `verified`, `failed`:
    how many versions are; `elsewhere`: how many were verified at their source alone.
    """

    versions: Sequence[int]
    usable: Sequence[int]
    newest_verified: int | None
    unfinished_at: frozenset[int]
    protected_at: frozenset[int]
    renamed: int
    protected: int
    encrypted: int
    verified: int
    failed: int
    elsewhere: int


@lru_cache(maxsize=1 << 13)
def standing_of(flags: bytes) -> Standing:
    """Given the flags of a group's snapshots, a byte each, return what they say; remembered, because many groups have the same."""
    versions = _positions_without(flags, SnapshotFlag.UNFINISHED | SnapshotFlag.RENAMED)
    held = flags if len(versions) == len(flags) else bytes(flags[position] for position in versions)
    failed, verified = count_flagged(held, SnapshotFlag.VERIFY_FAILED), int(SnapshotFlag.VERIFIED)
    not_usable = SnapshotFlag.UNFINISHED | SnapshotFlag.RENAMED | SnapshotFlag.VERIFY_FAILED
    return Standing(
        versions=versions,
        usable=_positions_without(flags, not_usable) if failed else versions,
        newest_verified=next((position for position in reversed(versions) if flags[position] & verified), None),
        unfinished_at=frozenset(flagged(flags, SnapshotFlag.UNFINISHED)),
        protected_at=frozenset(flagged(flags, SnapshotFlag.PROTECTED)),
        renamed=count_flagged(flags, SnapshotFlag.RENAMED),
        protected=count_flagged(held, SnapshotFlag.PROTECTED),
        encrypted=count_flagged(held, SnapshotFlag.ENCRYPTED),
        verified=count_flagged(held, verified),
        failed=failed,
        elsewhere=len(only_elsewhere(held)),
    )


def only_elsewhere(flags: bytes) -> list[int]:
    """Given the flags of snapshots, return the positions of those that were verified at their source alone (H7)."""
    elsewhere, verified = int(SnapshotFlag.VERIFIED_ELSEWHERE), int(SnapshotFlag.VERIFIED)
    return [position for position in flagged(flags, elsewhere) if not flags[position] & verified]


def _positions_without(flags: bytes, refused: int) -> Sequence[int]:
    """Return the positions of those that have none of some flags: a range where they are all."""
    if not count_flagged(flags, refused):
        return range(len(flags))
    return tuple(position for position, held in enumerate(flags) if not held & refused)
