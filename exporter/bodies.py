"""Bytes that lie ready to be sent, plain and compressed. Made once per refresh, shared by all who ask."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass

LEVEL = 6  # 18 % fewer bytes than level 1 for 15 ms more per 8 MB of metrics, once per refresh
GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Body:
    """One body in both encodings; `gzip` decompresses to `plain`, which comes in parts that several bodies may share."""

    parts: tuple[bytes, ...]
    gzip: bytes

    @property
    def plain(self) -> bytes:
        """Return the parts as one; makes a copy."""
        return b"".join(self.parts)

    @staticmethod
    def of(plain: bytes) -> Body:
        """Given bytes, return them in both encodings."""
        compressor = start_gzip()
        return Body((plain,), compressor.compress(plain) + compressor.flush())


@dataclass(frozen=True, slots=True)
class Exposition:
    """The answer to a scrape: Prometheus text 0.0.4 and OpenMetrics 1.0."""

    text: Body
    openmetrics: Body


class LazyBody:
    """A body that is made when somebody first asks for it, once, whoever asks: pages are read less often than refreshed."""

    def __init__(self, make: Callable[[], bytes]) -> None:
        """Given how to make the plain bytes."""
        self._make = make
        self._lock = threading.Lock()
        self._body: Body | None = None

    def get(self) -> Body:
        """Return the body; the first call computes, calls beside it wait for that one."""
        with self._lock:
            if self._body is None:
                self._body = Body.of(self._make())
            return self._body


def start_gzip() -> zlib._Compress:
    """Return a compressor that writes a gzip stream without name or time, so that equal bytes stay equal."""
    return zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)
