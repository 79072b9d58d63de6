"""Secrets that this process has read, and texts without them: the last guard, for what a bug or a library might say.

Everything that is logged or complained of passes through `blotted`. Elsewhere a secret is a SecretStr or hidden from repr;
this is for the message of an exception that nobody foresaw.
"""

from __future__ import annotations

import base64
import sys
import threading
import traceback
from types import TracebackType
from urllib.parse import quote

BLOT = "***"
# a shorter one would blot out ordinary words, and is no secret of PVE or PBS
SHORTEST = 8

_known: tuple[str, ...] = ()


def conceal(secret: str) -> None:
    """Given a secret that was read, keep it out of every text from now on, also as URL, JSON, base64 or repr would write it."""
    global _known
    if len(secret) >= SHORTEST:
        escaped = secret.encode("unicode_escape").decode()
        encoded = base64.b64encode(secret.encode()).decode().rstrip("=")
        forms = {secret, quote(secret, safe=""), escaped, escaped.replace('"', '\\"'), encoded, *_known}
        # a longer one may hold a shorter one
        _known = tuple(sorted(forms, key=lambda form: (-len(form), form)))


def blotted(text: str) -> str:
    """Given a text, return it with every secret that is known replaced by asterisks."""
    for secret in _known:
        if secret in text:
            text = text.replace(secret, BLOT)
    return text


def guard_tracebacks() -> None:
    """Let the traceback of an exception that nobody catches, in whatever thread, be printed without secrets."""
    sys.excepthook = _print
    threading.excepthook = lambda caught: _print(caught.exc_type, caught.exc_value, caught.exc_traceback)


def _print(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    sys.stderr.write(blotted("".join(traceback.format_exception(kind, error, trace))))
