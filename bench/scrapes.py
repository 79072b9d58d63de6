"""Scrapes as Prometheus makes them: gzip, whole bodies, timed from the request (or the connection) to the last byte."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection

TIMEOUT = 30.0
# between two scrapes, on average: they then fall anywhere into what runs beside them
PAUSE_SECONDS = 0.01
GZIP = {"Accept-Encoding": "gzip"}
OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}


@dataclass(frozen=True, slots=True)
class Address:
    """Where the daemon listens."""

    host: str
    port: int


@dataclass(slots=True)
class Timings:
    """How long scrapes took, in seconds: on a connection that stays open, and each on a new one."""

    kept: list[float] = field(default_factory=list)
    fresh: list[float] = field(default_factory=list)


def fetch(connection: HTTPConnection, path: str, **headers: str) -> bytes:
    """Given a connection and a path, return the body as it came; raise RuntimeError unless the status is 200."""
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path} answered {answer.status} {answer.reason}: is the daemon ready?")
    return body


def fetch_once(address: Address, path: str, **headers: str) -> bytes:
    """Given where the daemon listens and a path, return the body as it came, over a connection of its own."""
    with closing(HTTPConnection(address.host, address.port, timeout=TIMEOUT)) as connection:
        return fetch(connection, path, **headers)


def scrape(
    address: Address, count: int, timings: Timings, *, going_on: Callable[[bytes], bool] = lambda body: True
) -> None:
    """Scrape up to `count` times in each way, in turn, and add the times; end early when `going_on`, given each body, says no."""
    pauses = random.Random(1)
    with closing(HTTPConnection(address.host, address.port, timeout=TIMEOUT)) as kept:
        ways: tuple[tuple[list[float], Callable[[], bytes]], ...] = (
            (timings.kept, lambda: fetch(kept, "/metrics", **GZIP)),
            (timings.fresh, lambda: fetch_once(address, "/metrics", **GZIP)),
        )
        fetch(kept, "/metrics", **GZIP)
        for _ in range(count):
            for times, way in ways:
                time.sleep(pauses.uniform(0, 2 * PAUSE_SECONDS))
                started = time.perf_counter()
                body = way()
                took = time.perf_counter() - started
                if not going_on(body):
                    return
                times.append(took)
