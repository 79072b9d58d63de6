"""Backup groups judged: whose they are, what is in them, and how that compares with what should be."""

from __future__ import annotations

from enum import StrEnum

from report.backups import Archive
from report.readings import Keep
from report.value import Value


class GroupMatch(StrEnum):
    """Whose a backup group is (D.3)."""

    GUEST = "guest"
    ORPHAN = "orphan"  # of a guest that does not exist any more, or of none we know (D17)
    HOST = "host"  # a host's own backup, never a guest's
    FOREIGN = "foreign"  # of another cluster's guest, by its owner (D14)
    AMBIGUOUS = "ambiguous"  # of one of several guests, or of one guest or of nobody, and nothing tells which (D15)
    EXTERNAL = "external"  # of an external backup provider, which does not tell whose (I8)
    UNKNOWN = "unknown"  # what tells whose it is cannot be seen


class RetentionState(StrEnum):
    """How the versions that exist compare with what schedule and policy would have left (E34)."""

    OK = "ok"
    SHORT = "short"
    EXCESS = "excess"
    UNBOUNDED = "unbounded"
    NOT_APPLICABLE = "not_applicable"
    YOUNG = "young"
    UNKNOWN = "unknown"


class GroupPolicy(Value, frozen=True):
    """What prunes a group: `pruned_by` names jobs ("job nightly", "prune job p1"), `keep` their options where they agree, `zone` the
    zone of the periods, the next prune and how many versions it will remove; None where that cannot be told. `acts`: all that writes or
    prunes, by name, with schedule and options, None where not all is known; `since` (epoch): it was otherwise before, None not known.
    """

    pruned_by: tuple[str, ...] = ()
    keep: Keep | None = None
    zone: str | None = None
    next_prune_at: int | None = None
    next_prune_removes: int | None = None
    acts: tuple[tuple[str, str, Keep], ...] | None = None
    since: int | None = None


class GroupReport(Value, frozen=True):
    """A backup group judged: whose it is, what is in it, and how that compares with what should be.

    `snapshots` counts finished versions, `inherited` those older than the guest (D16). `newest_at`, `oldest_at`, `newest_size_bytes`:
    of finished versions. `verified`: ok where they lie; `verified_elsewhere`: by their source alone (H7). `key_fingerprints`: of the keys
    that its snapshots are encrypted with. `nominal`, `expected`, `low`, `high`, `actual`, `delta`: rulebook E30–E34; None where
    undecidable or unbounded.
    """

    server: str
    datastore: str
    namespace: str
    backup_type: str
    backup_id: str
    match: GroupMatch
    pve: str | None = None
    vmid: int | None = None
    owner: str | None = None
    comment: str | None = None
    incomplete: bool = False
    read_at: int | None = None
    snapshots: int = 0
    unfinished: int = 0
    renamed: int = 0
    protected: int = 0
    encrypted: int = 0
    verified: int = 0
    verify_failed: int = 0
    verified_elsewhere: int = 0
    inherited: int = 0
    newest_at: int | None = None
    oldest_at: int | None = None
    newest_size_bytes: int | None = None
    newest_verified_at: int | None = None
    newest_archives: tuple[Archive, ...] = ()
    key_fingerprints: tuple[str, ...] = ()
    policy: GroupPolicy = GroupPolicy()
    nominal: int | None = None
    expected: int | None = None
    low: int | None = None
    high: int | None = None
    actual: int | None = None
    delta: int | None = None
    missing: int | None = None
    surplus: int | None = None
    state: RetentionState = RetentionState.UNKNOWN
