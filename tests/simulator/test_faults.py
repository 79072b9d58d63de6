"""Every fault as a raw client sees it, and that it goes away again."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from simulator.answers import encode, success
from simulator.faults import KINDS, STATUS_REASONS, FaultError, Faults, spoil
from tests.simulator.client import Client, Reply
from tests.simulator_process import SimulatorHandle, running_simulator

PATH = "/cluster/backup"
SHORT = 0.6


@contextmanager
def _fault(simulator: SimulatorHandle, kind: str, pattern: str = PATH) -> Iterator[None]:
    simulator.set_faults({pattern: kind})
    try:
        yield
    finally:
        simulator.set_faults({})


def _healthy(simulator: SimulatorHandle) -> Reply:
    with Client(simulator) as client:
        return client.get(PATH)


def _raw(simulator: SimulatorHandle) -> ssl.SSLSocket:
    """A TLS connection on which the request has been sent."""
    plain = socket.create_connection((simulator.host, simulator.port), timeout=10)
    secure = simulator.context().wrap_socket(plain, server_hostname=simulator.host)
    secure.sendall(f"GET /api2/json{PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: {simulator.token()}\r\n\r\n".encode())
    return secure


def _ends_with_reset(connection: ssl.SSLSocket) -> bool:
    """Look below TLS, because Python's ssl takes a reset for an end of file."""
    with socket.socket(fileno=os.dup(connection.fileno())) as plain:
        plain.settimeout(10)
        try:
            while plain.recv(65536):
                pass
        except ConnectionResetError:
            return True
    return False


def test_refused_ends_the_connection_before_any_answer(simulator: SimulatorHandle) -> None:
    with _fault(simulator, "refused"):
        with _raw(simulator) as connection:
            assert connection.recv(1) == b""
        with _raw(simulator) as connection:
            assert _ends_with_reset(connection)
    assert _healthy(simulator).status == 200


