"""PBS's scalars → ours. What cannot be what it should be is unknown, not an error: one odd value must not hide the others."""

from __future__ import annotations

import re
from functools import lru_cache

from exporter.collect.pbs_rows import Scalar

LARGEST = 2**63 - 1
# how far ahead of us a backup may be dated: clocks and zones differ by less; what lies farther ahead would hide for as long that no
# backup is made
AHEAD_SECONDS = 86_400
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_UPID_PARTS = 10
_UPID_START = 5


def number(value: Scalar, least: int = 0) -> int | None:
    """Given a number or its text, return the integer; None where it is absent, below `least`, or beyond 64 bits."""
    try:
        found = None if value is None or value == "" else int(value)
    except (ValueError, OverflowError):
        return None
    return found if found is not None and least <= found <= LARGEST else None


def text(value: Scalar) -> str | None:
    """Given a scalar, return its text in one printable line, None where it is absent or empty."""
    return None if value is None or value == "" else _UNPRINTABLE.sub(" ", str(value)).strip() or None


def first_line(value: str | None) -> str | None:
    """Given notes, return their first line, printable; None where there is nothing in it."""
    return text(value.partition("\n")[0]) if value else None


def boolean(value: Scalar) -> bool | None:
    """Given a boolean in any of the forms that PBS takes, return ours, None where it is absent."""
    if isinstance(value, str):
        return value.strip().lower() in ("1", "true", "yes", "on")
    return None if value is None else bool(value)


@lru_cache(maxsize=4096)
def upid_start(upid: str) -> int | None:
    """Given a UPID of a PBS, return when its task started; None for one of a PVE, which has one field less, or no UPID (G1)."""
    parts = upid.split(":")
    if len(parts) < _UPID_PARTS or parts[0] != "UPID":
        return None
    try:
        started = int(parts[_UPID_START], 16)
    except ValueError:
        return None
    return started if started <= LARGEST else None
