"""A running web server on a free loopback port, and plain clients for it."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from exporter.bodies import Body, Exposition, LazyBody
from exporter.config.addresses import Address
from exporter.store import Snapshot, Store
from exporter.web.server import WebServer
from exporter.web.settings import WebSettings
from report.model.report import Report

LOOPBACK = (Address("127.0.0.1", 0),)


class Reply(NamedTuple):
    """A whole answer; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


def exposition(text: bytes = b"vzcover_source_up 1\n") -> Exposition:
    """Given the plain text, return an exposition whose two formats can be told apart."""
    return Exposition(Body.of(text), Body.of(text + b"# EOF\n"))


def snapshot(report: Report | None = None, text: bytes = b"vzcover_source_up 1\n") -> Snapshot:
    """Given a report (None: before the first refresh), return a snapshot with small bodies."""
    if report is None:
        return Snapshot(exposition(text))
    return Snapshot(
        exposition(text), report, LazyBody(lambda: b'{"schema_version":1}'), LazyBody(lambda: b"<!DOCTYPE html>page")
    )


@contextmanager
def serving(store: Store, **settings: object) -> Iterator[WebServer]:
    """Given a store and settings, serve it on a free loopback port until the end of the block."""
    server = WebServer(store, WebSettings(**({"listen": LOOPBACK} | settings)))  # type: ignore[arg-type]
    server.bind()
    server.start()
    try:
        yield server
    finally:
        server.stop()


def port_of(server: WebServer, place: int = 0) -> int:
    """Given a running server, return the port of one of its addresses."""
    return int(server.addresses[place].rpartition(":")[2])


def get(
    server: WebServer,
    path: str,
    headers: dict[str, str] | None = None,
    *,
    method: str = "GET",
    tls: ssl.SSLContext | None = None,
) -> Reply:
    """Given a running server and a path, return its answer over a connection of its own."""
    port = port_of(server)
    connection = (
        HTTPSConnection("127.0.0.1", port, timeout=10, context=tls)
        if tls
        else HTTPConnection("127.0.0.1", port, timeout=10)
    )
    try:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def connect(server: WebServer) -> socket.socket:
    """Given a running server, return a bare connection to it."""
    return socket.create_connection(("127.0.0.1", port_of(server)), timeout=10)


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Given a condition, return once it holds; fail after the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


class Certificate(NamedTuple):
    """PEM files of a certificate and its key."""

    cert: Path
    key: Path


def make_certificate(folder: Path, name: str, issuer: Certificate | None = None) -> Certificate:
    """Given a folder, a name and who signs (None: itself, an authority), write a certificate for 127.0.0.1 and return its files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer, signed_by = key, subject
    if issuer is not None:
        loaded = serialization.load_pem_private_key(issuer.key.read_bytes(), None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        signer, signed_by = loaded, x509.load_pem_x509_certificate(issuer.cert.read_bytes()).subject
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signed_by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )
    files = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    files.cert.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files
