"""What holds of any estate: more backups never make it worse, less sight never makes it different, waivers stay where they belong."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import partial
from itertools import product
from typing import Any

from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from report.analyse import analyse
from report.backups import Archive, BackupGroup, PbsFacts, SnapshotFlag, Snapshots
from report.facts import ClusterFacts, Facts, Failure, Guest
from report.findings import FindingCode
from report.model.guests import Coverage, GuestReport, Protection
from report.model.report import Report
from report.policy import Policy, Scope, Waiver
from report.readings import Reading
from report.waiver_notes import WAIVABLE
from tests.report.estates import DAY, DISK, HOUR, NOW
from tests.report.random_estates import POLICIES, estates

LAWS = settings(max_examples=80, deadline=None)
_WORST_FIRST = (Protection.UNPROTECTED, Protection.AT_RISK, Protection.PROTECTED)
EVERY_VOLUME = tuple(
    Archive(name, DISK, None) for name in ("drive-scsi0.img.fidx", "drive-scsi1.img.fidx", "root.pxar.didx")
)
_FAILED = Failure("unreachable", "/x", "no answer")


def by_guest(report: Report) -> dict[tuple[str, int], GuestReport]:
    return {(guest.pve, guest.guest.vmid): guest for guest in report.guests}


def told(*guests: GuestReport) -> str:
    """Return of each guest what its verdict rests on."""
    return "\n".join(f"{each.protection} {each.reasons} {each.findings} {each.jobs} {each.copies}" for each in guests)


def test_the_estates_of_these_laws_raise_most_findings_that_a_guest_can_have() -> None:
    raised: set[FindingCode] = set()

    @settings(max_examples=200, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
    @given(estates(), POLICIES)
    def look(facts: Facts, policy: Policy) -> None:
        for guest in analyse(facts, policy, NOW).guests:
            raised.update(finding.code for finding in guest.findings)

    look()
    assert len(raised) >= 25


# --- less sight


def unseen(source: Any, choice: random.Random, share: float, once_read: tuple[str, ...] = ()) -> Any:
    """Return a source's facts with some readings as if they had failed: never read, but for those of `once_read`, or too long ago."""
    changes: dict[str, Any] = {}
    for part in fields(source):
        value = getattr(source, part.name)
        if isinstance(value, Reading):
            changes[part.name] = _lost(value, choice, share, once=part.name in once_read)
        elif isinstance(value, Mapping) and all(isinstance(each, Reading) for each in value.values()):
            changes[part.name] = {key: _lost(each, choice, share) for key, each in value.items()}
    return replace(source, **changes)


def _lost(reading: Reading[Any], choice: random.Random, share: float, *, once: bool = False) -> Reading[Any]:
    if choice.random() >= share:
        return reading
    if choice.random() < 0.5 and not once:
        return Reading(failure=_FAILED)
    return replace(reading, fetched_at=NOW - reading.max_age - choice.choice([1, 8 * HOUR, DAY]), failure=_FAILED)


@LAWS
@given(estates(), POLICIES, st.randoms(use_true_random=False), st.sampled_from([0.05, 0.15, 0.5]))
def test_what_is_not_seen_makes_a_verdict_unknown_and_never_another(
    facts: Facts, policy: Policy, choice: random.Random, share: float
) -> None:
    """The rounds that are slow (configurations: age and notes of a guest) and the drop folder of drills are not readings; a guest that is
    not listed has no verdict.
    """
    blind = Facts(
        tuple(unseen(cluster, choice, share) for cluster in facts.clusters),
        tuple(unseen(server, choice, share) for server in facts.servers),
        facts.drills,
    )
    _same_or_unknown(facts, blind, policy)


def with_one_lost(facts: Facts) -> Iterator[Facts]:
    """Yield the facts without one reading, each in turn, and with that one too old."""
    for kind, sources in (("clusters", facts.clusters), ("servers", facts.servers)):
        for place, source in enumerate(sources):
            for blind in _one_lost(source):
                yield replace(facts, **{kind: (*sources[:place], blind, *sources[place + 1 :])})


def _one_lost(source: Any) -> Iterator[Any]:
    for part in fields(source):
        value = getattr(source, part.name)
        if isinstance(value, Reading):
            yield from (replace(source, **{part.name: lost}) for lost in _ways(value))
        elif isinstance(value, Mapping):
            for key, reading in value.items():
                if isinstance(reading, Reading):
                    yield from (replace(source, **{part.name: {**value, key: lost}}) for lost in _ways(reading))


