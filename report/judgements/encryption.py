"""Are the backups encrypted by the client, still, and could they be decrypted? (rulebook H3, J1, M11). PBS only."""

from __future__ import annotations

from collections.abc import Iterator

from report.backups import SnapshotFlag
from report.evidence import NOTHING_FOUND, Evidence, Holding, Judgement, picked
from report.facts import StorageDefinition
from report.findings import Finding, FindingCode

# an entry's key where PVE says that there is one and not which
_KEY_NOT_TOLD = "1"


def judge_encryption(evidence: Evidence) -> Judgement:
    """Given the evidence on a guest, return what the encryption of its backups says, store by store, and against the policy."""
    own = tuple(
        finding
        for holding in evidence.holdings
        if holding.pbs and holding.versions
        for finding in (*_of(holding), *_keys(holding, evidence.guest.node))
    )
    demanded = _demanded(evidence)
    return Judgement((*own, *demanded.findings), demanded.doubts)


def key_of(holding: Holding, position: int) -> str | None:
    """Given a holding and the position of a snapshot, return the fingerprint of the key it is encrypted with, None not known."""
    group = holding.matched.group
    number = group.snapshots.keys[position] if group.snapshots.keys else 0
    return group.key_fingerprints[number - 1] if number else None


def _of(holding: Holding) -> Iterator[Finding]:
    newest = holding.versions[-1]
    if holding.has(newest, SnapshotFlag.ENCRYPTED):
        return
    encrypted = holding.versions_with(SnapshotFlag.ENCRYPTED)
    if encrypted:
        first_plain = next(place for place in holding.versions if place > encrypted[-1])
        lost = Finding.of(
            FindingCode.ENCRYPTION_LOST, holding.place, place=holding.place, since=holding.at(first_plain)
        )
        yield holding.weigh(lost)
    elif holding.has(newest, SnapshotFlag.SIGNED):
        yield Finding.of(FindingCode.SIGNED_ONLY, holding.place, place=holding.place)


def _keys(holding: Holding, node: str) -> Iterator[Finding]:
    """Yield several keys in one group, and each entry of PVE in use that cannot decrypt the newest backup: as information where another
    one can, from the guest's own node.
    """
    if not holding.usable:
        return
    group, newest = holding.matched.group, holding.usable[-1]
    numbers = set(picked(group.snapshots.keys, holding.usable)) if group.snapshots.keys else ()
    in_use = sorted({group.key_fingerprints[number - 1] for number in numbers if number})
    if len(in_use) > 1:
        keys = ", ".join(in_use)
        yield Finding.of(FindingCode.SEVERAL_KEYS, holding.place, place=holding.place, keys=keys)
    if not holding.has(newest, SnapshotFlag.ENCRYPTED):
        return
    key = key_of(holding, newest)
    entries = [storage for storage in holding.storages if not storage.disabled]
    able = any(may_decrypt(storage, key) and (not storage.nodes or node in storage.nodes) for storage in entries)
    for storage in entries:
        if not may_decrypt(storage, key):
            missing = Finding.of(
                FindingCode.KEY_NOT_ON_STORAGE, storage.storage, storage=storage.storage, key=key or ""
            )
            yield missing.as_information() if able else holding.weigh(missing)


def may_decrypt(storage: StorageDefinition, key: str | None) -> bool:
    """Given a storage entry and the fingerprint of a key (None: there is one, and it is not told, H3), say whether the entry may hold it:
    it has one, and nothing tells that it is another.
    """
    held = storage.encryption_key
    return held is not None and (key is None or held == _KEY_NOT_TOLD or _same_key(held, key))


def _same_key(one: str, other: str) -> bool:
    """Say whether two fingerprints mean one key: either may be the short form of eight bytes."""
    first, second = (text.replace(":", "").lower() for text in (one, other))
    return first.startswith(second) or second.startswith(first)


def _demanded(evidence: Evidence) -> Judgement:
    """Judge the policy's demand: the newest usable backup of every store that jobs write to is encrypted; where those have none, the
    newest of all, which may be another one than was seen.
    """
    newest = evidence.newest
    if not evidence.expectation.encrypted or newest is None:
        return NOTHING_FOUND
    promised = [holding for holding in evidence.holdings if holding.promised and holding.usable]
    return Judgement(
        tuple(
            _not_encrypted(holding, evidence.rule)
            for holding in promised or [newest]
            if not holding.has(holding.usable[-1], SnapshotFlag.ENCRYPTED)
        ),
        () if promised else evidence.unseen,
    )


def _not_encrypted(holding: Holding, rule: str) -> Finding:
    signed = holding.has(holding.usable[-1], SnapshotFlag.SIGNED)
    mode = "not_possible" if not holding.pbs else "signed" if signed else "plain"
    return Finding.of(FindingCode.NOT_ENCRYPTED, holding.place, place=holding.place, mode=mode, rule=rule)
