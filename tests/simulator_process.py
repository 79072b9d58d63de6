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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

REPOSITORY = Path(__file__).resolve().parents[1]
READY_SECONDS = 30
END_SECONDS = 10
CALL_SECONDS = 10


@dataclass(frozen=True)
class SimulatorHandle:
    """A running simulator: where it listens, how to trust it, its tokens, and its controls."""

    url: str
    host: str
    port: int
    fingerprint: str
    ca_file: Path
    tokens: Mapping[str, str]
    process: subprocess.Popen[str]
    stderr_lines: list[str]

    def stop(self) -> int:
        """End the process by its id; return its exit code. A second call only returns the code."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait(END_SECONDS)

    def token(self, user: str = "auditor") -> str:
        """The Authorization header of the ready-made token of `auditor`, `limited` or `nobody`."""
        identity, secret = next(pair for pair in self.tokens.items() if pair[0].startswith(f"{user}@"))
        return f"PVEAPIToken={identity}={secret}"

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

    def context(self) -> ssl.SSLContext:
        """A TLS context that trusts this simulator only."""
        return ssl.create_default_context(cafile=str(self.ca_file))

    def _control(self, method: str, path: str, document: object = None) -> Any:
        request = urllib.request.Request(
            f"{self.url}/_simulator{path}",
            method=method,
            data=None if document is None else json.dumps(document).encode(),
        )
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self.context())
        )
        with opener.open(request, timeout=CALL_SECONDS) as answer:
            return json.loads(answer.read())


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
    return SimulatorHandle(
        url=ready["url"],
        host=ready["host"],
        port=ready["port"],
        fingerprint=ready["fingerprint"],
        ca_file=Path(ready["ca_file"]),
        tokens=ready["tokens"],
        process=process,
        stderr_lines=stderr_lines,
    )
