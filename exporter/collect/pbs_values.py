"""PBS's scalars → ours. What cannot be what it should be is unknown, not an error: one odd value must not hide the others."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from exporter.collect.pbs_rows import Scalar
from report.backups import place_name

LARGEST = 2**63 - 1
# how far ahead of us a backup may be dated: clocks and zones differ by less; what lies farther ahead would hide for as long that no
# backup is made
AHEAD_SECONDS = 86_400
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_ESCAPED = re.compile(r"\\x([0-9a-fA-F]{2})")
# names of nodes and of datastores
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_UPID_PARTS = 10


def number(value: Scalar, least: int = 0) -> int | None:
    """Given a number or its text, return the integer; None where it is absent, below `least`, or beyond 64 bits."""
    try:
        found = None if value is None or value == "" else int(value)
    except (ValueError, OverflowError):
        return None
    return found if found is not None and least <= found <= LARGEST else None


def text(value: Scalar) -> str | None:
    """Given a scalar, return its text in one printable line, None where it is absent or empty."""
    return None if value is None or value == "" else _UNPRINTABLE.sub(" ", str(value)).strip() or None


def first_line(value: str | None) -> str | None:
    """Given notes, return their first line, printable; None where there is nothing in it."""
    return text(value.partition("\n")[0]) if value else None


def boolean(value: Scalar) -> bool | None:
    """Given a boolean in any of the forms that PBS takes, return ours, None where it is absent."""
    if isinstance(value, str):
        return value.strip().lower() in ("1", "true", "yes", "on")
    return None if value is None else bool(value)


def unescaped(worker_id: str) -> str:
    """Given a worker's id as a UPID has it, return it with its `\\xNN` as characters."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), worker_id)


@dataclass(frozen=True, slots=True)
class Upid:
    """What the UPID of a PBS tells: the node that ran the task, when it started (epoch), and the datastore that a verification worked on;
    a name is "" where it is none (G1, H7).
    """

    node: str
    started_at: int
    verified: str


@lru_cache(maxsize=4096)
def parse_upid(upid: str) -> Upid | None:
    """Given a UPID of a PBS, return what it tells; None for one of a PVE, which has one field less, or no UPID (G1)."""
    parts = upid.split(":")
    if len(parts) < _UPID_PARTS or parts[0] != "UPID":
        return None
    _, node, _, _, _, start, kind, worker_id, *_ = parts
    try:
        started = int(start, 16)
    except ValueError:
        return None
    if started > LARGEST:
        return None
    # whatever is verified, the worker's id begins with the datastore
    return Upid(_name(node), started, _name(unescaped(worker_id).partition(":")[0]) if kind.startswith("verif") else "")


def _name(value: str) -> str:
    return value if _NAME.fullmatch(value) else ""


def upid_start(upid: str) -> int | None:
    """Given a UPID of a PBS, return when its task started, None where `parse_upid` makes nothing of it."""
    parsed = parse_upid(upid)
    return parsed.started_at if parsed else None


def upid_nodes(upids: Iterable[str | None]) -> frozenset[str]:
    """Given UPIDs of a server's own tasks, None among them, return the names that its node has or had."""
    return frozenset(name for upid in upids if upid and (name := _name(upid.removeprefix("UPID:").partition(":")[0])))


@dataclass(frozen=True, slots=True)
class Home:
    """Where snapshots lie: the datastore, and the names of the server's node; "" and none where that is not known."""

    datastore: str = ""
    nodes: frozenset[str] = frozenset()

    def source_of(self, verification: Upid) -> str | None:
        """Given a verification, return where it was made, `NODE/DATASTORE`, if it names another node than this server's, or another
        datastore, as a copied manifest does; None if it was made here, or tells nothing that differs (H7).
        """
        node, datastore = verification.node, verification.verified
        of_another_node = bool(self.nodes and node) and node not in self.nodes
        of_another_store = bool(self.datastore and datastore) and datastore != self.datastore
        return place_name(node, datastore) if of_another_node or of_another_store else None


NO_HOME = Home()
