"""Certificates for tests, made once a run: an authority, and servers good and bad."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

VALID_FROM = datetime(2023, 1, 1, tzinfo=UTC)
EXPIRED_ON = datetime(2024, 1, 1, 12, 0, tzinfo=UTC)
GOOD_UNTIL = datetime(2090, 6, 1, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class ServerCertificate:
    """PEM of certificate and key, the certificate's SHA-256 as `AA:BB:…`."""

    certificate: bytes
    key: bytes
    fingerprint: str

    @property
    def pem(self) -> bytes:
        return self.certificate + self.key


@dataclass(frozen=True)
class _Authority:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(subject: str, issuer: str, key: ec.EllipticCurvePrivateKey, until: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(VALID_FROM)
        .not_valid_after(until)
    )


@lru_cache
def _authority() -> _Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder("test authority", "test authority", key, GOOD_UNTIL)
    certificate = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(
        key, hashes.SHA256()
    )
    return _Authority(certificate, key)


def authority_pem() -> bytes:
    """The authority that signs all but the self-signed certificate."""
    return _authority().certificate.public_bytes(serialization.Encoding.PEM)


@lru_cache
def server_certificate(
    names: tuple[str, ...] = ("localhost", "127.0.0.1"), until: datetime = GOOD_UNTIL, self_signed: bool = False
) -> ServerCertificate:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer, signer = ("pve1", key) if self_signed else ("test authority", _authority().key)
    alternatives = [
        x509.IPAddress(ipaddress.ip_address(name)) if name[0].isdigit() else x509.DNSName(name) for name in names
    ]
    certificate = (
        _builder("pve1", issuer, key, until)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .sign(signer, hashes.SHA256())
    )
    return ServerCertificate(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        certificate.fingerprint(hashes.SHA256()).hex(":").upper(),
    )
