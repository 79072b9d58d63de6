"""Frozen values that are made by the ten thousand at every refresh.

They are what a frozen dataclass with slots is to read, and are made in a quarter of its time; `make bench` shows what that is worth.
"""

from __future__ import annotations

from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace


class Value(Struct, frozen=True, gc=False):
    """A frozen value. Write `class Copy(Value, frozen=True)`, and change one with `changed`.

    The garbage collector does not look at it: it can be in no cycle, because all that it holds was there before it.
    """


V = TypeVar("V", bound=Value)


def changed(value: V, **changes: object) -> V:
    """Given a value, return one like it with other contents in some fields, as `dataclasses.replace` does."""
    return replace(value, **changes)
