"""Starts the simulator as a process for tests and ends it by its id."""

from __future__ import annotations

import json
import os
import queue
import ssl
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

REPOSITORY = Path(__file__).resolve().parents[1]
READY_SECONDS = 30
END_SECONDS = 10
CALL_SECONDS = 10


@dataclass(frozen=True)
class Endpoint:
    """A listening server: how to reach and trust it, and what it can be told."""

    url: str
    host: str
    port: int
    fingerprint: str
    ca_file: Path
    tokens: Mapping[str, str]

    def set_faults(self, faults: Mapping[str, str]) -> None:
        """Put these faults (path pattern → KIND or KIND:COUNT) in force instead of the present ones."""
        self._control("PUT", "/faults", faults)

    def set_job(self, identity: str, changes: Mapping[str, object]) -> None:
        """Set keys of a job; None removes one."""
        self._control("PUT", f"/jobs/{quote(identity, safe='')}", changes)

    def requests(self) -> dict[str, int]:
        """How often each `METHOD /path` (below /api2/json, without query) was asked."""
        counted: dict[str, int] = self._control("GET", "/requests")["requests"]
        return counted

    def clear_requests(self) -> None:
        """Count from zero again."""
        self._control("DELETE", "/requests")

    def journal(self) -> list[dict[str, Any]]:
        """Every request in order: number, method, path, fields, token, status (None: cut, or not yet answered)."""
        rows: list[dict[str, Any]] = self._control("GET", "/journal")["journal"]
        return rows

    def writes(self) -> list[dict[str, Any]]:
        """Those of the journal that are not GET."""
        return [row for row in self.journal() if row["method"] != "GET"]

    def clear_journal(self) -> None:
        """Count from 1 again."""
        self._control("DELETE", "/journal")

    def stop_at(self, request: int, how: str = "reset", *, done: bool = False, method: str = "") -> None:
        """Cut the connection at that request from now (1: the next); only those of `method` count, or all "writes".

        `how` is reset, hang (say nothing), or dead (that one and all later ones); with `done` it is carried out first.
        """
        self._control("PUT", "/stop-at", {"request": request, "how": how, "done": done, "method": method})

    def clear_stop(self) -> None:
        """Answer all requests again."""
        self._control("DELETE", "/stop-at")

    def context(self) -> ssl.SSLContext:
        """A TLS context that trusts this server only."""
        return ssl.create_default_context(cafile=str(self.ca_file))

    def _control(self, method: str, path: str, document: object = None) -> Any:
        request = urllib.request.Request(
            f"{self.url}/_simulator{path}",
            method=method,
            data=None if document is None else json.dumps(document).encode(),
            headers={"Content-Type": "application/json"},
        )
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self.context())
        )
        with opener.open(request, timeout=CALL_SECONDS) as answer:
            return json.loads(answer.read())


@dataclass(frozen=True)
class Place:
    """Where a group is: datastore, namespace ("" is the root), type, id."""

    store: str
    namespace: str
    kind: str
    identity: str

    def document(self) -> dict[str, object]:
        return {"store": self.store, "ns": self.namespace, "type": self.kind, "id": self.identity}


@dataclass(frozen=True)
class PbsHandle(Endpoint):
    """A simulated backup server of a running simulator."""

    name: str
    passwords: Mapping[str, str]

    def token(self, user: str = "auditor") -> str:
        """The Authorization header of the token of `auditor`, `datastore`, `namespace`, `owner`, `nobody` or `backup`."""
        identity, secret = next(pair for pair in self.tokens.items() if pair[0].startswith(f"{user}@"))
        return f"PBSAPIToken={identity}:{secret}"

    def cost(self) -> dict[str, Any]:
        """`manifests_opened`, the same `_by_group` (STORE:NS:TYPE/ID), `directories_read`, `calls` by endpoint."""
        document: dict[str, Any] = self._control("GET", "/cost")
        return document

    def clear_cost(self) -> None:
        """Count from zero again."""
        self._control("DELETE", "/cost")

    def put_snapshot(self, place: Place, instant: int, **facts: object) -> None:
        """Add a snapshot or change one: `finished`, `protected`, `verification` (ok, failed, none), `comment`, `owner`."""
        self._control("PUT", "/snapshots", place.document() | {"time": instant} | facts)

    def prune(self, place: Place, instants: Iterable[int]) -> None:
        """Remove these snapshots."""
        self._control("PUT", "/prune", place.document() | {"times": list(instants)})

    def forget(self, place: Place) -> None:
        """Remove a group."""
        self._control("PUT", "/forget", place.document())

    def set_group(self, place: Place, **facts: object) -> None:
        """Change a group's `owner` (None: unreadable) or `note`."""
        self._control("PUT", "/groups", place.document() | facts)

    def set_datastore(
        self, store: str, state: str, message: str | None = None, at: str | None = None, used: int | None = None
    ) -> None:
        """Put a datastore into a state: ok, read-only, offline, lost (its disk is away), gone (removed; `at` a call such as `groups`).

        `used`: how many of its bytes are taken then.
        """
        facts = (("message", message), ("at", at), ("used", used))
        said = {name: value for name, value in facts if value is not None}
        self._control("PUT", "/datastores", {"store": store, "state": state} | said)

    def set_access(self, path: str, role: str, user: str = "auditor") -> None:
        """Give the token of a user (see `token`) a role on a path."""
        identity = next(identity for identity in self.tokens if identity.startswith(f"{user}@"))
        self._control("PUT", "/access", {"subject": identity, "path": path, "role": role})

    def set_speed(self, manifest_seconds: float) -> None:
        """Let the server take so long for each manifest that it opens."""
        self._control("PUT", "/speed", {"manifest_seconds": manifest_seconds})

    def add_task(self, kind: str, subject: str | None, start: int, **facts: object) -> str:
        """Add a task with `end` and `status`, running without; return its UPID. `end_task` ends it."""
        document = {"type": kind, "id": subject, "start": start} | facts
        return str(self._control("PUT", "/tasks", document)["upid"])

    def end_task(self, upid: str, end: int, status: str = "OK") -> None:
        """End a running task."""
        self._control("PUT", "/tasks", {"upid": upid, "end": end, "status": status})


