"""Recorded answers read from disk, in both formats of the shared data, laid one over the other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from simulator.answers import CONTENT_TYPE, Answer

PREFIX = "/api2/json"
EPOCH_FILE = "RECORDED_AT_EPOCH"
METHODS = ("GET", "POST", "PUT", "DELETE")

Query = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Request:
    """What a recording is found by: method, decoded path below /api2/json, and the query in no order."""

    method: str
    path: str
    query: Query


def request_of(method: str, target: str) -> Request:
    """Given a method and a target below /api2/json, percent-encoded in whatever way, return what to look for."""
    path, _, query = target.partition("?")
    return Request(method, unquote(path).rstrip("/") or "/", _pairs(query))


class RecordingError(ValueError):
    """A folder holds no recording, or a file is not one."""


@dataclass(frozen=True, slots=True)
class Layer:
    """The recordings of one folder, and when they were made (None if the folder does not say)."""

    folder: Path
    answers: Mapping[Request, Answer]
    epoch: int | None


def read_layer(folder: Path) -> Layer:
    """Given a folder of either format, return its recordings; raises RecordingError naming the folder."""
    if not folder.is_dir():
        raise RecordingError(f"{folder} is no folder")
    answers = dict(_indexed(folder) if (folder / "INDEX.json").is_file() else _single(folder))
    if not answers:
        raise RecordingError(f"{folder} holds no recorded answer")
    epoch_file = folder / EPOCH_FILE
    return Layer(folder, answers, int(epoch_file.read_text()) if epoch_file.is_file() else None)


def _indexed(folder: Path) -> Iterator[tuple[Request, Answer]]:
    """Raw bodies described by INDEX.json."""
    for name, row in json.loads((folder / "INDEX.json").read_text()).items():
        body_file = folder / f"{name}.json"
        query = frozenset((key, _query_text(value)) for key, value in row["query"].items())
        request = Request(row["method"], unquote(row["path"]).removeprefix(PREFIX) or "/", query)
        body = body_file.read_bytes() if body_file.is_file() else b""
        yield request, _answer(row["status"], row["reason"], body, row["content_type"])


def _single(folder: Path) -> Iterator[tuple[Request, Answer]]:
    """Files that describe themselves, or raw bodies whose name tells the request and whose answer was a success."""
    for file in sorted(folder.glob("*.json")):
        raw = file.read_bytes()
        document = json.loads(raw)
        if isinstance(document, dict) and "request" in document:
            yield _described(document)
        elif file.name.startswith(tuple(f"{method}_" for method in METHODS)):
            yield _named(file.stem), _answer(200, "OK", raw, CONTENT_TYPE)


def _described(document: Mapping[str, Any]) -> tuple[Request, Answer]:
    asked = document["request"]
    target, _, query = str(asked["path"]).partition("?")
    pairs = _pairs(query) | {(key, _query_text(value)) for key, value in (asked.get("params") or {}).items()}
    body = document["body"]
    raw = body.encode() if isinstance(body, str) else b"" if body is None else json.dumps(body).encode()
    request = Request(asked["method"], unquote(target).removeprefix(PREFIX) or "/", pairs)
    return request, _answer(document["status"], document["reason"], raw, document["content_type"])


def _named(stem: str) -> Request:
    """`METHOD_path` with `/` as `__` and the query as `@key=value`."""
    method, _, rest = stem.partition("_")
    path, *pairs = rest.split("@")
    query = frozenset((key, unquote(value)) for key, _, value in (pair.partition("=") for pair in pairs))
    return Request(method, "/" + unquote(path.replace("__", "/")), query)


def _pairs(query: str) -> Query:
    return frozenset((key, _query_text(value)) for key, value in parse_qsl(query, keep_blank_values=True))


def _query_text(value: object) -> str:
    """A parameter in one form: clients write truth as 1 or as true."""
    return {"true": "1", "false": "0"}.get(str(value).lower(), str(value))


def _answer(status: int, reason: str, body: bytes, content_type: str | None) -> Answer:
    return Answer(status, reason, body, content_type, close=status == 401)
