"""The exporter-toolkit's web-config.yml."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.config.web_file import HttpServer, RateLimit, WebConfig, load_web_config
from tests.exporter.certificates import authority_pem
from tests.exporter.config_files import refusal

HASH = "$2b$04$" + "a" * 53


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a certificate and something in place of its key."""
    (tmp_path / "server.pem").write_bytes(authority_pem())
    (tmp_path / "key.pem").write_text("key")
    return tmp_path


def _load(folder: Path, text: str) -> WebConfig:
    path = folder / "web.yml"
    path.write_text(text)
    return load_web_config(path)


def _problems(folder: Path, text: str) -> list[str]:
    error = refusal(lambda: _load(folder, text))
    assert error is not None
    return str(error).replace(f"{folder}/", "").splitlines()


TLS = "tls_server_config:\n  cert_file: server.pem\n  key_file: key.pem\n"


def test_an_empty_file_means_plain_http_without_users(tmp_path: Path) -> None:
    config = _load(tmp_path, "# nothing\n")
    assert (config.tls_server_config, config.basic_auth_users, config.rate_limit.enabled) == (None, {}, False)


def test_a_whole_file(folder: Path) -> None:
    text = TLS + (
        "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: server.pem\n"
        "  min_version: TLS13\n  max_version: TLS13\n  prefer_server_cipher_suites: false\n  curve_preferences: [X25519]\n"
        "  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]\n"
        "http_server_config:\n  http2: true\n  headers:\n    X-Frame-Options: deny\n    X-XSS-Protection:\n"
        f"basic_auth_users:\n  alice: {HASH}\n  no: {HASH}\nrate_limit:\n  interval: 500ms\n  burst: 20\n"
    )
    config = _load(folder, text)
    assert config.tls_server_config is not None
    assert config.tls_server_config.cert_file == folder / "server.pem"
    assert config.tls_server_config.openssl_ciphers == "ECDHE-RSA-AES128-GCM-SHA256"
    assert config.http_server_config.headers == {"X-Frame-Options": "deny"}
    assert config.basic_auth_users["alice"].get_secret_value() == HASH
    assert (config.rate_limit.interval, config.rate_limit.burst, config.rate_limit.enabled) == (0.5, 20, True)
    assert list(config.basic_auth_users) == ["alice", "no"]
    assert HASH not in repr(config)


