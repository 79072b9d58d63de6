"""Calls that change or ask the simulator itself, below /_simulator; no token is needed."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import unquote

from simulator.answers import Answer, encode
from simulator.faults import FaultError, Faults
from simulator.journal import Journal, Stops

PREFIX = "/_simulator"


class Backend(Protocol):
    """The part of a backend that can be changed."""

    def change_job(self, identity: str, changes: Mapping[str, object]) -> None:
        """Set keys of a job, None removes one; KeyError for an unknown job."""

    def control(self, method: str, path: str, document: Mapping[str, Any]) -> object:
        """Carry out a call that only this backend knows; KeyError for none of them."""


class Controlled(Protocol):
    """The part of the server that is asked or changed."""

    @property
    def backend(self) -> Backend: ...
    @property
    def faults(self) -> Faults: ...
    @property
    def counted(self) -> Counter[str]: ...
    @property
    def counting(self) -> threading.Lock: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def stops(self) -> Stops: ...


def answer(server: Controlled, method: str, path: str, body: bytes) -> Answer:
    """Given a request below /_simulator, carry it out and answer in JSON; 400 says what is wrong."""
    try:
        return _reply(200, "OK", _carry_out(server, method, unquote(path.removeprefix(PREFIX)), body))
    except (FaultError, ValueError) as error:
        return _reply(400, "Bad Request", {"error": str(error)})
    except KeyError as error:
        return _reply(404, "Not Found", {"error": f"there is no {error}"})


def _reply(status: int, reason: str, document: object) -> Answer:
    return Answer(status, reason, encode(document))


def _carry_out(server: Controlled, method: str, path: str, body: bytes) -> object:
    if (method, path) == ("GET", "/requests"):
        with server.counting:
            return {"requests": dict(server.counted), "total": server.counted.total()}
    if (method, path) == ("DELETE", "/requests"):
        with server.counting:
            server.counted.clear()
        return {}
    if (method, path) == ("GET", "/journal"):
        return {"journal": server.journal.rows()}
    if (method, path) == ("DELETE", "/journal"):
        server.journal.clear()
        return {}
    if (method, path) == ("PUT", "/stop-at"):
        server.stops.put(_document(body))
        return {}
    if (method, path) == ("DELETE", "/stop-at"):
        server.stops.clear()
        return {}
    if (method, path) == ("PUT", "/faults"):
        server.faults.replace(_document(body))
        return {}
    if method == "PUT" and path.startswith("/jobs/"):
        server.backend.change_job(path.removeprefix("/jobs/"), _document(body))
        return {}
    return server.backend.control(method, path, _document(body) if body else {})


def _document(body: bytes) -> dict[str, Any]:
    document = json.loads(body)
    if not isinstance(document, dict):
        raise ValueError("the body must be a JSON object")
    return document
