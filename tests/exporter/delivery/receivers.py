"""Real receivers on loopback: an SMTP server with STARTTLS and logins, an HTTP server that takes what apprise posts, servers that hang."""

from __future__ import annotations

import email
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from tests.exporter.certificates import authority_pem, server_certificate

USER, PASSWORD = "vzcover", "correct horse battery"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Mailbox:
    """What an SMTP server took. `refuse`: answers to RCPT by address."""

    port: int
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[tuple[str, ...]] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    encrypted: list[bool] = field(default_factory=list)

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: Any) -> str:  # noqa: N802
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        mail = email.message_from_bytes(content, policy=default)
        assert isinstance(mail, EmailMessage)
        self.encrypted.append(session.ssl is not None)
        self.recipients.append(tuple(envelope.rcpt_tos))
        self.mails.append(mail)
        return "250 taken"


def _authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode()) == (USER, PASSWORD)
    return AuthResult(success=good, handled=False)


def tls_files(folder: Path) -> Path:
    """Write the authority of the servers' certificates; return its file."""
    file = folder / "authority.pem"
    file.write_bytes(authority_pem())
    return file


@contextmanager
def smtp_server(
    folder: Path,
    *,
    port: int | None = None,
    encrypted: bool = True,
    login: bool = False,
    names: tuple[str, ...] = ("localhost", "127.0.0.1"),
    mailbox: Mailbox | None = None,
) -> Iterator[Mailbox]:
    """Run an SMTP server with STARTTLS unless not `encrypted`; what it takes is in the mailbox."""
    box = mailbox or Mailbox(port or free_port())
    options: dict[str, Any] = {}
    if encrypted:
        file = folder / f"{names[0]}.pem"
        file.write_bytes(server_certificate(names).pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        options = {"tls_context": context, "require_starttls": True}
    if login:
        options |= {"authenticator": _authenticate, "auth_required": True}
    controller = Controller(box, hostname="127.0.0.1", port=box.port, **options)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


@contextmanager
def hanging_server(port: int = 0) -> Iterator[tuple[int, list[socket.socket]]]:
    """Accept connections and say nothing; yield the port and the connections so far."""
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", port)) as listener:

        def accept() -> None:
            while True:
                try:
                    taken.append(listener.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield int(listener.getsockname()[1]), taken
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)
    for connection in taken:
        connection.close()


@dataclass
class Hook:
    """What an HTTP receiver was posted, and the status it answers with; it refuses texts of more than `longest` characters."""

    port: int = 0
    status: int = 200
    longest: int | None = None
    posted: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def http_receiver() -> Iterator[Hook]:
    """Run an HTTP server that takes JSON."""
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted = json.loads(body)
            refused = hook.longest is not None and len(posted.get("text", "")) > hook.longest
            if hook.status == 200 and not refused:
                hook.posted.append(posted)
            self.send_response(400 if refused else hook.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hook.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield hook
        server.shutdown()
        thread.join(5)
