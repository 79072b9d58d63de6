"""Calls about the server itself: version, clock, identity, permissions."""

from __future__ import annotations

import hashlib
from datetime import datetime
from zoneinfo import ZoneInfo

from simulator.answers import Answer
from simulator.pbs.answers import forbidden, success
from simulator.pbs.call import Call
from simulator.pbs.privileges import Permissions


def version(call: Call) -> Answer:
    """`version` is major.minor only, the patch level is `release` (section 1)."""
    major, minor, patch = call.server.release
    repository = hashlib.sha1(repr(call.server.release).encode(), usedforsecurity=False).hexdigest()
    return success({"release": str(patch), "repoid": repository, "version": f"{major}.{minor}"})


def ping(call: Call) -> Answer:
    return success({"pong": True})


def time(call: Call) -> Answer:
    """The clock; `localtime` counts the local wall clock as if it were UTC."""
    offset = datetime.fromtimestamp(call.now, ZoneInfo(call.server.zone)).utcoffset()
    local = call.now + (int(offset.total_seconds()) if offset else 0)
    return success({"localtime": local, "time": call.now, "timezone": call.server.zone})


def instance_id(name: str) -> str:
    """The id by which a server is known under any of its addresses (D12)."""
    return hashlib.sha256(f"instance of {name}".encode()).hexdigest()[:32]


def identity(call: Call) -> Answer:
    return success({"pbs-instance-id": instance_id(call.server.name)})


def permissions(call: Call) -> Answer:
    """The caller's rights, on one path or on all; another's need Sys.Audit on /access (section 13)."""
    whose = call.permissions
    other = call.text("auth-id")
    if other is not None and other != whose.identity:
        if not whose.has("/access", "Sys.Audit"):
            raise forbidden()
        whose = Permissions(call.server.access, other)
    path = call.text("path")
    if path is None:
        return success(whose.dump())
    found = whose.at(path)
    return success({path: found} if found else {})


def superuser(call: Call) -> Answer:
    """What no API token may ask."""
    raise forbidden(late=True)
