"""The outbox: messages that are still to be sent, and what each channel was told, in one SQLite file. Raises HistoryError.

What is queued stands in one transaction with what it tells, and is on disk then (WAL, FULL synchronisation). No secret is in it.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from exporter.delivery.channel import Attachment, Message
from exporter.errors import HistoryError
from exporter.history.codes import instant, text, whole
from exporter.history.database import closed_on_failure, migrate, read_from, told, transaction

FILE_NAME = "outbox.db"
BUSY_SECONDS = 5.0
# "vzco" in PRAGMA application_id: the file is ours
_APPLICATION_ID = 0x767A636F
_FIRST = (
    # `targets`: those that are left, as JSON
    """CREATE TABLE message (
        id INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL, key TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL,
        next_at INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, queued_at INTEGER NOT NULL,
        subject TEXT NOT NULL, text TEXT NOT NULL, targets TEXT NOT NULL)""",
    """CREATE TABLE attachment (
        message INTEGER NOT NULL REFERENCES message ON DELETE CASCADE, name TEXT NOT NULL, content BLOB NOT NULL)""",
    "CREATE INDEX attachment_of ON attachment (message)",
    "CREATE TABLE told (channel TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (channel, key)) WITHOUT ROWID",
)
_BRIEF = ("ALTER TABLE message ADD COLUMN brief TEXT NOT NULL DEFAULT ''",)
_STEPS = (_FIRST, _BRIEF)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that is to be sent: its key, its channel, since when it waits and when it is tried next (epoch), the targets that are left,
    and how often it was tried.
    """

    key: str
    channel: str
    queued_at: int
    next_at: int
    targets: tuple[str, ...]
    attempts: int = 0


class Outbox:
    """One file. Its methods may be called from any thread."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._connection = _open(file)

    def write(
        self,
        changed: Collection[Waiting],
        new: Mapping[str, Message],
        gone: Collection[str],
        told_now: Mapping[str, frozenset[str]],
    ) -> None:
        """Given messages that were queued or tried, the content of those that may not be there yet, the keys of messages to forget, and
        what channels are told from now on, write all of it or nothing.
        """
        with self._lock, told(self._file), transaction(self._connection):
            connection = self._connection
            for waiting in changed:
                if waiting.key in new:
                    _insert(connection, waiting, new[waiting.key])
                connection.execute(
                    "UPDATE message SET attempts = ?, next_at = ?, targets = ? WHERE key = ?",
                    (waiting.attempts, waiting.next_at, json.dumps(waiting.targets), waiting.key),
                )
            connection.executemany("DELETE FROM message WHERE key = ?", [(key,) for key in gone])
            for channel, keys in told_now.items():
                before = _told(connection, channel)
                lost, added = [(channel, key) for key in before - keys], [(channel, key) for key in keys - before]
                connection.executemany("DELETE FROM told WHERE channel = ? AND key = ?", lost)
                connection.executemany("INSERT INTO told (channel, key) VALUES (?, ?)", added)

    def told(self, channel: str) -> frozenset[str]:
        """Given a channel, return the keys of what it was told."""
        with self._reading() as connection:
            return _told(connection, channel)

    def waiting(self) -> list[Waiting]:
        """Return all messages, the oldest first."""
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT key, channel, queued_at, next_at, targets, attempts FROM message ORDER BY id"
            ).fetchall()
            return [
                Waiting(
                    text(key),
                    text(channel),
                    instant(queued_at),
                    instant(next_at),
                    tuple(map(text, json.loads(targets))),
                    whole(attempts),
                )
                for key, channel, queued_at, next_at, targets, attempts in rows
            ]

    def message(self, key: str) -> Message | None:
        """Given a key, return the message; None if it is not there any more."""
        with self._reading() as connection:
            row = connection.execute(
                "SELECT id, created_at, subject, text, brief FROM message WHERE key = ?", (key,)
            ).fetchone()
            if row is None:
                return None
            number, created_at, subject, content, brief = row
            files = connection.execute(
                "SELECT name, content FROM attachment WHERE message = ? ORDER BY rowid", (number,)
            ).fetchall()
            attached = tuple(Attachment(text(name), bytes(memoryview(content))) for name, content in files)
            return Message(key, instant(created_at), text(subject), text(content), attached, text(brief))

    def close(self) -> None:
        """Let go of the file."""
        with self._lock, suppress(sqlite3.Error):
            self._connection.close()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, read_from(self._file):
            yield self._connection


def _open(file: Path) -> sqlite3.Connection:
    with told(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        # messages name guests; nobody else reads them
        file.touch(mode=0o600)
        connection = sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    with closed_on_failure(connection), told(file):
        version = _version(connection, file)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")
        if version < len(_STEPS):
            migrate(connection, _STEPS, _APPLICATION_ID)
    return connection


def _version(connection: sqlite3.Connection, file: Path) -> int:
    """Return the version of the tables, 0 for an empty file; refuse, untouched, what is not ours or newer than we know."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if (tables or version) and application != _APPLICATION_ID:
        raise HistoryError(str(file), "another program's database", "move it away, or name another state_dir")
    if version > len(_STEPS):
        raise HistoryError(str(file), "a newer vzcover wrote it", "update vzcover, or move the file away")
    return int(version)


def _told(connection: sqlite3.Connection, channel: str) -> frozenset[str]:
    return frozenset(text(key) for (key,) in connection.execute("SELECT key FROM told WHERE channel = ?", (channel,)))


def _insert(connection: sqlite3.Connection, waiting: Waiting, message: Message) -> None:
    """Insert a message unless it is there."""
    cursor = connection.execute(
        "INSERT INTO message (channel, key, created_at, next_at, queued_at, subject, text, targets, brief)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
        (
            waiting.channel,
            message.key,
            message.created_at,
            waiting.next_at,
            waiting.queued_at,
            message.subject,
            message.text,
            json.dumps(waiting.targets),
            message.brief,
        ),
    )
    if cursor.rowcount:
        connection.executemany(
            "INSERT INTO attachment (message, name, content) VALUES (?, ?, ?)",
            [(cursor.lastrowid, attachment.name, attachment.content) for attachment in message.attachments],
        )
