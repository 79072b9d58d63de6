"""Hosts to ask and addresses to listen on: `host`, `host:port`, `[::1]:port`, `:port`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any, ClassVar

from exporter.config.kinds import Kind, text_of

NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")


@dataclass(frozen=True, slots=True)
class Address:
    """A host (a name, an IPv4 or an IPv6 address without brackets; empty: every address) and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str, default_port: int | None) -> Address:
    """Given text, return the address; raise ValueError (which does not repeat the text: it may hold a password).

    Without a default port the port must be written, the host may be empty, and port 0 (any free one) is allowed.
    """
    listening = default_port is None
    right = (
        ":10977, 127.0.0.1:10977 or [::1]:10977" if listening else f"pve1.example.com or [2001:db8::1]:{default_port}"
    )
    if "/" in text or "@" in text:
        raise ValueError(f"a host has no https://, path or user in it; write {right}")
    host, colon, port = text, "", ""
    bracketed = re.fullmatch(r"\[([^\[\]]*)\](?:(:)(.*))?", text)
    if bracketed:
        host, colon, port = bracketed[1], bracketed[2] or "", bracketed[3] or ""
    elif text.count(":") == 1:
        host, colon, port = text.partition(":")
    if (listening and not colon) or not is_host(host, bool(bracketed), listening):
        raise ValueError(f"not an address; write {right}")
    if not colon and default_port is not None:
        return Address(host, default_port)
    if not re.fullmatch("[0-9]{1,5}", port) or not (0 if listening else 1) <= int(port) <= 65535:
        raise ValueError(f"the port behind the colon is a number up to 65535; write {right}")
    return Address(host, int(port))


def is_host(host: str, bracketed: bool = False, listening: bool = False) -> bool:
    """Whether text is a host's name or address; `bracketed`: it stood in [ ]; `listening`: nothing stands for every address."""
    try:
        if bracketed or ":" in host:
            # a zone may hold nearly anything, and a bracket in it would end the address
            return IPv6Address(host).scope_id is None or not set("[]") & set(host)
        if re.fullmatch("[0-9.]+", host):
            IPv4Address(host)
        else:
            return (listening and not host) or (len(host) <= 253 and NAME.fullmatch(host) is not None)
    except AddressValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class HostKind(Kind):
    """A host to ask; the port may be left out."""

    default_port: int
    word: ClassVar[str] = "host or host:port"

    def parse(self, value: object) -> Address:
        return value if isinstance(value, Address) else parse_address(text_of(value), self.default_port)

    def limits(self) -> str:
        return f"port {self.default_port} unless given"

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[^/@ ]+$"}


@dataclass(frozen=True, slots=True)
class ListenKind(Kind):
    """An address to listen on."""

    word: ClassVar[str] = "host:port, [address]:port or :port"

    def parse(self, value: object) -> Address:
        return value if isinstance(value, Address) else parse_address(text_of(value), None)

    def limits(self) -> str:
        return "port 0 takes a free one"

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[^/@ ]*:[0-9]{1,5}$"}
