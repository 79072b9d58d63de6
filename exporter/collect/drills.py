"""The drop folder: restore drills that people report, one JSON file each (docs/drills.md). Nothing in it can lead out of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from exporter.collect.pbs_values import AHEAD_SECONDS, text
from report.facts import Drill

# larger files and further ones are named and not read; of many files the newest count
LARGEST_FILE = 64 * 1024  # bytes
FILES_AT_MOST = 1000
PROBLEMS_AT_MOST = 100

_Instant = Annotated[datetime, msgspec.Meta(tz=True)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
# a pipe that nobody writes to must not hold us up
_HOW = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class DrillRow(msgspec.Struct, forbid_unknown_fields=True):
    """A file as it is written; instants are ISO 8601 with an offset."""

    cluster: _Name
    vmid: Annotated[int, msgspec.Meta(ge=1, le=999_999_999)]
    at: _Instant
    result: Literal["ok", "failed"]
    by: _Name
    backup_at: _Instant | None = None
    message: Annotated[str, msgspec.Meta(max_length=2000)] = ""


@dataclass(frozen=True, slots=True)
class Reported:
    """What the folder holds: the drills by time, None where it could not be read; `problems` name the files that say nothing."""

    drills: tuple[Drill, ...] | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _File:
    """A file as it was when it was read, and what it says: a drill, or what is wrong with it."""

    stamp: tuple[int, int, int]
    says: Drill | str


@dataclass(slots=True)
class DrillFolder:
    """Reads one folder again and again; a file that has not changed is not read again. For one thread at a time."""

    folder: Path
    _files: dict[str, _File] = field(default_factory=dict)

    def read(self, now: int, clusters: Collection[str]) -> Reported:
        """Given now (epoch) and the names of the configured clusters, return what is reported."""
        try:
            folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            problem = f"{self.folder}: cannot be read ({error.strerror}); make the folder, or correct drills_dir"
            return Reported(None, (problem,))
        try:
            stamps, left_out = _listed(folder)
            self._files = {name: self._read(folder, name, stamp) for name, stamp in stamps.items()}
        except OSError as error:
            return Reported(None, (f"{self.folder}: cannot be read ({error.strerror})",))
        finally:
            os.close(folder)
        return self._reported(now, clusters, left_out)

    def _read(self, folder: int, name: str, stamp: tuple[int, int, int]) -> _File:
        before = self._files.get(name)
        if before is not None and before.stamp == stamp:
            return before
        try:
            content = _content(folder, name)
            return _File(stamp, _drill(msgspec.json.decode(content, type=DrillRow)))
        except OSError as error:
            return _File(stamp, f"cannot be read ({error.strerror})")
        except (ValueError, msgspec.DecodeError, OverflowError) as error:
            return _File(stamp, str(error))

    def _reported(self, now: int, clusters: Collection[str], left_out: int) -> Reported:
        drills: list[tuple[int, str, Drill]] = []
        problems: list[str] = []
        for name, file in sorted(self._files.items()):
            says = file.says
            if isinstance(says, Drill) and says.at > now + AHEAD_SECONDS:
                says = "the drill is in the future"
            if isinstance(says, Drill) and says.pve not in clusters:
                says = f"there is no cluster {says.pve!r} in the configuration"
            if isinstance(says, Drill):
                drills.append((says.at, name, says))
            else:
                problems.append(f"{text(name)}: {text(says)}")
        if left_out:
            problems.append(f"{left_out} older files are not read: {FILES_AT_MOST} count; remove old ones")
        if len(problems) > PROBLEMS_AT_MOST:
            problems[PROBLEMS_AT_MOST - 1 :] = [f"and {len(problems) - PROBLEMS_AT_MOST + 1} more"]
        return Reported(tuple(drill for _, _, drill in sorted(drills, key=lambda row: row[:2])), tuple(problems))


def _listed(folder: int) -> tuple[dict[str, tuple[int, int, int]], int]:
    """Given an open folder, return what tells each JSON file's state, of the newest ones, and how many were left out."""
    found: list[tuple[int, str, tuple[int, int, int]]] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.endswith(".json") or entry.name.startswith("."):
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:  # removed meanwhile
                continue
            found.append((status.st_mtime_ns, entry.name, (status.st_mtime_ns, status.st_size, status.st_ino)))
    found.sort(reverse=True)
    return {name: stamp for _, name, stamp in found[:FILES_AT_MOST]}, max(0, len(found) - FILES_AT_MOST)


def _content(folder: int, name: str) -> bytes:
    """Given an open folder and a name in it, return the file's content; raise ValueError for what is no small ordinary file."""
    try:
        handle = os.open(name, _HOW, dir_fd=folder)
    except OSError:
        if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise ValueError("is a symbolic link; put the file itself here") from None
        raise
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ValueError("is no ordinary file")
        with os.fdopen(handle, "rb", closefd=False) as file:
            content = file.read(LARGEST_FILE + 1)
    finally:
        os.close(handle)
    if len(content) > LARGEST_FILE:
        raise ValueError(f"is larger than {LARGEST_FILE // 1024} KiB")
    return content


def _drill(row: DrillRow) -> Drill:
    return Drill(
        pve=row.cluster,
        vmid=row.vmid,
        at=int(row.at.timestamp()),
        ok=row.result == "ok",
        reported_by=text(row.by) or "?",
        backup_at=int(row.backup_at.timestamp()) if row.backup_at is not None else None,
        message=text(row.message) or "",
    )
