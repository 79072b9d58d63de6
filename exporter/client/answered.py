"""An answer as it came over the wire, for whoever wants to keep it: `record` does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answered:
    """One request and its answer, whatever the status: `path` below /api2/json, with its ids quoted; the token is not in it."""

    method: str
    path: str
    query: Mapping[str, str]
    status: int
    reason: str
    content_type: str | None
    body: bytes


Observer = Callable[[Answered], None]