@dataclass(frozen=True)
class ClusterHandle(Endpoint):
    """A simulated cluster of a running simulator."""

    def token(self, user: str = "auditor") -> str:
        """The Authorization header of the ready-made token of auditor, limited, nobody, vzcover-apply or root."""
        identity, secret = next(pair for pair in self.tokens.items() if pair[0].startswith(f"{user}@"))
        return f"PVEAPIToken={identity}={secret}"

    def storages(self) -> dict[str, Any]:
        """What is stored: `digest`, `storages` by id, and beside them `passwords` and encryption `keys` by id."""
        document: dict[str, Any] = self._control("GET", "/storages")
        return document

    def set_guest(self, vmid: int, **changes: object) -> None:
        """Set keys of a guest's configuration (None removes one), its `name` or its `pool`, checked by nobody."""
        self._control("PUT", f"/guests/{vmid}", changes)

    def add_run(self, job: str, node: str, start: int, failures: Mapping[int, str] | None = None) -> str:
        """Let a job have run on a node, with `failures`: guest → a key of `simulator.scenario.logs.FAILURES`. Return the UPID.

        What it saved lies on a storage of files then; on a backup server put the snapshots yourself.
        """
        document = {"job": job, "node": node, "start": start, "failures": dict(failures or {})}
        return str(self._control("PUT", "/runs", document)["upid"])

    def set_storage(self, identity: str, changes: Mapping[str, object]) -> None:
        """Edit an entry behind everybody's back: None removes a key; a new entry needs `type`; `password` is its secret."""
        self._control("PUT", f"/storages/{identity}", changes)

    def remove_storage(self, identity: str) -> None:
        """Remove an entry behind everybody's back."""
        self._control("DELETE", f"/storages/{identity}")

    def edit_before_write(self, identity: str, changes: Mapping[str, object] | None, write: int = 1) -> None:
        """Make such an edit just before that write from now (1: the next) is carried out; None removes the entry."""
        self._control("PUT", "/before-write", {"write": write, "storage": identity, "changes": changes})


@dataclass(frozen=True)
class SimulatorHandle(ClusterHandle):
    """A running simulator: its first cluster's server, the further clusters, and the backup servers beside them."""

    process: subprocess.Popen[str]
    stderr_lines: list[str]
    pbs: tuple[PbsHandle, ...] = ()
    further: tuple[ClusterHandle, ...] = ()
    # of a replay: `now`, and the `source` of that
    clock: Mapping[str, Any] = field(default_factory=dict)

    def stop(self) -> int:
        """End the process by its id; return its exit code. A second call only returns the code."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait(END_SECONDS)


@contextmanager
def running_simulator(*arguments: object) -> Iterator[SimulatorHandle]:
    """Given arguments of `python -m simulator` (`"serve", "--guests", 60` or `"replay", folder`), run it meanwhile.

    Raises RuntimeError with what it wrote to stderr if it does not become ready in time.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", *(str(argument) for argument in arguments)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    stderr_lines: list[str] = []
    first_line: queue.Queue[str] = queue.Queue()
    readers = [
        threading.Thread(target=lambda: first_line.put(process.stdout.readline() if process.stdout else "")),
        threading.Thread(target=lambda: stderr_lines.extend(process.stderr or ())),
    ]
    for reader in readers:
        reader.start()
    try:
        try:
            ready = first_line.get(timeout=READY_SECONDS)
        except queue.Empty:
            ready = ""
        if not ready:
            process.kill()
            readers[1].join(END_SECONDS)
            raise RuntimeError(f"the simulator did not become ready: {''.join(stderr_lines)}")
        handle = _handle(json.loads(ready), process, stderr_lines)
        yield handle
        handle.stop()
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(END_SECONDS)
        for reader in readers:
            reader.join(END_SECONDS)
        process.stdout.close()
        process.stderr.close()


def _handle(ready: Mapping[str, Any], process: subprocess.Popen[str], stderr_lines: list[str]) -> SimulatorHandle:
    servers = tuple(
        PbsHandle(**_endpoint(row), name=row["name"], passwords=row["passwords"]) for row in ready.get("pbs", ())
    )
    return SimulatorHandle(
        **_endpoint(ready),
        process=process,
        stderr_lines=stderr_lines,
        pbs=servers,
        further=tuple(ClusterHandle(**_endpoint(row)) for row in ready.get("further", ())),
        clock=ready.get("clock", {}),
    )


def _endpoint(row: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("url", "host", "port", "fingerprint", "tokens")
    return {key: row[key] for key in keys} | {"ca_file": Path(row["ca_file"])}
