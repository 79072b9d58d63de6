"""Who asks: API tokens with a colon before the secret (M9), and tickets for users with a password."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import unquote

from simulator.answers import Answer
from simulator.pbs.answers import success, unauthorized, wrong_parameter
from simulator.pbs.model import Server

COOKIE = "PBSAuthCookie"


class Login:
    """Checks the credentials of one server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._key = secrets.token_bytes(16)

    def identify(self, authorization: str | None) -> str:
        """The user or token of an Authorization header, or of `Cookie NAME=TICKET`; the genuine 401 for none."""
        scheme, _, credential = (authorization or "").partition("=")
        if scheme == "PBSAPIToken":
            identity, colon, secret = credential.partition(":")
            if not colon:
                raise unauthorized("invalid token name")
            if identity not in self._server.tokens or self._server.tokens[identity] != secret:
                raise unauthorized("invalid credentials.")
            return identity
        if scheme == f"Cookie {COOKIE}":
            user = self._user(unquote(credential))
            if user is None:
                raise unauthorized("invalid ticket.")
            return user
        raise unauthorized("no authentication credentials provided.")

    def ticket(self, fields: Mapping[str, str], now: int) -> Answer:
        """Given username and password (or a ticket as password), return a ticket."""
        for name in ("username", "password"):
            if name not in fields:
                raise wrong_parameter(name, "parameter is missing and it is not optional.")
        user, password = fields["username"], fields["password"]
        if self._server.passwords.get(user) != password and self._user(password) != user:
            raise unauthorized("permission check failed.")
        made = f"PBS:{user}:{now:08X}"
        token = f"{now:08X}:{self._sign('csrf ' + made)}"
        return success({"CSRFPreventionToken": token, "ticket": f"{made}::{self._sign(made)}", "username": user})

    def _user(self, ticket: str) -> str | None:
        made, _, signature = ticket.rpartition("::")
        if not made or not hmac.compare_digest(signature.encode(), self._sign(made).encode()):
            return None
        return made.split(":")[1]

    def _sign(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()
