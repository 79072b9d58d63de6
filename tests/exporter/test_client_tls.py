"""Whom the client trusts, and what it says about a certificate it does not."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from exporter.errors import FailureReason, TlsFailed
from tests.exporter.certificates import EXPIRED_ON, GOOD_UNTIL, server_certificate
from tests.exporter.clients import SECRET, counted, error_of, soon, source_client
from tests.exporter.raw_server import always, answer, raw_server

FINE = always(answer({"data": 1}))
OTHER_FINGERPRINT = ":".join(["AB"] * 32)


def test_a_certificate_of_the_configured_authority_is_trusted(tmp_path: Path) -> None:
    with raw_server(FINE) as server, source_client(tmp_path, server.port) as client:
        assert client.certificate_not_after is None
        assert client.get("/version", int, soon()) == 1
        assert client.certificate_not_after == int(GOOD_UNTIL.timestamp())


def test_the_name_is_checked_too(tmp_path: Path) -> None:
    certificate = server_certificate(names=("pve1.example.org", "pve1"))
    with raw_server(FINE, certificate) as server, source_client(tmp_path, server.port) as client:
        error = error_of(client)
        assert server.requests == 0
    assert isinstance(error, TlsFailed)
    assert "the certificate is for pve1.example.org, pve1" in error.detail


def test_without_a_ca_file_only_public_authorities_count(tmp_path: Path) -> None:
    with raw_server(FINE) as server, source_client(tmp_path, server.port, ca_file=None) as client:
        assert isinstance(error_of(client), TlsFailed)
        assert server.requests == 0


def test_a_self_signed_certificate_is_refused_and_its_fingerprint_shown(tmp_path: Path) -> None:
    certificate = server_certificate(self_signed=True)
    with raw_server(FINE, certificate) as server, source_client(tmp_path, server.port) as client:
        error = error_of(client)
        assert client.certificate_not_after == int(GOOD_UNTIL.timestamp())
        assert counted(client)['vzcover_api_request_failures_total{endpoint="/version",reason="tls",source="lab"}'] == 1
    assert error.reason is FailureReason.TLS
    assert certificate.fingerprint in error.detail
    assert certificate.fingerprint in error.remedy
    assert "ca_file" in error.remedy


@pytest.mark.parametrize("written", [str, str.lower, lambda fingerprint: fingerprint.replace(":", "")])
def test_a_pinned_certificate_may_be_self_signed_expired_and_for_another_name(tmp_path: Path, written: object) -> None:
    assert callable(written)
    certificate = server_certificate(names=("elsewhere",), until=EXPIRED_ON, self_signed=True)
    with (
        raw_server(FINE, certificate) as server,
        source_client(tmp_path, server.port, fingerprints=(written(certificate.fingerprint),)) as client,
    ):
        assert client.get("/version", int, soon()) == 1
        assert client.get("/version", int, soon(), large=True) == 1
        assert client.certificate_not_after == int(EXPIRED_ON.timestamp())


def test_another_certificate_than_the_pinned_one_is_refused_even_if_the_authority_signed_it(tmp_path: Path) -> None:
    with (
        raw_server(FINE) as server,
        source_client(tmp_path, server.port, fingerprints=(OTHER_FINGERPRINT,)) as client,
    ):
        error = error_of(client)
        assert server.requests == 0, "the token must not have been sent"
    assert isinstance(error, TlsFailed)
    assert f"{server.certificate.fingerprint} presented, {OTHER_FINGERPRINT} expected" in error.detail
    assert "pvenode cert info" in error.remedy


def test_one_of_several_pinned_certificates_is_enough(tmp_path: Path) -> None:
    with raw_server(FINE) as server:
        pins = (OTHER_FINGERPRINT, server.certificate.fingerprint)
        with source_client(tmp_path, server.port, fingerprints=pins) as client:
            assert client.get("/version", int, soon()) == 1


def test_pinning_holds_even_where_verification_is_off(tmp_path: Path) -> None:
    with (
        raw_server(FINE) as server,
        source_client(tmp_path, server.port, fingerprints=(OTHER_FINGERPRINT,), verify=False) as client,
    ):
        assert isinstance(error_of(client), TlsFailed)


def test_verification_can_be_switched_off_and_the_expiry_is_still_known(tmp_path: Path) -> None:
    certificate = server_certificate(until=EXPIRED_ON, self_signed=True)
    with raw_server(FINE, certificate) as server, source_client(tmp_path, server.port, verify=False) as client:
        assert client.get("/version", int, soon()) == 1
        assert client.certificate_not_after == int(EXPIRED_ON.timestamp())


def test_an_expired_certificate_is_refused_with_its_date(tmp_path: Path) -> None:
    with (
        raw_server(FINE, server_certificate(until=EXPIRED_ON)) as server,
        source_client(tmp_path, server.port) as client,
    ):
        error = error_of(client)
        assert client.certificate_not_after == int(EXPIRED_ON.timestamp())
    assert "the certificate expired on 2024-01-01 12:00 UTC" in error.detail
    assert "pvecm updatecerts --force" in error.remedy


def test_a_port_that_does_not_speak_tls_is_named_so(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        source_client(tmp_path, listener.getsockname()[1]) as client,
    ):

        def answer_plainly() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer_plainly)
        thread.start()
        error = error_of(client)
        thread.join(5)
    assert isinstance(error, TlsFailed)
    assert "does it speak TLS" in error.remedy


@pytest.mark.parametrize(
    ("content", "words"), [(None, "No such file"), (b"", "no certificate"), (b"junk", "no certificate")]
)
def test_a_ca_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None, words: str) -> None:
    ca_file = tmp_path / "missing.pem"
    if content is not None:
        ca_file.write_bytes(content)
    with raw_server(FINE) as server, source_client(tmp_path, server.port, ca_file=str(ca_file)) as client:
        error = error_of(client)
        assert server.connections == 0
    assert isinstance(error, TlsFailed)
    assert f"ca_file {ca_file}: {words}" in error.detail


# --- nothing of the environment counts -----------------------------------------------------------------------------------


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_ca_variables_neither_add_nor_take_away_trust(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, large: bool
) -> None:
    certificate = server_certificate(self_signed=True)
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(certificate.certificate)
    monkeypatch.setenv(variable, str(bundle))
    with raw_server(FINE, certificate) as server, source_client(tmp_path, server.port, ca_file=None) as client:
        assert isinstance(error_of(client, large=large), TlsFailed), "the variable's certificate must not be trusted"
    with raw_server(FINE) as server:
        with source_client(tmp_path, server.port) as client:
            assert client.get("/version", int, soon(), large=large) == 1
        monkeypatch.setenv(variable, str(tmp_path / "missing.pem"))
        pins = (server.certificate.fingerprint,)
        with source_client(tmp_path, server.port, fingerprints=pins) as client:
            assert client.get("/version", int, soon(), large=large) == 1


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_proxy_variables_are_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, large: bool
) -> None:
    with raw_server(FINE, tls=False) as proxy, raw_server(FINE) as server:
        monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with source_client(tmp_path, server.port) as client:
            assert client.get("/version", int, soon(), large=large) == 1
        assert proxy.connections == 0
        assert server.requests == 1


@pytest.mark.parametrize("large", [False, True])
def test_a_netrc_does_not_replace_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with raw_server(FINE) as server, source_client(tmp_path, server.port) as client:
        client.get("/version", int, soon(), large=large)
        assert (server.exchanges[0].header("Authorization") or "").endswith(SECRET)
