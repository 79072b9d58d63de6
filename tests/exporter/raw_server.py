"""A TLS server that says exactly the bytes a test wants, in threads of its own, on a free loopback port."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.exporter.certificates import ServerCertificate, server_certificate


@dataclass
class Exchange:
    """One request as the server sees it, and what a script can do with it."""

    head: str
    connection: socket.socket
    stopping: threading.Event

    @property
    def target(self) -> str:
        return self.head.split(" ")[1]

    def header(self, name: str) -> str | None:
        for line in self.head.split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name.lower():
                return value.strip()
        return None

    def say(self, data: bytes) -> None:
        self.connection.sendall(data)

    def drip(self, data: bytes, every: float = 0.02) -> None:
        """Say it byte by byte, until the server stops or the client goes."""
        for byte in data:
            if self.stopping.wait(every):
                return
            self.say(bytes([byte]))

    def hang(self) -> None:
        """Say nothing until the server stops."""
        self.stopping.wait(30)

    def reset(self) -> None:
        """End with a TCP reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.socket.close(self.connection)


Script = Callable[[Exchange], None]


def answer(
    body: bytes | object,
    status: int = 200,
    reason: str = "OK",
    content_type: str | None = "application/json;charset=UTF-8",
    **headers: str,
) -> bytes:
    """A whole answer; whatever is not bytes becomes JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} {reason}", f"Content-Length: {len(content)}"]
    if content_type is not None:
        lines.append(f"Content-Type: {content_type}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def always(data: bytes) -> Script:
    return lambda exchange: exchange.say(data)


def in_turn(*scripts: Script) -> Script:
    """The first request gets the first script, and so on; the last one stays."""
    waiting = list(scripts)
    lock = threading.Lock()

    def script(exchange: Exchange) -> None:
        with lock:
            current = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        current(exchange)

    return script


@dataclass
class RawServer:
    port: int
    certificate: ServerCertificate
    exchanges: list[Exchange] = field(default_factory=list)
    connections: int = 0

    @property
    def requests(self) -> int:
        return len(self.exchanges)


@contextmanager
def raw_server(
    script: Script, certificate: ServerCertificate | None = None, *, tls: bool = True, handshake: bool = True
) -> Iterator[RawServer]:
    """Run a server for the block; without `tls` it speaks plain text, without `handshake` it accepts and stays silent."""
    certificate = certificate or server_certificate()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        pem = Path(folder, "server.pem")
        pem.write_bytes(certificate.pem)
        context.load_cert_chain(pem)
    listener = socket.create_server(("127.0.0.1", 0))
    server = RawServer(listener.getsockname()[1], certificate)
    stopping = threading.Event()
    threads: list[threading.Thread] = []
    opened: list[socket.socket] = []

    def serve(raw: socket.socket) -> None:
        with suppress(OSError, IndexError):
            connection = context.wrap_socket(raw, server_side=True) if tls else raw
            opened.append(connection)
            buffer = b""
            while not stopping.is_set():
                while b"\r\n\r\n" not in buffer:
                    received = connection.recv(65536)
                    if not received:
                        return
                    buffer += received
                head, _, buffer = buffer.partition(b"\r\n\r\n")
                exchange = Exchange(head.decode("latin-1"), connection, stopping)
                server.exchanges.append(exchange)
                script(exchange)

    def accept() -> None:
        while not stopping.is_set():
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            server.connections += 1
            opened.append(raw)
            if handshake:
                thread = threading.Thread(target=serve, args=(raw,), daemon=True)
                threads.append(thread)
                thread.start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield server
    finally:
        stopping.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(5)
        for connection in opened:
            with suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in threads:
            thread.join(5)
        for connection in opened:
            connection.close()
