"""The outbox: messages that are still to be sent, and what each channel was told, in one SQLite file. Raises HistoryError.

A message is queued in one transaction with what it tells, and is on disk when that returns (WAL, FULL synchronisation). No secret is in it.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from exporter.delivery.channel import Attachment, Message
from exporter.errors import HistoryError
from exporter.history.database import closed_on_failure, set_aside, told, transaction

FILE_NAME = "outbox.db"
BUSY_SECONDS = 5.0
_VERSION = 1
# "vzco" in PRAGMA application_id: the file is ours
_APPLICATION_ID = 0x767A636F
_TABLES = (
    # an id is never given twice: what was sent is remembered by it. `targets`: those that are left, as JSON
    """CREATE TABLE message (
        id INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL, key TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL,
        next_at INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, queued_at INTEGER NOT NULL,
        subject TEXT NOT NULL, text TEXT NOT NULL, targets TEXT NOT NULL)""",
    """CREATE TABLE attachment (
        message INTEGER NOT NULL REFERENCES message ON DELETE CASCADE, name TEXT NOT NULL, content BLOB NOT NULL)""",
    "CREATE INDEX attachment_of ON attachment (message)",
    "CREATE TABLE told (channel TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (channel, key)) WITHOUT ROWID",
    f"PRAGMA application_id = {_APPLICATION_ID}",
    f"PRAGMA user_version = {_VERSION}",
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message in the outbox: its number, its channel, how often it was tried, since when it waits, and the targets that are left."""

    number: int
    channel: str
    attempts: int
    queued_at: int
    targets: tuple[str, ...]


class Outbox:
    """One file, None for one in memory only. Its methods may be called from any thread."""

    def __init__(self, file: Path | None) -> None:
        self._name = Path(":memory:") if file is None else file
        self._lock = threading.Lock()
        self._connection = _open(self._name)

    @classmethod
    def opened(cls, file: Path, now: int) -> tuple[Outbox, str]:
        """Given the file and now (epoch), open it; where that fails one in memory takes its place, and a corrupt one is set aside. Return
        it and what went wrong, "" if nothing.
        """
        try:
            return cls(file), ""
        except HistoryError as error:
            if not error.corrupt:
                return cls(None), f"{error}; messages do not survive a restart"
            try:
                aside = set_aside(file, now).name
                return cls(file), f"{error}; it is set aside as {aside}, and a new one is begun"
            except HistoryError as another:
                return cls(None), f"{another}; messages do not survive a restart"

    def put(self, channel: str, message: Message, targets: Sequence[str], now: int) -> int:
        """Given a channel, a message and its targets, queue it as of now (epoch); return its number."""
        with self._writing() as connection:
            return _put(connection, channel, message, targets, now)

    def tell(
        self, channel: str, told_now: frozenset[str], message: Message | None, targets: Sequence[str], now: int
    ) -> None:
        """Given what a channel is told from now on, remember that, and queue the message that tells it if there is one."""
        with self._writing() as connection:
            before = _told(connection, channel)
            gone, new = [(channel, key) for key in before - told_now], [(channel, key) for key in told_now - before]
            connection.executemany("DELETE FROM told WHERE channel = ? AND key = ?", gone)
            connection.executemany("INSERT INTO told (channel, key) VALUES (?, ?)", new)
            if message is not None:
                _put(connection, channel, message, targets, now)

    def told(self, channel: str) -> frozenset[str]:
        """Given a channel, return the keys of what it was told."""
        with self._reading() as connection:
            return _told(connection, channel)

    def waiting(self) -> list[Waiting]:
        """Return all messages, the oldest first."""
        return self._waiting("TRUE", ())

    def due(self, channel: str, now: int, longest_pause: int) -> list[Waiting]:
        """Given a channel, now (epoch) and the longest pause between two tries, return its messages whose time has come, the oldest first;
        one that lies further ahead was put there by another clock.
        """
        return self._waiting("channel = ? AND (next_at <= ? OR next_at > ?)", (channel, now, now + longest_pause))

    def message(self, number: int) -> Message | None:
        """Given a number, return the message; None if it is not there any more."""
        with self._reading() as connection:
            row = connection.execute(
                "SELECT key, created_at, subject, text FROM message WHERE id = ?", (number,)
            ).fetchone()
            files = connection.execute(
                "SELECT name, content FROM attachment WHERE message = ? ORDER BY rowid", (number,)
            ).fetchall()
        if row is None:
            return None
        key, created_at, subject, text = row
        return Message(key, created_at, subject, text, tuple(Attachment(name, content) for name, content in files))

    def remove(self, number: int) -> None:
        """Given a number, forget the message: it was sent, or is given up."""
        with self._writing() as connection:
            connection.execute("DELETE FROM message WHERE id = ?", (number,))

    def again(self, number: int, next_at: int, targets: Sequence[str]) -> None:
        """Given a number, the time of the next try (epoch) and the targets that are left, count a try."""
        with self._writing() as connection:
            connection.execute(
                "UPDATE message SET attempts = attempts + 1, next_at = ?, targets = ? WHERE id = ?",
                (next_at, json.dumps(list(targets)), number),
            )

    def hurry(self, now: int) -> None:
        """Let all messages be tried now (epoch)."""
        with self._writing() as connection:
            connection.execute("UPDATE message SET next_at = ?", (now,))

    def close(self) -> None:
        """Let go of the file."""
        with self._lock, suppress(sqlite3.Error):
            self._connection.close()

    def _waiting(self, condition: str, values: tuple[object, ...]) -> list[Waiting]:
        with self._reading() as connection:
            rows = connection.execute(
                f"SELECT id, channel, attempts, queued_at, targets FROM message WHERE {condition} ORDER BY id",  # noqa: S608
                values,
            ).fetchall()
        return [
            Waiting(number, channel, attempts, queued_at, tuple(json.loads(targets)))
            for number, channel, attempts, queued_at, targets in rows
        ]

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, told(self._name):
            yield self._connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as connection, transaction(connection):
            yield connection


def _open(file: Path) -> sqlite3.Connection:
    with told(file):
        if str(file) != ":memory:":
            file.parent.mkdir(parents=True, exist_ok=True)
            # messages name guests; nobody else reads them
            file.touch(mode=0o600)
        connection = sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    with closed_on_failure(connection), told(file):
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            with transaction(connection):
                for statement in _TABLES:
                    connection.execute(statement)
        elif version != _VERSION:
            raise HistoryError(str(file), "a newer vzcover wrote it", "update vzcover, or move the file away")
    return connection


def _told(connection: sqlite3.Connection, channel: str) -> frozenset[str]:
    return frozenset(key for (key,) in connection.execute("SELECT key FROM told WHERE channel = ?", (channel,)))


def _put(connection: sqlite3.Connection, channel: str, message: Message, targets: Sequence[str], now: int) -> int:
    cursor = connection.execute(
        "INSERT INTO message (channel, key, created_at, next_at, queued_at, subject, text, targets)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            channel,
            message.key,
            message.created_at,
            now,
            now,
            message.subject,
            message.text,
            json.dumps(list(targets)),
        ),
    )
    number = int(cursor.lastrowid or 0)
    connection.executemany(
        "INSERT INTO attachment (message, name, content) VALUES (?, ?, ?)",
        [(number, attachment.name, attachment.content) for attachment in message.attachments],
    )
    return number
