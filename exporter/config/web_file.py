"""The exporter-toolkit's web-config.yml (TLS, users, headers, rate limit) → WebConfig, with the errors of our own file.

The format is docs/web-configuration.md of prometheus/exporter-toolkit. What Python's TLS cannot do is refused with the
reason, never ignored: inline certificates, client certificates that are asked for but not checked, client_allowed_sans.
`http2`, `prefer_server_cipher_suites` and `curve_preferences` are taken and change nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, SecretStr, ValidationError, model_validator

from exporter.config.document import found, in_order
from exporter.config.files import UnreadableError, read_small
from exporter.config.kinds import FOLDER, Kind, ListOf, quoted, text_of
from exporter.config.numbers import Flag, Whole
from exporter.config.problems import problems_of
from exporter.config.reader import LARGEST_FILE, read_document
from exporter.config.section import Section
from exporter.config.texts import Choice, ReadableFile
from exporter.errors import ConfigError, ConfigProblem

# The suites of Go's tls.CipherSuites for TLS up to 1.2, and OpenSSL's names for them
OPENSSL_SUITES = {
    f"TLS_ECDHE_{key}_WITH_{go}": f"ECDHE-{key}-{openssl}"
    for key in ("ECDSA", "RSA")
    for go, openssl in (
        ("AES_128_CBC_SHA", "AES128-SHA"),
        ("AES_256_CBC_SHA", "AES256-SHA"),
        ("AES_128_GCM_SHA256", "AES128-GCM-SHA256"),
        ("AES_256_GCM_SHA384", "AES256-GCM-SHA384"),
        ("CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305"),
    )
}
# Those of TLS 1.3 are always on, in Go as in OpenSSL
TLS13_SUITES = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
HEADERS: dict[str, tuple[str, ...]] = {
    "Content-Security-Policy": (),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-Content-Type-Options": ("nosniff",),
    "X-XSS-Protection": (),
    "Strict-Transport-Security": (),
}
VERIFYING = ("VerifyClientCertIfGiven", "RequireAndVerifyClientCert")
NOT_VERIFYING = ("RequestClientCert", "RequireAnyClientCert", "RequireClientCert")
VERSIONS = ("TLS10", "TLS11", "TLS12", "TLS13")
GO_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
UNSUPPORTED = {
    "cert": "inline certificates are not supported; write the PEM to a file and name it in cert_file",
    "key": "inline keys are not supported; write the PEM to a file and name it in key_file",
    "client_ca": "inline certificates are not supported; write the PEM to a file and name it in client_ca_file",
    "client_allowed_sans": "not supported; let client_ca_file be an authority of your own for these clients",
}


@dataclass(frozen=True, slots=True)
class ClientAuthentication(Kind):
    """One of Go's client authentication types that Python's TLS can do as well."""

    def parse(self, value: object) -> str:
        text = text_of(value)
        if text in NOT_VERIFYING:
            raise ValueError(f"{text} does not check the certificate and is not supported; write {VERIFYING[1]}")
        return str(Choice(("NoClientCert", *VERIFYING)).parse(text))


@dataclass(frozen=True, slots=True)
class GoDuration(Kind):
    """Go's durations, `1s`, `500ms`, `1m30s`, `0`; the value is seconds."""

    word: ClassVar[str] = "duration"

    def parse(self, value: object) -> float:
        text = "0" if value == 0 else text_of(value)
        if text == "0":
            return 0.0
        parts = re.findall(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ns|us|µs|ms|s|m|h)", text)
        if not parts or "".join(number + unit for number, unit in parts) != text:
            raise ValueError(f"{quoted(text)} is not a duration with a unit; write 1s, 500ms or 0")
        return sum(float(number) * GO_UNITS[unit] for number, unit in parts)


@dataclass(frozen=True, slots=True)
class BcryptHash(Kind):
    """A bcrypt hash; never shown."""

    def parse(self, value: object) -> SecretStr:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        cost = re.fullmatch(r"\$2[abxy]\$([0-9]{2})\$[./A-Za-z0-9]{53}", text) if isinstance(text, str) else None
        if cost is None or not 4 <= int(cost[1]) <= 31:
            raise ValueError("not a bcrypt hash; make one with: htpasswd -nBC 10 '' | tr -d ':\\n'")
        return SecretStr(str(text))


@dataclass(frozen=True, slots=True)
class UserName(Kind):
    """A user of basic authentication: the colon ends the name there, so that none can be in it."""

    def parse(self, value: object) -> str:
        if not isinstance(value, str) or not value or ":" in value or not value.isprintable():
            raise ValueError("a user's name is text without a colon")
        return value


