"""Files written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from exporter.errors import OutputError

# mkstemp puts eight characters between the name and this
_SUFFIX = ".part"
_LEFTOVER = re.compile(r"\.(.+)\.[a-z0-9_]{8}\.part")
_ANOTHER = "choose another folder"
# how long another process may hold a folder, and how often it is asked meanwhile
PATIENCE_SECONDS = 60.0
_ASK_SECONDS = 0.05
_REMEDIES = {
    errno.ENOSPC: "free some space there, or choose another folder",
    errno.EDQUOT: "raise the quota, or choose another folder",
    errno.EACCES: "let the user that runs vzcover write there, or choose another folder",
    errno.EPERM: "let the user that runs vzcover write there, or choose another folder",
    errno.EROFS: "mount it writable, or choose another folder",
    errno.ENOTDIR: "choose a folder, not a file",
    errno.EEXIST: "choose a folder, not a file",
}


def write_atomically(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Given a path, its whole content and its mode, write it so that a reader sees the old file or the new one; raise OutputError
    if that fails.

    The folder is made if it is missing. The content is on disk before the name points to it. Until then it lies beside it under
    a hidden name, `leftover_of` that path.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=_SUFFIX)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(mode)
            Path(temporary).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
            raise
    except OSError as error:
        detail = (error.strerror or str(error)).lower()
        raise OutputError(str(path), detail, _REMEDIES.get(error.errno or 0, _ANOTHER)) from None


def write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Given a path where nothing or an empty folder is, and files by name, write the folder so that a reader sees it whole or not at
    all; raise OutputError if that fails.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=_SUFFIX))
        try:
            for name, content in files.items():
                write_atomically(temporary / name, content)
            temporary.chmod(0o755)
            temporary.replace(path)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
    except OutputError as error:
        raise OutputError(str(path), error.detail, error.remedy) from None
    except OSError as error:
        detail = (error.strerror or str(error)).lower()
        raise OutputError(str(path), detail, _REMEDIES.get(error.errno or 0, _ANOTHER)) from None


@contextlib.contextmanager
def alone_in(folder: Path, patience: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Given a folder (made if it is missing) and how many seconds to wait, hold it for the block against others that hold it by this;
    raise OutputError if it cannot be opened or is held for longer.

    Where the file system knows no such locks, nobody waits.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        detail = (error.strerror or str(error)).lower()
        raise OutputError(str(folder), detail, _REMEDIES.get(error.errno or 0, _ANOTHER)) from None
    try:
        end = time.monotonic() + patience
        while _held_by_another(handle):
            if time.monotonic() >= end:
                raise OutputError(str(folder), "another vzcover is writing a bundle there", "let that one end first")
            time.sleep(_ASK_SECONDS)
        yield
    finally:
        os.close(handle)


def _held_by_another(handle: int) -> bool:
    """Take the lock, and say whether that failed because another has it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def leftover_of(path: Path) -> str | None:
    """Given a path, return the name of the file that it was to become if a writer that was killed left it behind, else None."""
    found = _LEFTOVER.fullmatch(path.name)
    return found.group(1) if found else None


def writable(folder: Path) -> bool:
    """Given a folder, make it if it is missing, and return whether a file can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
