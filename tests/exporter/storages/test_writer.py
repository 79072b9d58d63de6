"""The door that writes: sends exactly once, tells a conflict from a refusal, and never repeats a secret."""

from __future__ import annotations

import ast
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from exporter.client.writer import ModifiedMeanwhile, StorageWriter
from exporter.errors import ServerFailed, SourceError, Unreachable
from tests.exporter.clients import settings, soon
from tests.exporter.raw_server import RawServer, Script, always, answer, raw_server
from tests.simulator_process import REPOSITORY

PASSWORD = "hunter2-password"
GOOD = answer({"data": {"storage": "vault", "type": "pbs", "config": {}}})


@contextmanager
def writing(folder: Path, script: Script, *, before: tuple[int, ...] = ()) -> Iterator[tuple[StorageWriter, RawServer]]:
    with raw_server(script) as server:
        writer = StorageWriter(settings(folder, *before, server.port))
        try:
            yield writer, server
        finally:
            writer.close()


def test_a_creation_is_one_post(tmp_path: Path) -> None:
    with writing(tmp_path, always(GOOD)) as (writer, server):
        writer.create("vault", {"server": "pbs.example"}, PASSWORD, soon())

    (exchange,) = server.exchanges
    assert exchange.head.startswith("POST /api2/json/storage HTTP/1.1")
    assert exchange.header("Authorization") == "PVEAPIToken=vzcover@pve!ro=0f3c1d52-secret-9d1b"
    assert exchange.header("Content-Type") == "application/x-www-form-urlencoded"
    assert PASSWORD not in exchange.head


def test_a_secret_that_the_server_echoes_is_blotted_out(tmp_path: Path) -> None:
    refusal = answer({"errors": {"password": f"value '{PASSWORD}' is bad"}}, 400, "Parameter verification failed.")
    with writing(tmp_path, always(refusal)) as (writer, _), pytest.raises(ServerFailed) as caught:
        writer.create("vault", {}, PASSWORD, soon())

    assert PASSWORD not in str(caught.value)
    assert "value '***' is bad" in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_digest_that_does_not_fit_is_a_conflict(tmp_path: Path) -> None:
    reason = "update storage failed: detected modified configuration - file changed by other user? Try again."
    with (
        writing(tmp_path, always(answer({"data": None}, 500, reason))) as (writer, _),
        pytest.raises(ModifiedMeanwhile),
    ):
        writer.update("vault", {"port": "1"}, ("nodes",), "abc", soon())


def test_a_write_is_never_sent_twice(tmp_path: Path) -> None:
    with writing(tmp_path, lambda exchange: exchange.reset()) as (writer, server), pytest.raises(Unreachable):
        writer.create("vault", {}, None, soon())

    assert server.requests == 1


def test_the_next_host_is_asked_only_where_nothing_was_sent(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with writing(tmp_path, always(GOOD), before=(port,)) as (writer, server):
        writer.create("vault", {}, None, soon())
    assert server.requests == 1

    with raw_server(always(GOOD)) as other, raw_server(always(answer({"data": None}, 502, "Bad Gateway"))) as first:
        writer = StorageWriter(settings(tmp_path, first.port, other.port))
        with pytest.raises(SourceError):
            writer.create("vault", {}, None, soon())
        writer.close()
    assert (first.requests, other.requests) == (1, 0)


def test_nothing_but_apply_imports_the_door_that_writes() -> None:
    importers = set()
    for path in (REPOSITORY / "exporter").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            if isinstance(node, ast.Import):
                names = [name.name for name in node.names]
            if "exporter.client.writer" in names:
                importers.add(str(path.relative_to(REPOSITORY)))

    assert importers == {"exporter/storages/apply.py", "exporter/storage_commands/writing.py"}
