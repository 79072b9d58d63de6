"""web-config.yml in force: users, TLS, headers, rate limit, and what happens when it changes."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import socket
import ssl
import time
from pathlib import Path

import bcrypt
import pytest

from exporter.config.web_file import RateLimit
from exporter.errors import ConfigError
from exporter.store import Store
from exporter.web.auth import REMEMBERED_SECONDS, WAITING_AT_MOST, Passwords, TooManyLogins
from exporter.web.guard import TokenBucket
from exporter.web.server import WebServer
from exporter.web.settings import WebSettings
from tests.builders import report
from tests.exporter.web_fixtures import LOOPBACK, Certificate, get, make_certificate, serving, snapshot, wait_until

PASSWORD = "pässword"
LONGEST = "x" * 72


def hashed(password: str, rounds: int = 4) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds)).decode()


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def header(user: str, password: str) -> str:
    return basic(user, password)["Authorization"]


@pytest.fixture
def store() -> Store:
    return Store(snapshot(report()))


@pytest.fixture
def users(tmp_path: Path) -> Path:
    path = tmp_path / "web-config.yml"
    path.write_text(
        f"basic_auth_users:\n  prometheus: {hashed(PASSWORD)}\n  long: {hashed(LONGEST)}\n", encoding="utf-8"
    )
    return path


def tls_config(folder: Path, files: Certificate, more: str = "") -> Path:
    path = folder / "web-config.yml"
    path.write_text(f"tls_server_config:\n  cert_file: {files.cert}\n  key_file: {files.key}\n{more}")
    return path


@pytest.mark.parametrize(
    "path", ["/metrics", "/", "/-/healthy", "/-/ready", "/api/v1/report", "/report.pdf", "/nothing"]
)
def test_with_users_every_path_wants_a_password(store: Store, users: Path, path: str) -> None:
    with serving(store, web_config_file=users) as server:
        answer = get(server, path)

    assert answer.status == 401
    assert answer.headers["www-authenticate"] == 'Basic realm="vzcover", charset="UTF-8"'


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param(basic("prometheus", PASSWORD), 200, id="right"),
        pytest.param(basic("prometheus", "wrong"), 401, id="wrong password"),
        pytest.param(basic("nobody", PASSWORD), 401, id="unknown user"),
        pytest.param(basic("prometheus", ""), 401, id="empty password"),
        pytest.param(basic("long", LONGEST), 200, id="72 bytes"),
        pytest.param(basic("long", LONGEST + "y"), 401, id="73 bytes, of which 72 are right"),
        pytest.param(basic("prometheus", "a\0b"), 401, id="NUL"),
        pytest.param({"Authorization": "Bearer abc"}, 401, id="another scheme"),
        pytest.param({"Authorization": "Basic %%%"}, 401, id="not base64"),
        pytest.param({"Authorization": "Basic " + base64.b64encode(b"\xff:\xff").decode()}, 401, id="not UTF-8"),
        pytest.param({"Authorization": "Basic " + base64.b64encode(b"prometheus").decode()}, 401, id="no colon"),
    ],
)
def test_only_the_right_password_opens(store: Store, users: Path, headers: dict[str, str], status: int) -> None:
    with serving(store, web_config_file=users) as server:
        assert get(server, "/metrics", headers).status == status


def test_an_unknown_user_takes_as_long_as_a_wrong_password_and_a_known_one_is_remembered() -> None:
    everyone = {"prometheus": hashed(PASSWORD, rounds=9)}
    passwords = Passwords()

    def seconds(user: str, password: str) -> float:
        began = time.perf_counter()
        asyncio.run(passwords.known(everyone, header(user, password)))
        return time.perf_counter() - began

    wrong = min(seconds("prometheus", "wrong") for _ in range(3))
    unknown = min(seconds("nobody", "wrong") for _ in range(3))
    seconds("prometheus", PASSWORD)
    remembered = min(seconds("prometheus", PASSWORD) for _ in range(3))
    passwords.close()

    assert unknown > wrong / 2
    assert remembered < wrong / 2


def test_a_remembered_password_is_forgotten_in_time_and_with_its_hash() -> None:
    now = [0.0]
    passwords = Passwords(clock=lambda: now[0])
    everyone = {"prometheus": hashed(PASSWORD)}
    authorization = header("prometheus", PASSWORD)

    assert asyncio.run(passwords.known(everyone, authorization))
    assert not asyncio.run(passwords.known({"prometheus": hashed("another")}, authorization))
    assert not asyncio.run(passwords.known({"other": everyone["prometheus"]}, authorization))
    now[0] += REMEMBERED_SECONDS + 1
    assert asyncio.run(passwords.known(everyone, authorization))
    passwords.close()


def test_a_flood_of_wrong_passwords_is_turned_away_and_keeps_no_remembered_one_out() -> None:
    everyone = {"prometheus": hashed(PASSWORD, rounds=8)}
    passwords = Passwords()

    async def flood() -> list[object]:
        assert await passwords.known(everyone, header("prometheus", PASSWORD))
        guesses = [passwords.known(everyone, header("prometheus", f"guess {n}")) for n in range(WAITING_AT_MOST + 5)]
        right = passwords.known(everyone, header("prometheus", PASSWORD))
        return list(await asyncio.gather(*guesses, right, return_exceptions=True))

    *guessed, right = asyncio.run(flood())
    passwords.close()

    assert right is True
    assert sum(isinstance(answer, TooManyLogins) for answer in guessed) == 5
    assert guessed.count(False) == WAITING_AT_MOST


def test_beyond_the_rate_limit_a_client_is_told_to_come_later(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "web-config.yml"
    path.write_text("rate_limit:\n  interval: 1h\n  burst: 2\n")
    with serving(store, web_config_file=path) as server:
        answers = [get(server, "/metrics") for _ in range(3)]

    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[-1].headers["retry-after"] == "1"


def test_a_bucket_fills_one_by_one_up_to_its_burst() -> None:
    now = [100.0]
    bucket = TokenBucket(clock=lambda: now[0])
    limit = RateLimit.model_validate({"interval": "2s", "burst": "2"})

    assert [bucket.allows(limit) for _ in range(3)] == [True, True, False]
    now[0] += 2
    assert [bucket.allows(limit) for _ in range(2)] == [True, False]
    now[0] += 1000
    assert [bucket.allows(limit) for _ in range(3)] == [True, True, False]
    assert bucket.allows(None)
    assert [bucket.allows(RateLimit.model_validate({"interval": "2s", "burst": "1"})) for _ in range(2)] == [
        True,
        False,
    ]


def test_configured_headers_are_on_every_answer_in_place_of_our_own(tmp_path: Path, store: Store) -> None:
    path = tmp_path / "web-config.yml"
    path.write_text(
        "http_server_config:\n  headers:\n    X-Frame-Options: sameorigin\n    Strict-Transport-Security: max-age=1\n"
    )
    with serving(store, web_config_file=path) as server:
        for answer in (get(server, "/"), get(server, "/nothing")):
            assert answer.headers["x-frame-options"] == "sameorigin"
            assert answer.headers["strict-transport-security"] == "max-age=1"
            assert answer.headers["x-content-type-options"] == "nosniff"


def test_it_serves_over_tls_with_the_certificate_of_the_file(tmp_path: Path, store: Store) -> None:
    files = make_certificate(tmp_path, "server")
    trusting = ssl.create_default_context(cafile=files.cert)
    with serving(store, web_config_file=tls_config(tmp_path, files)) as server:
        answer = get(server, "/metrics", {"Accept-Encoding": "gzip"}, tls=trusting)
        assert server.urls == tuple(f"https://{address}/" for address in server.addresses)

    assert answer.status == 200


def test_a_large_body_arrives_whole_over_tls(tmp_path: Path) -> None:
    files = make_certificate(tmp_path, "server")
    trusting = ssl.create_default_context(cafile=files.cert)
    text = b"vzcover_source_up 1\n" * 200_000
    with serving(Store(snapshot(report(), text)), web_config_file=tls_config(tmp_path, files)) as server:
        assert get(server, "/metrics", tls=trusting).body == text


def test_tls_below_the_lowest_version_is_refused(tmp_path: Path, store: Store) -> None:
    files = make_certificate(tmp_path, "server")
    config = tls_config(tmp_path, files, "  min_version: TLS13\n")
    older = ssl.create_default_context(cafile=files.cert)
    older.maximum_version = ssl.TLSVersion.TLSv1_2
    with serving(store, web_config_file=config) as server:
        with pytest.raises(ssl.SSLError):
            get(server, "/metrics", tls=older)
        newer = ssl.create_default_context(cafile=files.cert)
        assert get(server, "/metrics", tls=newer).status == 200


@pytest.mark.parametrize(
    ("kind", "shows", "lets_in"),
    [
        ("RequireAndVerifyClientCert", "trusted", True),
        ("RequireAndVerifyClientCert", "nothing", False),
        ("RequireAndVerifyClientCert", "foreign", False),
        ("VerifyClientCertIfGiven", "nothing", True),
        ("VerifyClientCertIfGiven", "foreign", False),
    ],
)
def test_client_certificates_are_checked(tmp_path: Path, store: Store, kind: str, shows: str, lets_in: bool) -> None:
    server_files = make_certificate(tmp_path, "server")
    authority = make_certificate(tmp_path, "authority")
    clients = {
        "trusted": make_certificate(tmp_path, "client", authority),
        "foreign": make_certificate(tmp_path, "foreign"),
    }
    more = f"  client_auth_type: {kind}\n  client_ca_file: {authority.cert}\n"
    context = ssl.create_default_context(cafile=server_files.cert)
    if shows in clients:
        context.load_cert_chain(clients[shows].cert, clients[shows].key)
    with serving(store, web_config_file=tls_config(tmp_path, server_files, more)) as server:
        try:
            status = get(server, "/metrics", tls=context).status
        except (ssl.SSLError, ConnectionError):
            status = 0

    assert (status == 200) is lets_in


def test_a_changed_file_and_a_renewed_certificate_come_into_force(tmp_path: Path, store: Store) -> None:
    files = make_certificate(tmp_path, "server")
    config = tls_config(tmp_path, files)
    with serving(store, web_config_file=config) as server:
        assert get(server, "/metrics", tls=ssl.create_default_context(cafile=files.cert)).status == 200
        files = make_certificate(tmp_path, "server")
        trusting = ssl.create_default_context(cafile=files.cert)

        def renewed() -> bool:
            try:
                return get(server, "/metrics", tls=trusting).status == 200
            except ssl.SSLError:
                return False

        wait_until(renewed)
        tls_config(tmp_path, files, f"basic_auth_users:\n  prometheus: {hashed(PASSWORD)}\n")
        wait_until(lambda: get(server, "/metrics", tls=trusting).status == 401)
        assert get(server, "/metrics", basic("prometheus", PASSWORD), tls=trusting).status == 200
        assert server.web_config_reloaded is True


def test_a_broken_new_file_leaves_the_old_in_force_and_is_said_once(
    store: Store, users: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = users.read_text(encoding="utf-8")
    with serving(store, web_config_file=users) as server, caplog.at_level(logging.INFO):
        users.write_text("basic_auth_users:\n  prometheus: not-a-hash\n")
        wait_until(lambda: get(server, "/metrics").status == 401 and server.web_config_reloaded is False)
        assert get(server, "/metrics", basic("prometheus", PASSWORD)).status == 200
        users.unlink()
        assert get(server, "/metrics").status == 401
        users.write_text(good, encoding="utf-8")
        wait_until(lambda: get(server, "/metrics").status == 401 and server.web_config_reloaded is True)
    complaints = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]

    assert complaints
    assert len(complaints) == len(set(complaints))
    assert "web-config.yml:2: basic_auth_users" in complaints[0]
    assert "not-a-hash" not in caplog.text


def test_without_a_file_there_is_nothing_to_reload(store: Store) -> None:
    with serving(store) as server:
        assert server.web_config_reloaded is None


def test_a_key_that_does_not_belong_to_its_certificate_is_one_clear_error(tmp_path: Path) -> None:
    ours, other = make_certificate(tmp_path, "server"), make_certificate(tmp_path, "other")
    config = tls_config(tmp_path, Certificate(ours.cert, other.key))
    with pytest.raises(ConfigError, match=r"tls_server_config: .*server\.pem and .*other\.key do not belong together"):
        WebServer(Store(snapshot()), WebSettings(listen=LOOPBACK, web_config_file=config))


def test_plain_http_on_a_tls_port_harms_nobody(tmp_path: Path, store: Store) -> None:
    files = make_certificate(tmp_path, "server")
    with serving(store, web_config_file=tls_config(tmp_path, files)) as server:
        host, _, port = server.addresses[0].rpartition(":")
        with socket.create_connection((host, int(port)), timeout=10) as client:
            client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                assert not client.recv(1000).startswith(b"HTTP")
        assert get(server, "/-/healthy", tls=ssl.create_default_context(cafile=files.cert)).status == 200
