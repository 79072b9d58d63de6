"""The real daemon as a process of its own, on a configuration made for it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.process import cpu_seconds, memory_bytes, peak_bytes, reset_peak
from bench.scrapes import GZIP, Address, fetch_once
from exporter.state import LastReports, Served
from tests.simulator_process import REPOSITORY, Endpoint, SimulatorHandle

WAIT_SECONDS = 180.0
LOOK_SECONDS = 0.02
END_SECONDS = 10
STARTED = re.compile(r"msg=started listen=(\S+):(\d+)")
WRITTEN = re.compile(r'msg="wrote a report" report=daily.* seconds=([\d.]+)')
# all but the paths are defaults: refreshes are 5 minutes apart unless the bench asks for one
CONFIGURATION = """\
pve:
{pve}
pbs:
{pbs}
report:
  at: "{at}"
  formats: [pdf]
  output: reports
web:
  listen: "127.0.0.1:0"
state_dir: state
"""
SOURCE = """\
  - name: {name}
    hosts: ["{host}:{port}"]
    token_id: "{token_id}"
    token_secret_file: {name}.secret
    tls:
      fingerprint: "{fingerprint}"
"""


def write_configuration(folder: Path, simulator: SimulatorHandle, report_at: datetime) -> Path:
    """Given a folder, the simulator with its backup servers, and when the daily report is due (UTC), write a configuration and the
    secrets; return its path.
    """
    (folder / "state").mkdir(exist_ok=True)
    servers = [_source(folder, server.name, server) for server in simulator.pbs]
    path = folder / "config.yaml"
    path.write_text(
        CONFIGURATION.format(
            pve=_source(folder, "bench", simulator), pbs="".join(servers) or "  []\n", at=report_at.strftime("%H:%M")
        ),
        encoding="utf-8",
    )
    return path


def _source(folder: Path, name: str, server: Endpoint) -> str:
    """Write the secret of a server's auditor; return the server's part of the configuration."""
    token_id, secret = next(pair for pair in server.tokens.items() if pair[0].startswith("auditor@"))
    file = folder / f"{name}.secret"
    file.write_text(secret, encoding="utf-8")
    file.chmod(0o600)
    return SOURCE.format(
        name=name, host=server.host, port=server.port, token_id=token_id, fingerprint=server.fingerprint
    )


def pretend_missed_report(folder: Path) -> None:
    """Given the configuration's folder, leave the state of a daemon that was down when a report was due: the next one makes it up."""
    due = datetime.now(UTC) - timedelta(days=3)
    LastReports(folder / "state").write("daily", Served(int(due.timestamp())))


@dataclass
class DaemonProcess:
    """A running daemon: where it listens, what it logs, what it costs, and how to make it work."""

    process: subprocess.Popen[str]
    address: Address
    lines: list[str] = field(default_factory=list)
    highest: int = 0

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def cpu(self) -> float:
        """CPU seconds so far."""
        return cpu_seconds(self.pid)

    @property
    def memory(self) -> int:
        """Bytes in memory now."""
        return memory_bytes(self.pid)

    @property
    def peak(self) -> int:
        """Most bytes in memory since the last `reset_peak`."""
        self.highest = max(self.highest, peak_bytes(self.pid))
        return peak_bytes(self.pid)

    def reset_peak(self) -> None:
        """Let the peak start again; `highest` keeps the greatest of all."""
        self.highest = max(self.highest, peak_bytes(self.pid))
        reset_peak(self.pid)

    def metrics(self) -> bytes:
        """Return the exposition as it stands, compressed."""
        return fetch_once(self.address, "/metrics", **GZIP)

    def hang_up(self) -> None:
        """Ask for a refresh: SIGHUP reads the configuration anew and wakes the refresh loop."""
        self.process.send_signal(signal.SIGHUP)

    def refresh(self) -> None:
        """Make one refresh and wait until scrapes see it."""
        before = self.metrics()
        self.hang_up()
        self.wait(lambda: self.metrics() != before, pause=0.1)

    def reports(self) -> list[float]:
        """Return how long each report took that was written so far, in seconds."""
        return [float(found[1]) for line in list(self.lines) if (found := WRITTEN.search(line))]

    def wait(self, done: Callable[[], bool], pause: float = LOOK_SECONDS) -> None:
        """Wait until something is so; raise RuntimeError with the log if the daemon ends or that takes too long."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not done():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the daemon has ended or hangs; it logged:\n" + "".join(self.lines))
            time.sleep(pause)

    def is_ready(self) -> bool:
        """Say whether the first refresh is done."""
        try:
            return fetch_once(self.address, "/-/ready") != b""
        except RuntimeError:
            return False


@contextmanager
def running_daemon(config: Path) -> Iterator[DaemonProcess]:
    """Given a configuration, run `vzcover serve` on it meanwhile; yields as soon as it listens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "exporter", "serve", "--config", str(config)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    daemon = DaemonProcess(process, Address("", 0))
    reader = threading.Thread(target=lambda: daemon.lines.extend(process.stderr or ()), daemon=True)
    reader.start()
    try:
        daemon.wait(lambda: any(STARTED.search(line) for line in list(daemon.lines)))
        found = next(match for line in daemon.lines if (match := STARTED.search(line)))
        daemon.address = Address(found[1], int(found[2]))
        yield daemon
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join(END_SECONDS)
        if process.stderr:
            process.stderr.close()
