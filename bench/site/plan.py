"""What a site is made of: its guests, its jobs, how much it keeps, what is expected, and who is not as it should be.

Jobs by pool write every night into the datastore `main`, where a prune job of the PBS prunes. Half of the pools have a second job, which
writes into `second` and prunes there itself; of the other guests a sync job copies `main` to `offsite`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from zoneinfo import ZoneInfo

from report.facts import BackupJob, Guest
from report.jobs import parse_schedule
from report.occurrences import events_between
from report.policy import Expectation, Policy, Rule, Scope, StoreMark, Waiver
from report.pruning import KEEP, marks
from report.readings import Keep
from tests import builders as a

DAY, HOUR, GIB = 86_400, 3600, 2**30
NOW = a.NOW
ZONE_NAME = "Europe/Paris"
ZONE = ZoneInfo(ZONE_NAME)
PVE, PBS = "lab", "vault"
TOKEN = "backup@pbs!lab"
NODES, POOLS = 20, 10
FIRST_VMID = 100
DAYS_BACK = 3 * 365
WEEKLY, MONTHLY = 8, 12
# one guest in so many is so
ONE_IN = {
    "container": 4,
    "development": 40,
    "noted": 10,
    "stopped": 15,
    "excluded": 50,
    "restored": 20,
    "reused": 200,
    "protected": 100,
    "unfinished": 200,
    "corrupt": 100,
    "collapsed": 300,
    "failed": 400,
}


def is_so(what: str, guest: Guest) -> bool:
    """Given a key of ONE_IN and a guest, say whether it is so."""
    return guest.vmid % ONE_IN[what] == ONE_IN[what] - 1


def job_of(store: str, pool: str | None) -> str:
    """Given a datastore and a pool, return the id of the job that writes there."""
    return f"{store}-{pool}"


def events(schedule: str, days: int) -> list[int]:
    """Given a schedule, return its events of so many days before NOW, ascending."""
    event = parse_schedule(schedule)
    return events_between(event, ZONE, NOW - DAY * days, NOW) if event else []


@dataclass(frozen=True)
class Site:
    """So many guests with two groups each, so many snapshots a group, in the morning of NOW."""

    guests: int
    snapshots: int

    @cached_property
    def keep(self) -> Keep:
        """The policy of every group: just so many snapshots are left by it."""
        daily = self.snapshots - WEEKLY - MONTHLY
        if daily < WEEKLY:
            return (("keep-daily", self.snapshots),)
        return (("keep-daily", daily), ("keep-monthly", MONTHLY), ("keep-weekly", WEEKLY))

    @cached_property
    def inventory(self) -> tuple[Guest, ...]:
        """Every guest; all nodes have some of each pool."""
        return tuple(self._guest(number) for number in range(self.guests))

    @cached_property
    def jobs(self) -> tuple[BackupJob, ...]:
        """One for each pool into `main`, late in the evening, and one for every other into `second`, before dawn."""
        return (
            *(_job("main", pool, f"{20 + pool % 3}:{pool * 5:02}", None) for pool in range(POOLS)),
            *(_job("second", pool, f"{2 + pool % 3}:{pool * 5:02}", self.keep) for pool in range(0, POOLS, 2)),
        )

    @cached_property
    def nights(self) -> dict[str, tuple[int, ...]]:
        """By job, those of its events whose snapshots the policy has left by now, ascending."""
        return {job.id: self._left(job.schedule or "") for job in self.jobs}

    @property
    def policy(self) -> Policy:
        """What the operator expects: rules by pool, tag and name, waivers, marks of stores."""
        strict = Expectation(
            verified_within_seconds=30 * DAY, copies=2, offsite=True, restore_proven_within_seconds=90 * DAY
        )
        encrypted = Expectation(max_age_seconds=26 * HOUR, encrypted=True)
        free = Expectation(demanded=False)
        return Policy(
            rules=(
                Rule("development", Scope(tags=("dev",)), free),
                Rule("strict", Scope(pools=("pool0", "pool1")), strict),
                Rule("encrypted", Scope(pools=("pool2", "pool3")), encrypted),
                Rule("test", Scope(names=("test-*",)), free),
            ),
            waivers=(
                *(Waiver(Scope.of_guest(PVE, guest.vmid), "moves", NOW + 90 * DAY) for guest in self.inventory[20:40]),
                Waiver(Scope(pools=("pool5",)), "decided", NOW + 10 * DAY, code="volumes_excluded"),
            ),
            stores=(StoreMark(PBS, "offsite", site="lyon", offsite=True), StoreMark(PBS, site="paris")),
            waive_in_notes=True,
            zone=ZONE,
        )

    def _guest(self, number: int) -> Guest:
        guest = a.guest(FIRST_VMID + number, node=f"pve{number // POOLS % NODES}", pool=f"pool{number % POOLS}")
        return replace(
            guest,
            guest_type="lxc" if is_so("container", guest) else "qemu",
            tags=("dev",) if is_so("development", guest) else ("linux", "prod"),
            status="stopped" if is_so("stopped", guest) else "running",
        )

    def _left(self, schedule: str) -> tuple[int, ...]:
        every = events(schedule, DAYS_BACK)
        marked = marks(every, dict(self.keep), ZONE)
        return tuple(at for at, mark in zip(every, marked, strict=True) if mark == KEEP)


def _job(store: str, pool: int, schedule: str, keep: Keep | None) -> BackupJob:
    name = f"pool{pool}"
    return a.backup_job(job_of(store, name), schedule=schedule, storage=f"pbs-{store}", pool=name, all=False, keep=keep)
