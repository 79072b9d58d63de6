"""Starts a genuine Alertmanager on a loopback port for tests, and receives what it sends."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.processes import wait_for
from tests.tools import require

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Receiver:
    """What arrived: (receiver's name, alert), in order."""

    url: str
    arrived: list[tuple[str, dict[str, Any]]]

    def of(self, name: str) -> list[tuple[str, dict[str, Any]]]:
        return [each for each in self.arrived if each[1]["labels"]["alertname"] == name]


@contextmanager
def receiving() -> Iterator[Receiver]:
    arrived: list[tuple[str, dict[str, Any]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            arrived.extend((told["receiver"], alert) for alert in told["alerts"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Receiver(f"http://127.0.0.1:{server.server_port}", arrived)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


@contextmanager
def running(*command: str | Path, ready: str, log: Path) -> Iterator[None]:
    """Run a server meanwhile, once its address `ready` answers."""

    def answers() -> bool:
        try:
            with DIRECT.open(ready, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    with log.open("w") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            wait_for(answers, f"{ready}; see {log}")
            yield
        finally:
            process.kill()
            process.wait()


@contextmanager
def running_alertmanager(folder: Path, configuration: str) -> Iterator[str]:
    """Given an empty folder and the text of alertmanager.yml, run Alertmanager meanwhile, once it is ready; yield its address."""
    program, address = require("prometheus-alertmanager"), free_address()
    (folder / "alertmanager.yml").write_text(configuration)
    with running(
        program,
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
        ready=f"http://{address}/-/ready",
        log=folder / "alertmanager.log",
    ):
        yield address
