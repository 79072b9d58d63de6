"""Groups and snapshots as JSON, made one group at a time so that a million rows need no million objects.

The order is that of no list: groups are shuffled per call, the snapshots of a group follow a stride of their own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from math import gcd
from random import Random

from simulator.answers import encode
from simulator.pbs.answers import Row
from simulator.pbs.model import Group, Releases, Special

INDEX = "index.json.blob"
INDEX_SIZE = 467
# from here on `last-backup` is the newest finished one (H2)
HONEST_LAST_BACKUP = (4, 0, 17)
CHUNK = 1 << 18


def strided(times: Sequence[int], salt: int) -> list[int]:
    """The times in an order that the salt decides and that is hardly ever the sorted one."""
    count = len(times)
    if count < 2:
        return list(times)
    stride = next(step for step in range(max(2, count * 5 // 8), 3 * count + 2) if gcd(step, count) == 1)
    offset = salt % count
    return [times[(offset + position * stride) % count] for position in range(count)]


def directory_order(group: Group) -> list[int]:
    """A group's times as its directory lists them: always the same order."""
    return strided(group.times, sum(group.identity.encode()) * 31 + 7)


def group_row(group: Group, release: Releases) -> Row:
    """A group as `groups` shows it (section 5)."""
    shown = last_backup(group, release)
    row: Row = {
        "backup-count": len(group.times),
        "backup-id": group.identity,
        "backup-type": group.kind,
        "files": _names(group, shown),
        "last-backup": shown or 0,
    }
    if group.owner is not None:
        row["owner"] = group.owner
    if group.note:
        # the first line, with its line end if there are more (section 5)
        row["comment"] = group.note[: group.note.index("\n") + 1] if "\n" in group.note else group.note
    return row


def last_backup(group: Group, release: Releases) -> int | None:
    """The time that `last-backup` tells: for most releases a fold that an unfinished snapshot spoils (H2)."""
    if release >= HONEST_LAST_BACKUP:
        newest = next(group.finished(), None)
        return group.times[0] if newest is None and len(group.times) == 1 else newest
    if not group.special:
        return group.times[-1] if group.times else None
    found: int | None = None
    for instant in directory_order(group):
        keep = found is not None and group.of(found).finished and found > instant
        found = found if keep else instant
    return found


def _names(group: Group, instant: int | None) -> list[str]:
    if instant is None:
        return []
    special = group.of(instant)
    names = [name for name, _ in _archives(group, special)]
    return [INDEX, *reversed(names)] if special.finished else list(special.files)


def snapshot_row(group: Group, instant: int) -> Row:
    """A snapshot as `snapshots` shows it (section 6)."""
    special = group.of(instant)
    row: Row = {"backup-type": group.kind, "backup-id": group.identity, "backup-time": instant}
    comment = special.comment or group.comment
    if special.finished and comment:
        row["comment"] = comment.partition("\n")[0]
    verified = verification(group, instant, special)
    if verified:
        row["verification"] = verified
    if special.finished and (special.encrypted_with or group.fingerprint):
        row["fingerprint"] = special.encrypted_with or group.fingerprint
    row["files"] = _files(group, special)
    if special.finished:
        row["size"] = sum(size for _, size in _archives(group, special)) + INDEX_SIZE
    if group.owner is not None:
        row["owner"] = group.owner
    row["protected"] = special.protected
    return row


def verification(group: Group, instant: int, special: Special) -> Row | None:
    """The state that is written in the manifest, None if it never was verified (H6)."""
    if not special.finished or special.verification == "none":
        return None
    if special.verification == "auto":
        upid = group.verifications.of(instant)
        return None if upid is None else {"upid": upid, "state": "ok"}
    return {"upid": special.upid or group.verifications.of(instant) or "", "state": special.verification}


def _archives(group: Group, special: Special) -> tuple[tuple[str, int], ...]:
    return group.archives if special.archives is None else special.archives


def _files(group: Group, special: Special) -> list[Row]:
    if not special.finished:
        return [{"filename": name} for name in special.files]
    mode = "encrypt" if special.encrypted_with else group.crypt_mode
    rows: list[Row] = [{"filename": name, "crypt-mode": mode, "size": size} for name, size in _archives(group, special)]
    index_mode = "none" if mode == "none" else "sign-only"
    return [*rows, {"filename": INDEX, "crypt-mode": index_mode, "size": INDEX_SIZE}]


def group_bytes(group: Group, salt: int) -> Iterator[str]:
    """Every snapshot of a group as JSON, from a text that only differs in the time and the verification."""
    if not group.times:
        return
    sample = group.times[0]
    ordinary = Group(group.kind, group.identity, group.owner, lambda: (sample,))
    ordinary.comment, ordinary.archives = group.comment, group.archives
    ordinary.crypt_mode, ordinary.fingerprint = group.crypt_mode, group.fingerprint
    head, _, tail = json.dumps(snapshot_row(ordinary, sample), ensure_ascii=False).partition(f'"backup-time": {sample}')
    of, special = group.verifications.of, group.special
    for instant in strided(group.times, salt):
        if instant in special:
            yield encode(snapshot_row(group, instant)).decode("utf-8", "surrogatepass")
            continue
        upid = of(instant)
        verified = "" if upid is None else f', "verification": {{"upid": {json.dumps(upid)}, "state": "ok"}}'
        yield f'{head}"backup-time": {instant}{verified}{tail}'


def snapshot_stream(groups: Iterable[Group], random: Random) -> Iterator[bytes]:
    """The whole answer of `snapshots` in chunks."""
    pending: list[str] = ['{"data":[']
    length, first = 0, True
    for group in groups:
        text = ",".join(group_bytes(group, random.getrandbits(16)))
        if not text:
            continue
        pending.append(text if first else f",{text}")
        first = False
        length += len(text)
        if length > CHUNK:
            yield "".join(pending).encode("utf-8", "surrogatepass")
            pending, length = [], 0
    pending.append("]}")
    yield "".join(pending).encode("utf-8", "surrogatepass")


def snapshot_path(group: Group, instant: int) -> str:
    """`vm/100/2026-11-20T22:30:00Z`."""
    return f"{group.kind}/{group.identity}/{datetime.fromtimestamp(instant, UTC):%Y-%m-%dT%H:%M:%SZ}"
