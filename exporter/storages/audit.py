"""The audit log of every write: JSON lines that are only ever appended, each with the hash of the line before.

Before a write stands a line with the result `begun`, after it one that says how it ended; a process that is killed in between leaves
the first. The hash is SHA-256 of the bytes of the whole line before (without its end), so a line that was cut short by a crash stays
in the chain as it is. What the chain cannot show is that lines at the end are gone: compare the count and the last hash.
"""

from __future__ import annotations

import fcntl
import getpass
import hashlib
import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from exporter.errors import OutputError

FILE_NAME = "storages-audit.jsonl"
# what stands before the first line
BEGINNING = "0" * 64
BEGUN, DONE, FAILED = "begun", "done", "failed"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: what was done to which entry, by whose token, from which options to which (no secrets), and how it ended."""

    cluster: str
    storage: str
    action: str
    token: str
    before: Mapping[str, str] | None
    after: Mapping[str, str]
    result: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What checking the log found: how many lines, the hash of the last one, every break (line number, what), and the lines cut short."""

    lines: int
    last_hash: str
    problems: tuple[tuple[int, str], ...] = ()
    cut: tuple[int, ...] = ()


class AuditLog:
    """The open log; one process at a time holds it."""

    def __init__(self, handle: int, path: Path, previous: str, clock: Callable[[], float]) -> None:
        self._handle = handle
        self._path = path
        self._previous = previous
        self._clock = clock
        self._who = _who()

    def append(self, entry: Entry) -> None:
        """Given an entry, write it and have it on disk; raise OutputError."""
        record: dict[str, Any] = {
            "time": datetime.fromtimestamp(self._clock(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "who": self._who,
            "cluster": entry.cluster,
            "storage": entry.storage,
            "action": entry.action,
            "token": entry.token,
            "before": None if entry.before is None else dict(entry.before),
            "after": dict(entry.after),
            "result": entry.result,
            "detail": entry.detail,
            "previous": self._previous,
        }
        line = json.dumps(record, ensure_ascii=False).encode()
        try:
            _write_all(self._handle, line + b"\n")
            os.fsync(self._handle)
        except OSError as error:
            raise _unwritable(self._path, error) from None
        self._previous = _hash(line)


@contextmanager
def open_log(state_dir: Path, clock: Callable[[], float]) -> Iterator[AuditLog]:
    """Given state_dir and a clock, hold the log for the block; raise OutputError if it cannot be written or another process holds it."""
    path = state_dir / FILE_NAME
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unwritable(path, error) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OutputError(str(path), "another `storages apply` holds it", "let that one end first") from None
        yield AuditLog(handle, path, _last_hash(handle, path), clock)
    finally:
        os.close(handle)


def verify(path: Path) -> Verdict:
    """Given the log's path, return whether each line carries the hash of the one before; raise OSError if it cannot be read."""
    lines = path.read_bytes().split(b"\n")
    unfinished = bool(lines[-1])
    if not unfinished:
        lines.pop()
    previous, problems, cut = BEGINNING, [], []
    for number, line in enumerate(lines, 1):
        last = number == len(lines)
        record = _record(line)
        if record is None and _cut_short(line):
            cut.append(number)
        elif record is None:
            problems.append((number, "it is no record of this log"))
        elif record.get("previous") != previous:
            problems.append(
                (number, "it does not carry the hash of the line before: one of the two was changed or removed")
            )
        if last and unfinished and record is not None:
            cut.append(number)
        previous = _hash(line)
    return Verdict(len(lines), previous, tuple(problems), tuple(cut))


def _cut_short(line: bytes) -> bool:
    """Whether a line is the beginning of a record and nothing else."""
    head = b'{"time": "'
    return head.startswith(line[: len(head)]) and not line.endswith(b"}")


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _last_hash(handle: int, path: Path) -> str:
    """Return the hash of the last line; a line without an end gets one, so that the next begins on a line of its own."""
    try:
        content = path.read_bytes()
        if content and not content.endswith(b"\n"):
            _write_all(handle, b"\n")
            os.fsync(handle)
    except OSError as error:
        raise _unwritable(path, error) from None
    lines = content.removesuffix(b"\n").split(b"\n")
    return _hash(lines[-1]) if content else BEGINNING


def _write_all(handle: int, content: bytes) -> None:
    while content:
        content = content[os.write(handle, content) :]


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _who() -> str:
    """The user of this machine who runs the program, and on whose behalf where sudo tells."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    behind = os.environ.get("SUDO_USER")
    return f"{user}{f' (sudo from {behind})' if behind else ''}@{socket.gethostname()}"


def _unwritable(path: Path, error: OSError) -> OutputError:
    detail = (error.strerror or str(error)).lower()
    return OutputError(
        str(path), detail, "nothing is written to PVE without its line here; set state_dir to a writable folder"
    )
