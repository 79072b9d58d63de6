"""What one client needs to know about its source; plain values, made by the composition root from the configuration."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

MAX_ANSWER_BYTES = 512 * 1024 * 1024
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_TOKEN_ID = re.compile(r"[!-~]+@[!-~]+![!-~]+")
_PRINTABLE = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """One source: where it is, who asks, whom to trust, how long to wait.

    `name` is the configured name (the metric label `source`); `hosts` are (name or address, port), the first one
    preferred; `token_id` is USER@REALM!TOKENID. `fingerprints` are SHA-256 certificate fingerprints, with or without
    colons: if there are any, the server's certificate must be exactly one of them, and neither its name nor its issuer
    is looked at. Otherwise it is verified against `ca_file` (PEM), or the public authorities without one; only
    `verify=False` without fingerprints accepts any certificate.
    Times are seconds: `connect_timeout` covers name, connection and TLS handshake together, `read_timeout` each silence
    of the server, `answer_timeout` one call from connecting to its last byte (None: until the deadline), `failback_after`
    how long a host that failed is left alone.
    Raises ValueError, never with the secret in it, for what could not be sent in a header or can never match.
    """

    name: str
    kind: Literal["pve", "pbs"]
    hosts: tuple[tuple[str, int], ...]
    token_id: str
    token_secret: str = field(repr=False)
    verify: bool = True
    ca_file: str | None = None
    fingerprints: tuple[str, ...] = ()
    connect_timeout: float = 5.0
    read_timeout: float = 30.0
    answer_timeout: float | None = None
    attempts: int = 3
    max_requests: int = 8
    max_answer_bytes: int = MAX_ANSWER_BYTES
    failback_after: float = 300.0

    def __post_init__(self) -> None:
        if not self.hosts:
            raise ValueError(f"{self.label}: no host")
        if not _TOKEN_ID.fullmatch(self.token_id):
            raise ValueError(f"{self.label}: token_id must look like user@realm!token")
        if not _PRINTABLE.fullmatch(self.token_secret):
            # http.client would print the whole header in its error
            raise ValueError(
                f"{self.label}: the token secret is empty or holds a blank or another unprintable character"
            )
        for fingerprint in self.fingerprints:
            if not _FINGERPRINT.fullmatch(plain_fingerprint(fingerprint)):
                raise ValueError(f"{self.label}: {fingerprint} is not a SHA-256 fingerprint (32 bytes in hexadecimal)")

    @property
    def label(self) -> str:
        """How people see the source: `pve lab`."""
        return f"{self.kind} {self.name}"

    @property
    def user(self) -> str:
        """USER@REALM of the token."""
        return self.token_id.rpartition("!")[0]

    @property
    def token_name(self) -> str:
        """TOKENID alone."""
        return self.token_id.rpartition("!")[2]


def plain_fingerprint(fingerprint: str) -> str:
    """Given a fingerprint as people write it, return lower-case hexadecimal without colons and blanks."""
    return re.sub(r"[:\s]", "", fingerprint).lower()
