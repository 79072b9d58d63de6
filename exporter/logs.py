"""Log lines for people (key=value) and for machines (JSON), on standard error. Changes are logged, not states; never a secret."""

from __future__ import annotations

import json
import logging
import re
import traceback
from datetime import UTC, datetime
from pathlib import Path

from exporter.concealed import blotted

FIELDS = "fields"
# how much of the way to a bug is told
FRAMES = 4
_PLAIN = re.compile(r"[\w.:/@!%+,-]+")


def event(logger: logging.Logger, level: int, message: str, **fields: object) -> None:
    """Given a level, a sentence and named values, log them as one line."""
    logger.log(level, message, extra={FIELDS: fields})


class KeyValueFormatter(logging.Formatter):
    """`time=2026-11-21T06:00:00Z level=info msg="source is down" source=lab`"""

    def format(self, record: logging.LogRecord) -> str:
        return blotted(" ".join(f"{key}={_quoted(value)}" for key, value in _parts(record).items()))


class JsonFormatter(logging.Formatter):
    """The same as one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        return blotted(_visible(json.dumps(_parts(record), ensure_ascii=False, default=str)))


def set_up(log_format: str, level: str) -> None:
    """Given "keyvalue" or "json" and a level's name, send the program's log to standard error in that form."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if log_format == "json" else KeyValueFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    # a client that goes away in the middle of an answer is its own business; the loop warns of each write to it
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    logging.getLogger("vzcover").setLevel(level.upper())


def _parts(record: logging.LogRecord) -> dict[str, object]:
    moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    parts: dict[str, object] = {"time": moment, "level": record.levelname.lower(), "msg": record.getMessage()}
    parts.update(getattr(record, FIELDS, {}))
    if record.exc_info and record.exc_info[1] is not None:
        # a bug of ours: the class, the message and where, as one line
        parts["error"] = f"{type(record.exc_info[1]).__name__}: {record.exc_info[1]}"
        parts["at"] = " < ".join(_frames(record.exc_info[1]))
    return parts


def _frames(error: BaseException) -> list[str]:
    """Return the innermost places an exception passed, the deepest first, as `file.py:line`."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    return [f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames)]


def _quoted(value: object) -> str:
    text = str(value)
    return text if _PLAIN.fullmatch(text) else _visible(json.dumps(text, ensure_ascii=False))


def _visible(quoted: str) -> str:
    """Given a JSON text, escape what would move the cursor or end the line: json.dumps leaves C1 controls and U+2028 alone."""
    return "".join(character if character.isprintable() else json.dumps(character)[1:-1] for character in quoted)
