"""The TLS part of web-config.yml → the context for the next handshake."""

from __future__ import annotations

import ssl
from pathlib import Path

from exporter.config.web_file import TlsServer
from exporter.errors import ConfigError, ConfigProblem

VERSIONS = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}
CLIENTS = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}


def build_context(settings: TlsServer, file: Path) -> ssl.SSLContext:
    """Given the settings and the file they stand in, return a context with the certificate loaded.

    Raises ConfigError where certificate, key or authorities cannot be used, or do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = VERSIONS[settings.min_version]
    context.maximum_version = VERSIONS[settings.max_version]
    context.set_alpn_protocols(["http/1.1"])
    try:
        if settings.openssl_ciphers:
            context.set_ciphers(settings.openssl_ciphers)
        context.load_cert_chain(settings.cert_file, settings.key_file, password=_no_password)
        if settings.client_ca_file is not None:
            context.load_verify_locations(settings.client_ca_file)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise ConfigError([ConfigProblem(str(file), None, "tls_server_config", _why(error, settings))]) from None
    context.verify_mode = CLIENTS[settings.client_auth_type]
    return context


def _no_password() -> str:
    """Refuse a key with a password; without this, OpenSSL would ask for it on the terminal."""
    raise ValueError("the key has a password; give it one without (openssl pkey -in KEY -out NEW)")


def _why(error: OSError | ValueError, settings: TlsServer) -> str:
    pair = f"{settings.cert_file} and {settings.key_file}"
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
    if reason == "KEY_VALUES_MISMATCH":
        return f"{pair} do not belong together; name the key that the certificate was made for"
    return f"{pair} cannot be used: {reason}; both are PEM files, readable for the user it runs as"
