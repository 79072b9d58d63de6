"""Addresses to listen on → listening sockets, bound before anything starts, so that a port in use is one clear error."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable

from exporter.config.addresses import Address
from exporter.errors import ConfigError, ConfigProblem

BACKLOG = 512
SEND_BUFFER = 256 * 1024  # bytes the kernel may hold for a client that does not read; bounds what many of them cost

REMEDIES = {
    errno.EADDRINUSE: "the port is in use; stop the program that has it, or choose another port",
    errno.EADDRNOTAVAIL: "this machine does not have that address; choose one of its own, or only a port (`:10977`)",
    errno.EACCES: "not permitted; ports below 1024 need CAP_NET_BIND_SERVICE: choose a higher port",
}


def bind_all(addresses: Iterable[Address]) -> list[socket.socket]:
    """Given addresses, return listening sockets in the same order.

    Raises ConfigError with a problem for each address that cannot be used; then none is left open.
    """
    sockets: list[socket.socket] = []
    problems: list[ConfigProblem] = []
    for address in addresses:
        try:
            sockets.append(_bind(address))
        except OSError as error:
            why = REMEDIES.get(error.errno or 0) or error.strerror or str(error)
            problems.append(ConfigProblem("configuration", None, "web.listen", f"cannot listen on {address}: {why}"))
    if problems:
        for listener in sockets:
            listener.close()
        raise ConfigError(problems)
    return sockets


def shown(listener: socket.socket) -> str:
    """Given a bound socket, return its address as a client would write it; a wildcard is shown as localhost."""
    host, port = listener.getsockname()[:2]
    if host in ("::", "0.0.0.0"):  # noqa: S104 -- compared, not bound
        return f"localhost:{port}"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _bind(address: Address) -> socket.socket:
    if not address.host:
        return _bind_everywhere(address.port)
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, where = found[0]
    return _listening(family, where)


def _bind_everywhere(port: int) -> socket.socket:
    """Listen on every address of both families with one socket; IPv4 alone on a machine without IPv6."""
    try:
        return _listening(socket.AF_INET6, ("::", port), both_families=True)
    except OSError as error:
        if error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            raise
    return _listening(socket.AF_INET, ("0.0.0.0", port))  # noqa: S104 -- `:10977` asks for every address


def _listening(family: int, address: tuple[object, ...], *, both_families: bool = False) -> socket.socket:
    # named TCP, or asyncio does not switch off Nagle: 40 ms a scrape
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)  # accepted sockets inherit it
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if both_families else 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener
