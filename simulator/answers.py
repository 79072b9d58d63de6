"""Answers as values, in the forms of the genuine daemon (M7), and the error that carries one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

CONTENT_TYPE = "application/json;charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer: status, reason phrase, body; `content_type` None means a bare answer without one.

    `parts` instead of a body are sent as they are made; `delay` is how many seconds the answer comes late.
    """

    status: int
    reason: str
    body: bytes = b""
    content_type: str | None = CONTENT_TYPE
    headers: tuple[tuple[str, str], ...] = ()
    close: bool = False
    parts: Iterator[bytes] | None = None
    delay: float = 0.0


class ApiError(Exception):
    """A call that the cluster answers with an error."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.status} {answer.reason}")
        self.answer = answer


def encode(value: object) -> bytes:
    """JSON as compact UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def success(data: object, total: int | None = None) -> Answer:
    """Status 200 with `data`; lists that are paged also say their `total`, unless it is 0."""
    return Answer(200, "OK", encode({"total": total, "data": data} if total else {"data": data}))


def failure(status: int, message: str) -> ApiError:
    """An error whose reason phrase carries the message (M7)."""
    return ApiError(Answer(status, message, encode({"data": None, "message": f"{message}\n"})))


def bad_parameters(errors: Mapping[str, str]) -> ApiError:
    """Status 400 that names each wrong parameter."""
    message = "Parameter verification failed."
    body = encode({"data": None, "errors": errors, "message": f"{message}\n"})
    return ApiError(Answer(400, message, body))


def forbidden(path: str, privileges: str) -> ApiError:
    """Status 403 for a privilege that the caller lacks on a path; alternatives are joined with `|`."""
    return failure(403, f"Permission check failed ({path}, {privileges})")


def not_implemented(method: str, path: str) -> ApiError:
    """Status 501 for a method or path that does not exist (M6); alone among the errors its message has no line end."""
    message = f"Method '{method} {path}' not implemented"
    return ApiError(Answer(501, message, encode({"data": None, "message": message})))


def unauthorized(reason: str) -> ApiError:
    """Status 401: no body, and the connection closes."""
    return ApiError(Answer(401, reason, content_type=None, close=True))


def dead_node(reason: str = "Connection refused") -> ApiError:
    """Status 595: the call was passed on to a node that does not answer (M7); no body."""
    return ApiError(Answer(595, reason, content_type=None))


def unknown_node(node: str) -> ApiError:
    """Status 500 for a node that the cluster does not know (M7)."""
    return failure(
        500, f"hostname lookup '{node}' failed - failed to get address info for: {node}: Name or service not known"
    )
