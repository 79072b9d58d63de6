"""Policy: what the operator expects. Facts are judged against it; it holds no facts itself.

Durations are seconds, instants epoch seconds UTC. None is "not demanded", and for `max_age_seconds` "as the schedules promise".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from fnmatch import fnmatchcase

from report.facts import Guest, StorageDefinition

# how long before its end a waiver is announced as ending, and how long after it is told that it ran out
WAIVER_NOTICE_SECONDS = 14 * 86_400
WAIVER_EXPIRED_SECONDS = 90 * 86_400
# the end of a waiver that has none, 9999-01-01 UTC: far, and a date in every zone
NO_END = 253_370_764_800

_END = re.compile(r"(20[0-9]{2}-[0-9]{2}-[0-9]{2})([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?)?")


def read_end(text: str) -> date | datetime:
    """Given when a waiver ends as people write it, return a day, or an instant (without an offset: in the zone of reports).

    `2027-01-31`, `2027-01-31T18:00`, `2027-01-31 18:00:00+01:00`; anything else raises ValueError.
    """
    parts = _END.fullmatch(text)
    if parts is None:
        raise ValueError("not a date")
    return datetime.fromisoformat(text) if parts[2] else date.fromisoformat(text)


def end_of(end: date | datetime, zone: tzinfo) -> int:
    """Given a day or an instant and the zone, return the last second (epoch) at which the waiver holds."""
    if isinstance(end, datetime):
        return int((end if end.tzinfo else end.replace(tzinfo=zone)).timestamp())
    return int(datetime.combine(end + timedelta(days=1), time(), zone).timestamp()) - 1


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is expected of a guest's backups.

    `demanded`: whether it must be backed up at all; `templates`, `stopped`: whether that holds for templates (A5) and for guests that
    are not running. `max_age_seconds`: greatest age of the newest usable backup. `verified_within_seconds`: greatest age of the newest
    backup that was verified ok. `copies`: distinct stores with a backup within the limit. `offsite`: one of them on a store marked
    off-site, `offsite_max_age_seconds` old at most. `encrypted`: by the client. `allowed_volumes`: patterns of volume keys (`scsi1`,
    `mp*`) that may be left out. `restore_proven_within_seconds`: greatest age of the newest proof that a restore worked.
    """

    demanded: bool = True
    templates: bool = False
    stopped: bool = True
    max_age_seconds: int | None = None
    verified_within_seconds: int | None = None
    copies: int = 1
    offsite: bool = False
    offsite_max_age_seconds: int | None = None
    encrypted: bool = False
    allowed_volumes: tuple[str, ...] = ()
    restore_proven_within_seconds: int | None = None

    def allows_without(self, volume: str) -> bool:
        """Given a volume's key, say whether it may be left out of the backups."""
        return any(fnmatchcase(volume, pattern) for pattern in self.allowed_volumes)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which guests are meant: those that match every part that is given; a part with several values matches any of them.

    `clusters`, `tags`: exact. `pools`: the pool and its sub-pools (A7). `names`: patterns, case-sensitive. `vmids`: inclusive ranges.
    """

    clusters: tuple[str, ...] = ()
    pools: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    vmids: tuple[tuple[int, int], ...] = ()

    def matches(self, pve: str, guest: Guest) -> bool:
        """Given a cluster's name and a guest of it, say whether it is meant: by its pool or its name only where that is known."""
        return (
            (not self.clusters or pve in self.clusters)
            and (not self.pools or any(_within(guest.pool, pool) for pool in self.pools))
            and (not self.tags or bool(set(self.tags) & set(guest.tags)))
            and (not self.names or any(_named(guest.name, pattern) for pattern in self.names))
            and (not self.vmids or any(low <= guest.vmid <= high for low, high in self.vmids))
        )

    @staticmethod
    def of_guest(pve: str, vmid: int) -> Scope:
        """Given a cluster's name and a vmid, return the scope of that one guest."""
        return Scope(clusters=(pve,), vmids=((vmid, vmid),))

    def __str__(self) -> str:
        """Return a short name, the same for equal scopes: `lab/104`, `pool:prod`, `cluster:lab tag:dev vmid:100-199,300`."""
        if self.clusters and self.vmids and self == Scope.of_guest(self.clusters[0], self.vmids[0][0]):
            return f"{self.clusters[0]}/{self.vmids[0][0]}"
        ranges = tuple(str(low) if low == high else f"{low}-{high}" for low, high in self.vmids)
        parts = {"cluster": self.clusters, "pool": self.pools, "tag": self.tags, "name": self.names, "vmid": ranges}
        return " ".join(f"{part}:{','.join(values)}" for part, values in parts.items() if values)


EVERY_GUEST = Scope()


def _named(name: str | None, pattern: str) -> bool:
    return name is not None and fnmatchcase(name, pattern)


def _within(pool: str | None, outer: str) -> bool:
    return pool is not None and (pool == outer or pool.startswith(outer + "/"))


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the policy: the first one whose scope matches a guest says what is expected of it."""

    name: str
    scope: Scope
    expectation: Expectation


@dataclass(frozen=True, slots=True)
class Waiver:
    """An exception with a reason and an end (epoch, the last second at which it holds; NO_END: none). `code`: one finding only;
    `volume`: one volume only; both empty: the whole guest.

    `origin`: "configuration", "tag" or "notes". An empty scope matches every guest; the configuration does not allow that.
    """

    scope: Scope
    reason: str
    until: int
    owner: str = ""
    code: str = ""
    volume: str = ""
    origin: str = "configuration"

    def holds(self, now: int) -> bool:
        """Given now (epoch), say whether it did not run out yet."""
        return now <= self.until

    @property
    def subject(self) -> str:
        """Return what it waives in short: `lab/104`, `pool:prod backup_late`, `lab/104 scsi1`."""
        return " ".join(part for part in (str(self.scope), self.code, self.volume) if part)


@dataclass(frozen=True, slots=True)
class StoreMark:
    """What the operator says of a store that no API tells. `server`: a PBS or, for its file storages, a cluster; `datastore`: the
    storage's name there, "" all of the server.
    """

    server: str
    datastore: str = ""
    site: str = ""
    offsite: bool = False
    media: str = ""
    immutable: bool = False


@dataclass(frozen=True, slots=True)
class DeclaredStorage:
    """A PBS storage entry that a cluster should have; `description` is for people only."""

    cluster: str
    definition: StorageDefinition
    description: str = ""

    @property
    def name(self) -> str:
        """The storage's name."""
        return self.definition.storage


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything that is expected. `waive_by_tag`: the tag that waives a guest, "" none; `waive_in_notes`: whether a line in its notes
    may. `zone`: in which the day of such a line ends. `declared`: what the file of storages says, None without one; `declared_problem`:
    why it cannot be used now, "" it can; `declared` is then what it said before.
    """

    default: Expectation = Expectation()
    rules: tuple[Rule, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    stores: tuple[StoreMark, ...] = ()
    waive_by_tag: str = ""
    waive_in_notes: bool = False
    zone: tzinfo = UTC
    declared: tuple[DeclaredStorage, ...] | None = None
    declared_problem: str = ""

    def of_store(self, server: str, datastore: str) -> StoreMark:
        """Given a store, return what is said of it: of itself first, then of its whole server."""
        said = {mark.datastore: mark for mark in self.stores if mark.server == server}
        return said.get(datastore) or said.get("") or StoreMark(server, datastore)
