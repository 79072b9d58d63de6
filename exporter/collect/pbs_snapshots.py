"""Snapshots of a PBS out of a large answer, row by row, into columns: neither the rows nor their texts ever exist all at once."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from exporter.collect import pbs_rows as rows
from exporter.collect.pbs_values import LARGEST, NO_HOME, Home, number, parse_upid
from report.backups import NEVER, UNKNOWN_SIZE, Archive, SnapshotFlag, Snapshots

Key = tuple[str, str]

MANIFEST = "index.json.blob"
# these say nothing about how the data is stored: the manifest of an encrypted backup is signed, the log comes without a mode
_NOT_DATA = frozenset({MANIFEST, "client.log.blob"})
_ROW = msgspec.json.Decoder(rows.SnapshotRow, strict=False)
# a key is a byte in a column; more keys than that in one group are not told apart
_MOST_KEYS = 255
_VERIFICATION = {"ok": SnapshotFlag.VERIFIED, "failed": SnapshotFlag.VERIFY_FAILED}


@dataclass(frozen=True, slots=True)
class GroupContent:
    """The snapshots of one group, the files of its newest finished one, the fingerprints of the keys, and how many rows were left out
    because their time cannot be. `verified_elsewhere`: where the newest of those was verified that were not verified here (H7).
    """

    snapshots: Snapshots = field(default_factory=Snapshots)
    newest_archives: tuple[Archive, ...] = ()
    unread: int = 0
    key_fingerprints: tuple[str, ...] = ()
    verified_elsewhere: str | None = None


@dataclass(frozen=True, slots=True)
class Contents:
    """What an answer of /snapshots holds, by group; `rows` is how many rows came, `unread` how many of them made no sense."""

    groups: dict[Key, GroupContent]
    rows: int
    unread: int = 0


@dataclass(slots=True)
class _Columns:
    """One group while its rows come in; the newest finished one's files are kept until a newer one comes, and so is where the newest was
    verified of those that were not verified at `home`.

    `keys` stays None as long as no row has a key; `fingerprints` are those met so far, with their numbers from 1.
    """

    home: Home
    times: array[int] = field(default_factory=lambda: array("q"))
    sizes: array[int] = field(default_factory=lambda: array("q"))
    flags: bytearray = field(default_factory=bytearray)
    verified_at: array[int] = field(default_factory=lambda: array("q"))
    newest_at: int = 0
    newest_files: Sequence[rows.FileRow] = ()
    elsewhere_at: int = -1
    elsewhere: str | None = None
    unread: int = 0
    keys: bytearray | None = None
    fingerprints: dict[str, int] = field(default_factory=dict)

    def add(self, row: rows.SnapshotRow) -> None:
        time = row.backup_time
        size = number(row.size)
        flags = flags_of(row)
        verification = row.verification
        verified = parse_upid(verification.upid) if verification and verification.upid else None
        if verified is not None and flags & SnapshotFlag.VERIFIED and (source := self.home.source_of(verified)):
            flags |= SnapshotFlag.VERIFIED_ELSEWHERE
            if time > self.elsewhere_at:
                self.elsewhere_at, self.elsewhere = time, source
        self.times.append(time)
        self.sizes.append(UNKNOWN_SIZE if size is None else size)
        self.flags.append(flags)
        self.verified_at.append(NEVER if verified is None else verified.started_at)
        if not flags & SnapshotFlag.UNFINISHED and time >= self.newest_at:
            self.newest_at, self.newest_files = time, row.files
        if row.fingerprint or self.keys is not None:
            self._add_key(row.fingerprint)

    def _add_key(self, fingerprint: str | None) -> None:
        """Note the key of the row that was added last; one that only signs has a key too (M11)."""
        if self.keys is None:
            self.keys = bytearray(len(self.times) - 1)
        if fingerprint and fingerprint not in self.fingerprints and len(self.fingerprints) < _MOST_KEYS:
            self.fingerprints[fingerprint] = len(self.fingerprints) + 1
        self.keys.append(self.fingerprints.get(fingerprint, 0) if fingerprint else 0)

    def content(self) -> GroupContent:
        """Return the columns, ascending by time, no longer than they need to be."""
        order = sorted(range(len(self.times)), key=self.times.__getitem__)
        keys, fingerprints = self._keys(order)
        return GroupContent(
            Snapshots(
                # from lists: an array made of an iterator keeps room to grow
                array("q", [self.times[position] for position in order]),
                array("q", [self.sizes[position] for position in order]),
                bytes([self.flags[position] for position in order]),
                array("q", [self.verified_at[position] for position in order]),
                keys,
            ),
            tuple(sorted((_archive(file) for file in self.newest_files), key=lambda archive: archive.name)),
            self.unread,
            fingerprints,
            sys.intern(self.elsewhere) if self.elsewhere else None,
        )

    def _keys(self, order: Sequence[int]) -> tuple[bytes, tuple[str, ...]]:
        """Return the column of keys and the fingerprints, numbered as their first snapshots follow each other in time."""
        if self.keys is None:
            return b"", ()
        met = dict.fromkeys(number for position in order if (number := self.keys[position]))
        names = {number: sys.intern(fingerprint) for fingerprint, number in self.fingerprints.items()}
        renumbered = {0: 0} | {number: place for place, number in enumerate(met, 1)}
        return bytes([renumbered[self.keys[position]] for position in order]), tuple(names[number] for number in met)


def parse_snapshots(answer: Iterable[msgspec.Raw], latest: int = LARGEST, home: Home = NO_HOME) -> Contents:
    """Given the rows of /snapshots, each still as text, the latest time (epoch) that a backup can have, and where they lie, return the
    snapshots by group; a row that makes no sense costs itself only.
    """
    found: dict[Key, _Columns] = {}
    total = unread = 0
    for raw in answer:
        total += 1
        try:
            row = _ROW.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            unread += 1
            continue
        key = row.backup_type, row.backup_id
        columns = found.get(key)
        if columns is None:
            columns = found[key] = _Columns(home)
        if 0 <= row.backup_time <= latest:
            columns.add(row)
        else:
            columns.unread += 1
            unread += 1
    return Contents({key: columns.content() for key, columns in found.items()}, total, unread)


def flags_of(row: rows.SnapshotRow) -> int:
    """Given a snapshot, return what is true of it as `SnapshotFlag` bits, wherever it was verified (H3, H6, M11)."""
    flags = int(SnapshotFlag.PROTECTED) if row.protected else 0
    if _unfinished(row):
        return flags | SnapshotFlag.UNFINISHED
    if row.verification and row.verification.state:
        flags |= _VERIFICATION.get(row.verification.state, 0)
    modes = {file.crypt_mode for file in row.files if file.crypt_mode and file.filename not in _NOT_DATA}
    if modes == {"encrypt"}:
        flags |= SnapshotFlag.ENCRYPTED
    elif modes and modes <= {"encrypt", "sign-only"}:
        flags |= SnapshotFlag.SIGNED
    return flags


def _unfinished(row: rows.SnapshotRow) -> bool:
    """Say whether there is no readable manifest: running, crashed or broken. All three come without sizes (H3)."""
    if row.size is not None:
        return False
    return not any(file.filename == MANIFEST for file in row.files) or any(file.size is None for file in row.files)


def _archive(file: rows.FileRow) -> Archive:
    mode = sys.intern(file.crypt_mode) if file.crypt_mode else None
    return Archive(sys.intern(file.filename), number(file.size), mode)
