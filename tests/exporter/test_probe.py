"""What a probe says of real servers: good, bad, silent, absent."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from exporter.client.probe import ProbeFailure, probe
from tests.exporter.certificates import EXPIRED_ON, authority_pem, server_certificate
from tests.exporter.raw_server import always, answer, raw_server

SECONDS = 5.0


def test_a_good_server_shows_its_certificate(tmp_path: Path) -> None:
    authority = tmp_path / "authority.pem"
    authority.write_bytes(authority_pem())
    certificate = server_certificate()
    with raw_server(always(answer({})), certificate) as server:
        found = probe("127.0.0.1", server.port, SECONDS, ca_file=str(authority))
    assert found.failure is None
    assert found.distrust == ""
    assert found.address == "127.0.0.1"
    assert found.tls_version == "TLSv1.3"
    assert found.certificate is not None
    assert found.certificate.fingerprint == certificate.fingerprint
    assert found.certificate.names == ("localhost", "127.0.0.1")
    assert found.certificate.issuer == "CN=test authority"
    assert not found.certificate.self_signed


def test_a_self_signed_certificate_is_shown_and_not_trusted() -> None:
    with raw_server(always(answer({})), server_certificate(self_signed=True)) as server:
        found = probe("localhost", server.port, SECONDS)
    assert found.failure is None
    assert "self" in found.distrust
    assert found.certificate is not None
    assert found.certificate.self_signed


def test_an_expired_certificate_is_shown_with_its_end(tmp_path: Path) -> None:
    authority = tmp_path / "authority.pem"
    authority.write_bytes(authority_pem())
    with raw_server(always(answer({})), server_certificate(until=EXPIRED_ON)) as server:
        found = probe("127.0.0.1", server.port, SECONDS, ca_file=str(authority))
    assert found.distrust == "certificate has expired"
    assert found.certificate is not None
    assert found.certificate.not_after == int(EXPIRED_ON.timestamp())


def test_plain_http_on_the_port_is_told_from_broken_tls() -> None:
    plain = always(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    with raw_server(plain, tls=False) as server:
        found = probe("127.0.0.1", server.port, 2.0)
    assert found.failure is ProbeFailure.PLAIN_HTTP
    with raw_server(always(b"SSH-2.0-OpenSSH\r\n"), tls=False) as server:
        found = probe("127.0.0.1", server.port, 2.0)
    assert found.failure is ProbeFailure.TLS


def test_a_server_that_accepts_and_stays_silent_costs_no_more_than_the_timeout() -> None:
    with raw_server(always(b""), handshake=False) as server:
        found = probe("127.0.0.1", server.port, 0.5)
    assert (found.failure, found.detail) == (ProbeFailure.TLS, "no TLS handshake in time")
    assert found.address == "127.0.0.1"


def test_nothing_listening_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    found = probe("127.0.0.1", port, SECONDS)
    assert found.failure is ProbeFailure.REFUSED
    assert found.addresses == ("127.0.0.1",)


@pytest.mark.parametrize("name", ["nowhere.invalid", "a" * 70 + ".invalid"])
def test_a_name_that_does_not_resolve_is_a_value(name: str) -> None:
    found = probe(name, 8007, SECONDS)
    assert found.failure is ProbeFailure.NAME
    assert found.addresses == ()
    assert found.detail
