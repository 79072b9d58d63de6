"""Log lines for people (key=value) and for machines (JSON), on standard error. Changes are logged, not states; never a secret."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime

FIELDS = "fields"
_PLAIN = re.compile(r"[\w.:/@!%+,-]+")


def event(logger: logging.Logger, level: int, message: str, **fields: object) -> None:
    """Given a level, a sentence and named values, log them as one line."""
    logger.log(level, message, extra={FIELDS: fields})


class KeyValueFormatter(logging.Formatter):
    """`time=2026-11-21T06:00:00Z level=info msg="source is down" source=lab`"""

    def format(self, record: logging.LogRecord) -> str:
        return " ".join(f"{key}={_quoted(value)}" for key, value in _parts(record).items())


class JsonFormatter(logging.Formatter):
    """The same as one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(_parts(record), ensure_ascii=False, default=str)


def set_up(log_format: str, level: str) -> None:
    """Given "keyvalue" or "json" and a level's name, send the program's log to standard error in that form."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if log_format == "json" else KeyValueFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("vzcover").setLevel(level.upper())


def _parts(record: logging.LogRecord) -> dict[str, object]:
    moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    parts: dict[str, object] = {"time": moment, "level": record.levelname.lower(), "msg": record.getMessage()}
    parts.update(getattr(record, FIELDS, {}))
    if record.exc_info and record.exc_info[1] is not None:
        # the class and message; a traceback of ours is a bug, and may hold local values
        parts["error"] = f"{type(record.exc_info[1]).__name__}: {record.exc_info[1]}"
    return parts


def _quoted(value: object) -> str:
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
