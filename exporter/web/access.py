"""The web-config.yml in force: who may ask, over which TLS. Read anew when it or a certificate changes, as the toolkit does."""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from exporter.config.web_file import RateLimit, WebConfig, load_web_config
from exporter.errors import ConfigError
from exporter.web.tls import build_context

logger = logging.getLogger(__name__)

LOOK_EVERY = 1.0  # seconds

Stamps = tuple[tuple[Path, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """What a request meets: users (name → bcrypt hash; none: everyone may ask), headers for every answer, the rate limit."""

    users: Mapping[str, str] = field(default_factory=dict)
    headers: tuple[tuple[str, str], ...] = ()
    rate_limit: RateLimit | None = None


class AccessFile:
    """Holds the last usable version of the file. Used by the web thread alone once that runs."""

    def __init__(self, path: Path | None, clock: Callable[[], float] = time.monotonic) -> None:
        """Given the file's path (None: plain HTTP, open to all) and a clock in seconds, read it. Raises ConfigError if it is not usable."""
        self._path = path
        self._clock = clock
        self._rules = Rules()
        self._tls: ssl.SSLContext | None = None
        self._failure: str | None = None
        self._stamps: Stamps = ()
        self._looked_at = clock()
        if path is not None:
            self._load(path)

    @property
    def reloaded(self) -> bool | None:
        """Return whether the file as it is now is in force; None without a file."""
        return None if self._path is None else self._failure is None

    def rules(self) -> Rules:
        """Return the rules in force."""
        self._look()
        return self._rules

    def tls(self) -> ssl.SSLContext | None:
        """Return the TLS context for the next handshake; None: plain HTTP."""
        self._look()
        return self._tls

    def _look(self) -> None:
        """Read the files anew if one has changed, or could not be used at the last look; that leaves the old in force and is said once."""
        now = self._clock()
        if self._path is None or now - self._looked_at < LOOK_EVERY:
            return
        self._looked_at = now
        if self._failure is None and _stamps(path for path, *_ in self._stamps) == self._stamps:
            return
        try:
            self._load(self._path)
        except ConfigError as error:
            if str(error) != self._failure:
                logger.error("web configuration not reloaded, the old one stays in force: %s", error)
            self._failure = str(error)
        else:
            self._failure = None
            logger.info("web configuration reloaded from %s", self._path)

    def _load(self, path: Path) -> None:
        # stamped before reading: a change while reading is then seen at the next look
        before = _stamps([path])
        config = load_web_config(path)
        certificates = _stamps(_certificate_files(config))
        settings = config.tls_server_config
        tls = build_context(settings, path) if settings else None
        limit = config.rate_limit
        self._rules = Rules(
            {user: hashed.get_secret_value() for user, hashed in config.basic_auth_users.items()},
            tuple(config.http_server_config.headers.items()),
            limit if limit.enabled else None,
        )
        self._tls = tls
        self._stamps = before + certificates


def _certificate_files(config: WebConfig) -> list[Path]:
    settings = config.tls_server_config
    files = (settings.cert_file, settings.key_file, settings.client_ca_file) if settings else ()
    return [file for file in files if file is not None]


def _stamps(files: Iterable[Path]) -> Stamps:
    """Return each file with what changes when it does; zeros for one that cannot be seen."""
    stamps = []
    for file in files:
        try:
            seen = file.stat()
            stamps.append((file, seen.st_mtime_ns, seen.st_size, seen.st_ino))
        except OSError:
            stamps.append((file, 0, 0, 0))
    return tuple(stamps)
