"""The call in progress, and how one ends badly.

proxmoxer hands nothing through from `api.get()` to the socket, so the call travels in a context variable: session,
connection and socket of the same thread read it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from exporter.client.deadline import Deadline
from exporter.client.settings import ClientSettings
from exporter.errors import SourceError


@dataclass(frozen=True, slots=True)
class Call:
    """One GET at one host: `path` without `/api2/json`, `host` as shown to people (`pve1:8006`). `deadline` is when it must have ended,
    `refresh` the deadline of all calls together where the call's own may come first.
    """

    settings: ClientSettings
    host: str
    path: str
    deadline: Deadline
    refresh: Deadline | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """How a call failed: the error to raise, and what may be done before raising it.

    `transient`: worth asking again; `elsewhere`: another host may well answer; `retry_after`: seconds that the server
    asked for, None if it did not.
    """

    error: SourceError
    transient: bool = False
    elsewhere: bool = False
    retry_after: float | None = None


class CallFailed(Exception):  # noqa: N818  an envelope, never shown
    """Carries a Failure through proxmoxer; never leaves the client, and holds nothing of requests (whose exceptions hold
    the request, and with it the secret)."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(str(failure.error))


_CALL: ContextVar[Call] = ContextVar("call")


@contextmanager
def in_progress(call: Call) -> Iterator[None]:
    """Make `call` the one in progress in this thread."""
    token = _CALL.set(call)
    try:
        yield
    finally:
        _CALL.reset(token)


def current_call() -> Call:
    """Return the call in progress in this thread; LookupError outside of one."""
    return _CALL.get()
