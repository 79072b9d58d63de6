"""`python -m exporter.healthcheck`: exits 0 if the daemon on this machine answers HTTP, with or without TLS; for containers.

Any status counts, also 401 where the web configuration asks for a password: what is asked is whether the process serves.
VZCOVER_HEALTH_ADDRESS names another address than 127.0.0.1:10977.
"""

from __future__ import annotations

import os
import socket
import ssl
import sys

DEFAULT_ADDRESS = "127.0.0.1:10977"
TIMEOUT_SECONDS = 3.0
REQUEST = b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def answers(host: str, port: int, context: ssl.SSLContext | None) -> bool:
    """Given an address and a TLS context (None: plain), say whether an HTTP answer comes."""
    try:
        with socket.create_connection((host, port), TIMEOUT_SECONDS) as plain:
            connection = context.wrap_socket(plain) if context else plain
            connection.sendall(REQUEST)
            return connection.recv(5) == b"HTTP/"
    except OSError:
        return False


def main() -> int:
    """Return 0 if the daemon answers, 1 if not."""
    host, _, port = os.environ.get("VZCOVER_HEALTH_ADDRESS", DEFAULT_ADDRESS).rpartition(":")
    # our own process on our own machine: nobody to be deceived by, and its certificate names the outside
    unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    return int(not any(answers(host, int(port), context) for context in (None, unverified)))


if __name__ == "__main__":
    sys.exit(main())
