"""Idle, dripping, stuck and rude clients: none of them costs others their answer, or the server its memory."""

from __future__ import annotations

import resource
import select
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from exporter.bodies import Body, Exposition
from exporter.store import Snapshot, Store
from exporter.web.server import WebServer
from tests.builders import report
from tests.exporter.web_fixtures import connect, get, make_certificate, port_of, serving, snapshot, wait_until

REQUEST = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def large() -> Store:
    body = Body((b"x" * 20_000_000,), b"y" * 2_000_000)
    return Store(Snapshot(Exposition(body, body), report()))


@contextmanager
def crowd(server: WebServer, size: int, request: bytes = b"") -> Iterator[list[socket.socket]]:
    """Connect so many clients that send the request (or nothing) and never read."""
    with ExitStack() as stack:
        clients = [stack.enter_context(connect(server)) for _ in range(size)]
        for client in clients:
            try:
                client.sendall(request)
            except OSError:
                continue  # made room already
        yield clients


def answer_times(server: WebServer, path: str, times: int) -> list[float]:
    taken = []
    for _ in range(times):
        began = time.monotonic()
        assert get(server, path).status == 200
        taken.append(time.monotonic() - began)
    return sorted(taken)


def is_closed(client: socket.socket) -> bool:
    client.settimeout(0.01)
    try:
        while client.recv(1_000_000):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


def is_hung_up(client: socket.socket, seconds: float) -> bool:
    """Wait so long for the server to end the connection, reading nothing."""
    poller = select.poll()
    poller.register(client, select.POLLRDHUP | select.POLLHUP | select.POLLERR)
    return bool(poller.poll(seconds * 1000))


def test_500_idle_clients_and_slow_readers_cost_neither_answers_nor_memory() -> None:
    with serving(large()) as server:
        get(server, "/metrics")
        before = resident_bytes()
        with crowd(server, 250), crowd(server, 250, REQUEST):
            healthy = answer_times(server, "/-/healthy", 20)
            metrics = answer_times(server, "/metrics", 3)
            grown = resident_bytes() - before

    assert healthy[-2] < 0.5
    assert metrics[-1] < 3
    # this process also reads 20 MB bodies and holds both ends of every connection
    assert grown < 100_000_000


def test_beyond_the_limit_the_connection_that_was_silent_longest_makes_room() -> None:
    with serving(Store(snapshot(report())), max_connections=3) as server, crowd(server, 3) as clients:
        for client in (*clients, clients[0]):  # so that all are welcomed, in this order
            client.sendall(REQUEST)
            said = b""
            while not said.endswith(b"source_up 1\n"):
                said += client.recv(10_000)
        with connect(server) as newest:
            newest.sendall(REQUEST)
            assert newest.recv(12) == b"HTTP/1.1 200"
            assert [is_closed(client) for client in clients] == [False, True, False]


def test_a_client_that_never_sends_a_request_is_let_go() -> None:
    with serving(Store(snapshot(report())), header_seconds=0.2) as server, connect(server) as client:
        assert client.recv(1) == b""


def test_a_request_that_drips_in_gets_no_more_time_than_one_that_does_not_come() -> None:
    with serving(Store(snapshot(report())), header_seconds=0.3) as server, connect(server) as client:
        began = time.monotonic()
        try:
            while time.monotonic() - began < 5:
                client.sendall(b"G")
                client.settimeout(0.05)
                try:
                    if not client.recv(1):
                        break
                except TimeoutError:
                    continue
        except OSError:
            pass
        assert time.monotonic() - began < 2


def test_a_second_request_that_drips_in_is_let_go_too() -> None:
    with serving(Store(snapshot(report())), header_seconds=0.3) as server, connect(server) as client:
        client.sendall(REQUEST)
        client.recv(10_000)
        client.sendall(b"GET /met")
        wait_until(lambda: is_closed(client), 3)


def test_an_idle_connection_is_kept_for_the_next_request_and_no_longer() -> None:
    with serving(Store(snapshot(report())), keep_alive_seconds=1, header_seconds=0.2) as server:
        connection = HTTPConnection("127.0.0.1", port_of(server), timeout=10)
        for _ in range(2):
            connection.request("GET", "/metrics")
            assert connection.getresponse().read() == b"vzcover_source_up 1\n"
            # silent for longer than a request may take, for less than the pause between two may be
            assert not is_hung_up(connection.sock, 0.4)
        assert is_hung_up(connection.sock, 5)
        connection.close()


def test_a_client_that_takes_nothing_of_its_answer_is_let_go() -> None:
    with serving(large(), stalled_seconds=0.3) as server, connect(server) as client:
        client.sendall(REQUEST)
        assert is_hung_up(client, 5)


@pytest.mark.parametrize(
    "rude",
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 100_000 + b"\r\n\r\n", id="long header"),
        pytest.param(b"GET /" + b"a" * 100_000, id="long path"),
        pytest.param(b"\x16\x03\x01\x00\xff\x01", id="TLS to a plain port"),
        pytest.param(b"\r\n\r\n\r\nHELLO\r\n\r\n", id="not HTTP"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="no host"),
    ],
)
def test_what_is_not_a_proper_request_is_refused_at_once(rude: bytes) -> None:
    with serving(Store(snapshot(report())), header_seconds=1) as server:
        with connect(server) as client:
            try:
                client.sendall(rude)
                answer = client.recv(10_000)
            except ConnectionError:
                answer = b""
            assert answer == b"" or answer.startswith(b"HTTP/1.1 400")
        assert get(server, "/-/healthy").status == 200


def test_clients_that_stop_in_the_tls_handshake_are_let_go_and_keep_nobody_out(tmp_path: Path) -> None:
    files = make_certificate(tmp_path, "server")
    config = tmp_path / "web-config.yml"
    config.write_text(f"tls_server_config:\n  cert_file: {files.cert}\n  key_file: {files.key}\n")
    trusting = ssl.create_default_context(cafile=files.cert)
    settings = {"web_config_file": config, "max_connections": 20, "header_seconds": 0.5}
    with serving(Store(snapshot(report())), **settings) as server, crowd(server, 40) as clients:
        assert get(server, "/-/healthy", tls=trusting).status == 200
        wait_until(lambda: all(is_closed(client) for client in clients), 5)


def test_500_idle_tls_clients_cost_little_memory(tmp_path: Path) -> None:
    files = make_certificate(tmp_path, "server")
    config = tmp_path / "web-config.yml"
    config.write_text(f"tls_server_config:\n  cert_file: {files.cert}\n  key_file: {files.key}\n")
    trusting = ssl.create_default_context(cafile=files.cert)
    with serving(Store(snapshot(report())), web_config_file=config) as server:
        get(server, "/-/healthy", tls=trusting)
        before = resident_bytes()
        with crowd(server, 500):
            assert get(server, "/-/healthy", tls=trusting).status == 200
            assert resident_bytes() - before < 60_000_000
