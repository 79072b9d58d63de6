"""A backup group with all that adds snapshots to it and takes them away (rulebook E30)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from report.pruning import options_of
from report.readings import Keep
from report.schedules import CalendarEvent
from report.value import Value


@dataclass(frozen=True, slots=True)
class BackupRun:
    """A job that backs this guest up into this group. `zone` is that of the node whose clock starts it (F5).

    `keep`: the policy with which PVE prunes right after each backup, empty where it prunes nothing (E1, E4, E7). `limit`: with `remove`
    off, the number of unprotected versions at which the next backup fails (E8). `protects`: every new version is protected.
    """

    event: CalendarEvent
    zone: tzinfo
    keep: Keep = ()
    protects: bool = False
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class PruneJob:
    """A prune job of a PBS that reaches this group (E24); `zone` is that of the PBS. `never_ran`: the server says it has not run yet."""

    event: CalendarEvent
    zone: tzinfo
    keep: Keep = ()
    enabled: bool = True
    never_ran: bool = False

    @property
    def prunes(self) -> bool:
        """Say whether it does anything: enabled, and with something to keep (E26)."""
        return self.enabled and bool(options_of(self.keep))


Actor = BackupRun | PruneJob


@dataclass(frozen=True, slots=True)
class Plan:
    """All that adds to and removes from one group; `zone` is where its snapshots are marked (E16). Prune jobs in the order they act."""

    runs: tuple[BackupRun, ...]
    prune_jobs: tuple[PruneJob, ...]
    zone: tzinfo

    @property
    def actors(self) -> tuple[Actor, ...]:
        """Return everybody, prune jobs first: one that starts together with a backup is done before it."""
        return (*self.prune_jobs, *self.runs)


class Stream(Value, frozen=True):
    """A group with all that adds to it and prunes it (E30).

    `times` (epoch seconds, ascending) are its standard-named snapshots, `protected` and `unfinished` positions in it. `runs` are the
    active jobs that write here, `prune_jobs` those in reach, in the order they act at one time. `zone`: of the host that marks (E16).
    `running`: a backup task runs now. `guest_since`: the guest is not younger (A10). `policy_since`: jobs and policies are as they are
    since then; None: since before the oldest snapshot, or not known.
    """

    times: Sequence[int]
    zone: tzinfo
    runs: tuple[BackupRun, ...] = ()
    prune_jobs: tuple[PruneJob, ...] = ()
    protected: Collection[int] = ()
    unfinished: Collection[int] = ()
    running: bool = False
    guest_since: int | None = None
    policy_since: int | None = None

    @property
    def plan(self) -> Plan:
        """Return what the stream shares with others."""
        return Plan(self.runs, self.prune_jobs, self.zone)
