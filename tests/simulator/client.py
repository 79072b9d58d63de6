"""A small client of the standard library, so that tests see what is on the wire and nothing corrects it."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from tests.simulator_process import ClusterHandle

SECONDS = 10


@dataclass(frozen=True)
class Reply:
    """An answer as it came."""

    status: int
    reason: str
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def data(self) -> Any:
        return self.document["data"]


class Client:
    """One keep-alive connection with the token of `user`, or with any Authorization header."""

    def __init__(
        self,
        simulator: ClusterHandle,
        user: str = "auditor",
        authorization: str | None = None,
        seconds: float = SECONDS,
    ) -> None:
        self._headers = {"Authorization": simulator.token(user) if authorization is None else authorization}
        self.connection = http.client.HTTPSConnection(
            simulator.host, simulator.port, context=simulator.context(), timeout=seconds
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    def get(self, target: str, **headers: str) -> Reply:
        return self.call("GET", target, **headers)

    def call(self, method: str, target: str, **headers: str) -> Reply:
        """Ask for a target below /api2/json; raises what http.client raises."""
        self.connection.request(method, f"/api2/json{target}", headers={**self._headers, **headers})
        with self.connection.getresponse() as answer:
            return Reply(answer.status, answer.reason, answer.headers, answer.read())
