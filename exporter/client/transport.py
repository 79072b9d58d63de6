"""Connections of one source: name, TCP and TLS within one time-out, keep-alive, and our TLS rules only."""

from __future__ import annotations

import queue
import socket
import threading
import time
from typing import Any, cast

from requests.adapters import HTTPAdapter
from requests.models import PreparedRequest
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection

from exporter.client.calls import current_call
from exporter.client.tls import GuardedSocket, SourceContext


def resolve(host: str, port: int, timeout: float) -> list[str]:
    """Given a host name or address, return its addresses; raises OSError, TimeoutError after `timeout` seconds.

    The system's resolver cannot be interrupted, so it works in a thread that is left behind when it takes too long.
    """
    answers: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put(list(dict.fromkeys(str(address[0]) for *_, address in found)))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=ask, name=f"resolve {host}", daemon=True).start()
    try:
        answer = answers.get(timeout=timeout)
    except queue.Empty:
        raise TimeoutError(f"looking up {host} took too long") from None
    if isinstance(answer, Exception):
        raise answer if isinstance(answer, OSError) else socket.gaierror(socket.EAI_NONAME, str(answer))
    return answer


class SourceConnection(HTTPSConnection):
    """A connection that is up within `connect_timeout` and the deadline, whatever is slow, and shows its certificate."""

    ssl_context: SourceContext

    def _new_conn(self) -> socket.socket:
        call = current_call()
        ends = time.monotonic() + min(call.settings.connect_timeout, call.deadline.remaining())
        host, port = self._dns_host, int(self.port or 0)
        try:
            addresses = resolve(host.strip("[]"), port, max(0.0, ends - time.monotonic()))
        except TimeoutError as error:
            raise ConnectTimeoutError(self, str(error)) from error
        except OSError as error:
            raise NameResolutionError(host, self, error) from error  # type: ignore[arg-type]
        return self._connect_to_one_of(addresses, port, ends)

    def _connect_to_one_of(self, addresses: list[str], port: int, ends: float) -> socket.socket:
        problem: OSError | None = None
        for place, address in enumerate(addresses):
            left = (ends - time.monotonic()) / (len(addresses) - place)
            if left <= 0:
                break
            try:
                connection = create_connection((address, port), left, socket_options=self.socket_options)
            except OSError as error:
                problem = error
                continue
            # bounds the TLS handshake as a whole
            connection.settimeout(max(0.001, ends - time.monotonic()))
            return connection
        if problem is None or isinstance(problem, TimeoutError):
            raise ConnectTimeoutError(self, "no connection in time")
        raise NewConnectionError(self, problem.strerror or str(problem)) from problem

    def connect(self) -> None:
        """Connect, then look at the certificate before anything is sent."""
        try:
            super().connect()
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "no TLS handshake in time") from error
        self.ssl_context.inspect(cast(GuardedSocket, self.sock).getpeercert(binary_form=True) or b"")


class SourcePool(HTTPSConnectionPool):
    """The keep-alive connections to one host."""

    ConnectionCls = SourceConnection  # type: ignore[assignment]  # declared as a protocol

    def _validate_conn(self, conn: Any) -> None:
        # without urllib3's warning on every request where verification is off: that is said once, by the configuration
        if conn.is_closed:
            conn.connect()


class SourceAdapter(HTTPAdapter):
    """Brings our context under requests, whose own `verify` and `cert` then decide nothing."""

    def __init__(self, context: SourceContext, connections: int) -> None:
        self._context = context
        super().__init__(pool_connections=1, pool_maxsize=connections)
        self.poolmanager.pool_classes_by_scheme = {"https": SourcePool}

    def build_connection_pool_key_attributes(
        self, request: PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        """As documented by requests for contexts of one's own."""
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {"ssl_context": self._context}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Leave the pool alone: the context has all rules."""
