"""A backend that answers with recordings: the first folder that knows a request answers it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from simulator.answers import Answer, bad_parameters, encode, success
from simulator.recordings import Layer, Request, read_layer, request_of

JOBS = "/cluster/backup"
NODE_LISTS = ("/nodes", "/cluster/status")


class Replay:
    """Recordings of several folders, an earlier one over a later one; any credentials will do."""

    def __init__(self, folders: Sequence[Path], zone: str, warn: Callable[[str], None] | None = None) -> None:
        self._layers = [read_layer(folder) for folder in folders]
        self._zone = ZoneInfo(zone)
        self._warn = warn or _to_stderr
        epochs = [layer.epoch for layer in self._layers if layer.epoch is not None]
        self.of_backup_server = any(_get("/status/datastore-usage") in layer.answers for layer in self._layers)
        self.recorded_at, self.clock_source = self._recorded_clock(epochs)
        self._nodes = self._recorded_nodes()
        self._deciding = next(
            (number for number, layer in enumerate(self._layers) if _get(JOBS) in layer.answers), None
        )

    def answer(self, method: str, target: str, authorization: str | None, now: int) -> Answer:
        """Given method and target below /api2/json, return the recorded answer, else 501 "not recorded"."""
        request = request_of(method, target)
        found = self._gone_job(request) or self._recorded(request) or self._time(request, now)
        if found is not None:
            return found
        self._warn(f"not recorded: {method} {target}")
        return Answer(501, "not recorded", encode({"data": None, "message": f"not recorded: {method} {target}"}))

    def change_job(self, identity: str, changes: Mapping[str, object]) -> None:
        """Recordings do not change: always ValueError."""
        raise ValueError("a replay cannot change its jobs")

    def control(self, method: str, path: str, document: Mapping[str, object]) -> object:
        """There is nothing more to change: always KeyError."""
        raise KeyError(f"{method} /_simulator{path}")

    def _recorded_clock(self, epochs: Sequence[int]) -> tuple[int | None, str]:
        """When the recordings were made, and how that is known: said by a folder, a recorded clock, newest task."""
        if epochs:
            return epochs[0], "a folder's RECORDED_AT_EPOCH"
        answer = self._recorded(_get("/nodes/localhost/time"))
        if answer is not None and answer.status == 200:
            return int(json.loads(answer.body)["data"]["time"]), "the recorded /nodes/localhost/time"
        found = [
            instant for layer in self._layers for answer in layer.answers.values() for instant in _instants(answer)
        ]
        if found:
            return max(found), "the newest task or backup recorded"
        return None, "the real one"

    def _recorded(self, request: Request) -> Answer | None:
        return next((layer.answers[request] for layer in self._layers if request in layer.answers), None)

    def _gone_job(self, request: Request) -> Answer | None:
        """The genuine 400 for a job that only a folder below the one with the list of jobs still knows."""
        if not request.path.startswith(f"{JOBS}/") or self._deciding is None:
            return None
        identity = request.path.split("/")[3]
        upper = self._layers[: self._deciding + 1]
        if any(request in layer.answers for layer in upper) or identity in _job_ids(upper[-1]):
            return None
        return bad_parameters({"id": f"No such job '{identity}'"}).answer

    def _time(self, request: Request, now: int) -> Answer | None:
        """`/nodes/{node}/time`, which was not recorded, for every recorded node."""
        parts = request.path.split("/")
        if request.method != "GET" or len(parts) != 4 or (parts[1], parts[3]) != ("nodes", "time"):
            return None
        if parts[2] not in self._nodes:
            return None
        offset = datetime.fromtimestamp(now, self._zone).utcoffset()
        local = now + (int(offset.total_seconds()) if offset else 0)
        return success({"timezone": self._zone.key, "time": now, "localtime": local})

    def _recorded_nodes(self) -> frozenset[str]:
        found: set[str] = set()
        for path in NODE_LISTS:
            for row in _rows(self._recorded(_get(path))):
                found.add(str(row.get("node") or row.get("name")))
        return frozenset(found)


def _get(path: str) -> Request:
    return Request("GET", path, frozenset())


def _rows(answer: Answer | None) -> list[dict[str, Any]]:
    if answer is None or answer.status != 200:
        return []
    document = json.loads(answer.body)
    data = document.get("data") if isinstance(document, dict) else None
    return [row for row in data if isinstance(row, dict)] if isinstance(data, list) else []


def _job_ids(layer: Layer) -> frozenset[str]:
    return frozenset(str(row["id"]) for row in _rows(layer.answers[_get(JOBS)]))


def _instants(answer: Answer) -> Iterator[int]:
    """Past instants that rows of an answer tell: tasks, backups, ends of runs."""
    for row in _rows(answer):
        for key in ("starttime", "endtime", "backup-time", "last-run-endtime"):
            if isinstance(row.get(key), int):
                yield row[key]


def _to_stderr(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
