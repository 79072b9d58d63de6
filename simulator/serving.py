"""Servers that run until they are told to end, the clock of their world, and an end that comes with the starter's."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence

from simulator.server import Server


def serve_until(servers: Sequence[Server], stop: threading.Event) -> None:
    """Serve in a thread each until `stop` is set, then end at once, leaving no request waiting."""
    threads = [
        threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.05}, name=f"server {number}", daemon=True
        )
        for number, server in enumerate(servers)
    ]
    for thread in threads:
        thread.start()
    stop.wait()
    for server in servers:
        server.stopping.set()
        server.shutdown()
        server.server_close()
    for thread in threads:
        thread.join(timeout=1)


def real_or_fixed_clock(now: int | None) -> Callable[[], int]:
    """The real clock, or one that started at `now` and runs on with real time."""
    if now is None:
        return lambda: int(time.time())
    started = time.monotonic()
    return lambda: now + int(time.monotonic() - started)


def end_with_pipe(descriptor: int, stop: threading.Event) -> None:
    """Set `stop` when the other end of a pipe is closed: whoever started this process has gone, be it by SIGKILL."""

    def watch() -> None:
        while os.read(descriptor, 1024):
            pass
        stop.set()

    threading.Thread(target=watch, name="the starter's pipe", daemon=True).start()
