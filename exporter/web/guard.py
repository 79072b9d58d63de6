"""What stands before every path, health included, as in Prometheus' exporter-toolkit: rate limit, headers, authentication."""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exporter.config.web_file import RateLimit
from exporter.web.access import AccessFile
from exporter.web.answers import text_answer
from exporter.web.auth import Passwords, TooManyLogins

DEFAULT_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
}
CHALLENGE = ((b"www-authenticate", b'Basic realm="vzcover", charset="UTF-8"'),)
LATER = ((b"retry-after", b"1"),)


class TokenBucket:
    """A rate limit as exporter-toolkit means it: `burst` requests at once, then one every `interval` seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Given a clock in seconds, start full."""
        self._clock = clock
        self._limit: RateLimit | None = None
        self._tokens = 0.0
        self._filled_at = 0.0

    def allows(self, limit: RateLimit | None) -> bool:
        """Given the limit in force (None: none), take a token and say whether there was one; another limit starts full."""
        if limit is None:
            return True
        now = self._clock()
        if limit != self._limit:
            self._limit, self._tokens, self._filled_at = limit, float(limit.burst), now
        self._tokens = min(float(limit.burst), self._tokens + (now - self._filled_at) / limit.interval)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, access: AccessFile, passwords: Passwords) -> None:
        """Given the application, the rules in force and the checker of passwords, guard it."""
        self._app = app
        self._access = access
        self._passwords = passwords
        self._bucket = TokenBucket()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 429 or 401 where the rules say so, else let the application answer; add headers to every answer."""
        rules = self._access.rules()
        send = _with_headers(send, rules.headers)
        if not self._bucket.allows(rules.rate_limit):
            await text_answer("too many requests\n", 429, LATER)(scope, receive, send)
            return
        try:
            known = not rules.users or await self._passwords.known(
                rules.users, Headers(scope=scope).get("authorization", "")
            )
        except TooManyLogins:
            await text_answer("too many logins at once\n", 429, LATER)(scope, receive, send)
            return
        if known:
            await self._app(scope, receive, send)
        else:
            await text_answer("unauthorized\n", 401, CHALLENGE)(scope, receive, send)


def _with_headers(send: Send, configured: tuple[tuple[str, str], ...]) -> Send:
    """Return a send that adds the default headers, those of the configuration in their place."""
    headers = DEFAULT_HEADERS | {name.lower(): value for name, value in configured}
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *encoded]
        await send(message)

    return sending