class TlsServer(Section):
    """tls_server_config; paths are absolute."""

    cert_file: Annotated[Path, ReadableFile(certificates=True)] = Field(
        description="PEM file of the server's certificate"
    )
    key_file: Annotated[Path, ReadableFile()] = Field(description="PEM file of the certificate's key")
    client_auth_type: Annotated[str, ClientAuthentication()] = "NoClientCert"
    client_ca_file: Annotated[Path | None, ReadableFile(certificates=True)] = None
    min_version: Annotated[str, Choice(VERSIONS)] = "TLS12"
    max_version: Annotated[str, Choice(VERSIONS)] = "TLS13"
    cipher_suites: Annotated[tuple[Annotated[str, Choice((*OPENSSL_SUITES, *TLS13_SUITES))], ...], ListOf(0)] = ()
    prefer_server_cipher_suites: Annotated[bool, Flag()] = True
    curve_preferences: Annotated[
        tuple[Annotated[str, Choice(("CurveP256", "CurveP384", "CurveP521", "X25519"))], ...], ListOf(0)
    ] = ()

    @model_validator(mode="before")
    @classmethod
    def _supported(cls, data: Any) -> Any:
        for field, message in UNSUPPORTED.items():
            if isinstance(data, dict) and data.get(field) is not None:
                raise ValueError(f"{field}: {message}")
        return data

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.client_auth_type in VERIFYING and self.client_ca_file is None:
            raise ValueError(
                f"{self.client_auth_type} needs client_ca_file, the authorities of the clients' certificates"
            )
        if self.client_auth_type not in VERIFYING and self.client_ca_file is not None:
            raise ValueError(f"client_ca_file without a check; write client_auth_type: {VERIFYING[1]}")
        if self.min_version > self.max_version:
            raise ValueError(f"min_version {self.min_version} is above max_version {self.max_version}; exchange them")
        return self

    @property
    def openssl_ciphers(self) -> str | None:
        """The suites for TLS up to 1.2 in OpenSSL's form; None: OpenSSL's own choice."""
        return ":".join(OPENSSL_SUITES[suite] for suite in self.cipher_suites if suite in OPENSSL_SUITES) or None


class HttpServer(Section):
    """http_server_config; `headers` are added to every answer."""

    http2: Annotated[bool, Flag()] = True
    headers: Mapping[Annotated[str, Choice(tuple(HEADERS))], str] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _blank_is_unset(cls, data: Any) -> Any:
        headers = data.get("headers") if isinstance(data, dict) else None
        if not isinstance(headers, dict):
            return data
        return {
            **data,
            "headers": {name: value for name, value in headers.items() if value is not None and value != ""},
        }

    @model_validator(mode="after")
    def _allowed(self) -> Self:
        for name, value in self.headers.items():
            if HEADERS[name] and value not in HEADERS[name]:
                raise ValueError(f"headers.{name}: {quoted(value)} is not allowed; write {' or '.join(HEADERS[name])}")
            if not re.fullmatch("[ -~]+", value):
                raise ValueError(f"headers.{name}: a header is one line of printable ASCII characters")
        return self


class RateLimit(Section):
    """rate_limit: a bucket of `burst` requests that gains one every `interval` seconds; interval 0: no limit."""

    interval: Annotated[float, GoDuration()] = 0.0
    burst: Annotated[int, Whole(0, 1_000_000_000)] = 0

    @model_validator(mode="after")
    def _lets_pass(self) -> Self:
        if self.interval and not self.burst:
            raise ValueError("burst 0 would refuse every request; write burst: 1 or more")
        return self

    @property
    def enabled(self) -> bool:
        """Whether requests are limited at all."""
        return self.interval > 0


class WebConfig(Section):
    """The whole file; without `tls_server_config` plain HTTP, without users no authentication."""

    tls_server_config: TlsServer | None = None
    http_server_config: HttpServer = HttpServer()
    basic_auth_users: Mapping[Annotated[str, UserName()], Annotated[SecretStr, BcryptHash()]] = Field(
        default_factory=dict
    )
    rate_limit: RateLimit = RateLimit()

    @model_validator(mode="before")
    @classmethod
    def _empty_is_none(cls, data: Any) -> Any:
        return {} if data is None else data


def load_web_config(path: Path) -> WebConfig:
    """Given the path of a web-config.yml, return what it says (an empty file: everything off); raise ConfigError.

    Relative paths in it are relative to its own folder. Whether key and certificate fit each other is found where they
    are loaded.
    """
    try:
        content, _ = read_small(path, LARGEST_FILE)
    except UnreadableError as error:
        raise ConfigError([ConfigProblem(str(path), None, "", str(error))]) from None
    document = read_document(content, str(path))
    if document.root is not None and not isinstance(document.root, dict):
        message = f"expected a mapping that begins with `tls_server_config:`, found {found(document.root)}"
        raise ConfigError([document.problem((), message)])
    try:
        config = WebConfig.model_validate(document.root, context={FOLDER: path.absolute().parent})
    except ValidationError as error:
        raise ConfigError(in_order([*document.problems, *problems_of(error, document, WebConfig)])) from None
    if document.problems:
        raise ConfigError(document.problems)
    return config
