"""Reading a small file, with a refusal that says what to do."""

from __future__ import annotations

from pathlib import Path


class UnreadableError(Exception):
    """A file cannot be used; the text continues the file's name: "does not exist; …"."""


def read_small(path: Path, largest: int) -> tuple[bytes, int]:
    """Given a path and the largest size in bytes, return the content and the file's mode; raise UnreadableError."""
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)
            mode = path.stat().st_mode
    except FileNotFoundError:
        raise UnreadableError("does not exist; make it, or correct the path") from None
    except IsADirectoryError:
        raise UnreadableError("is a folder; name a file") from None
    except PermissionError:
        remedy = f"chown vzcover {path} && chmod 400 {path}"
        raise UnreadableError(f"cannot be read (permission denied); run: {remedy} (for the user it runs as)") from None
    except OSError as error:
        raise UnreadableError(f"cannot be read ({error.strerror}); correct the path") from None
    except ValueError:  # a NUL character in the name
        raise UnreadableError("is no usable path; correct it") from None
    if len(content) > largest:
        raise UnreadableError(f"is larger than {largest // 1024} KiB; name the right file")
    return content, mode
