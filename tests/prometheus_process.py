"""Starts a genuine Prometheus on a loopback port for tests, and asks it."""

from __future__ import annotations

import json
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.processes import wait_for
from tests.tools import require

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

    url: str

    def ask(self, path: str, **query: object) -> Any:
        """Ask its API and return the data; what it refuses fails with its own words."""
        try:
            with DIRECT.open(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}", timeout=10) as answer:
                return json.loads(answer.read())["data"]
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{query}: {error.read().decode()}") from None

    def series(self, expression: str, *, start: float | None = None, end: float | None = None) -> list[dict[str, Any]]:
        """What an expression yields now, or from `start` to `end` (epoch seconds), a step a second."""
        if start is None:
            found = self.ask("query", query=expression)
        else:
            found = self.ask("query_range", query=expression, start=start, end=end, step=1)
        return list(found["result"])

    def is_ready(self) -> bool:
        try:
            with DIRECT.open(f"{self.url}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@contextmanager
def running_prometheus(folder: Path, configuration: str) -> Iterator[Prometheus]:
    """Given an empty folder and the text of prometheus.yml, run Prometheus meanwhile, once it is ready."""
    program = require("prometheus")
    (folder / "prometheus.yml").write_text(configuration)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = [
        program,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
    ]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            running = Prometheus(f"http://{address}")
            wait_for(running.is_ready, f"Prometheus; see {folder / 'log'}")
            yield running
        finally:
            process.kill()
            process.wait()
