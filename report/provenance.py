"""Which verifications were made where the backup lies: a sync copies the manifest, with its source's verification (rulebook H7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from report.backups import BackupGroup, SnapshotFlag
from report.syncs import Syncs

_VERIFIED, _ELSEWHERE = int(SnapshotFlag.VERIFIED), int(SnapshotFlag.VERIFIED_ELSEWHERE)
# what is left of every byte of flags: in a copy no VERIFIED beside VERIFIED_ELSEWHERE, in what is none no VERIFIED_ELSEWHERE
_AS_COPY = bytes(flags & ~_VERIFIED if flags & _ELSEWHERE else flags for flags in range(256))
_AS_OWN = bytes(flags & ~_ELSEWHERE for flags in range(256))


def verified_where_they_lie(groups: Iterable[BackupGroup], syncs: Syncs) -> Iterator[BackupGroup]:
    """Given groups as they were read, and what is known of sync jobs, yield them with VERIFIED only where that was done in place.

    What a known sync brings and another node or datastore verified is VERIFIED_ELSEWHERE alone. Without such a sync a server was renamed,
    and it is VERIFIED. Where the sync jobs were not all told it has both: it counts as verified, and no demand rests on it.
    """
    for group in groups:
        brought = syncs.brings(group) if group.verified_elsewhere else None
        if brought is None:
            yield group
            continue
        flags = group.snapshots.flags.translate(_AS_COPY if brought else _AS_OWN)
        told = group.verified_elsewhere if brought else None
        yield replace(group, snapshots=replace(group.snapshots, flags=flags), verified_elsewhere=told)
