"""A year of days in the history: how large it is, and what keeping and asking cost."""

from __future__ import annotations

from collections.abc import Iterator

from bench.measurements.common import child
from bench.table import MEGA, MILLI, Row, limited

DAYS = 365
SIZE = {"megabytes": (500.0, "≤ 500 MB")}
ANSWER = {"seconds": (1.0, "≤ 1 s")}


def history_rows(guests: int) -> Iterator[Row]:
    """Given how many guests, make a year of them in a process of its own, and ask it."""
    costs = child("bench.days", guests, DAYS)
    size = costs["bytes"] / MEGA
    yield limited(f"history of {DAYS} days, size", f"{size:.0f} MB", {"megabytes": size}, SIZE)
    asked = max(costs["guest"], costs["totals"])
    answered = f"a guest {costs['guest'] * MILLI:.0f} ms, all together {costs['totals'] * MILLI:.0f} ms"
    yield limited(f"history of {DAYS} days, asked", answered, {"seconds": asked}, ANSWER)
    kept = f"a refresh in which every guest changed {costs['keep']:.2f} s, the first of a day {costs['next_day']:.2f} s"
    figures = {"keep_seconds": costs["keep"], "next_day_seconds": costs["next_day"], "open_seconds": costs["open"]}
    yield Row(f"history of {DAYS} days, kept", f"{kept}, opened {costs['open']:.2f} s", figures)
