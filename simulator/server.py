"""The HTTPS server: one thread a connection, keep-alive, requests counted, faults carried out on the socket.

Python's own HTTP server and not a framework's, because the genuine daemon puts its message into the reason phrase and
because faults need the socket.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import select
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

from simulator import control
from simulator.answers import Answer
from simulator.faults import CONNECTION_KINDS, Faults, spoil
from simulator.journal import Entry, Journal, Stop, Stops

PREFIX = "/api2/json"
IDLE_SECONDS = 60
DRIP_SECONDS = 0.1
ZIP_FROM = 1024


class Backend(Protocol):
    """What answers: a simulated cluster, a simulated backup server or recordings."""

    def answer(self, method: str, target: str, authorization: str | None, now: int) -> Answer:
        """Given method, target below /api2/json, the Authorization header and the time, return the answer."""

    def change_job(self, identity: str, changes: Mapping[str, object]) -> None:
        """Set keys of a job, None removes one; KeyError for an unknown job."""

    def control(self, method: str, path: str, document: Mapping[str, Any]) -> object:
        """Carry out a call below /_simulator that only this backend knows; KeyError for none of them."""


class Server(ThreadingHTTPServer):
    """Serves a backend over TLS; `clock` tells the epoch seconds of its world."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(
        self,
        address: tuple[str, int],
        backend: Backend,
        certificate: tuple[Path, Path],
        faults: Faults,
        clock: Callable[[], int],
        latency: float = 0.0,
        plain_errors: bool = False,
    ) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self.backend, self.faults, self.clock, self.latency = backend, faults, clock, latency
        # how a backup server answers: errors as text, no name of its own, nothing compressed
        self.plain_errors = plain_errors
        self.stopping = threading.Event()
        self.counted: Counter[str] = Counter()
        self.counting = threading.Lock()
        self.journal, self.stops = Journal(), Stops()
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(*certificate)
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        """Bind without looking up the host's name, which the base class does; a server that was just ended may be started again."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def get_request(self) -> tuple[socket.socket, object]:
        """Accept; the handshake is left to the connection's own thread, so that a silent client stops no other."""
        connection, address = self.socket.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(IDLE_SECONDS)
        wrapped = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return wrapped, address

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away, or does not speak TLS, is nothing to report."""

    def count(self, request: str) -> None:
        with self.counting:
            self.counted[request] += 1


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Server
    connection: ssl.SSLSocket

    def setup(self) -> None:
        super().setup()
        self.connection.do_handshake()

    def log_message(self, format: str, *arguments: object) -> None:
        """The server is silent; tests ask it what it counted."""

    def parse_request(self) -> bool:
        """Every method comes to one place, unknown ones too."""
        if not super().parse_request():
            return False
        setattr(self, f"do_{self.command}", self._serve)
        return True

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        if self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
            self.path += ("&" if "?" in self.path else "?") + body.decode("latin-1")
        if self.path.startswith(control.PREFIX):
            self._send(control.answer(self.server, self.command, self.path, body))
            return
        target = self.path.removeprefix(PREFIX)
        self.server.count(f"{self.command} {target.partition('?')[0]}")
        entry = self.server.journal.begin(self.command, target, self._credentials())
        if self.server.latency and self.server.stopping.wait(self.server.latency):
            return
        stop = self.server.stops.take(self.command)
        kind = self.server.faults.take(target)
        if stop is not None and not stop.done:
            self._cut(stop)
        elif kind == "refused":
            self._reset()
        elif kind == "timeout":
            self._hang()
        else:
            self._answer(target, kind, entry, stop)

    def _cut(self, stop: Stop) -> None:
        if stop.how == "hang":
            self._hang()
        else:
            self._reset()

    def _answer(self, target: str, kind: str | None, entry: Entry, stop: Stop | None) -> None:
        answer = self.server.backend.answer(self.command, target, self._credentials(), self.server.clock())
        if stop is not None:
            self._cut(stop)
            return
        entry.status = answer.status
        if answer.delay and self.server.stopping.wait(answer.delay):
            return
        if kind is not None:
            answer = replace(answer, body=b"".join(answer.parts or (answer.body,)), parts=None)
        if kind is not None and kind not in CONNECTION_KINDS:
            answer = spoil(kind, answer, self.server.plain_errors)
            entry.status = answer.status
        if answer.parts is not None and self.command != "HEAD":
            self._stream(answer)
            return
        head, body = self._encode(answer)
        if kind == "reset":
            self._write(head + body[: len(body) // 2])
            self._reset()
        elif kind == "drip":
            self._write(head)
            self._drip(body)
        elif kind == "drip-headers":
            self._drip(head + body)
        else:
            self._write(head + body)

    def _credentials(self) -> str | None:
        """The Authorization header, or the cookie of a ticket as `Cookie NAME=VALUE`."""
        cookie = self.headers.get("Cookie")
        return self.headers.get("Authorization") or (f"Cookie {cookie}" if cookie else None)

    def _stream(self, answer: Answer) -> None:
        """Send the parts in chunks as they are made."""
        head, _ = self._encode(replace(answer, headers=(*answer.headers, ("Transfer-Encoding", "chunked"))))
        self._write(head)
        for part in answer.parts or ():
            if part:
                self._write(b"%X\r\n%b\r\n" % (len(part), part))
        self._write(b"0\r\n\r\n")

    def _send(self, answer: Answer) -> None:
        head, body = self._encode(answer)
        self._write(head + body)

    def _encode(self, answer: Answer) -> tuple[bytes, bytes]:
        """Head and body as they go out; long bodies are compressed for clients that take it, as the genuine one does."""
        body, headers = answer.body, dict(answer.headers)
        plain = "Content-Encoding" not in headers and not self.server.plain_errors
        if plain and len(body) > ZIP_FROM and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, 1, mtime=0)
            headers["Content-Encoding"] = "gzip"
        if answer.close:
            self.close_connection = True
        headers |= {
            "Cache-Control": "max-age=0",
            "Pragma": "no-cache",
            **({} if self.server.plain_errors else {"Server": "pve-api-daemon/3.0"}),
            "Date": self.date_time_string(),
            "Connection": "close" if self.close_connection else "Keep-Alive",
        }
        if "Transfer-Encoding" not in headers:
            headers["Content-Length"] = str(len(body))
        if answer.content_type is not None:
            headers["Content-Type"] = answer.content_type
        # a line break in a reason phrase would end the head
        reason = " ".join(answer.reason.split())
        lines = [f"HTTP/1.1 {answer.status} {reason}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        return "\r\n".join(lines).encode("utf-8"), b"" if self.command == "HEAD" else body

    def _write(self, data: bytes) -> None:
        self.wfile.write(data)

    def _drip(self, data: bytes) -> None:
        for position in range(len(data)):
            self._write(data[position : position + 1])
            if self.server.stopping.wait(DRIP_SECONDS):
                return

    def _hang(self) -> None:
        """Say nothing until the client goes or the server ends."""
        self.close_connection = True
        while not self.server.stopping.is_set():
            readable, _, _ = select.select([self.connection], [], [], 0.2)
            if readable:
                return

    def _reset(self) -> None:
        """Close so that the client sees a reset and not an end of file."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # the file objects of the connection keep it open through an ordinary close
        with contextlib.suppress(OSError):
            os.close(self.connection.detach())
