"""Answers → answers without secrets, names and addresses, that still fit together. Pure: the whole recording in, the whole out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from exporter.client.answered import Answered
from exporter.client.endpoints import normalised
from exporter.record import values as to
from exporter.record.log_lines import log_line
from exporter.record.names import Names
from exporter.record.rules import NUMBERS_TOO, is_sentence, rule_for
from exporter.record.texts import BLOT, Texts
from exporter.record.values import Rename

Json = Any
# the path's part that follows one of these is a name
_IN_PATH = {"nodes": to.node, "storage": to.named(to.STORAGE), "datastore": to.named(to.DATASTORE), "tasks": to.upid}
_IN_QUERY = {
    "poolid": to.path_of(to.POOL),
    "storage": to.named(to.STORAGE),
    "store": to.named(to.DATASTORE),
    "ns": to.path_of(to.NAMESPACE),
    "backup-id": to.group_id,
}
_JOBS, _POOLS = "/cluster/backup/", "/pools/"
_GONE = object()


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request with its answer as it goes into a file: `body` is JSON, text, or None for an empty one."""

    method: str
    path: str
    query: Mapping[str, str]
    status: int
    reason: str
    content_type: str | None
    body: Json


def scrub(answers: Sequence[Answered], names: Names) -> list[Recorded]:
    """Given all answers of all sources and the names collected so far, return the answers scrubbed, in the same order; `names` then
    hands out what stands for each name.
    """
    decoded = [_decoded(answer) for answer in answers]
    for answer in decoded:
        _scrubbed(answer, names, None)
    names.freeze()
    texts = Texts(
        {original: name for _, original, name in names.known()},
        lambda path: _known(to.access_path, names, path, f"/{BLOT}"),
        lambda task: _known(to.upid, names, task, BLOT),
    )
    return [_scrubbed(answer, names, texts) for answer in decoded]


def _known(rename: Rename, names: Names, value: str, otherwise: str) -> str:
    """Rename what a message names; a name that stands nowhere else is not known."""
    try:
        return rename(names, value) or otherwise
    except KeyError:
        return otherwise


def _decoded(answer: Answered) -> Recorded:
    try:
        body: Json = json.loads(answer.body)
    except ValueError:
        body = answer.body.decode("utf-8", "replace") or None
    reason = answer.reason.encode("latin-1", "replace").decode("utf-8", "replace")
    return Recorded(answer.method, answer.path, answer.query, answer.status, reason, answer.content_type, body)


def _scrubbed(answer: Recorded, names: Names, texts: Texts | None) -> Recorded:
    """Rename one answer; without `texts` its names are only collected."""
    place = _Place(normalised(answer.path), names, texts)
    return replace(
        answer,
        path=_path(names, answer.path),
        query={key: _IN_QUERY.get(key, _as_it_is)(names, value) or "" for key, value in answer.query.items()},
        reason=place.sentence(answer.reason),
        body=_value(place, (), "", answer.body),
    )


def _as_it_is(_: Names, value: str) -> str:
    return value


def _path(names: Names, path: str) -> str:
    """Rename the ids in a path, which are quoted; the result is not."""
    if path.startswith(_JOBS):
        identity, slash, rest = path.removeprefix(_JOBS).partition("/")
        return f"{_JOBS}{names.of(to.JOB, unquote(identity))}{slash}{rest}"
    if path.startswith(_POOLS):
        return _POOLS + names.parts(to.POOL, unquote(path.removeprefix(_POOLS)))
    parts = path.split("/")
    for place, part in enumerate(parts[1:], 1):
        rename = _IN_PATH.get(parts[place - 1])
        if rename is not None:
            parts[place] = rename(names, unquote(part)) or ""
    return "/".join(parts)


@dataclass(frozen=True, slots=True)
class _Place:
    """What the fields of one answer are renamed with."""

    endpoint: str
    names: Names
    texts: Texts | None

    def sentence(self, text: str) -> str:
        return self.texts.scrub(text) if self.texts else text


def _value(place: _Place, above: tuple[str, ...], key: str, value: Json) -> Json:
    if isinstance(value, dict):
        return _mapping(place, (*above, key) if key else above, value)
    if isinstance(value, list):
        return [shown for each in value if (shown := _value(place, above, key, each)) is not _GONE]
    if isinstance(value, int | float) and not isinstance(value, bool) and key in NUMBERS_TOO:
        value = str(value)
    if not isinstance(value, str):
        return value
    if not key or "errors" in above or is_sentence(place.endpoint, key):
        return place.sentence(value)
    if key == "t" and place.endpoint.endswith("/log"):
        return log_line(place.names, place.sentence, value)
    shown = rule_for(place.endpoint, above, key)(place.names, value)
    return _GONE if shown is None else shown


def _mapping(place: _Place, above: tuple[str, ...], value: Mapping[str, Json]) -> dict[str, Json]:
    if place.endpoint == "/access/permissions" and above == ("data",):
        return {to.access_path(place.names, path): held for path, held in value.items()}
    shown = {key: _value(place, above, key, each) for key, each in value.items()}
    shown |= _by_kind(place, value)
    return {key: each for key, each in shown.items() if each is not _GONE}


def _by_kind(place: _Place, row: Mapping[str, Json]) -> dict[str, Json]:
    """Rename the fields that mean different things in different rows of one answer."""
    if place.endpoint == "/cluster/status" and "name" in row:
        return {"name": place.names.of(to.CLUSTER if row.get("type") == "cluster" else to.NODE, str(row["name"]))}
    if isinstance(row.get("worker_id"), str):
        return {"worker_id": to.worker_id(place.names, str(row.get("worker_type")), row["worker_id"])}
    return {}