BAD = [
    ("- a\n", "web.yml:1: expected a mapping that begins with `tls_server_config:`, found a list"),
    ("tls_config: {}\n", "web.yml:1: tls_config: no such setting; did you mean tls_server_config?"),
    (TLS + "  cert_fil: a\n", "web.yml:4: tls_server_config.cert_fil: no such setting; did you mean cert_file?"),
    (
        "tls_server_config:\n  key_file: key.pem\n",
        "web.yml:1: tls_server_config.cert_file: missing; PEM file of the server's certificate (path of a file)",
    ),
    (
        TLS.replace("key.pem", "k"),
        "web.yml:3: tls_server_config.key_file: k does not exist; make it, or correct the path",
    ),
    (
        "tls_server_config: {cert: x}\n",
        "web.yml:1: tls_server_config: cert: inline certificates are not supported; "
        "write the PEM to a file and name it in cert_file",
    ),
    (
        TLS + "  client_auth_type: RequireAnyClientCert\n",
        "web.yml:4: tls_server_config.client_auth_type: RequireAnyClientCert does not check the certificate and is not "
        "supported; write RequireAndVerifyClientCert",
    ),
    (
        TLS + "  client_auth_type: RequireAndVerifyClientCert\n",
        "web.yml:1: tls_server_config: RequireAndVerifyClientCert needs client_ca_file, the authorities of the clients' "
        "certificates",
    ),
    (
        TLS + "  client_ca_file: server.pem\n",
        "web.yml:1: tls_server_config: client_ca_file without a check; write client_auth_type: RequireAndVerifyClientCert",
    ),
    (
        TLS + "  min_version: TLS13\n  max_version: TLS12\n",
        "web.yml:1: tls_server_config: min_version TLS13 is above max_version TLS12; exchange them",
    ),
    (
        TLS + "  min_version: 1.2\n",
        'web.yml:4: tls_server_config.min_version: "1.2" is not known; write one of TLS10, TLS11, TLS12, TLS13',
    ),
    (
        "http_server_config: {headers: {X-Frame-Options: never}}\n",
        'web.yml:1: http_server_config: headers.X-Frame-Options: "never" is not allowed; write deny or sameorigin',
    ),
    (
        "http_server_config: {headers: {X-Powered-By: me}}\n",
        'web.yml:1: http_server_config.headers.X-Powered-By: "X-Powered-By" is not known; write one of '
        "Content-Security-Policy, X-Frame-Options, X-Content-Type-Options, X-XSS-Protection, Strict-Transport-Security",
    ),
    (
        'http_server_config: {headers: {X-XSS-Protection: "a\\r\\nb"}}\n',
        "web.yml:1: http_server_config: headers.X-XSS-Protection: a header is one line of printable ASCII characters",
    ),
    (
        "http_server_config: {headers: {X-XSS-Protection: [a]}}\n",
        "web.yml:1: http_server_config.headers.X-XSS-Protection: expected text, found a list",
    ),
    (
        "basic_auth_users:\n  alice: hunter2\n",
        "web.yml:2: basic_auth_users.alice: not a bcrypt hash; make one with: htpasswd -nBC 10 '' | tr -d ':\\n'",
    ),
    (f"basic_auth_users:\n  'a:b': {HASH}\n", "web.yml:2: basic_auth_users.a:b: a user's name is text without a colon"),
    (
        "basic_auth_users: [a]\n",
        "web.yml:1: basic_auth_users: expected a mapping (lines of `key: value`), found a list",
    ),
    (
        "rate_limit: {interval: 1, burst: 2}\n",
        'web.yml:1: rate_limit.interval: "1" is not a duration with a unit; write 1s, 500ms or 0',
    ),
    (
        "rate_limit: {interval: 1s}\n",
        "web.yml:1: rate_limit: burst 0 would refuse every request; write burst: 1 or more",
    ),
    ("rate_limit: {}\nrate_limit: {}\n", "web.yml:2: rate_limit: given twice, first on line 1; keep one"),
]


@pytest.mark.parametrize(("text", "line"), BAD, ids=[line[:60] for _, line in BAD])
def test_a_bad_file_gives_its_line_and_what_is_right(folder: Path, text: str, line: str) -> None:
    assert _problems(folder, text) == [line]


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    error = refusal(lambda: load_web_config(tmp_path / "gone.yml"))
    assert str(error) == f"{tmp_path}/gone.yml: does not exist; make it, or correct the path"


@pytest.mark.parametrize(("text", "seconds"), [("1s", 1), ("1m30s", 90), ("500ms", 0.5), ("1.5h", 5400), ("0", 0)])
def test_intervals_are_go_durations(text: str, seconds: float) -> None:
    assert RateLimit.model_validate({"interval": text, "burst": 1}).interval == seconds


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(
        ["", "tls_server_config: ", "http_server_config:\n  headers: ", "basic_auth_users: ", "rate_limit: "]
    ),
    st.one_of(
        st.text(), st.sampled_from(["{a: b}", "[a]", "a", "{cert: 1}", "{1: [2]}", "~", "{interval: 1s, burst: x}"])
    ),
)
def test_any_text_loads_or_raises_a_config_error(tmp_path: Path, begin: str, rest: str) -> None:
    path = tmp_path / "web.yml"
    path.write_bytes((begin + rest).encode("utf-8", "surrogatepass"))
    error = refusal(lambda: load_web_config(path))
    assert error is None or error.problems


def test_the_models_are_frozen_and_have_defaults() -> None:
    assert HttpServer().http2 is True
    assert WebConfig() == WebConfig()
