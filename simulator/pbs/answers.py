"""Answers of the backup server: errors are plain text under the standard reason phrase, some of them late (M9)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simulator.answers import Answer, ApiError, encode

UNAUTHORIZED_SECONDS, FORBIDDEN_SECONDS = 3.0, 0.5
REASONS = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}


def success(data: object, **beside: object) -> Answer:
    """Status 200 with `data` and what stands beside it."""
    return Answer(200, "OK", encode({"data": data, **beside}))


def page(data: object, total: int) -> Answer:
    """A list of tasks: `total` first, as recorded."""
    return Answer(200, "OK", encode({"total": total, "data": data}))


def stream(parts: Iterator[bytes]) -> Answer:
    """Status 200 with rows that are written while they are sent."""
    return Answer(200, "OK", parts=parts)


def bad_request(message: str) -> ApiError:
    return ApiError(Answer(400, REASONS[400], message.encode()))


def wrong_parameter(name: str, problem: str) -> ApiError:
    return bad_request(f"parameter verification failed - '{name}': {problem}")


def forbidden(detail: str = "", late: bool = False) -> ApiError:
    """Status 403; `late` where the privilege is declared and not checked by the call itself."""
    message = f"permission check failed{detail}"
    return ApiError(Answer(403, REASONS[403], message.encode(), delay=FORBIDDEN_SECONDS if late else 0.0))


def not_found(path: str) -> ApiError:
    return ApiError(Answer(404, REASONS[404], f"Path '/api2/json{path}' not found.".encode()))


def unauthorized(detail: str) -> ApiError:
    """Status 401, three seconds late."""
    body = f"authentication failed - {detail}".encode()
    return ApiError(Answer(401, REASONS[401], body, content_type=None, delay=UNAUTHORIZED_SECONDS))


Row = dict[str, Any]
