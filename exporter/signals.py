"""Signals only set flags; the loop that reads them finishes its unit of work first."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass(slots=True)
class Flags:
    """What the signal handlers say; the main thread reads."""

    stop: bool = False
    reload: bool = False


@contextmanager
def signal_flags(*, hang_up_ends: bool = False) -> Iterator[Flags]:
    """Turn SIGTERM, SIGINT and SIGHUP into flags while the daemon runs, and restore what was before.

    `hang_up_ends`: SIGHUP means that the terminal has gone, and ends the program instead of reloading.
    """
    flags = Flags()

    def stop(number: int, frame: FrameType | None) -> None:
        flags.stop = True

    def reload(number: int, frame: FrameType | None) -> None:
        flags.reload = True

    handlers = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: stop if hang_up_ends else reload}
    with _handled(handlers):
        yield flags


class Terminated(BaseException):
    """SIGTERM or SIGHUP came while a command was at work; raised in the main thread, so that what is open gets closed."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into Terminated meanwhile; without that, Python dies of them on the spot. What nohup ignores stays so."""

    def end(number: int, frame: FrameType | None) -> None:
        raise Terminated(number)

    with _handled(dict.fromkeys(_heeded(signal.SIGTERM, signal.SIGHUP), end)):
        yield


@contextmanager
def postponed() -> Iterator[None]:
    """Let signals that would end a command wait meanwhile: for what must not stop halfway, such as starting a process."""
    arrived: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        arrived.append(number)

    with _handled(dict.fromkeys(_heeded(signal.SIGINT, signal.SIGTERM, signal.SIGHUP), note)):
        yield
    for number in arrived:
        signal.raise_signal(number)


def _heeded(*numbers: signal.Signals) -> list[signal.Signals]:
    return [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]


@contextmanager
def _handled(handlers: Mapping[signal.Signals, Callable[[int, FrameType | None], None]]) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
