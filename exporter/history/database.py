"""The file's door: opened, brought to the present version, set aside when it is corrupt. Raises HistoryError and nothing else.

WAL with NORMAL synchronisation: a process that is killed loses at most the transaction it was in, and a reader never waits for the writer.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from exporter.errors import HistoryError
from exporter.history.schema import APPLICATION_ID, STEPS, VERSION
from report.words import printable

# how long a refresh may wait for another program that writes; longer costs the history of that refresh
BUSY_SECONDS = 1.0
LARGEST_LOG = 16_000_000
_CORRUPT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
# these have no number of their own: text that is not UTF-8, tables that are not those that were made
_DAMAGES = re.compile("^Could not decode|^no such (table|column)|has no column named")
_PARTS = ("", "-wal", "-shm")
_REMEDIES = {
    sqlite3.SQLITE_BUSY: "another program holds it; end that one",
    sqlite3.SQLITE_LOCKED: "another program holds it; end that one",
    sqlite3.SQLITE_FULL: "free some space there",
    sqlite3.SQLITE_READONLY: "let the user that runs vzcover write it and its folder",
    sqlite3.SQLITE_PERM: "let the user that runs vzcover write it and its folder",
    sqlite3.SQLITE_CANTOPEN: "let the user that runs vzcover write it and its folder",
    sqlite3.SQLITE_IOERR: "look at the disk it lies on",
}


def open_writable(file: Path) -> sqlite3.Connection:
    """Given the file's path, open it for the daemon, made if it is missing; it may be used from any thread, one at a time."""
    with told(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        # it names guests; nobody else reads it
        file.touch(mode=0o600)
        connection = sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    with closed_on_failure(connection), told(file):
        version = _version(connection, file)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA journal_size_limit = {LARGEST_LOG}")
        if version < VERSION:
            migrate(connection, STEPS)
        return connection


def open_readable(file: Path) -> sqlite3.Connection:
    """Given the file's path, open it for a command that only looks; one that nobody writes leaves no trace there."""
    if not there(file):
        raise HistoryError(str(file), "there is none yet; the daemon begins it with its first refresh")
    # without a log beside it nobody writes it now, and no log can or need be made to read it
    mode = "mode=ro" if file.with_name(file.name + "-wal").exists() else "mode=ro&immutable=1"
    with told(file):
        connection = sqlite3.connect(f"{file.absolute().as_uri()}?{mode}", timeout=BUSY_SECONDS, uri=True)
    with closed_on_failure(connection), told(file):
        if _version(connection, file) != VERSION:
            raise HistoryError(str(file), "an older vzcover wrote it; the daemon brings it up to date when it starts")
        return connection


def there(file: Path) -> bool:
    """Given the file's path, say whether it is there."""
    with told(file):
        return file.exists()


def migrate(connection: sqlite3.Connection, steps: Sequence[Sequence[str]], application: int = APPLICATION_ID) -> None:
    """Given a database, all steps, and the number that says whose it is, take the steps that it lacks: all or none."""
    with transaction(connection):
        (done,) = connection.execute("PRAGMA user_version").fetchone()
        for step in steps[done:]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {application}")
        connection.execute(f"PRAGMA user_version = {len(steps)}")


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All that is written within is there afterwards, or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # the failure may have ended the transaction already
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def told(file: Path) -> Iterator[None]:
    """Turn what SQLite and the system raise within into a HistoryError about the file."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        corrupt = code in _CORRUPT or _DAMAGES.search(str(error)) is not None
        raise HistoryError(str(file), printable(str(error)), _REMEDIES.get(code, ""), corrupt=corrupt) from None
    except UnicodeDecodeError as error:  # in what SQLite says
        raise HistoryError(str(file), f"a value in it is damaged: {error}", corrupt=True) from None
    except (UnicodeError, OverflowError) as error:
        raise HistoryError(str(file), f"a value does not fit: {error}") from None
    except OSError as error:
        detail = (error.strerror or str(error)).lower()
        raise HistoryError(str(file), detail, "let the user that runs vzcover write there") from None


@contextlib.contextmanager
def read_from(file: Path) -> Iterator[None]:
    """The same where values are read: SQLite has no checksums, so that a damaged one is found only where it is used. Whatever fails within
    for another reason tells of such a value.
    """
    with told(file):
        try:
            yield
        except (sqlite3.Error, OSError, HistoryError):
            raise
        except Exception as error:
            what = printable(str(error)) or type(error).__name__
            raise HistoryError(str(file), f"a value in it is damaged: {what}", corrupt=True) from None


@contextlib.contextmanager
def closed_on_failure(connection: sqlite3.Connection) -> Iterator[None]:
    """Close the connection if what is within fails."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.close()
        raise


def set_aside(file: Path, now: int) -> Path:
    """Given the path of a corrupt file and now (epoch), rename it and what belongs to it by the date; return where it is now."""
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%d")
    base = f"{file.name}.corrupt-{stamp}"
    with told(file):
        taken = {path.name for path in file.parent.iterdir()}
        names = (base if number == 1 else f"{base}-{number}" for number in itertools.count(1))
        name = next(name for name in names if name not in taken)
        for part in _PARTS:
            with contextlib.suppress(FileNotFoundError):
                file.with_name(file.name + part).rename(file.with_name(name + part))
    return file.with_name(name)


def _version(connection: sqlite3.Connection, file: Path) -> int:
    """Return the version of the tables, 0 for an empty file; refuse, untouched, what is not ours or newer than we know."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if (tables or version) and application != APPLICATION_ID:
        raise HistoryError(str(file), "another program's database", "name another file in history.file")
    if version > VERSION:
        detail = f"a newer vzcover wrote it (version {version}, known up to {VERSION})"
        raise HistoryError(str(file), detail, "install that one, or name another file in history.file")
    return int(version)