def test_reset_comes_in_the_middle_of_the_body(simulator: SimulatorHandle) -> None:
    received = b""
    with _fault(simulator, "reset"):
        with _raw(simulator) as connection:
            while chunk := connection.recv(65536):
                received += chunk
        with _raw(simulator) as connection:
            assert _ends_with_reset(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(next(line for line in head.split(b"\r\n") if line.startswith(b"Content-Length")).split()[1])
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert len(body) == length // 2


@pytest.mark.parametrize("kind", STATUS_REASONS)
def test_a_status_is_forced(simulator: SimulatorHandle, kind: str) -> None:
    with _fault(simulator, kind), Client(simulator) as client:
        reply = client.get(PATH)
    assert (reply.status, reply.reason) == (int(kind), STATUS_REASONS[kind])
    assert not reply.body.startswith(b'{"data":[')


def test_timeout_never_answers(simulator: SimulatorHandle) -> None:
    with _fault(simulator, "timeout"), _raw(simulator) as connection:
        connection.settimeout(SHORT)
        with pytest.raises(TimeoutError):
            connection.recv(1)
    assert _healthy(simulator).status == 200


@pytest.mark.parametrize(("kind", "head_at_once"), [("drip", True), ("drip-headers", False)])
def test_dripping_sends_a_byte_at_a_time(simulator: SimulatorHandle, kind: str, head_at_once: bool) -> None:
    begun, received = time.monotonic(), b""
    with _fault(simulator, kind), _raw(simulator) as connection:
        while time.monotonic() - begun < SHORT:
            received += connection.recv(65536)
    assert received.startswith(b"HTTP/1.1 200 OK"[: len(received)])
    head, blank, body = received.partition(b"\r\n\r\n")
    assert bool(blank) is head_at_once
    assert 1 <= len(body if head_at_once else head) <= 20


def test_html_comes_with_status_200(simulator: SimulatorHandle) -> None:
    with _fault(simulator, "html"), Client(simulator) as client:
        reply = client.get(PATH)
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html")
    assert reply.body.startswith(b"<!DOCTYPE html>")


def test_truncated_json_has_a_consistent_length(simulator: SimulatorHandle) -> None:
    whole = _healthy(simulator).body
    with _fault(simulator, "truncated"), Client(simulator) as client:
        reply = client.get(PATH)
    assert (reply.status, reply.body) == (200, whole[: len(whole) // 2])
    assert int(reply.headers["Content-Length"]) == len(reply.body)
    with pytest.raises(json.JSONDecodeError):
        json.loads(reply.body)


def test_wrong_types_change_every_field(simulator: SimulatorHandle) -> None:
    rows = _healthy(simulator).data
    with _fault(simulator, "wrong-types"), Client(simulator) as client:
        wrong = client.get(PATH).data
    assert [row.keys() for row in wrong] == [row.keys() for row in rows]
    for good, bad in zip(rows, wrong, strict=True):
        assert all(type(good[key]) is not type(bad[key]) for key in good)


def test_gzip_garbage_cannot_be_unpacked(simulator: SimulatorHandle) -> None:
    with _fault(simulator, "gzip-garbage"), Client(simulator) as client:
        reply = client.get(PATH)
    assert (reply.status, reply.headers["Content-Encoding"]) == (200, "gzip")
    with pytest.raises((OSError, EOFError)):
        gzip.decompress(reply.body)


def test_empty_is_an_empty_list(simulator: SimulatorHandle) -> None:
    with _fault(simulator, "empty"), Client(simulator) as client:
        assert client.get(PATH).document == {"data": []}


def test_empty_is_an_empty_object_where_there_was_one(simulator: SimulatorHandle) -> None:
    with _fault(simulator, "empty", "/access/permissions"), Client(simulator) as client:
        assert client.get("/access/permissions").document == {"data": {}}


def test_rows_missing_drops_every_third_in_the_order_of_their_texts(simulator: SimulatorHandle) -> None:
    rows = _healthy(simulator).data
    with _fault(simulator, "rows-missing"), Client(simulator) as client:
        left = client.get(PATH).data
    dropped = sorted(rows, key=encode)[2::3]
    assert left == [row for row in rows if row not in dropped]
    assert len(dropped) == len(rows) // 3


def test_rows_missing_reaches_lists_in_an_object_and_objects_by_name() -> None:
    children = success({"children": [1, 2, 3]})
    assert json.loads(spoil("rows-missing", children).body) == {"data": {"children": [1, 2]}}
    by_path = success({"/": {"a": 1}, "/nodes": {"b": 1}, "/vms": {"c": 1}})
    assert json.loads(spoil("rows-missing", by_path).body) == {"data": {"/": {"a": 1}, "/nodes": {"b": 1}}}
    plain = success({"version": "9.1"})
    assert spoil("rows-missing", plain).body == plain.body


def test_no_data_lacks_the_key(simulator: SimulatorHandle) -> None:
    with _fault(simulator, "no-data"), Client(simulator) as client:
        reply = client.get(PATH)
    assert (reply.status, reply.document) == (200, {"success": 1})


def test_a_counted_fault_ends_by_itself(simulator: SimulatorHandle) -> None:
    with _fault(simulator, "503:2"), Client(simulator) as client:
        assert [client.get(PATH).status for _ in range(4)] == [503, 503, 200, 200]


def test_a_pattern_may_match_many_paths_or_a_query(simulator: SimulatorHandle) -> None:
    with _fault(simulator, "500", "/cluster/*/included_volumes"), Client(simulator) as client:
        assert client.get(f"{PATH}/backup-prod/included_volumes").status == 500
        assert client.get(PATH).status == 200
    with _fault(simulator, "500", "/pools?poolid=*"), Client(simulator) as client:
        assert client.get("/pools?poolid=prod").status == 500
        assert client.get("/pools").status == 200


def test_an_error_stays_what_it_is_under_a_body_fault(simulator: SimulatorHandle) -> None:
    with _fault(simulator, "wrong-types", "/nope"), Client(simulator) as client:
        assert client.get("/nope").status == 501


def test_faults_can_be_given_at_the_start() -> None:
    faults = ("--fault", "/cluster/*=502:1", "--fault", "/version=html")
    with running_simulator("serve", *faults) as simulator, Client(simulator) as client:
        assert [client.get("/cluster/status").status for _ in range(2)] == [502, 200]
        assert client.get("/version").body.startswith(b"<!DOCTYPE")


def test_a_running_process_ends_at_once_even_while_it_drips_and_hangs() -> None:
    with running_simulator("serve", "--fault", "/version=timeout", "--fault", f"{PATH}=drip") as simulator:
        with Client(simulator, seconds=0.3) as silent, pytest.raises(TimeoutError):
            silent.get("/version")
        with _raw(simulator) as dripping:
            dripping.recv(1)
            begun = time.monotonic()
            assert simulator.stop() == 0
            assert time.monotonic() - begun < 3


def test_latency_delays_each_answer() -> None:
    with running_simulator("serve", "--latency", 300) as simulator, Client(simulator) as client:
        begun = time.monotonic()
        client.get("/version")
        assert time.monotonic() - begun >= 0.3


def test_an_unknown_fault_is_refused_and_the_old_ones_stay(simulator: SimulatorHandle) -> None:
    with pytest.raises(FaultError, match="one of"):
        Faults({"/version": "explode"})
    with pytest.raises(FaultError, match="number"):
        Faults({"/version": "500:often"})


def test_every_kind_of_fault_is_tested_here() -> None:
    named = {
        "refused", "reset", "timeout", "drip", "drip-headers", "html", "truncated", "wrong-types", "gzip-garbage", "empty",
        "rows-missing", "no-data", *STATUS_REASONS,
    }  # fmt: skip
    assert named == KINDS


def test_spoiling_keeps_what_no_fault_names() -> None:
    assert spoil("empty", success([1, 2])).status == 200


def test_keep_alive_serves_many_requests_on_one_connection(simulator: SimulatorHandle) -> None:
    with Client(simulator) as client:
        client.get("/version")
        first = client.connection.sock
        for _ in range(20):
            assert client.get(PATH).status == 200
        assert client.connection.sock is first


def test_long_bodies_are_compressed_for_clients_that_take_it(simulator: SimulatorHandle) -> None:
    with Client(simulator) as client:
        plain = client.get("/cluster/resources")
        packed = client.call("GET", "/cluster/resources", **{"Accept-Encoding": "gzip, deflate"})
    assert plain.headers["Content-Encoding"] is None
    assert gzip.decompress(packed.body) == plain.body


def test_a_client_without_tls_stops_no_other(simulator: SimulatorHandle) -> None:
    with socket.create_connection((simulator.host, simulator.port), timeout=10) as plain:
        assert _healthy(simulator).status == 200
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert _healthy(simulator).status == 200


def test_wrong_credentials_close_the_connection(simulator: SimulatorHandle) -> None:
    with Client(simulator, authorization="PVEAPIToken=root@pam!x=y") as client:
        reply = client.get("/version")
        assert (reply.status, reply.reason, reply.body) == (401, "Authentication failed!", b"")
        assert reply.headers["Connection"] == "close"
    with Client(simulator, authorization="") as client:
        assert client.get("/version").reason == "No ticket"


def test_an_unfinished_answer_is_noticed_by_the_standard_client(simulator: SimulatorHandle) -> None:
    noticed = (http.client.IncompleteRead, ConnectionResetError)
    with _fault(simulator, "reset"), Client(simulator) as client, pytest.raises(noticed):
        client.get(PATH)
