"""Is anybody there, and with which certificate: name, TCP and TLS of one address, each failure as a value.

Nothing is sent but a handshake, and one `HEAD /` without TLS where that failed, to tell a plain web server from a broken TLS one.
"""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from exporter.client.tls import Certificate, describe_certificate
from exporter.client.transport import resolve

PLAIN_SECONDS = 2.0
LEAST_SECONDS = 0.001


class ProbeFailure(StrEnum):
    """The step at which a probe ended early; what was learned before it is in the Probe all the same."""

    NAME = "name"  # the name does not resolve
    REFUSED = "refused"  # nothing listens on the port
    UNREACHABLE = "unreachable"  # no route, or another refusal of the network
    TIMEOUT = "timeout"  # no connection in time
    PLAIN_HTTP = "plain_http"  # a web server without TLS listens there
    TLS = "tls"  # something listens, and no handshake came about


@dataclass(frozen=True, slots=True)
class ProbedCertificate:
    """A server's certificate: `shown` (fingerprint `AA:BB:…`, end, names), its beginning (epoch seconds UTC), who it is and who
    signed it (RFC 4514 text), and whether it signed itself."""

    shown: Certificate
    not_before: int
    subject: str
    issuer: str
    self_signed: bool

    @property
    def fingerprint(self) -> str:
        """SHA-256 as `AA:BB:…`."""
        return self.shown.fingerprint

    @property
    def not_after(self) -> int:
        """The last valid instant, epoch seconds UTC."""
        return self.shown.not_after

    @property
    def names(self) -> tuple[str, ...]:
        """Names and addresses that it is valid for."""
        return self.shown.names


@dataclass(frozen=True, slots=True)
class Probe:
    """What was found at `host`:`port`.

    `addresses` is what the name resolves to, `address` the one that took the connection (None: none did), `tls_version` such as
    `TLSv1.3`, `certificate` None if none was presented or it cannot be read. `distrust` says why the certificate is not trusted by
    the given authorities for this name, empty if it is (or was not seen). `failure` is None when a handshake came about, `detail`
    says in the system's words what failed.
    """

    host: str
    port: int
    addresses: tuple[str, ...] = ()
    address: str | None = None
    tls_version: str | None = None
    certificate: ProbedCertificate | None = None
    distrust: str = ""
    failure: ProbeFailure | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class _Handshake:
    """What one handshake told; `distrust` is set where only the certificate was refused."""

    version: str | None = None
    der: bytes = b""
    distrust: str = ""
    failure: ProbeFailure | None = None
    detail: str = ""


def probe(host: str, port: int, timeout: float = 5.0, *, ca_file: str | None = None) -> Probe:
    """Given a name or address (no brackets), a port, the longest time for everything in seconds, and the authorities to trust (PEM; None:
    the public ones), return what is there. Raises nothing but OSError for a `ca_file` that cannot be read."""
    verifying = _context(ca_file or DEFAULT_CA_BUNDLE_PATH)
    ends = time.monotonic() + timeout
    try:
        addresses = tuple(resolve(host, port, timeout))
    except TimeoutError:
        return Probe(host, port, failure=ProbeFailure.NAME, detail="no answer from DNS in time")
    except OSError as error:
        return Probe(host, port, failure=ProbeFailure.NAME, detail=error.strerror or str(error))
    connected = _first_address(addresses, port, ends)
    if isinstance(connected, OSError):
        return Probe(host, port, addresses, failure=_no_connection(connected), detail=_words(connected))
    seen = _handshake(verifying, host, (connected, port), ends)
    distrust = seen.distrust
    if distrust:
        seen = _handshake(_context(None), host, (connected, port), ends)
    certificate = describe(seen.der) if seen.der else None
    return Probe(host, port, addresses, connected, seen.version, certificate, distrust, seen.failure, seen.detail)


def describe(der: bytes) -> ProbedCertificate | None:
    """Given a certificate (DER), return what is said about it; None if it cannot be read."""
    shown = describe_certificate(der)
    if shown is None:
        return None
    certificate = x509.load_der_x509_certificate(der)
    try:
        certificate.verify_directly_issued_by(certificate)
        self_signed = True
    except (ValueError, TypeError, InvalidSignature):
        self_signed = False
    try:
        subject, issuer = certificate.subject.rfc4514_string(), certificate.issuer.rfc4514_string()
    except ValueError:
        subject = issuer = ""
    return ProbedCertificate(shown, int(certificate.not_valid_before_utc.timestamp()), subject, issuer, self_signed)


def _context(authorities: str | None) -> ssl.SSLContext:
    """As strict as the client's own, without its deadline; None: take any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if authorities is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    context.verify_flags = (context.verify_flags | ssl.VERIFY_X509_PARTIAL_CHAIN) & ~ssl.VERIFY_X509_STRICT
    context.hostname_checks_common_name = False
    context.load_verify_locations(authorities)
    return context


def _left(ends: float) -> float:
    return max(LEAST_SECONDS, ends - time.monotonic())


def _first_address(addresses: tuple[str, ...], port: int, ends: float) -> str | OSError:
    """Return the first address that takes a connection, or why the last one did not."""
    problem = OSError("no address")
    for place, address in enumerate(addresses):
        try:
            socket.create_connection((address, port), _left(ends) / (len(addresses) - place)).close()
        except OSError as error:
            problem = error
        else:
            return address
    return problem


def _no_connection(error: OSError) -> ProbeFailure:
    if isinstance(error, ConnectionRefusedError):
        return ProbeFailure.REFUSED
    return ProbeFailure.TIMEOUT if isinstance(error, TimeoutError) else ProbeFailure.UNREACHABLE


def _words(error: OSError) -> str:
    return "no answer in time" if isinstance(error, TimeoutError) else (error.strerror or str(error))


def _handshake(context: ssl.SSLContext, host: str, address: tuple[str, int], ends: float) -> _Handshake:
    try:
        # half of what is left, so that a web server that waits for the rest of a request can still be told
        with socket.create_connection(address, _left(ends) / 2) as raw:
            raw.settimeout(_left(ends) / 2)
            with context.wrap_socket(raw, server_hostname=host) as connection:
                return _Handshake(connection.version(), connection.getpeercert(binary_form=True) or b"")
    except ssl.SSLCertVerificationError as error:
        return _Handshake(distrust=error.verify_message)
    except (OSError, ValueError) as error:
        plain = _speaks_plain_http(address, min(_left(ends), PLAIN_SECONDS))
        detail = "it answers HTTP without TLS" if plain else _tls_words(error)
        return _Handshake(failure=ProbeFailure.PLAIN_HTTP if plain else ProbeFailure.TLS, detail=detail)


def _tls_words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no TLS handshake in time"
    if isinstance(error, ssl.SSLEOFError | ConnectionError):
        return "the connection was cut during the TLS handshake"
    reason = getattr(error, "reason", None)
    return str(reason).replace("_", " ").lower() if reason else str(error)


def _speaks_plain_http(address: tuple[str, int], timeout: float) -> bool:
    try:
        with socket.create_connection(address, timeout) as connection:
            connection.sendall(b"HEAD / HTTP/1.0\r\n\r\n")
            return connection.recv(5) == b"HTTP/"
    except OSError:
        return False
