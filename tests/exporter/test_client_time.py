"""The client never waits longer than it was told, whatever the server does, and asks again only where that may help."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from exporter.client.deadline import Deadline
from exporter.errors import DeadlinePassed, FailureReason, ServerFailed, SourceError, Unreachable
from tests.exporter.clients import Naps, counted, error_of, soon, source_client
from tests.exporter.raw_server import Exchange, Script, always, answer, in_turn, raw_server

FINE = always(answer({"data": 1}))
PATIENCE = 1.5  # seconds above a deadline that a busy machine may need


def refuse(status: int, **headers: str) -> Script:
    return always(answer(b"", status, "no", "application/json", **headers))


def hang(exchange: Exchange) -> None:
    exchange.hang()


def reset(exchange: Exchange) -> None:
    exchange.reset()


def drip_head(exchange: Exchange) -> None:
    exchange.drip(b"HTTP/1.1 200 OK\r\n" + b"X-Slow: yes\r\n" * 90)


def continue_for_ever(exchange: Exchange) -> None:
    while not exchange.stopping.wait(0.005):
        exchange.say(b"HTTP/1.1 100 Continue\r\n\r\n")


def drip_body(exchange: Exchange) -> None:
    exchange.say(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n")
    exchange.drip(b" " * 9999)


def drip_chunks(exchange: Exchange) -> None:
    exchange.say(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    exchange.drip(b"1\r\n \r\n" * 2000)


def flood(exchange: Exchange) -> None:
    exchange.say(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while not exchange.stopping.wait(0.01):
        exchange.say(b" " * 1000)


def cut_body(exchange: Exchange) -> None:
    exchange.say(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{")
    exchange.reset()


def end_body(exchange: Exchange) -> None:
    exchange.say(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{")
    socket.socket.shutdown(exchange.connection, socket.SHUT_RDWR)


# --- the deadline --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    "script", [hang, drip_head, continue_for_ever, drip_body, drip_chunks, flood], ids=lambda script: script.__name__
)
def test_no_server_outlives_the_deadline(tmp_path: Path, script: Script, large: bool) -> None:
    with raw_server(script) as server, source_client(tmp_path, server.port) as client:
        started = time.monotonic()
        error = error_of(client, deadline=soon(0.3), large=large)
        assert time.monotonic() - started < 0.3 + PATIENCE
    assert isinstance(error, DeadlinePassed)
    assert error.reason is FailureReason.DEADLINE


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("script", [hang, drip_head, drip_body, flood], ids=lambda script: script.__name__)
def test_one_call_that_never_ends_leaves_time_for_the_others_and_for_the_next_host(
    tmp_path: Path, script: Script, large: bool
) -> None:
    with raw_server(script) as slow, source_client(tmp_path, slow.port, answer_timeout=0.3) as client:
        started = time.monotonic()
        error = error_of(client, deadline=soon(30), large=large)
        assert time.monotonic() - started < 0.3 + PATIENCE
    assert error.reason is FailureReason.TIMEOUT
    with (
        raw_server(script) as slow,
        raw_server(FINE) as fine,
        source_client(tmp_path, slow.port, fine.port, answer_timeout=0.3) as client,
    ):
        assert client.get("/version", int, soon(30), large=large) == 1


def test_a_tls_handshake_that_stalls_ends_with_the_deadline(tmp_path: Path) -> None:
    with raw_server(FINE, handshake=False) as server, source_client(tmp_path, server.port) as client:
        started = time.monotonic()
        assert isinstance(error_of(client, deadline=soon(0.3)), DeadlinePassed)
        assert time.monotonic() - started < 0.3 + PATIENCE


def test_a_tls_handshake_that_drips_ends_with_the_deadline(tmp_path: Path) -> None:
    stopping = threading.Event()

    def drip() -> None:
        connection, _ = listener.accept()
        with connection:
            # the head of a handshake record of 16 kB, then its bytes one by one
            connection.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc")
            while not stopping.wait(0.02):
                try:
                    connection.sendall(b"\x03")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip)
        thread.start()
        with source_client(tmp_path, listener.getsockname()[1]) as client:
            started = time.monotonic()
            error = error_of(client, deadline=soon(0.4))
            assert time.monotonic() - started < 0.4 + PATIENCE
        stopping.set()
        thread.join(5)
    assert isinstance(error, DeadlinePassed)


def test_a_name_that_takes_for_ever_to_resolve_ends_with_the_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()

    def slow_lookup(*_: Any, **__: Any) -> list[Any]:
        release.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", slow_lookup)
    with source_client(tmp_path, hosts=(("pve1.example.org", 8006),)) as client:
        error = error_of(client, deadline=soon(0.3))
    release.set()
    assert isinstance(error, DeadlinePassed)


def test_after_the_deadline_nothing_is_asked(tmp_path: Path) -> None:
    with raw_server(FINE) as server, source_client(tmp_path, server.port) as client:
        assert isinstance(error_of(client, deadline=Deadline(time.monotonic() - 1)), DeadlinePassed)
        assert server.connections == 0
        assert counted(client) == {}


def test_a_fast_answer_after_a_slow_one_uses_a_new_connection_and_is_right(tmp_path: Path) -> None:
    script = in_turn(drip_body, always(answer({"data": 2})))
    with raw_server(script) as server, source_client(tmp_path, server.port) as client:
        error_of(client, deadline=soon(0.2))
        assert client.get("/version", int, soon()) == 2
        assert server.connections == 2


# --- time-outs -----------------------------------------------------------------------------------------------------------


def test_a_silent_server_is_given_up_after_the_read_timeout_and_not_asked_again(tmp_path: Path) -> None:
    with raw_server(hang) as server, source_client(tmp_path, server.port, read_timeout=0.2) as client:
        error = error_of(client)
        assert server.requests == 1
    assert isinstance(error, Unreachable)
    assert error.reason is FailureReason.TIMEOUT


def test_connecting_has_a_timeout_of_its_own(tmp_path: Path) -> None:
    with (
        raw_server(FINE, handshake=False) as server,
        source_client(tmp_path, server.port, connect_timeout=0.1, attempts=2) as client,
    ):
        error = error_of(client)
        assert server.connections == 2
    assert isinstance(error, Unreachable)
    assert error.reason is FailureReason.TIMEOUT
    assert "no connection in time" in error.detail


# --- retries -------------------------------------------------------------------------------------------------------------

PASSING: dict[str, Script] = {str(status): refuse(status) for status in (429, 502, 503, 504, 596)} | {
    "reset": reset,
    "closed": lambda exchange: exchange.connection.close(),
    "cut in the body": cut_body,
    "ended in the body": end_body,
}


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("script", PASSING.values(), ids=PASSING)
def test_what_may_pass_is_asked_again(tmp_path: Path, script: Script, large: bool) -> None:
    naps = Naps()
    with (
        raw_server(in_turn(script, script, FINE)) as server,
        source_client(tmp_path, server.port, sleep=naps) as client,
    ):
        assert client.get("/version", int, soon(60), large=large) == 1
        counts = counted(client)
    assert counts['vzcover_api_requests_total{endpoint="/version",source="lab"}'] == 3
    assert sum(value for name, value in counts.items() if "failures" in name) == 2
    first, second = naps.seconds
    assert 0.5 <= first <= 1.0
    assert 1.0 <= second <= 1.5, "the wait grows"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 501, 595])
def test_what_will_not_pass_is_asked_once(tmp_path: Path, status: int) -> None:
    with raw_server(refuse(status)) as server, source_client(tmp_path, server.port) as client:
        assert error_of(client).status == status
        assert server.requests == 1


def test_attempts_are_bounded_and_the_last_error_is_told(tmp_path: Path) -> None:
    with raw_server(refuse(503)) as server, source_client(tmp_path, server.port, attempts=3) as client:
        error = error_of(client, deadline=soon(60))
        assert server.requests == 3
    assert isinstance(error, ServerFailed)
    assert (error.status, error.reason) == (503, FailureReason.UNAVAILABLE)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), (formatdate(1_000_000_011, usegmt=True), 11.0), ("0", 0.5), ("soon", 0.5), ("-3", 0.5)],
)
def test_retry_after_is_honoured(tmp_path: Path, header: str, seconds: float) -> None:
    naps = Naps()
    script = in_turn(refuse(429, Retry_After=header), FINE)
    with (
        raw_server(script) as server,
        source_client(tmp_path, server.port, sleep=naps, clock=lambda: 1_000_000_000.0) as client,
    ):
        assert client.get("/version", int, soon(60)) == 1
    assert seconds <= naps.seconds[0] <= seconds + 0.5


@pytest.mark.parametrize("header", ["3600", "9" * 400, "9" * 5000])
def test_a_wait_beyond_the_deadline_is_not_begun(tmp_path: Path, header: str) -> None:
    naps = Naps()
    script = refuse(429, Retry_After=header)
    with raw_server(script) as server, source_client(tmp_path, server.port, sleep=naps, attempts=2) as client:
        error = error_of(client, deadline=soon(0.4))
        assert server.requests == 1
    assert naps.seconds == []
    assert error.reason is FailureReason.RATE_LIMITED


# --- hosts ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def dead_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def test_the_next_host_is_asked_at_once_and_remembered(tmp_path: Path, dead_port: int) -> None:
    naps = Naps()
    with raw_server(FINE) as server, source_client(tmp_path, dead_port, server.port, sleep=naps) as client:
        assert client.get("/version", int, soon()) == 1
        assert client.get("/version", int, soon()) == 1
        counts = counted(client)
        assert server.requests == 2
    assert naps.seconds == []
    assert counts['vzcover_api_request_failures_total{endpoint="/version",reason="connect",source="lab"}'] == 1


@pytest.mark.parametrize("script", [hang, refuse(503), reset], ids=["silent", "unavailable", "reset"])
def test_a_host_that_cannot_serve_is_left_for_the_next(tmp_path: Path, script: Script) -> None:
    with (
        raw_server(script) as bad,
        raw_server(FINE) as good,
        source_client(tmp_path, bad.port, good.port, read_timeout=0.3) as client,
    ):
        assert client.get("/version", int, soon()) == 1
        assert (bad.requests, good.requests) == (1, 1)


def test_an_answer_that_says_no_is_an_answer(tmp_path: Path) -> None:
    with raw_server(refuse(403)) as first, raw_server(FINE) as second:
        with source_client(tmp_path, first.port, second.port) as client:
            assert error_of(client).status == 403
        assert second.connections == 0


def test_one_call_looks_after_the_first_host_again_after_a_while(tmp_path: Path) -> None:
    now = [1000.0]
    first_script = in_turn(refuse(503), refuse(503), FINE)
    moments = ((0, 1), (299, 1), (301, 2), (310, 2), (602, 3), (603, 4), (604, 5))
    with (
        raw_server(first_script) as first,
        raw_server(FINE) as second,
        source_client(tmp_path, first.port, second.port, monotonic=lambda: now[0], failback_after=300) as client,
    ):
        for moment, asked_of_first in moments:
            now[0] = 1000.0 + moment
            assert client.get("/version", int, soon()) == 1
            assert first.requests == asked_of_first, moment


def test_the_errors_of_all_hosts_are_told_together(tmp_path: Path, dead_port: int) -> None:
    with raw_server(hang) as silent, source_client(tmp_path, dead_port, silent.port, read_timeout=0.2) as client:
        error = error_of(client, deadline=soon(60), path="/cluster/status")
    assert isinstance(error, Unreachable)
    assert error.reason is FailureReason.CONNECT
    assert f"127.0.0.1:{dead_port}: connection refused; 127.0.0.1:{silent.port}: no answer in time" in error.detail


def test_a_name_that_does_not_resolve_says_so(tmp_path: Path) -> None:
    with source_client(tmp_path, hosts=(("no-such-host.invalid", 8006),), attempts=1) as client:
        error = error_of(client)
    assert "no-such-host.invalid:8006: its name does not resolve" in error.detail


# --- threads -------------------------------------------------------------------------------------------------------------


def in_threads(number: int, work: Callable[[int], None]) -> None:
    problems: list[BaseException] = []

    def run(place: int) -> None:
        try:
            work(place)
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=run, args=(place,)) for place in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert problems == []


def test_several_threads_share_a_client_and_its_connections(tmp_path: Path) -> None:
    def echo(exchange: Exchange) -> None:
        exchange.say(answer({"data": exchange.target.rpartition("=")[2]}))

    with raw_server(echo) as server, source_client(tmp_path, server.port, max_requests=4) as client:

        def work(place: int) -> None:
            for turn in range(20):
                wanted = f"{place}-{turn}"
                assert client.get("/echo", str, soon(20), large=bool(turn % 2), n=wanted) == wanted

        in_threads(4, work)
        assert server.requests == 80
        assert server.connections <= 4


def test_deadlines_of_threads_do_not_mix(tmp_path: Path) -> None:
    def script(exchange: Exchange) -> None:
        if "slow" in exchange.target:
            exchange.hang()
        exchange.say(answer({"data": 1}))

    with raw_server(script) as server, source_client(tmp_path, server.port) as client:

        def work(place: int) -> None:
            if place == 0:
                assert isinstance(error_of(client, "/slow", deadline=soon(0.3)), DeadlinePassed)
            else:
                for _ in range(10):
                    assert client.get("/fast", int, soon(20)) == 1

        in_threads(3, work)


def test_closing_the_client_ends_what_is_in_progress(tmp_path: Path) -> None:
    asked = threading.Event()
    ended: list[SourceError] = []

    def script(exchange: Exchange) -> None:
        asked.set()
        exchange.hang()

    with raw_server(script) as server, source_client(tmp_path, server.port, read_timeout=20) as client:
        thread = threading.Thread(target=lambda: ended.append(error_of(client, deadline=soon(20))))
        thread.start()
        assert asked.wait(5)
        started = time.monotonic()
        client.close()
        thread.join(5)
        assert time.monotonic() - started < PATIENCE
        assert server.requests == 1
    assert isinstance(ended[0], Unreachable)
    assert "closed" in ended[0].detail


def test_closing_the_client_ends_a_wait_between_attempts(tmp_path: Path) -> None:
    asked = threading.Event()

    def script(exchange: Exchange) -> None:
        exchange.say(answer(b"", 429, "no", Retry_After="60"))
        asked.set()

    with raw_server(script) as server, source_client(tmp_path, server.port, sleep=None) as client:
        thread = threading.Thread(target=lambda: error_of(client, deadline=soon(100)))
        thread.start()
        assert asked.wait(5)
        client.close()
        thread.join(5)
        assert not thread.is_alive()
