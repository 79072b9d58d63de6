"""Mail: one message to an SMTP server, over TLS that is checked."""

from __future__ import annotations

import base64
import mimetypes
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from exporter.client.tls import PUBLIC_AUTHORITIES
from exporter.concealed import conceal
from exporter.delivery.channel import Message, Sent
from exporter.errors import DeliveryError
from report.words import printable

# longest silence of the server, and longest time for one message: a server that drips bytes ends there too
SILENCE_SECONDS = 30.0
WHOLE_SECONDS = 300.0
LONGEST_ANSWER = 200
TEMPORARY = range(400, 500)


@dataclass(frozen=True, slots=True)
class Mail:
    """An SMTP server and who is written to. `security`: starttls, tls or none; `ca_file`: None for the public authorities."""

    host: str
    port: int
    security: str
    sender: str
    targets: tuple[str, ...]
    ca_file: str | None = None
    username: str | None = None
    password: str = field(default="", repr=False)
    silence: float = SILENCE_SECONDS
    whole: float = WHOLE_SECONDS

    def __post_init__(self) -> None:
        if self.username is not None:
            # as AUTH PLAIN sends them, which a server may repeat
            conceal(base64.b64encode(f"\0{self.username}\0{self.password}".encode()).decode())

    def send(self, message: Message, targets: Sequence[str]) -> Sent:
        """Send to these addresses in one transaction; raise DeliveryError if no one took it."""
        where = f"mail server {self.host}:{self.port}"
        try:
            with self._connected() as client:
                answers = client.send_message(self.compose(message), self.sender, list(targets))
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise DeliveryError(where, *_explained(error)) from None
        left = tuple(target for target, (code, _) in answers.items() if code in TEMPORARY)
        refused = tuple(
            f"{target}: {_answer(code, text)}" for target, (code, text) in answers.items() if code not in TEMPORARY
        )
        return Sent(left, refused)

    def compose(self, message: Message) -> EmailMessage:
        """Given a message, return it as mail; every try is the same, so that a repetition can be told."""
        mail = EmailMessage(policy=SMTP)
        mail["From"], mail["To"], mail["Subject"] = self.sender, ", ".join(self.targets), message.subject
        mail["Date"] = format_datetime(datetime.fromtimestamp(message.created_at, UTC))
        mail["Message-ID"] = f"<{message.key}@{self.sender.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text, cte="quoted-printable")
        for attachment in message.attachments:
            kind = mimetypes.guess_type(attachment.name)[0] or "application/octet-stream"
            main, _, sub = kind.partition("/")
            mail.add_attachment(attachment.content, maintype=main, subtype=sub, filename=attachment.name)
        return mail

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        """Connect, encrypt and log in; cut the connection when the whole takes too long."""
        client = self._client()
        clock = threading.Timer(self.whole, _cut, (client,))
        clock.daemon = True
        clock.start()
        try:
            client.connect(self.host, self.port)
            if self.security == "starttls":
                client.starttls(context=self._context())
            if self.username is not None:
                client.login(self.username, self.password)
            yield client
            with suppress(smtplib.SMTPException, OSError):
                client.quit()  # the message was taken: how the server says good-bye changes nothing
        finally:
            clock.cancel()
            client.close()

    def _client(self) -> smtplib.SMTP:
        if self.security == "tls":
            return _TlsClient(self.host, self.silence, self._context())
        return _Client(self.host, self.silence)

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # a server's own certificate may be the anchor
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(self.ca_file or PUBLIC_AUTHORITIES)
        return context


class _Client(smtplib.SMTP):
    """Knows the name that the certificate must be for before it connects."""

    def __init__(self, host: str, timeout: float) -> None:
        super().__init__(timeout=timeout)
        self._host = host


class _TlsClient(smtplib.SMTP_SSL):
    def __init__(self, host: str, timeout: float, context: ssl.SSLContext) -> None:
        super().__init__(timeout=timeout, context=context)
        self._host = host


def _cut(client: smtplib.SMTP) -> None:
    if client.sock is not None:
        with suppress(OSError):
            client.sock.shutdown(socket.SHUT_RDWR)


def _explained(error: Exception) -> tuple[str, str]:
    """Given what smtplib or the system raised, return what happened and what to do."""
    match error:
        case smtplib.SMTPAuthenticationError():
            return f"login refused: {_answer(error.smtp_code, error.smtp_error)}", "correct username and password"
        case smtplib.SMTPRecipientsRefused():
            told = "; ".join(f"{target}: {_answer(*answer)}" for target, answer in error.recipients.items())
            return f"all recipients refused: {told}", ""
        case smtplib.SMTPResponseException():
            return _answer(error.smtp_code, error.smtp_error), ""
        case smtplib.SMTPNotSupportedError():
            if "STARTTLS" in str(error):
                return "it offers no STARTTLS", "write security: tls, or none if the network may read the mail"
            return printable(str(error)), ""
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted: {error.verify_message}", "correct host, or give ca_file"
        case TimeoutError():
            return "timed out", ""
        case OSError():
            return (error.strerror or str(error) or type(error).__name__).lower(), ""
    return printable(str(error) or type(error).__name__)[:LONGEST_ANSWER], ""


def _answer(code: int, text: bytes | str) -> str:
    told = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return printable(f"{code} {' '.join(told.split())}")[:LONGEST_ANSWER]
