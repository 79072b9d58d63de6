"""An answer of another status than 200: the server's own words, and what may be done (rulebook M6, M7, M9)."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import responses as standard_reasons

import msgspec
from requests.models import Response

from exporter.client.calls import Call, Failure
from exporter.client.failures import clean
from exporter.client.privileges import denied
from exporter.errors import AuthenticationFailed, Denied, FailureReason, NotFound, ServerFailed, SourceError


@dataclass(frozen=True, slots=True)
class _Status:
    """One row of the table of statuses."""

    error: type[SourceError]
    reason: FailureReason
    remedy: str = ""
    transient: bool = False
    elsewhere: bool = False


_UNAVAILABLE = _Status(ServerFailed, FailureReason.UNAVAILABLE, "", transient=True, elsewhere=True)
_NODE = "the node that was asked for does not answer its cluster: is it up?"
_STATUSES = {
    400: _Status(ServerFailed, FailureReason.BAD_REQUEST),
    401: _Status(
        AuthenticationFailed,
        FailureReason.UNAUTHORIZED,
        "check token_id and the token secret, and that neither token nor user is disabled or expired",
    ),
    404: _Status(NotFound, FailureReason.NOT_FOUND),
    429: _Status(ServerFailed, FailureReason.RATE_LIMITED, transient=True),
    500: _Status(ServerFailed, FailureReason.SERVER_ERROR),
    501: _Status(NotFound, FailureReason.NOT_FOUND),
    502: _UNAVAILABLE,
    503: _UNAVAILABLE,
    504: _UNAVAILABLE,
    595: _Status(ServerFailed, FailureReason.NODE_UNREACHABLE, _NODE),
    596: _Status(ServerFailed, FailureReason.NODE_UNREACHABLE, _NODE, transient=True),
}
_OTHER_STATUS = _Status(ServerFailed, FailureReason.OTHER)


def refused(call: Call, response: Response, body: bytes | bytearray, now: float) -> Failure:
    """Given an answer of another status than 200, return the failure; `now` (epoch seconds) dates a Retry-After."""
    status = response.status_code
    row = _STATUSES.get(status, _OTHER_STATUS)
    message = clean(call, server_message(response, body))
    if status == 403:
        detail, remedy = denied(call, message)
        return Failure(Denied(call.settings.label, call.path, detail, remedy, status=status))
    remedy, reason = row.remedy, row.reason
    if status == 500 and message.startswith("400 "):
        reason = FailureReason.BAD_REQUEST  # M7: how PVE answers some bad parameters
    if 300 <= status < 400:
        target = clean(call, response.headers.get("Location", "nowhere"))
        message, remedy = f"redirected to {target}", "redirects are not followed: configure the API's own address"
    error = row.error(call.settings.label, call.path, message, remedy, reason=reason, status=status)
    waits = retry_after(response.headers.get("Retry-After"), now) if row.transient else None
    return Failure(error, row.transient, row.elsewhere, waits)


def server_message(response: Response, body: bytes | bytearray) -> str:
    """Given an answer that is an error, return the server's own words.

    PVE says it in the reason phrase, with the parameters concerned in the JSON; PBS in plain text (M7, M9).
    """
    reason = (response.reason or "").encode("latin-1", "replace").decode("utf-8", "replace")
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        answer = None
    if isinstance(answer, dict):
        errors = answer.get("errors")
        parameters = [f"{name}: {text}" for name, text in errors.items()] if isinstance(errors, dict) else []
        return " ".join([reason, *parameters]).strip()
    text = body.decode("utf-8", "replace").strip()
    if text and not text.startswith("<") and reason in ("", standard_reasons.get(response.status_code)):
        return text
    return reason


def retry_after(header: str | None, now: float) -> float | None:
    """Given a Retry-After header (seconds or a date), return the seconds from `now`, None without a usable one."""
    if header is None:
        return None
    try:
        seconds = float(int(header)) if header.strip().isdecimal() else parsedate_to_datetime(header).timestamp() - now
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0.0, seconds)
