"""The web server over real HTTP on loopback: paths, formats, addresses, life cycle."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

from exporter.bodies import Body, Exposition
from exporter.config.addresses import Address
from exporter.errors import ConfigError
from exporter.store import Snapshot, Store
from exporter.web.server import WebServer
from exporter.web.settings import WebSettings
from tests.builders import report
from tests.exporter.web_fixtures import LOOPBACK, connect, get, port_of, serving, snapshot

PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


def test_metrics_are_plain_text_unless_something_else_is_asked_for() -> None:
    with serving(Store(snapshot(report()))) as server:
        answer = get(server, "/metrics")

    assert answer.status == 200
    assert answer.body == b"vzcover_source_up 1\n"
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "content-encoding" not in answer.headers
    assert answer.headers["vary"] == "Accept, Accept-Encoding"
    assert "date" in answer.headers
    assert "server" not in answer.headers


def test_a_prometheus_server_gets_openmetrics_compressed() -> None:
    with serving(Store(snapshot(report()))) as server:
        answer = get(server, "/metrics", {"Accept": PROMETHEUS, "Accept-Encoding": "gzip"})

    assert answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(answer.body) == b"vzcover_source_up 1\n# EOF\n"


def test_before_the_first_refresh_metrics_answer_and_readiness_does_not() -> None:
    store = Store(snapshot())
    with serving(store) as server:
        before = {path: get(server, path) for path in ("/metrics", "/-/healthy", "/-/ready", "/", "/api/v1/report")}
        store.replace(snapshot(report(), b"vzcover_source_up 0\n"))
        after = {path: get(server, path) for path in before}

    assert {path: answer.status for path, answer in before.items()} == {
        "/metrics": 200,
        "/-/healthy": 200,
        "/-/ready": 503,
        "/": 200,
        "/api/v1/report": 503,
    }
    assert b"first refresh is not done" in before["/"].body
    assert {answer.status for answer in after.values()} == {200}
    assert after["/metrics"].body == b"vzcover_source_up 0\n"
    assert after["/api/v1/report"].headers["content-type"] == "application/json"
    assert after["/api/v1/report"].body == b'{"schema_version":1}'
    assert after["/"].headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in after["/"].headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/metrics", "/-/healthy", "/-/ready", "/", "/api/v1/report", "/report.pdf"])
def test_head_answers_like_get_without_a_body(path: str, tmp_path: Path) -> None:
    store = Store(snapshot(report()))
    pdf = tmp_path / "vzcover.pdf"
    pdf.write_bytes(b"%PDF-1.7")
    store.publish_pdf(pdf)
    with serving(store) as server:
        whole, head = get(server, path), get(server, path, method="HEAD")

    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.body))


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nothing", 404), ("POST", "/metrics", 405), ("GET", "/%00", 404)]
)
def test_what_does_not_exist_is_said_so(method: str, path: str, status: int) -> None:
    with serving(Store(snapshot(report()))) as server:
        assert get(server, path, method=method).status == status


def test_the_latest_pdf_is_there_once_it_is_written_and_while_it_exists(tmp_path: Path) -> None:
    store = Store(snapshot(report()))
    pdf = tmp_path / "vzcover 2026.pdf"
    with serving(store) as server:
        none_yet = get(server, "/report.pdf")
        pdf.write_bytes(b"%PDF-1.7 first")
        store.publish_pdf(pdf)
        there = get(server, "/report.pdf")
        pdf.unlink()
        removed = get(server, "/report.pdf")

    assert (none_yet.status, removed.status) == (404, 404)
    assert (there.status, there.body) == (200, b"%PDF-1.7 first")
    assert there.headers["content-type"] == "application/pdf"
    assert there.headers["content-disposition"].startswith("inline")


def test_a_large_body_arrives_whole_over_one_connection_many_times() -> None:
    plain = b"".join(b'vzcover_guest_jobs{vmid="%d"} 1\n' % vmid for vmid in range(100_000))
    body = Body.of(plain)
    store = Store(Snapshot(Exposition(body, body), report()))
    with serving(store) as server:
        connection = HTTPConnection("127.0.0.1", port_of(server), timeout=10)
        for _ in range(3):
            connection.request("GET", "/metrics")
            assert connection.getresponse().read() == plain
        connection.close()


def test_requests_over_one_connection_do_not_wait_for_acknowledgements() -> None:
    with serving(Store(snapshot(report()))) as server:
        connection = HTTPConnection("127.0.0.1", port_of(server), timeout=10)
        began = time.monotonic()
        for _ in range(50):
            connection.request("GET", "/metrics")
            connection.getresponse().read()
        took = time.monotonic() - began
        connection.close()

    assert took < 1  # with Nagle's algorithm it would be 2 s


def test_a_scrape_during_a_swap_sees_one_snapshot_whole() -> None:
    bodies = [Body.of(letter * 400_000) for letter in (b"a", b"b")]
    snapshots = [Snapshot(Exposition(body, body), report()) for body in bodies]
    store = Store(snapshots[0])
    done = threading.Event()

    def swap() -> None:
        while not done.is_set():
            for each in snapshots:
                store.replace(each)

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        with serving(store) as server:
            seen = [get(server, "/metrics").body for _ in range(20)]
    finally:
        done.set()
        swapper.join()

    assert all(body in (bodies[0].plain, bodies[1].plain) for body in seen)


def test_it_listens_on_several_addresses_and_says_on_which() -> None:
    listen = (Address("127.0.0.1", 0), Address("::1", 0), Address("", 0), Address("localhost", 0))
    with serving(Store(snapshot(report())), listen=listen) as server:
        shown = [address.rpartition(":") for address in server.addresses]
        for host, _, port in shown:
            connection = HTTPConnection(host.strip("[]"), int(port), timeout=10)
            connection.request("GET", "/-/healthy")
            assert connection.getresponse().status == 200
            connection.close()
        everywhere = int(shown[2][2])
        for loopback in ("127.0.0.1", "::1"):
            socket.create_connection((loopback, everywhere), timeout=10).close()

    assert [host for host, _, _ in shown][:3] == ["127.0.0.1", "[::1]", "localhost"]
    assert server.urls[0] == f"http://{server.addresses[0]}/"


def test_a_port_in_use_is_one_clear_error_and_leaves_nothing_open() -> None:
    with serving(Store(snapshot(report()))) as server:
        port = port_of(server)
        free = socket.create_server(("127.0.0.1", 0))
        free_port = free.getsockname()[1]
        free.close()
        listen = (Address("127.0.0.1", free_port), Address("127.0.0.1", port))
        with pytest.raises(ConfigError) as caught:
            WebServer(Store(snapshot()), WebSettings(listen=listen)).bind()

    assert str(caught.value) == (
        f"configuration: web.listen: cannot listen on 127.0.0.1:{port}: "
        "the port is in use; stop the program that has it, or choose another port"
    )
    socket.create_server(("127.0.0.1", free_port)).close()


def test_an_address_of_another_machine_is_named_with_the_remedy() -> None:
    with pytest.raises(
        ConfigError, match=r"cannot listen on 192\.0\.2\.1:10977: this machine does not have that address"
    ):
        WebServer(Store(snapshot()), WebSettings(listen=(Address("192.0.2.1", 10977),))).bind()


def test_it_stops_within_two_seconds_whatever_its_clients_do() -> None:
    body = Body.of(b"x" * 20_000_000)
    store = Store(Snapshot(Exposition(body, body), report()))
    server = WebServer(store, WebSettings(listen=LOOPBACK))
    server.bind()
    server.start()
    assert server.alive
    idle, stuck = connect(server), connect(server)
    stuck.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    stuck.recv(10)
    began = time.monotonic()
    server.stop()
    took = time.monotonic() - began
    idle.close()
    stuck.close()

    assert not server.alive
    assert took < 2.0


def test_an_answer_under_way_is_finished_before_the_stop() -> None:
    plain = b"x" * 3_000_000
    body = Body((plain,), plain)
    server = WebServer(Store(Snapshot(Exposition(body, body), report())), WebSettings(listen=LOOPBACK))
    server.bind()
    server.start()
    client = connect(server)
    client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    received = len(client.recv(1000))
    stopper = threading.Thread(target=server.stop)
    stopper.start()
    while chunk := client.recv(100_000):
        received += len(chunk)
    stopper.join()
    client.close()

    assert received > len(plain)


def test_a_server_that_was_bound_but_never_started_stops_too() -> None:
    server = WebServer(Store(snapshot()), WebSettings(listen=LOOPBACK))
    server.bind()
    port = port_of(server)
    server.stop()

    socket.create_server(("127.0.0.1", port)).close()
