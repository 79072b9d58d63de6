"""Readiness and watchdog for systemd: the sd_notify datagram, nothing where systemd did not ask for it."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping

# systemd reads at once; a reader that does not must not stop the daemon
SEND_SECONDS = 1.0


def notify(message: str, environment: Mapping[str, str] | None = None) -> None:
    """Given a state such as `READY=1` or `WATCHDOG=1`, tell systemd if it listens; never raises."""
    address = (os.environ if environment is None else environment).get("NOTIFY_SOCKET", "")
    if not address:
        return
    # a leading @ stands for the zero byte of an abstract socket
    name = "\0" + address[1:] if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.settimeout(SEND_SECONDS)
            sender.connect(name)
            sender.sendall(message.encode())
    except OSError:
        return


def reloading() -> str:
    """Return the state that starts a reload; READY=1 ends it. `Type=notify-reload` wants to know when, by the monotonic clock."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"


def watchdog_seconds(environment: Mapping[str, str] | None = None) -> float | None:
    """Return half the time after which systemd would kill us without a sign of life, None where it does not watch us."""
    values = os.environ if environment is None else environment
    if values.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        return int(values["WATCHDOG_USEC"]) / 2_000_000
    except (KeyError, ValueError):
        return None