def _ways(reading: Reading[Any]) -> tuple[Reading[Any], ...]:
    old = replace(reading, fetched_at=NOW - reading.max_age - 8 * HOUR, failure=_FAILED)
    return Reading(failure=_FAILED), old


@settings(max_examples=30, deadline=None)
@given(estates(), POLICIES)
def test_whichever_single_reading_is_not_seen_verdicts_stay_or_become_unknown(facts: Facts, policy: Policy) -> None:
    for blind in with_one_lost(facts):
        _same_or_unknown(facts, blind, policy)


@LAWS
@given(estates(sharing=True), POLICIES, st.randoms(use_true_random=False), st.sampled_from([0, 0, 0.15]))
def test_the_same_holds_of_clusters_that_share_an_account(
    facts: Facts, policy: Policy, choice: random.Random, share: float
) -> None:
    """A cluster of which no storage was ever read is not known to share: one that is down must not make all others unknown."""
    lab, shop = facts.clusters
    blind = Facts(
        (unseen(lab, choice, share, ("storages",)), unseen(shop, choice, 0.5, ("storages",))),
        tuple(unseen(server, choice, share) for server in facts.servers),
        facts.drills,
    )
    _same_or_unknown(facts, blind, policy)


def _same_or_unknown(facts: Facts, blind: Facts, policy: Policy) -> None:
    before = by_guest(analyse(facts, policy, NOW))
    for key, after in by_guest(analyse(blind, policy, NOW)).items():
        assert after.protection in (before[key].protection, Protection.UNKNOWN), told(before[key], after)
        assert after.coverage in (before[key].coverage, Coverage.UNDECIDED), told(before[key], after)


# --- more backups


def with_good_backup(facts: Facts, policy: Policy, guest: Guest, store: str) -> Facts:
    """Return the facts with one more backup of a guest of `lab`, made just now: finished, verified, encrypted as the one before (or, the
    first one, as demanded), of the same owner, with all volumes in it, as large as the one before.
    """
    kind = "vm" if guest.guest_type == "qemu" else "ct"
    vault = facts.servers[0]
    reading = vault.groups[store, "lab"]
    held = reading.value or ()
    place: dict[str, Any] = {"server": vault.name, "datastore": store, "namespace": "lab", "backup_type": kind}
    first = BackupGroup(
        **place,
        backup_id=str(guest.vmid),
        snapshots=Snapshots(),
        read_at=NOW,
        owner="backup@pbs!lab",
        key_fingerprints=("ab:cd",),
    )
    before = next((one for one in held if (one.backup_type, one.backup_id) == (kind, str(guest.vmid))), first)
    snapshots = before.snapshots
    versions = snapshots.finished()
    last = snapshots.flags[versions[-1]] if versions else SnapshotFlag.ENCRYPTED if policy.default.encrypted else 0
    flags = int(SnapshotFlag.VERIFIED) | last & (SnapshotFlag.ENCRYPTED | SnapshotFlag.SIGNED)
    size = snapshots.sizes[versions[-1]] if versions else DISK
    rows = zip(snapshots.times, snapshots.sizes, snapshots.flags, snapshots.verified_at, strict=True)
    added = Snapshots.of([*rows, (NOW - 600, size, flags, NOW - 300)])
    added = replace(
        added, keys=(snapshots.keys or bytes(len(snapshots))) + bytes([int(bool(flags & SnapshotFlag.ENCRYPTED))])
    )
    after = replace(before, snapshots=added, newest_archives=EVERY_VOLUME)
    others = tuple(one for one in held if one is not before)
    groups = {**vault.groups, (store, "lab"): replace(reading, value=(*others, after))}
    return replace(facts, servers=(replace(vault, groups=groups),))


