"""What a simulated backup server consists of. Unlike the PVE side it changes in place, under the lock of its API."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Properties = Mapping[str, Any]
Releases = tuple[int, int, int]
RELEASES: Mapping[str, Releases] = {"2.4": (2, 4, 7), "3.2": (3, 2, 4), "4.0": (4, 0, 22)}
DAY = 86_400


@dataclass(frozen=True, slots=True)
class Special:
    """In what one snapshot differs from the others of its group; `verification` is auto, ok, failed or none.

    `encrypted_with`: the fingerprint of the key instead of what the group has.
    """

    finished: bool = True
    protected: bool = False
    verification: str = "auto"
    upid: str | None = None
    comment: str | None = None
    files: tuple[str, ...] = ()  # what an unfinished one has so far
    archives: tuple[tuple[str, int], ...] | None = None  # instead of the group's
    encrypted_with: str | None = None


ORDINARY = Special()


@dataclass(frozen=True, slots=True)
class Verifications:
    """The ends of a verify job's runs, ascending, with their UPIDs; it verifies again after `outdated` seconds (H6)."""

    instants: Sequence[int] = ()
    upids: Sequence[str] = ()
    outdated: int = 30 * DAY

    def of(self, instant: int) -> str | None:
        """The UPID of the run that last verified a snapshot of this time, None if none has yet."""
        position = bisect_left(self.instants, instant)
        if position == len(self.instants):
            return None
        while True:
            later = bisect_left(self.instants, self.instants[position] + self.outdated)
            if later >= len(self.instants):
                return self.upids[position]
            position = later


@dataclass(frozen=True, slots=True)
class Brought(Verifications):
    """Those of copies: a pull at `syncs` (ascending) copies the manifest with the last verification of the `source` in it, which the
    server's own verify job passes over until it is outdated (H6, H7).
    """

    source: Verifications = Verifications()
    syncs: Sequence[int] = ()

    def of(self, instant: int) -> str | None:
        """The UPID of the run that last verified a copy of this time, on either server; None if none has yet."""
        arrival = bisect_left(self.syncs, instant)
        if arrival == len(self.syncs):
            return None
        position = bisect_left(self.source.instants, instant)
        if position == len(self.source.instants) or self.source.instants[position] > self.syncs[arrival]:
            return Verifications.of(self, self.syncs[arrival])
        again = Verifications.of(self, self.source.instants[position] + self.outdated)
        return again or self.source.upids[position]


NEVER = Verifications()


@dataclass(slots=True)
class Group:
    """A backup group. `source` gives its times when first asked, ascending; `archives` are (name, size) of each backup."""

    kind: str  # vm, ct or host
    identity: str
    owner: str | None
    source: Callable[[], Sequence[int]]
    note: str | None = None
    comment: str | None = None
    archives: tuple[tuple[str, int], ...] = ()
    crypt_mode: str = "none"
    fingerprint: str | None = None
    verifications: Verifications = NEVER
    special: dict[int, Special] = field(default_factory=dict)
    _times: Sequence[int] | None = None

    @property
    def times(self) -> Sequence[int]:
        """Every snapshot's time, ascending."""
        if self._times is None:
            self._times = self.source()
        return self._times

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.identity

    def of(self, instant: int) -> Special:
        return self.special.get(instant, ORDINARY)

    def finished(self) -> Iterator[int]:
        """The times of the snapshots that have a manifest, newest first."""
        return (instant for instant in reversed(self.times) if self.of(instant).finished)

    def unfinished(self) -> bool:
        times = self.times
        return any(not special.finished for special in self.special.values()) and bool(times)

    def put(self, instant: int, special: Special) -> None:
        """Add a snapshot, or change one."""
        times = array("q", self.times)
        if instant not in self.special and (
            not times or times[min(bisect_left(times, instant), len(times) - 1)] != instant
        ):
            insort(times, instant)
            self._times = times
        if special == ORDINARY:
            self.special.pop(instant, None)
        else:
            self.special[instant] = special

    def remove(self, instants: Sequence[int]) -> None:
        """Forget these snapshots."""
        gone = set(instants)
        self._times = array("q", [instant for instant in self.times if instant not in gone])
        for instant in gone:
            self.special.pop(instant, None)


