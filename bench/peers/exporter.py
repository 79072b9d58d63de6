"""prometheus-pve-exporter as a process of its own, in the virtual environment that `make bench-peers` makes."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from bench.scrapes import Address, fetch_once
from tests.simulator_process import REPOSITORY, SimulatorHandle

VENV = REPOSITORY / "bench" / "peers" / ".venv"
READY_SECONDS = 30.0
END_SECONDS = 10
LOOK_SECONDS = 0.05
CONFIGURATION = """\
default:
  user: {user}
  token_name: {name}
  token_value: {secret}
  verify_ssl: {ca_file}
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """A running exporter, and the path that makes it read the simulated cluster."""

    address: Address
    path: str


def peer_versions() -> str:
    """Return the exporter and its libraries, as pip tells them; raise FileNotFoundError without the environment."""
    listed = subprocess.run(
        [VENV / "bin" / "python", "-m", "pip", "list", "--format", "freeze", "--disable-pip-version-check"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    wanted = ("prometheus-pve-exporter==", "proxmoxer==", "requests==", "gunicorn==")
    return ", ".join(line.replace("==", " ") for line in listed.splitlines() if line.startswith(wanted))


@contextmanager
def running_peer(folder: Path, simulator: SimulatorHandle) -> Iterator[Peer]:
    """Given a folder and the simulator, run the exporter on it meanwhile; raise RuntimeError if it does not listen in time."""
    token_id, secret = next(pair for pair in simulator.tokens.items() if pair[0].startswith("auditor@"))
    user, _, name = token_id.partition("!")
    config = folder / "pve.yml"
    config.write_text(CONFIGURATION.format(user=user, name=name, secret=secret, ca_file=simulator.ca_file), "utf-8")
    address = Address("127.0.0.1", _free_port())
    with (folder / "peer.log").open("w") as log:
        process = subprocess.Popen(
            [
                VENV / "bin" / "pve_exporter",
                "--config.file",
                config,
                "--web.listen-address",
                f"{address.host}:{address.port}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        _wait(process, address, folder / "peer.log")
        # what is asked of single nodes is not simulated, so only the cluster is read
        yield Peer(address, f"/pve?target={simulator.host}:{simulator.port}&cluster=1&node=0")
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], address: Address, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError, HTTPException):
            fetch_once(address, "/")
            return
        time.sleep(LOOK_SECONDS)
    raise RuntimeError(f"the exporter does not listen; it logged:\n{log.read_text()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