@LAWS
@given(estates(), POLICIES, st.sampled_from(["main", "offsite"]), st.booleans())
def test_one_more_good_backup_never_makes_a_verdict_worse(
    facts: Facts, policy: Policy, store: str, hides: bool
) -> None:
    if hides:
        facts = replace(facts, servers=(unseen(facts.servers[0], random.Random(7), 0.2),))
    before = by_guest(analyse(facts, policy, NOW))
    (first, *_) = (guest for guest in before.values() if guest.pve == "lab")
    assume(facts.servers[0].groups[store, "lab"].usable(NOW) is not None)
    entries = {"main": "pbs", "offsite": "off"}
    definition = next(each for each in facts.clusters[0].storages.value or () if each.storage == entries[store])
    assume(not definition.disabled and definition.server == "pbs.example")
    assume(definition.encryption_key is not None)
    assume(all(group.owner == "backup@pbs!lab" for group in facts.servers[0].groups[store, "lab"].value or ()))
    after = by_guest(analyse(with_good_backup(facts, policy, first.guest, store), policy, NOW))["lab", first.guest.vmid]
    if first.protection in _WORST_FIRST and after.protection in _WORST_FIRST:
        assert _WORST_FIRST.index(after.protection) >= _WORST_FIRST.index(first.protection), told(first, after)
    # from any other verdict it may become unknown: a finding that goes may leave a doubt that it hid
    if first.protection is Protection.PROTECTED:
        assert after.protection is not Protection.UNKNOWN, told(first, after)


# --- waivers


# scopes, and which guests they mean
_SCOPES: tuple[tuple[Scope, Callable[[str, Guest], bool]], ...] = (
    *(
        (Scope.of_guest("lab", vmid), partial(lambda vmid, pve, it: (pve, it.vmid) == ("lab", vmid), vmid))
        for vmid in (100, 101, 102)
    ),
    (Scope(clusters=("shop",)), lambda pve, it: pve == "shop"),
    (Scope(pools=("prod",)), lambda pve, it: it.pool == "prod"),
    (Scope(tags=("dev",)), lambda pve, it: "dev" in it.tags),
    (Scope(vmids=((100, 101),)), lambda pve, it: it.vmid in (100, 101)),
)


@settings(max_examples=40, deadline=None)
@given(estates(), POLICIES, st.sampled_from([NOW - 1, NOW, NOW + DAY]))
def test_a_waiver_hides_nothing_of_another_guest(facts: Facts, policy: Policy, until: int) -> None:
    """Tries every scope with every finding that there is, and with all of them."""
    before = by_guest(analyse(facts, policy, NOW))
    raised = {finding.code for guest in before.values() for finding in guest.findings} & set(WAIVABLE)
    for (where, means), code in product(_SCOPES, ["", *sorted(raised)]):
        waiver = Waiver(where, "moving", until, code=code)
        for key, guest in by_guest(analyse(facts, replace(policy, waivers=(waiver,)), NOW)).items():
            if not means(guest.pve, guest.guest) or until < NOW:
                assert guest == before[key]
            else:
                told = sorted((*guest.findings, *(each.finding for each in guest.waived)), key=repr)
                # a guest's own notes may have waived some of them before
                was = (*before[key].findings, *(each.finding for each in before[key].waived))
                assert told == sorted(was, key=repr), "what is waived is told all the same"


# --- order


def shuffled(value: Any, choice: random.Random) -> Any:
    """Return facts with every list in them, and every mapping, in another order; what columns hold stays as it is."""
    if isinstance(value, Snapshots):
        return value
    if isinstance(value, BackupGroup):
        return replace(value, snapshots=value.snapshots, newest_archives=shuffled(value.newest_archives, choice))
    if isinstance(value, tuple):
        return tuple(shuffled(each, choice) for each in choice.sample(value, len(value)))
    if isinstance(value, Mapping):
        return {key: shuffled(value[key], choice) for key in choice.sample(sorted(value, key=repr), len(value))}
    if is_dataclass(value) and isinstance(value, (Facts, ClusterFacts, PbsFacts, Reading)):
        return replace(
            value,
            **{
                part.name: shuffled(getattr(value, part.name), choice) for part in fields(value) if part.name != "hosts"
            },
        )
    return value


@LAWS
@given(estates(), POLICIES, st.randoms(use_true_random=False))
def test_verdicts_findings_and_reasons_do_not_depend_on_any_order(
    facts: Facts, policy: Policy, choice: random.Random
) -> None:
    first, second = analyse(facts, policy, NOW), analyse(shuffled(facts, choice), policy, NOW)
    assert by_guest(second) == by_guest(first)
    assert second.findings == first.findings
    assert second.summary == first.summary
