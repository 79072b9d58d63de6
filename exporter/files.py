"""Files written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from pathlib import Path

from exporter.errors import OutputError

_REMEDIES = {
    errno.ENOSPC: "free some space there, or choose another folder (report.output)",
    errno.EDQUOT: "raise the quota, or choose another folder (report.output)",
    errno.EACCES: "let the user that runs vzcover write there, or choose another folder",
    errno.EPERM: "let the user that runs vzcover write there, or choose another folder",
    errno.EROFS: "mount it writable, or choose another folder",
    errno.ENOTDIR: "choose a folder, not a file",
    errno.EEXIST: "choose a folder, not a file",
}


def write_atomically(path: Path, content: bytes) -> None:
    """Given a path and its whole content, write it so that a reader sees the old file or the new one; raise OutputError if that fails.

    The folder is made if it is missing. The content is on disk before the name points to it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
            raise
    except OSError as error:
        raise OutputError(
            str(path), (error.strerror or str(error)).lower(), _REMEDIES.get(error.errno or 0, "")
        ) from None


def writable(folder: Path) -> bool:
    """Given a folder, make it if it is missing, and return whether a file can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
