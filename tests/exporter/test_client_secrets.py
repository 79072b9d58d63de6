"""The token's secret is in one request header and nowhere else."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exporter.client.settings import ClientSettings
from exporter.errors import SourceError
from tests.exporter.certificates import server_certificate
from tests.exporter.clients import SECRET, error_of, settings, soon, source_client
from tests.exporter.raw_server import Exchange, Script, always, answer, raw_server


def echo_everything(exchange: Exchange) -> None:
    """A debugging proxy: the reason phrase and the body repeat the request."""
    exchange.say(answer(exchange.head.encode(), 502, f"bad {SECRET}", "text/plain"))


def redirect_with_secret(exchange: Exchange) -> None:
    exchange.say(answer(b"", 302, "Found", None, Location=f"https://elsewhere/?token={SECRET}"))


def json_with_secret(exchange: Exchange) -> None:
    exchange.say(answer(b'{"data":null,"errors":{"x":"' + SECRET.encode() + b'"}}', 400, "no"))


WAYS_TO_FAIL: dict[str, Script] = {
    "refused": always(answer(b"", 401, "No ticket")),
    "denied": always(answer(b"", 403, "Forbidden")),
    "malformed": always(answer(b"<html>")),
    "wrong type": always(answer({"data": SECRET})),
    "echo": echo_everything,
    "redirect": redirect_with_secret,
    "errors": json_with_secret,
    "reset": lambda exchange: exchange.reset(),
    "hang": lambda exchange: exchange.hang(),
    "no http": always(SECRET.encode() + b"\r\n\r\n"),
}


def everything_about(error: BaseException) -> Iterator[str]:
    """The exception and all that hangs on to it, as text; `__dict__` and `args` too."""
    waiting: list[BaseException] = [error]
    while waiting:
        current = waiting.pop()
        yield from (str(current), repr(current), repr(current.args), repr(vars(current)))
        waiting += [cause for cause in (current.__cause__, current.__context__) if cause is not None]
        # what a debugger or a pretty traceback would show of our own frames
        for frame, _ in traceback.walk_tb(current.__traceback__):
            if "exporter" in frame.f_code.co_filename and "tests" not in frame.f_code.co_filename:
                yield from (repr(value) for value in frame.f_locals.values())


def raised_by(work: Callable[[], object]) -> SourceError:
    """The error as a caller meets it."""
    try:
        work()
    except SourceError as error:
        return error
    raise AssertionError("no error")


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("script", WAYS_TO_FAIL.values(), ids=WAYS_TO_FAIL)
def test_no_error_holds_the_secret(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, script: Script, large: bool
) -> None:
    caplog.set_level(logging.DEBUG)
    with (
        raw_server(script) as server,
        source_client(tmp_path, server.port, read_timeout=0.3, attempts=2) as client,
    ):
        error = raised_by(lambda: client.get("/version", int, soon(), large=large))
    assert error.__cause__ is None
    assert error.__context__ is None
    for text in everything_about(error):
        assert SECRET not in text
    assert SECRET not in "".join(traceback.format_exception(error))
    assert SECRET not in caplog.text


def test_a_refused_certificate_does_not_get_the_token(tmp_path: Path) -> None:
    certificate = server_certificate(self_signed=True)
    with raw_server(always(b""), certificate) as server, source_client(tmp_path, server.port) as client:
        error = error_of(client)
        assert server.requests == 0
    for text in everything_about(error):
        assert SECRET not in text


def test_neither_client_nor_settings_show_the_secret(tmp_path: Path) -> None:
    made = settings(tmp_path, 8006)
    assert SECRET not in repr(made)
    assert SECRET not in str(made)
    with raw_server(always(answer({"data": 1}))) as server, source_client(tmp_path, server.port) as client:
        error_of(client, into=str)
        assert SECRET not in repr(client)
        for host in client._hosts:
            assert SECRET not in repr(host)
            assert SECRET not in repr(host.api("/version"))


@pytest.mark.parametrize("secret", ["", "with blank", "line\n", "tab\t", "umlaut ü"])
def test_a_secret_that_fits_in_no_header_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(ValueError, match="token secret") as caught:
        ClientSettings("lab", "pve", (("pve1", 8006),), "a@pve!b", secret)
    assert not secret.strip() or secret not in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"token_id": "root@pam"}, "user@realm!token"),
        ({"token_id": "no realm!x"}, "user@realm!token"),
        ({"hosts": ()}, "no host"),
        ({"fingerprints": ("AA:BB",)}, "not a SHA-256 fingerprint"),
    ],
)
def test_settings_that_cannot_work_are_refused(tmp_path: Path, changed: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        settings(tmp_path, 8006, **changed)
