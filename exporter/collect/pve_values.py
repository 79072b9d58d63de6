"""PVE's loose scalars → ours (booleans 0, 1, "1" or "", numbers as text, lists in one string); what cannot be raises ValueError."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from exporter.collect.pve_rows import Scalar
from report.facts import Keep

F = TypeVar("F")
K = TypeVar("K", str, int)

_LIST = re.compile(r"[,;\s]+")
_NUMBER = re.compile(r"-?[0-9]+(?P<real>\.[0-9]*)?(?P<exponent>[eE][+-]?[0-9]+)?")
# the year 9999 begins: no calendar goes on much longer
_END_OF_TIME = 253_370_764_800


def boolean(value: Scalar, default: bool = False) -> bool:
    """Given PVE's idea of a boolean, return ours: absent is the default; "", 0, "0" and false are false (B2)."""
    if isinstance(value, str):
        return value.strip().lower() not in ("", "0", "false", "no", "off")
    return default if value is None else bool(value)


def optional_boolean(value: Scalar) -> bool | None:
    """Given PVE's idea of a boolean, return ours, None where it is absent: absent is not false (A4)."""
    return None if value is None else boolean(value)


def integer(value: Scalar) -> int | None:
    """Given a number or its text, return the integer (fractions cut off), None where absent; raise ValueError for anything else."""
    if isinstance(value, str):
        value = value.strip()
        found = _NUMBER.fullmatch(value) if value else None
        if value and not found:
            raise ValueError(f"{value!r} is no number")
        value = float(value) if found and (found["real"] or found["exponent"]) else value
    try:
        return None if value is None or value == "" else int(value)
    except OverflowError:
        raise ValueError(f"{value} is no number") from None


def count(value: Scalar) -> int | None:
    """Given a number or its text, return the integer; raise ValueError also for one below zero."""
    number = integer(value)
    if number is not None and number < 0:
        raise ValueError(f"{number} is below zero")
    return number


def instant(value: Scalar) -> int | None:
    """Given an epoch in seconds or its text, return it; raise ValueError for what no calendar holds."""
    number = count(value)
    if number is not None and number >= _END_OF_TIME:
        raise ValueError(f"{number} is no instant")
    return number


def guest_id(value: Scalar) -> int:
    """Given a vmid, return it; raise ValueError for what is none."""
    number = integer(value)
    if number is None or number <= 0 or (isinstance(value, float) and value != number):
        raise ValueError(f"{value!r} is no vmid")
    return number


def distinct(facts: Iterable[F], key: Callable[[F], K]) -> tuple[F, ...]:
    """Given facts and what tells them apart, return each once (the last one told), sorted by that."""
    found = {key(fact): fact for fact in facts}
    return tuple(found[name] for name in sorted(found))


def text(value: Scalar) -> str | None:
    """Given a scalar, return its text, None where it is absent or empty."""
    return None if value is None or value == "" else str(value)


def items(value: Scalar) -> tuple[str, ...]:
    """Given a list in PVE's one-string form, return its parts."""
    return tuple(part for part in _LIST.split(str(value or "")) if part)


def keep_options(value: Mapping[str, Scalar] | Scalar, maxfiles: Scalar = None) -> Keep | None:
    """Given prune-backups as object or property string (E5), or the older maxfiles (B2), return its positive options, sorted.

    An empty tuple means that everything is kept (E3); None that nothing was said. Raises ValueError for what is no option.
    """
    if value is None or value == "":
        newest = count(maxfiles)
        return None if newest is None else (("keep-last", newest),) if newest else ()
    pairs = value.items() if isinstance(value, Mapping) else [_option(part) for part in items(value)]
    counts = ((key, count(number) or 0) for key, number in pairs if key != "keep-all")
    return tuple(sorted((key, number) for key, number in counts if number))


def _option(part: str) -> tuple[str, str]:
    """Given a part of a property string, return its key and value."""
    key, equals, value = part.partition("=")
    if not equals:
        raise ValueError(f"{part!r} is no option")
    return key, value
