"""TLS of one source: whom to trust, a socket that knows the deadline, and certificates in words.

Nothing of the environment counts here: requests' and curl's CA variables and SSL_CERT_FILE are not read.
"""

from __future__ import annotations

import hashlib
import socket
import ssl
import threading
import weakref
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from exporter.client.calls import current_call
from exporter.client.settings import ClientSettings, plain_fingerprint

# PEM file of the public authorities
PUBLIC_AUTHORITIES = DEFAULT_CA_BUNDLE_PATH


@dataclass(frozen=True, slots=True)
class Certificate:
    """What is said about a server's certificate: SHA-256 as `AA:BB:…`, epoch seconds UTC, the names it is valid for."""

    fingerprint: str
    not_after: int
    names: tuple[str, ...]

    @property
    def expiry(self) -> str:
        """The last valid instant as text, UTC."""
        return datetime.fromtimestamp(self.not_after, UTC).strftime("%Y-%m-%d %H:%M UTC")


def describe_certificate(der: bytes) -> Certificate | None:
    """Given a certificate (DER), return what is said about it; None if it cannot be read."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        not_after = int(certificate.not_valid_after_utc.timestamp())
        names = _alternative_names(certificate)
    except (ValueError, TypeError, x509.UnsupportedGeneralNameType):
        return None
    return Certificate(shown_fingerprint(der), not_after, names)


def _alternative_names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(name.value) for name in names if isinstance(name, x509.DNSName | x509.IPAddress))


def shown_fingerprint(der: bytes) -> str:
    """Given a certificate (DER), return its SHA-256 as Proxmox shows it: `AA:BB:…`."""
    return hashlib.sha256(der).digest().hex(":").upper()


class FingerprintMismatch(ssl.SSLError):
    """The certificate is not one of the pinned ones; `presented` is its fingerprint."""

    def __init__(self, presented: str) -> None:
        self.presented = presented
        super().__init__(f"certificate fingerprint {presented} is not the configured one")


class GuardedSocket(ssl.SSLSocket):
    """A TLS socket that never waits beyond the deadline of the call in progress.

    A time-out of a socket starts anew with every read, so a server that drips bytes outlives it. Here every read gets
    what is left: the handshake and each read of a TLS record are bounded as a whole by the interpreter itself.
    """

    def do_handshake(self, block: bool = False) -> None:
        """Make the socket known to the context first, so that closing the client interrupts the handshake too."""
        if isinstance(self.context, SourceContext):
            self.context.watch(self)
        super().do_handshake(block)

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        """As in the base class; TimeoutError once the deadline has passed."""
        call = current_call()
        remaining = call.deadline.remaining()
        if remaining <= 0:
            raise TimeoutError("the deadline has passed")
        self.settimeout(min(call.settings.read_timeout, remaining))
        return super().recv_into(buffer, nbytes, flags)


class SourceContext(ssl.SSLContext):
    """The TLS rules of one source, with the certificate of its last handshake and its open sockets.

    Raises OSError (ssl.SSLError among them) for a CA file that cannot be used.
    """

    sslsocket_class = GuardedSocket

    def __new__(cls, settings: ClientSettings) -> SourceContext:
        return super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)

    def __init__(self, settings: ClientSettings) -> None:
        self.certificate: Certificate | None = None
        self.closed = False
        self._pins = frozenset(plain_fingerprint(fingerprint) for fingerprint in settings.fingerprints)
        self._lock = threading.Lock()
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self.minimum_version = ssl.TLSVersion.TLSv1_2
        if self._pins or not settings.verify:
            self.check_hostname = False
            self.verify_mode = ssl.CERT_NONE
            return
        # an intermediate or the server's own certificate may be the anchor; strict checks refuse PVE's own authority
        self.verify_flags = (self.verify_flags | ssl.VERIFY_X509_PARTIAL_CHAIN) & ~ssl.VERIFY_X509_STRICT
        self.hostname_checks_common_name = False
        self.load_verify_locations(settings.ca_file or PUBLIC_AUTHORITIES)

    def watch(self, connection: socket.socket) -> None:
        """Remember an open socket; refuse it once the context is closed."""
        with self._lock:
            if self.closed:
                raise OSError("the client is closed")
            self._sockets.add(connection)

    def close(self) -> None:
        """End every exchange in progress, in whatever thread; later connections are refused."""
        with self._lock:
            self.closed = True
            sockets = tuple(self._sockets)
        for connection in sockets:
            with suppress(OSError):
                # not SSLSocket.shutdown: that one drops the TLS state under the reading thread
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def inspect(self, der: bytes) -> None:
        """Given the certificate of a finished handshake, remember it; raise FingerprintMismatch if another one is pinned."""
        self.certificate = describe_certificate(der) or self.certificate
        presented = shown_fingerprint(der)
        if self._pins and plain_fingerprint(presented) not in self._pins:
            raise FingerprintMismatch(presented)


def presented_certificate(host: str, port: int, timeout: float) -> Certificate | None:
    """Given where a handshake failed, return the certificate presented there (a second handshake, nothing is sent)."""
    try:
        pem = ssl.get_server_certificate((host, port), timeout=timeout)
        return describe_certificate(ssl.PEM_cert_to_DER_cert(pem))
    except (OSError, ValueError):
        return None