Groups = dict[tuple[str, str], Group]


@dataclass(slots=True)
class Datastore:
    """A datastore: namespace ("" is the root) → groups. `maintenance` is the raw property, `lost` a disk that is away.

    `leaves_at`: the call (the last part of its path) at which it is removed.
    """

    name: str
    namespaces: dict[str, Groups] = field(default_factory=lambda: {"": {}})
    config: dict[str, Any] = field(default_factory=dict)
    maintenance: str | None = None
    lost: bool = False
    leaves_at: str | None = None
    total: int = 20_000_000_000_000
    used: int = 8_000_000_000_000
    avail: int = 11_000_000_000_000
    garbage: dict[str, Any] = field(default_factory=dict)
    garbage_run: dict[str, Any] = field(default_factory=dict)
    history: tuple[float, ...] = ()
    estimated_full: int | None = None

    @property
    def path(self) -> str:
        return f"/data/{self.name}"

    def problem(self) -> str | None:
        """Why nothing of it can be read now, None if it can (H20)."""
        match = re.match(r"(?:type=)?(offline|delete|unmount)", self.maintenance or "")
        if match:
            message = re.search(r"message=\"?([^\",]*)", self.maintenance or "")
            tail = f": {message.group(1)}" if message else ""
            return f"datastore '{self.name}' is in {match.group(1)} maintenance mode{tail}"
        if self.lost:
            return (
                f"unable to open chunk store '{self.name}' at \"{self.path}/.chunks\""
                " - No such file or directory (os error 2)"
            )
        return None

    def fill(self, used: int) -> None:
        """Let so many bytes be used and the rest be available; ValueError for more than there are."""
        if not 0 <= used <= self.total:
            raise ValueError(f"used must be 0 to {self.total}")
        self.used, self.avail = used, self.total - used

    def group(self, namespace: str, kind: str, identity: str) -> Group:
        """A group by name; KeyError if there is none."""
        return self.namespaces[namespace][kind, identity]


@dataclass(frozen=True, slots=True)
class Job:
    """A prune, verify or sync job: its configuration, when it was created, and what is known of its last run."""

    kind: str
    config: Properties
    created: int
    last: Properties = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Task:
    """A task; running while `endtime` is None."""

    upid: str
    pid: int
    pstart: int
    starttime: int
    kind: str
    subject: str | None
    user: str
    endtime: int | None
    status: str | None
    lines: Callable[[], list[str]] = list


def make_task(
    node: str,
    kind: str,
    subject: str | None,
    user: str,
    start: int,
    end: int | None,
    status: str | None,
    number: int = 0,
) -> Task:
    """Given what a task did, return it with a UPID of the genuine form."""
    pid, pstart = 7319, 244_703
    upid = f"UPID:{node}:{pid:08X}:{pstart:08X}:{number:08X}:{start & 0xFFFFFFFF:08X}:{kind}:{escaped(subject or '')}:{user}:"
    return Task(upid, pid, pstart, start, kind, subject, user, end, status)


def escaped(text: str) -> str:
    """A worker's id as it stands in a UPID: `/` as `-`, every other unusual character as `\\xNN`."""
    found = text.replace("/", "\0")
    found = re.sub(r"[^A-Za-z0-9_.\0]", lambda match: f"\\x{ord(match.group()):02x}", found)
    return found.replace("\0", "-")


@dataclass(frozen=True, slots=True)
class Access:
    """One entry of the access list: who (user or full token id) has a role on a path."""

    path: str
    subject: str
    role: str


@dataclass(slots=True)
class Server:
    """Everything one backup server knows; secrets by token id, passwords by user. `manifest_seconds`: how long it opens each."""

    name: str
    release: Releases
    zone: str
    datastores: dict[str, Datastore] = field(default_factory=dict)
    jobs: list[Job] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    remotes: dict[str, Properties] = field(default_factory=dict)
    access: tuple[Access, ...] = ()
    tokens: dict[str, str] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    manifest_seconds: float = 0.0
