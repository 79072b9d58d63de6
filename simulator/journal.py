"""Every request that a server was asked, in order, and the one at which it is told to cut the connection."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, unquote

MOST = 20_000
READS = frozenset({"GET", "HEAD"})
HOWS = ("reset", "hang", "dead")


@dataclass(slots=True)
class Entry:
    """A request: `fields` are those of query and form, `token` is an id without its secret.

    `status` is None until it is answered, and stays so where the connection was cut.
    """

    number: int
    method: str
    path: str
    fields: Mapping[str, str]
    token: str | None
    status: int | None = None


class Journal:
    """The requests since the last clearing; the newest ones only, if there are very many."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[Entry] = []
        self._number = 0

    def begin(self, method: str, target: str, authorization: str | None) -> Entry:
        """Given a request as it comes in (target below /api2/json, form in its query), write it down."""
        path, _, query = target.partition("?")
        with self._lock:
            self._number += 1
            fields = dict(parse_qsl(query, keep_blank_values=True))
            entry = Entry(self._number, method, unquote(path), fields, _token(authorization))
            self._entries.append(entry)
            del self._entries[:-MOST]
        return entry

    def clear(self) -> None:
        """Count from 1 again."""
        with self._lock:
            self._entries, self._number = [], 0

    def rows(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(entry) for entry in self._entries]


def _token(authorization: str | None) -> str | None:
    """The id in `PVEAPIToken=ID=SECRET` or `PBSAPIToken=ID:SECRET`."""
    scheme, _, credential = (authorization or "").partition("=")
    if scheme == "PVEAPIToken":
        return credential.partition("=")[0]
    return credential.partition(":")[0] if scheme == "PBSAPIToken" else None


@dataclass(frozen=True, slots=True)
class Stop:
    """Cut the connection at a request: `reset`, `hang` (say nothing) or `dead` (this one and all later ones).

    `request` counts down those of `method` ("writes": all that are not reads; "": all). With `done` the request is
    carried out first, and only its answer is lost.
    """

    request: int
    how: str = "reset"
    done: bool = False
    method: str = ""

    def counts(self, method: str) -> bool:
        return self.method in {"", method} or (self.method == "writes" and method not in READS)


class Stops:
    """The stop in force, if any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stop: Stop | None = None
        self._dead = False

    def put(self, document: Mapping[str, Any]) -> None:
        """Put a stop in force instead of the present one; raises ValueError for one that cannot be."""
        try:
            stop = Stop(**document)
            wrong = stop.how not in HOWS or stop.request < 1
        except TypeError as error:
            raise ValueError(str(error)) from None
        if wrong:
            raise ValueError(f"a stop has a request from 1 on and is one of {', '.join(HOWS)}")
        with self._lock:
            self._stop, self._dead = stop, False

    def clear(self) -> None:
        with self._lock:
            self._stop, self._dead = None, False

    def take(self, method: str) -> Stop | None:
        """The stop that hits this request, None for none."""
        with self._lock:
            if self._stop is None or not (self._dead or self._stop.counts(method)):
                return None
            if self._dead:
                return replace(self._stop, done=False)
            self._stop = replace(self._stop, request=self._stop.request - 1)
            if self._stop.request:
                return None
            hit = self._stop
            if hit.how == "dead":
                self._dead = True
            else:
                self._stop = None
            return hit
