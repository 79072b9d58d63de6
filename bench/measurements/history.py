"""A year of days in the history: how large it is, and what asking and keeping cost."""

from __future__ import annotations

from collections.abc import Iterator

from bench.measurements.common import child
from bench.table import MEGA, MILLI, Row, limited

DAYS = 365
SIZE = {"megabytes": (500.0, "≤ 500 MB")}
ANSWER = {"seconds": (1.0, "≤ 1 s")}


def history_rows(guests: int) -> Iterator[Row]:
    """Given how many guests, make a year of them in a process of its own, ask it, and go on with the next day."""
    told = child("bench.days", guests, DAYS)
    name, size = f"history of {DAYS} days", told["bytes"] / MEGA
    yield limited(f"{name} of {guests:,} guests, size", f"{size:.0f} MB", {"megabytes": size}, SIZE)
    for what, seconds in told["answers"].items():
        yield limited(f"{name}: {what}", f"{seconds * MILLI:.0f} ms", {"seconds": seconds}, ANSWER)
    for what, seconds in told["written"].items():
        yield Row(f"{name}: {what}", f"{seconds:.2f} s", {"seconds": seconds})
