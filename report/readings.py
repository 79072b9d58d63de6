"""What one call told: a value with its age, or why there is none; and what the token may see. The ground of all facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)
# positive keep options by name, sorted (E3, E14); empty keeps everything
Keep = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a collector's last attempt told nothing: a machine code, the endpoint asked, and the sentence an operator reads."""

    code: str
    endpoint: str
    message: str


@dataclass(frozen=True, slots=True)
class Reading(Generic[T_co]):
    """One collector's knowledge: `value` as of `fetched_at` (epoch), usable for `max_age` seconds, and the last failure if any.

    `partial`: the value is true but not all there is, `failure` says why; what is not in it may exist all the same (D4, M10).
    """

    value: T_co | None = None
    fetched_at: int | None = None
    max_age: int = 0
    failure: Failure | None = None
    partial: bool = False

    def usable(self, now: int) -> T_co | None:
        """Given the instant of judgement, return the value, or None when it was never read or is older than `max_age`."""
        if self.value is None or self.fetched_at is None or now - self.fetched_at > self.max_age:
            return None
        return self.value


@dataclass(frozen=True, slots=True)
class Permissions:
    """`/access/permissions`: path → privilege → whether it reaches below that path (A8)."""

    paths: Mapping[str, Mapping[str, bool]]

    def on(self, privilege: str, path: str) -> bool:
        """Given a privilege and a path, return whether it is held exactly there, by its own entry or from above."""
        if path in self.paths:
            return privilege in self.paths[path]
        return self._from_above(privilege, path)

    def below(self, privilege: str, path: str) -> bool:
        """Given a privilege and a path, return whether it is held there and on everything below, as far as is told (A8)."""
        own = self.paths.get(path)
        held = bool(own and own.get(privilege)) if own is not None else self._from_above(privilege, path)
        prefix = path.rstrip("/") + "/"
        return held and all(privilege in held_there for at, held_there in self.paths.items() if at.startswith(prefix))

    def _from_above(self, privilege: str, path: str) -> bool:
        while path != "/":
            path = path.rsplit("/", 1)[0] or "/"
            if path in self.paths:
                return self.paths[path].get(privilege, False)
        return False


@dataclass(frozen=True, slots=True)
class CollectorRun:
    """How one collector fared in the last refresh: for the metrics about vzcover itself. Durations in seconds."""

    collector: str
    success: bool
    duration_seconds: float
    last_success_at: int | None
    items: int | None
