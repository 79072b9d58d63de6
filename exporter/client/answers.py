"""From bytes to values: content type, JSON, envelope and types are checked before anyone sees an answer."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any, Generic, TypeVar

import msgspec

from exporter.client.calls import Call
from exporter.client.failures import malformed

T = TypeVar("T")

_IN_FRONT = "is this the API's own address, with no proxy or login page in front of it?"
# msgspec lays a type out when it is first used, and a thread that meets one half laid out ends the process (SIGSEGV)
_LAYING_OUT = threading.Lock()
_UNKNOWN_VERSION = "the server may be of a version that this vzcover does not know"


class Envelope(msgspec.Struct, Generic[T]):
    """Every answer of PVE and PBS: `{"data": …}`, perhaps with more beside it."""

    data: T


@lru_cache(maxsize=256)
def _laid_out(into: Any) -> msgspec.json.Decoder[Envelope[Any]]:
    return msgspec.json.Decoder(Envelope[into], strict=False)


def _decoder(into: Any) -> msgspec.json.Decoder[Envelope[Any]]:
    with _LAYING_OUT:
        return _laid_out(into)


_ANYTHING = _decoder(Any)


def check_content_type(call: Call, content_type: str | None) -> None:
    """Given the header of an answer of status 200, raise CallFailed unless it promises JSON (no header: the body tells)."""
    if content_type is not None and content_type.partition(";")[0].strip().lower() != "application/json":
        raise malformed(call, f"the answer is {content_type or 'of no type'} instead of JSON", _IN_FRONT)


def envelope(call: Call, body: bytes | bytearray) -> Any:
    """Given a body, return what lies under `data`, as plain Python; raises CallFailed."""
    return _decode(call, body, _ANYTHING)


def decode(call: Call, body: bytes | bytearray, into: Any) -> Any:
    """Given a body, return what lies under `data` as `into`, straight from the bytes; raises CallFailed."""
    return _decode(call, body, _decoder(into))


def convert(call: Call, data: Any, into: Any) -> Any:
    """Given plain Python, return it as `into`, as tolerant as `decode`; raises CallFailed."""
    _decoder(into)
    try:
        return msgspec.convert(data, into, strict=False)
    except msgspec.ValidationError as error:
        detail = f"unexpected values: {error}"
    raise malformed(call, detail, _UNKNOWN_VERSION)


def _decode(call: Call, body: bytes | bytearray, decoder: msgspec.json.Decoder[Envelope[Any]]) -> Any:
    try:
        return decoder.decode(body).data
    except msgspec.ValidationError as error:
        detail, remedy = f"unexpected values: {error}", _UNKNOWN_VERSION
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        detail, remedy = f"not JSON: {error}", _IN_FRONT
    except RecursionError:
        detail, remedy = "JSON nested without end", _IN_FRONT
    raise malformed(call, detail, remedy)
