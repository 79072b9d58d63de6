"""Clients for tests: trust the test authority, wait little, never sleep between attempts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from exporter.client.deadline import Deadline
from exporter.client.settings import ClientSettings
from exporter.client.source import SourceClient
from exporter.counters import Counters
from exporter.errors import SourceError
from tests.exporter.certificates import authority_pem

SECRET = "0f3c1d52-secret-9d1b"
TOKEN = "vzcover@pve!ro"


def settings(folder: Path, *ports: int, **changed: Any) -> ClientSettings:
    """Settings for servers on loopback; the authority's file is written to `folder`."""
    ca_file = folder / "authority.pem"
    ca_file.write_bytes(authority_pem())
    values: dict[str, Any] = {
        "name": "lab",
        "kind": "pve",
        "hosts": tuple(("127.0.0.1", port) for port in ports),
        "token_id": TOKEN,
        "token_secret": SECRET,
        "ca_file": str(ca_file),
        "connect_timeout": 5.0,
        "read_timeout": 5.0,
    }
    return ClientSettings(**{**values, **changed})


class Naps:
    """In place of sleep: only remembers how long it was meant to be."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@contextmanager
def source_client(folder: Path, *ports: int, **changed: Any) -> Iterator[SourceClient]:
    """A client for the block, closed after it."""
    injected = {name: changed.pop(name) for name in ("sleep", "monotonic", "clock") if name in changed}
    client = SourceClient(settings(folder, *ports, **changed), Counters(), **{"sleep": Naps(), **injected})
    try:
        yield client
    finally:
        client.close()


def soon(seconds: float = 5.0) -> Deadline:
    return Deadline.after(seconds)


def error_of(client: SourceClient, path: str = "/version", into: Any = dict[str, Any], **options: Any) -> SourceError:
    """The SourceError that this call ends with."""
    options.setdefault("deadline", soon())
    try:
        answer = client.get(path, into, **options)
    except SourceError as error:
        return error
    raise AssertionError(f"no error but {answer!r}")


def counted(client: SourceClient) -> dict[str, float]:
    """The counters' samples as written, without the histogram."""
    lines = client._counters.render(openmetrics=False).decode().splitlines()
    samples = [
        line.rpartition(" ") for line in lines if line.startswith("vzcover_api_request") and "duration" not in line
    ]
    return {name: float(value) for name, _, value in samples}
