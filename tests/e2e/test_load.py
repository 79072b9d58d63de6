"""A daemon whose web server is beset: idle, slow and rude clients by the hundred, and scrapes that come through all the same."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.processes import Config, Daemon, serving, write_config
from tests.simulator_process import SimulatorHandle, running_simulator

SCRAPE = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
SMALL_BUFFER = 4096
PROMETHEUS_SECONDS = 10.0  # the timeout of a scrape unless somebody sets another
MEGABYTES_MORE = 100


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorHandle]:
    with running_simulator("serve", "--guests", 300) as running:
        yield running


@pytest.fixture(scope="module")
def config(simulator: SimulatorHandle, tmp_path_factory: pytest.TempPathFactory) -> Config:
    return write_config(tmp_path_factory.mktemp("load"), simulator, more="refresh: {interval: 10s}\n")


@pytest.fixture(scope="module")
def beset(config: Config) -> Iterator[Daemon]:
    """A daemon with the default limits, which refreshes all the time."""
    with serving(config) as running:
        yield running


def connect(running: Daemon) -> socket.socket:
    """A client that takes little at a time."""
    host, _, port = running.address.rpartition(":")
    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    client.settimeout(5)
    client.connect((host, int(port)))
    return client


@contextmanager
def crowd(running: Daemon, size: int, request: bytes) -> Iterator[list[socket.socket]]:
    """Connect so many clients that send this and read nothing."""
    with ExitStack() as stack:
        clients = [stack.enter_context(connect(running)) for _ in range(size)]
        for client in clients:
            send(client, request)
        yield clients


def send(client: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):  # the server may have had enough of it, which is its right
        client.sendall(data)


def answer_of(running: Daemon, request: bytes) -> bytes:
    """The beginning of what is said to a request; nothing where the connection is just ended."""
    with connect(running) as client:
        send(client, request)
        try:
            return client.recv(12)
        except ConnectionError:
            return b""


def scrape(running: Daemon) -> float:
    """Scrape once, whole; return the seconds that it took."""
    began = time.monotonic()
    status, body = running.get("/metrics")
    assert (status, b"vzcover_build_info{" in body) == (200, True)
    return time.monotonic() - began


def open_files(running: Daemon) -> int:
    return len(list(Path(f"/proc/{running.process.pid}/fd").iterdir()))


def megabytes(running: Daemon) -> float:
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


@pytest.mark.parametrize(
    ("doing", "request_"),
    [("idle", b""), ("slow readers", SCRAPE), ("half a request", SCRAPE[:-2]), ("many at once", SCRAPE * 50)],
)
def test_500_clients_that_stay_keep_no_scrape_out(beset: Daemon, doing: str, request_: bytes) -> None:
    before, files = megabytes(beset), open_files(beset)
    with crowd(beset, 500, request_):
        slowest = max(scrape(beset) for _ in range(5))
        assert beset.get("/-/healthy")[0] == 200
        held = open_files(beset) - files

    assert slowest < PROMETHEUS_SECONDS / 2, doing
    assert held <= 101, "web.max_connections bounds them"
    assert megabytes(beset) - before < MEGABYTES_MORE


def test_50_scrapes_at_a_time_among_500_idle_clients_are_all_answered(beset: Daemon) -> None:
    with crowd(beset, 500, b""), ThreadPoolExecutor(50) as pool:
        taken = list(pool.map(lambda _: scrape(beset), range(200)))

    assert max(taken) < PROMETHEUS_SECONDS


RUDE = {
    "a path without end": b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a header without end": b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n",
    "headers without number": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 100_000 + b"\r\n",
    "no HTTP": b"HELLO\r\n\r\n",
    "noise": bytes(range(256)) * 1000,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500,
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "a length that is none": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 9\r\n\r\nx",
    "length and chunks": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a version to come": b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    "NUL in a header": b"GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
    "folders above": b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    "folders above, disguised": b"GET /%2e%2e/%2e%2e/etc/passwd%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    "no such method": b"BREW /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
    "a body of a gigabyte": b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n"
    + b"x" * 10_000_000,
    "a body with GET": b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 10_000_000,
    "an upgrade": b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
}
# answered as if the odd part were not there
FINE = ("a version to come", "a body with GET", "an upgrade")


@pytest.mark.parametrize("name", RUDE)
def test_an_oversized_or_malformed_request_is_refused_and_costs_nothing(beset: Daemon, name: str) -> None:
    before = megabytes(beset)
    said = answer_of(beset, RUDE[name])

    if name in FINE:
        assert said == b"HTTP/1.1 200"
    else:
        assert said == b"" or said.startswith(b"HTTP/1.1 4"), said
    assert beset.get("/-/healthy")[0] == 200
    assert megabytes(beset) - before < MEGABYTES_MORE / 5


def test_rude_clients_leave_nothing_in_the_log(beset: Daemon) -> None:
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda request: answer_of(beset, request), [*RUDE.values()] * 3))
    scrape(beset)

    assert [line for line in beset.lines if "level=info" not in line] == []


def test_the_limits_are_settings(simulator: SimulatorHandle, tmp_path: Path) -> None:
    limits = "max_connections: 10, idle_timeout: 1s, request_timeout: 1s, stall_timeout: 1s, max_request_bytes: 1024"
    config = write_config(tmp_path, simulator)
    config.change('listen: "127.0.0.1:0"', f'listen: "127.0.0.1:0", {limits}')
    long = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 2000 + b"\r\n\r\n"
    with serving(config) as running:
        files = open_files(running)
        with crowd(running, 30, b"") as clients:
            assert running.get("/-/healthy")[0] == 200
            assert open_files(running) - files <= 10
            began = time.monotonic()
            assert clients[-1].recv(1) == b"", "request_timeout: who says nothing is let go"
            assert 0.5 < time.monotonic() - began < 4
        assert answer_of(running, long) == b"HTTP/1.1 400"
        with connect(running) as stalled:
            stalled.sendall(SCRAPE * 20)
            assert ends(stalled, running), "stall_timeout: who takes nothing is let go"
        with connect(running) as idle:
            idle.sendall(SCRAPE.replace(b"/metrics", b"/-/healthy"))
            began = time.monotonic()
            while idle.recv(10_000):
                pass
            assert time.monotonic() - began < 4, "idle_timeout: who asks no more is let go"


def ends(client: socket.socket, running: Daemon) -> bool:
    """Whether the server ends a connection from which nothing is read."""
    port = client.getsockname()[1]
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        if not any(row[2].endswith(f":{port:04X}") and row[3] == "01" for row in rows):
            return True
        time.sleep(0.05)
    return False
