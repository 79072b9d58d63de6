"""How the interpreter collects garbage and takes memory, set once for a process that computes while it serves.

Every thread stands still during a full collection: 150 to 250 ms at 10,000 guests, several times a refresh by Python's defaults.
A Report holds no cycles, so what a refresh leaves behind goes without the collector.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable

# young objects are looked at as they come, in steps of 1 to 15 ms; full collections are `tidy`'s
YOUNG, MIDDLE, OLD = 5_000, 10, 1_000
# glibc's numbers for mallopt, and what they are set to: bodies and other large pieces are given back at once instead of
# making holes in a heap, and threads share two heaps
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
LARGE, HEAPS = 128 * 1024, 2


def prepare() -> None:
    """Call once all modules are imported, before threads start."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
    if mallopt := _of_glibc("mallopt"):
        mallopt(M_MMAP_THRESHOLD, LARGE)
        mallopt(M_ARENA_MAX, HEAPS)


def tidy() -> None:
    """Call after work that leaves cycles behind and much free memory between what stays, as the PDF does."""
    gc.collect()
    if trim := _of_glibc("malloc_trim"):
        trim(0)


def _of_glibc(name: str) -> Callable[..., int] | None:
    """Given the name of a function of glibc, return it; None where another library is in its place (musl has none of these)."""
    return getattr(ctypes.CDLL(None), name, None)
