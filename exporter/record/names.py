"""Other names for what must not leave the house: the same thing gets the same one everywhere, and the order of names stays.

Names are collected from everything first and handed out then, in the order of the originals: what is sorted by name (such as the node
that a shared storage is asked on) is so in the recording too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

# users that exist everywhere, and realms that say nothing about a house
KNOWN_USERS = frozenset({"root"})
KNOWN_REALMS = frozenset({"pam", "pve", "pbs"})
ADDRESS, FINGERPRINT, USER, REALM, TOKEN = "address", "fingerprint", "user", "realm", "token"
_AUTH_ID = re.compile(r"(?P<user>[^@!]+)@(?P<realm>[^@!]+)(?:!(?P<token>.+))?", re.DOTALL)
# hosts become addresses of loopback, so that a replay can listen there
_LOOPBACK = "127.1.{}.{}"


@dataclass(slots=True)
class Names:
    """Collects originals by kind until `freeze`, then hands out what stands for them. Before that each stands for itself."""

    _seen: dict[str, set[str]] = field(default_factory=dict)
    _given: dict[str, dict[str, str]] | None = None
    _same: dict[str, str] = field(default_factory=dict)

    def of(self, kind: str, original: str) -> str:
        """Given a kind and an original, return its other name; the empty one stays."""
        if not original:
            return original
        if self._given is None:
            self._seen.setdefault(kind, set()).add(original)
            return original
        return self._given[kind][original]

    def parts(self, kind: str, original: str) -> str:
        """Given a path such as a pool's or a namespace's, rename each part of it: what lies within what stays."""
        return "/".join(self.of(kind, part) for part in original.split("/"))

    def auth_id(self, original: str) -> str:
        """Given USER@REALM or USER@REALM!TOKEN, rename each part; root and the built-in realms stay."""
        found = _AUTH_ID.fullmatch(original)
        if found is None:
            return self.of(USER, original)
        user = found["user"] if found["user"] in KNOWN_USERS else self.of(USER, found["user"])
        realm = found["realm"] if found["realm"] in KNOWN_REALMS else self.of(REALM, found["realm"])
        return f"{user}@{realm}" + (f"!{self.of(TOKEN, found['token'])}" if found["token"] else "")

    def address(self, original: str) -> str:
        """Given a host name or address, return the loopback address that stands for it."""
        plain = original.strip("[]").lower()
        return self.of(ADDRESS, self._same.get(plain, plain))

    def same_address(self, one: str, other: str) -> None:
        """Say that two hosts are one machine; before anything is collected."""
        self._same[one.strip("[]").lower()] = other.strip("[]").lower()

    def fingerprint(self, original: str) -> str:
        """Given a fingerprint, with or without colons, in any case, return another one written the same way."""
        plain = original.replace(":", "").lower()
        given = self.of(FINGERPRINT, plain)
        if self._given is None:
            return original
        shown = ":".join(given[place : place + 2] for place in range(0, len(given), 2)) if ":" in original else given
        return shown.upper() if original == original.upper() else shown

    def freeze(self) -> None:
        """End the collecting."""
        self._given = {
            kind: {original: _name(kind, place, len(seen), original) for place, original in enumerate(sorted(seen), 1)}
            for kind, seen in self._seen.items()
        }

    def known(self) -> Iterator[tuple[str, str, str]]:
        """Yield kind, original and other name of everything, once frozen."""
        for kind, given in (self._given or {}).items():
            for original, name in given.items():
                yield kind, original, name


def _name(kind: str, place: int, count: int, original: str) -> str:
    if kind == ADDRESS:
        return _LOOPBACK.format(place // 256, place % 256)
    if kind == FINGERPRINT:
        return f"{place:0{len(original)}x}"
    return f"{kind}-{place:0{len(str(count))}d}"
