"""What is remembered of the Reports before, so that change can be judged purely. The daemon holds it in memory; the history keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from report.forecast import Usages, with_usage
from report.model.groups import GroupReport
from report.model.guests import Coverage, GuestReport, Protection, RestoreProof
from report.model.report import Report
from report.readings import Keep
from report.timeline import NONE_EXPECTED, STRIP_DAYS, aligned, codes_of, day_number
from report.trend import Totals, count_clusters, with_today

GuestKey = tuple[str, int]
GroupKey = tuple[str, str, str, str, str]
# what writes into a group or prunes it, each with its schedule and options: that decides how many versions it should hold
Acts = tuple[tuple[str, str, Keep], ...]


@dataclass(frozen=True, slots=True)
class PastJob:
    """A job that was active for a guest in every Report since `since` (epoch, 0 not known), with the schedule that it had; `edited`: before
    then it had another.
    """

    schedule: str
    since: int
    edited: bool = False


@dataclass(frozen=True, slots=True)
class PastGuest:
    """A guest as it was judged. `findings`: since when each is open, by (code, subject); `jobs`: its active ones; `excluded`: volumes that
    they leave out, None not known; `restore_seen`: the newest restore that was ever seen to work.
    """

    name: str | None
    node: str
    coverage: Coverage
    protection: Protection
    findings: Mapping[tuple[str, str], int] = field(default_factory=dict)
    jobs: Mapping[str, PastJob] = field(default_factory=dict)
    excluded: frozenset[str] | None = frozenset()
    guest_type: str = ""
    restore_seen: RestoreProof | None = None


@dataclass(frozen=True, slots=True)
class PastPolicy:
    """What acted on a group, and since when (epoch) that is known to be so; None: it was so when it was first seen."""

    acts: Acts
    since: int | None = None


@dataclass(frozen=True, slots=True)
class RememberedDays:
    """What became of each guest's backups on days from `first` (its number) on: a `report.timeline` byte a day, GONE where that is not
    known.
    """

    first: int = 0
    cells: Mapping[GuestKey, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Past:
    """The Report of `at` (epoch), None where none is remembered; `inventories`: clusters whose guests were all known then.

    `days`, `trend`, `usage`: of the days up to then. `failure`: why the history that should hold more could not be used, "" if it can.
    """

    at: int | None = None
    guests: Mapping[GuestKey, PastGuest] = field(default_factory=dict)
    policies: Mapping[GroupKey, PastPolicy] = field(default_factory=dict)
    inventories: frozenset[str] = frozenset()
    days: RememberedDays = RememberedDays()
    trend: Totals = field(default_factory=dict)
    usage: Usages = field(default_factory=dict)
    failure: str = ""


NOTHING = Past()


def remember(report: Report, before: Past = NOTHING) -> Past:
    """Given a Report and what was remembered before it, return what the next one is compared with.

    What acts on a group stays remembered while it cannot be seen.
    """
    there = {key_of(group) for group in report.groups}
    today = day_number(report.created_at, report.policy.zone)
    stores = {(store.server, store.datastore.name): store.datastore for store in report.datastores}
    return Past(
        at=report.created_at,
        guests=_guests(report, before),
        policies={key: policy for key, policy in before.policies.items() if key in there}
        | {
            key_of(group): PastPolicy(group.policy.acts, group.policy.since)
            for group in report.groups
            if group.policy.acts is not None
        },
        inventories=frozenset(
            source.name for source in report.sources if source.kind == "pve" and source.inventory_known
        ),
        days=_remember_days(report, before.days, today - STRIP_DAYS + 1),
        trend=with_today(before.trend, today, count_clusters(report.guests, report.sources)),
        usage={
            **before.usage,
            **{key: with_usage(before.usage.get(key, ()), store, today) for key, store in stores.items()},
        },
    )


def only_verdicts(past: Past) -> Past:
    """Given what is remembered, return it without what is told by days: all that changes are told against."""
    return replace(past, days=RememberedDays(), trend={}, usage={})


def recalled(kept: Past, since: Past) -> Past:
    """Given what was kept of an earlier time and what is remembered since, while it could not be read, return both as one: what was found
    since, with the ages of before.
    """
    if kept.at is None or since.at is None:
        return since if kept.at is None else kept
    first = since.days.first
    cells = {key: aligned(codes, kept.days.first, first) for key, codes in kept.days.cells.items()}
    for key, codes in since.days.cells.items():
        held = cells.get(key, bytes(len(codes)))
        cells[key] = bytes(new or old for new, old in zip(codes, held, strict=True))
    policies = {
        key: policy for key, policy in kept.policies.items() if since.policies.get(key, policy).acts == policy.acts
    }
    return replace(
        since,
        guests={key: _aged(guest, kept.guests.get(key)) for key, guest in since.guests.items()},
        policies={**since.policies, **policies},
        days=RememberedDays(first, cells),
        trend={**kept.trend, **since.trend},
        usage={key: kept.usage.get(key) or since.usage[key] for key in kept.usage.keys() | since.usage.keys()},
    )


def _aged(guest: PastGuest, before: PastGuest | None) -> PastGuest:
    if before is None:
        return guest
    known = before.findings
    return replace(
        guest,
        findings={each: min(at, known.get(each, at)) for each, at in guest.findings.items()},
        jobs={name: _older(before.jobs.get(name), job) for name, job in guest.jobs.items()},
        restore_seen=_newer(guest, before),
    )


def _older(kept: PastJob | None, since: PastJob) -> PastJob:
    return kept if kept is not None and kept.since and kept.schedule == since.schedule else since


def _newer(guest: PastGuest, before: PastGuest) -> RestoreProof | None:
    if guest.restore_seen is not None or guest.guest_type != before.guest_type:
        return guest.restore_seen
    return before.restore_seen


def judged_before(past: Past, key: GuestKey, created_at: int | None) -> PastGuest | None:
    """Given the past, a guest's key and when the guest was made (epoch, None: not known), return it as it was judged before, without what
    is older than itself: that was said of another guest with its id (D16).
    """
    before = past.guests.get(key)
    if before is None or created_at is None or past.at is None:
        return before
    if past.at < created_at:
        return None
    if all(since >= created_at for since in before.findings.values()):
        return before
    return replace(before, findings={each: since for each, since in before.findings.items() if since >= created_at})


def policy_since(past: Past, key: GroupKey, acts: Acts) -> int | None:
    """Given the past, a group and what acts on it now, return since when that is so: the Report before, where it was otherwise then."""
    before = past.policies.get(key)
    if before is None:
        return None
    return before.since if before.acts == acts else past.at


def key_of(group: GroupReport) -> GroupKey:
    """Given a group, return what names it (D11)."""
    return group.server, group.datastore, group.namespace, group.backup_type, group.backup_id


def _guests(report: Report, before: Past) -> dict[GuestKey, PastGuest]:
    schedules = {(job.pve, job.job.id): job.job.schedule or "" for job in report.jobs}
    found: dict[GuestKey, PastGuest] = {}
    for guest in report.guests:
        key = (guest.pve, guest.guest.vmid)
        held = before.guests.get(key)
        jobs = {
            job.job: _job(schedules.get((guest.pve, job.job), ""), held.jobs.get(job.job) if held else None, report)
            for job in guest.jobs
            if job.state == "active"
        }
        found[key] = _guest(guest, report.created_at, jobs)
    return found


def _job(schedule: str, before: PastJob | None, report: Report) -> PastJob:
    if before is None or not before.since:
        return PastJob(schedule, report.created_at)
    return before if before.schedule == schedule else PastJob(schedule, report.created_at, edited=True)


def _guest(report: GuestReport, now: int, jobs: Mapping[str, PastJob]) -> PastGuest:
    return PastGuest(
        name=report.guest.name,
        node=report.guest.node,
        coverage=report.coverage,
        protection=report.protection,
        findings={(finding.code, finding.subject): finding.since or now for finding in report.findings},
        jobs=jobs,
        excluded=None if report.excluded_volumes is None else frozenset(report.excluded_volumes),
        guest_type=report.guest.guest_type,
        restore_seen=report.restore_seen,
    )


def _remember_days(report: Report, before: RememberedDays, first: int) -> RememberedDays:
    """Return the days of all guests of a Report, and of those that it does not know, from `first` on."""
    cells = {
        key: codes
        for key, held in before.cells.items()
        if any(codes := held if before.first == first else aligned(held, before.first, first))
    }
    cells.update(
        {(guest.pve, guest.guest.vmid): finished(codes_of(guest.days)) for guest in report.guests if guest.days}
    )
    return RememberedDays(first, cells)


def finished(codes: bytes) -> bytes:
    """Given days up to today, return them without what today may still bring: that nothing is expected of it yet says nothing."""
    return codes[:-1] + b"\0" if codes[-1] == NONE_EXPECTED else codes
