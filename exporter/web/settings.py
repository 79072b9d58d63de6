"""What the web server needs to know, with defaults that suit an exporter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from exporter.config.addresses import Address


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Where to listen (an empty host is every address, port 0 a free one), the web-config.yml file if any, and the limits.

    Beyond `max_connections` the connection that has been silent longest makes room, so that idle or stuck clients never keep
    a scrape out. `header_seconds`: until a request (and a TLS handshake) must be complete; `keep_alive_seconds`: longest
    silence between requests; `stalled_seconds`: longest time in which a client may take nothing of its answer.
    """

    listen: tuple[Address, ...] = (Address("", 10977),)
    web_config_file: Path | None = None
    max_connections: int = 100
    max_header_bytes: int = 16 * 1024
    header_seconds: float = 10.0
    keep_alive_seconds: int = 75
    stalled_seconds: float = 30.0
    stop_seconds: float = 1.5
