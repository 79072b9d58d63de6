"""What systemd hears, over a real socket."""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.systemd import notify, reloading, watchdog_seconds


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.settimeout(5)
        receiver.bind(str(tmp_path / "notify"))
        yield receiver


def test_a_state_is_one_datagram(listener: socket.socket) -> None:
    notify("READY=1\nSTATUS=serving", {"NOTIFY_SOCKET": listener.getsockname()})

    assert listener.recv(1000) == b"READY=1\nSTATUS=serving"


def test_an_abstract_socket_is_written_with_an_at_sign() -> None:
    name = f"vzcover-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.settimeout(5)
        receiver.bind(f"\0{name}")
        notify("STOPPING=1", {"NOTIFY_SOCKET": f"@{name}"})

        assert receiver.recv(1000) == b"STOPPING=1"


@pytest.mark.parametrize("address", ["", "/does/not/exist", "@nobody-listens", "x" * 5000])
def test_where_nobody_listens_nothing_happens(address: str) -> None:
    notify("READY=1", {"NOTIFY_SOCKET": address})
    notify("READY=1", {})


def test_a_reader_that_is_stuck_does_not_stop_us(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.systemd.SEND_SECONDS", 0.01)
    started = time.monotonic()
    for _ in range(600):  # more than any queue of datagrams holds
        notify("WATCHDOG=1" + "x" * 1000, {"NOTIFY_SOCKET": listener.getsockname()})
        if time.monotonic() - started > 0.1:
            break

    assert time.monotonic() - started < 5


def test_a_reload_says_when_by_the_monotonic_clock() -> None:
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    found = re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=(\d+)", reloading())

    assert found
    assert before <= int(found.group(1)) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
    ],
)
def test_the_watchdog_is_fed_in_half_its_time(environment: dict[str, str], seconds: float | None) -> None:
    assert watchdog_seconds(environment) == seconds
