"""Signals only set flags; the loop that reads them finishes its unit of work first."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass(slots=True)
class Flags:
    """What the signal handlers say; the main thread reads."""

    stop: bool = False
    reload: bool = False


@contextmanager
def signal_flags() -> Iterator[Flags]:
    """Turn SIGTERM, SIGINT and SIGHUP into flags while the daemon runs, and restore what was before."""
    flags = Flags()

    def stop(number: int, frame: FrameType | None) -> None:
        flags.stop = True

    def reload(number: int, frame: FrameType | None) -> None:
        flags.reload = True

    handlers = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: reload}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield flags
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
