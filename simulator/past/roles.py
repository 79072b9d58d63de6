"""Groups that are special whatever the day: encrypted, signed, never verified, failed, collapsed, protected."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from simulator.past.streams import Key, Streams
from simulator.pbs.model import Group, Verifications

FINGERPRINT, NEW_FINGERPRINT = (
    ":".join(f"{byte:02x}" for byte in hashlib.sha256(text).digest()) for text in (b"encryption key", b"the next key")
)
# whose backups are special, from the last group on
ROLES = ("protected", "encrypted", "signed", "failed", "unverified", "plain_again", "two_keys")


def roles_of(streams: Streams) -> dict[str, Key]:
    """Given what became of the cluster's backups, return whose are special in which way: of those that have no other trouble; a collapse
    shows at containers only.
    """
    troubled = set(streams.trouble.values())
    keys = [key for key in streams.keys("pbs-main") if key[3] not in troubled]
    roles = dict(zip(ROLES, keys[::-1], strict=False))
    taken = set(roles.values())
    collapsed = next((key for key in keys[::-1] if key[2] == "lxc" and key not in taken), None)
    return roles if collapsed is None else roles | {"collapsed": collapsed}


def mark(groups: Mapping[tuple[str, str], Group], roles: Mapping[str, Key]) -> None:
    """One whose newest verification failed, one never verified, one whose newest is far too small, a note, and keys."""
    named = encrypt(groups, roles)
    if "collapsed" in named:
        group = named["collapsed"]
        group.source = partial(_with_collapse, group, group.source)
    if "unverified" in named:
        named["unverified"].verifications = Verifications()
    if "failed" in named:
        group = named["failed"]
        group.source = partial(_with_failure, group, group.source)
    if "protected" in named:
        named["protected"].note = "keep the first one\nuntil the audit is over"


def encrypt(groups: Mapping[tuple[str, str], Group], roles: Mapping[str, Key]) -> dict[str, Group]:
    """An encrypted guest, one that is only signed, one that no longer is encrypted, one whose key was changed; return all by role."""
    named = {role: next(one for one in groups.values() if one.identity == str(key[3])) for role, key in roles.items()}
    for role, mode in (("encrypted", "encrypt"), ("signed", "sign-only")):
        if role in named:
            named[role].crypt_mode, named[role].fingerprint = mode, FINGERPRINT
    for role, group in named.items():
        if role == "plain_again":
            group.source = partial(_with_older_key, group, group.source)
        elif role == "two_keys":
            group.crypt_mode, group.fingerprint = "encrypt", NEW_FINGERPRINT
            group.source = partial(_with_older_key, group, group.source)
    return named


def _with_older_key(group: Group, source: Callable[[], Sequence[int]]) -> Sequence[int]:
    """All but the newest three were encrypted with the first key."""
    times = source()
    for time in times[:-3]:
        if group.of(time).finished:
            group.special[time] = replace(group.of(time), encrypted_with=FINGERPRINT)
    return times


def _with_collapse(group: Group, source: Callable[[], Sequence[int]]) -> Sequence[int]:
    """The newest backup holds next to nothing of what the ones before it hold."""
    times = source()
    newest = next((time for time in reversed(times) if group.of(time).finished), None)
    if newest is not None:
        small = tuple((name, size // 50 if size > 1_000_000 else size) for name, size in group.archives)
        group.special[newest] = replace(group.of(newest), archives=small)
    return times


def _with_failure(group: Group, source: Callable[[], Sequence[int]]) -> Sequence[int]:
    times = source()
    newest = next((time for time in reversed(times) if group.verifications.of(time) and group.of(time).finished), None)
    if newest is not None:
        group.special[newest] = replace(group.of(newest), verification="failed")
    return times
