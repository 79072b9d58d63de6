"""Basic authentication against bcrypt hashes, without paying for bcrypt at every scrape."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import bcrypt

REMEMBERED_SECONDS = 300.0
REMEMBERED_AT_MOST = 100
WAITING_AT_MOST = 16
LONGEST_PASSWORD = 72  # bytes; bcrypt 5 refuses longer ones

Users = Mapping[str, str]


class TooManyLogins(Exception):  # noqa: N818 -- says what happened
    """More passwords wait to be checked than can be in good time."""


class Passwords:
    """Checks passwords in a thread of its own and remembers a right one for five minutes, as a keyed hash only.

    A changed hash in the configuration ends what was remembered for it at once. A wrong user costs the same time as a wrong
    password.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Given a clock in seconds, start without memories."""
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._remembered: dict[bytes, float] = {}
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="bcrypt")
        self._waiting = 0

    async def known(self, users: Users, authorization: str) -> bool:
        """Given the users (name → bcrypt hash, not empty) and an Authorization header, say whether it names one with the right password.

        Raises TooManyLogins when too many unknown passwords wait.
        """
        credential = _credential(authorization)
        if credential is None:
            return False
        user, password = credential
        hashed = users.get(user)
        mark = self._mark(user, hashed or "", password)
        if self._remembered.get(mark, 0.0) > self._clock():
            return True
        if not await self._check(password, hashed or _costliest(users)) or hashed is None:
            return False
        self._remember(mark)
        return True

    def close(self) -> None:
        """End the thread."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    async def _check(self, password: bytes, hashed: str) -> bool:
        if self._waiting >= WAITING_AT_MOST:
            raise TooManyLogins
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._worker, _matches, password, hashed)
        finally:
            self._waiting -= 1

    def _mark(self, user: str, hashed: str, password: bytes) -> bytes:
        parts = (user.encode(), hashed.encode(), password)
        message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return hmac.digest(self._key, message, "sha256")

    def _remember(self, mark: bytes) -> None:
        now = self._clock()
        self._remembered = {known: until for known, until in self._remembered.items() if until > now}
        while len(self._remembered) >= REMEMBERED_AT_MOST:
            self._remembered.pop(next(iter(self._remembered)))
        self._remembered[mark] = now + REMEMBERED_SECONDS


def _credential(authorization: str) -> tuple[str, bytes] | None:
    """Return user and password of a Basic header; None for anything else."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return (user.decode(), password) if colon else None
    except (binascii.Error, UnicodeDecodeError):
        return None


def _matches(password: bytes, hashed: str) -> bool:
    try:
        right = bcrypt.checkpw(password[:LONGEST_PASSWORD], hashed.encode())
    except ValueError:  # not a bcrypt hash
        return False
    return right and len(password) <= LONGEST_PASSWORD


def _costliest(users: Users) -> str:
    """Return the hash that takes longest to check, for users that do not exist; its cost stands behind the second `$`."""
    return max(users.values(), key=lambda hashed: hashed.split("$")[2:3])
