"""Answers out of bytes that lie ready: sent in slices, never copied whole."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from exporter.bodies import Body
from exporter.web.negotiation import accepts_gzip

# While a refresh computes, every send waits for the interpreter: few sends, so large slices. But one slice is what a client that
# does not read costs, so not larger.
SLICE = 100_000

Header = tuple[bytes, bytes]


class Answer:
    """An ASGI answer with a shared body."""

    def __init__(
        self, body: bytes | tuple[bytes, ...], content_type: str, *, status: int = 200, headers: tuple[Header, ...] = ()
    ) -> None:
        """Given the bytes, what they are, a status and further headers, prepare the answer."""
        self._parts = body if isinstance(body, tuple) else (body,)
        self._status = status
        self._headers = [
            (b"content-type", content_type.encode()),
            (b"content-length", str(sum(map(len, self._parts))).encode()),
            *headers,
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; to HEAD the head alone. A client that is gone ends it quietly, one that does not read holds one slice."""
        await send({"type": "http.response.start", "status": self._status, "headers": self._headers})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        for part in self._parts:
            slices = memoryview(part)
            for start in range(0, len(slices), SLICE):
                await send({"type": "http.response.body", "body": slices[start : start + SLICE], "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def encoded_answer(body: Body, content_type: str, headers: Headers, vary: bytes = b"Accept-Encoding") -> Answer:
    """Given a body in both encodings, what it is and the request's headers, return the answer in the encoding asked for."""
    extra: tuple[Header, ...] = ((b"vary", vary), (b"cache-control", b"no-cache"))
    if accepts_gzip(headers.get("accept-encoding", "")):
        return Answer(body.gzip, content_type, headers=((b"content-encoding", b"gzip"), *extra))
    return Answer(body.parts, content_type, headers=extra)


def text_answer(text: str, status: int = 200, headers: tuple[Header, ...] = ()) -> Answer:
    """Given a line or two, a status and further headers, return them as plain text."""
    return Answer(text.encode(), "text/plain; charset=utf-8", status=status, headers=headers)
