"""Faults on demand: which paths they hit, and what they do to an answer.

Some kinds act on the connection and are carried out by the server: `refused` (the request is read, then the connection
is reset before a single byte of an answer; the port itself stays open, because one path cannot close it), `reset`
(half of the body, then a reset), `timeout` (never answers), `drip` and `drip-headers` (a byte at a time).
The others replace or spoil the answer, which is what `spoil` does.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from simulator.answers import Answer, encode

CONNECTION_KINDS = frozenset({"refused", "reset", "timeout", "drip", "drip-headers"})
STATUS_REASONS = {
    "401": "Authentication failed!",
    "403": "Permission check failed (/, Sys.Audit)",
    "404": "Not Found",
    "429": "Too Many Requests",
    "500": "internal error on demand",
    "502": "Bad Gateway",
    "503": "Service Unavailable",
    "504": "Gateway Timeout",
    "595": "No route to host",
    "596": "Connection timed out",
}
# the codes that a backup server answers with itself, and its reason phrases (M9)
PLAIN = {"401": "Unauthorized", "403": "Forbidden", "404": "Not Found", "500": "Internal Server Error"}
HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Please sign in</h1></body></html>"


class FaultError(ValueError):
    """A fault that is not known or not well written."""


@dataclass(slots=True)
class Rule:
    """A fault on the paths a pattern matches; `left` is how many requests it still hits, None for all."""

    pattern: re.Pattern[str]
    with_query: bool
    kind: str
    left: int | None


class Faults:
    """The faults in force; may be changed while the server runs."""

    def __init__(self, wanted: Mapping[str, str] | None = None) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self.replace(wanted or {})

    def replace(self, wanted: Mapping[str, str]) -> None:
        """Given path pattern → KIND or KIND:COUNT, put them in force instead of the present ones; raises FaultError."""
        rules = [_rule(pattern, text) for pattern, text in wanted.items()]
        with self._lock:
            self._rules = rules

    def take(self, target: str) -> str | None:
        """The kind of the first fault that hits a target below /api2/json; a counted one is used up by that."""
        path = target.partition("?")[0]
        with self._lock:
            for rule in self._rules:
                if rule.left == 0 or not rule.pattern.fullmatch(target if rule.with_query else path):
                    continue
                if rule.left is not None:
                    rule.left -= 1
                return rule.kind
        return None


def _rule(pattern: str, text: str) -> Rule:
    kind, _, count = text.partition(":")
    if kind not in KINDS:
        raise FaultError(f"unknown fault {kind!r} for {pattern!r}: one of {', '.join(sorted(KINDS))}")
    if count and not count.isdecimal():
        raise FaultError(f"{text!r}: the count after the colon must be a number")
    compiled = re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)
    return Rule(compiled, "?" in pattern, kind, int(count) if count else None)


def spoil(kind: str, answer: Answer, plain: bool = False) -> Answer:
    """Given a kind that acts on the answer and the true answer, return what is sent instead; `plain`: errors as text."""
    if kind in STATUS_REASONS and plain and kind in PLAIN:
        return Answer(int(kind), PLAIN[kind], STATUS_REASONS[kind].encode())
    if kind in STATUS_REASONS:
        return _forced(int(kind), STATUS_REASONS[kind])
    return SPOILERS[kind](answer)


def _forced(status: int, reason: str) -> Answer:
    if status in {401, 595, 596}:
        return Answer(status, reason, content_type=None, close=status == 401)
    if status in {403, 500}:
        return Answer(status, reason, encode({"data": None, "message": f"{reason}\n"}))
    page = f"<html><body><h1>{status} {reason}</h1></body></html>".encode()
    headers = (("Retry-After", "1"),) if status in {429, 503} else ()
    return Answer(status, reason, page, content_type="text/html", headers=headers)


def _reshaped(change: Callable[[Any], Any]) -> Callable[[Answer], Answer]:
    """Make a spoiler from a change of the decoded document; answers that are not status 200 stay as they are."""

    def spoiler(answer: Answer) -> Answer:
        if answer.status != 200:
            return answer
        return replace(answer, body=encode(change(json.loads(answer.body))))

    return spoiler


def _wrong(value: Any) -> Any:
    if isinstance(value, dict):
        return 17
    if isinstance(value, list):
        return "list"
    if isinstance(value, str):
        return [value]
    return {"was": value}


def _wrong_fields(document: Any) -> Any:
    data = document.get("data")
    if isinstance(data, list):
        rows = [{k: _wrong(v) for k, v in row.items()} if isinstance(row, dict) else _wrong(row) for row in data]
        return document | {"data": rows}
    if isinstance(data, dict):
        return document | {"data": {key: _wrong(value) for key, value in data.items()}}
    return document | {"data": _wrong(data)}


def _with_rows(choose: Callable[[list[Any]], list[Any]]) -> Callable[[Any], Any]:
    """Make a change of the rows of an answer: of a list, of the lists in an object, or of an object of objects."""

    def change(document: Any) -> Any:
        return document | {"data": chosen(document.get("data"))}

    def chosen(data: Any) -> Any:
        if isinstance(data, list):
            return choose(data)
        if not isinstance(data, dict):
            return data
        if any(isinstance(value, list) for value in data.values()):
            return {key: choose(value) if isinstance(value, list) else value for key, value in data.items()}
        if data and all(isinstance(value, dict) for value in data.values()):
            return dict(choose(list(data.items())))
        return data

    return change


def _emptied(document: Any) -> Any:
    return {"data": {} if isinstance(document.get("data"), dict) else []}


def _two_of_three(rows: list[Any]) -> list[Any]:
    """Leave every third row out, counted in the order of their texts: whatever the order of the answer, the same ones."""
    ranks = {position: rank for rank, position in enumerate(sorted(range(len(rows)), key=lambda at: encode(rows[at])))}
    return [row for position, row in enumerate(rows) if ranks[position] % 3 != 2]


SPOILERS: Mapping[str, Callable[[Answer], Answer]] = {
    "html": lambda answer: Answer(200, "OK", HTML, content_type="text/html"),
    "truncated": lambda answer: replace(answer, body=answer.body[: len(answer.body) // 2]),
    "gzip-garbage": lambda answer: replace(
        answer, body=b"\x1f\x8b" + answer.body[::-1], headers=(("Content-Encoding", "gzip"),)
    ),
    "empty": _reshaped(_emptied),
    "no-data": _reshaped(lambda document: {"success": 1}),
    "rows-missing": _reshaped(_with_rows(_two_of_three)),
    "wrong-types": _reshaped(_wrong_fields),
}
KINDS = CONNECTION_KINDS | STATUS_REASONS.keys() | SPOILERS.keys()
