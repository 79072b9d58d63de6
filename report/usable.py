"""The newest usable backup of a guest, the storage entry that it is restored through, and the nodes on which that works."""

from __future__ import annotations

from report.backups import SnapshotFlag
from report.evidence import Evidence, Holding
from report.facts import StorageDefinition
from report.judgements.encryption import key_of, may_decrypt
from report.model.guests import UsableBackup
from report.restores import pbs_volume

_F = SnapshotFlag


def usable_backup(evidence: Evidence) -> UsableBackup | None:
    """Given the evidence on a guest, return its newest usable backup, through an entry of its own cluster where one leads there."""
    newest = evidence.newest
    if newest is None:
        return None
    group, position = newest.matched.group, newest.usable[-1]
    at, size = newest.at(position), group.snapshots.sizes[position]
    entry = entry_for(newest, position, evidence.guest.node)
    verified, elsewhere = (newest.has(position, flag) for flag in (_F.VERIFIED, _F.VERIFIED_ELSEWHERE))
    volume = group.newest_volume if position == newest.versions[-1] else None
    if newest.pbs:
        volume = pbs_volume(entry.storage, group.backup_type, group.backup_id, at) if entry else None
    return UsableBackup(
        server=group.server,
        datastore=group.datastore,
        namespace=group.namespace,
        backup_type=group.backup_type,
        backup_id=group.backup_id,
        at=at,
        storage=entry.storage if entry else None,
        volume=volume,
        size_bytes=size if size > 0 else None,
        verified=verified if newest.pbs else None,
        verified_elsewhere=group.verified_elsewhere if elsewhere and not verified else None,
        encrypted=newest.has(position, SnapshotFlag.ENCRYPTED) if newest.pbs else None,
        key=key_of(newest, position),
        nodes=_nodes(newest, entry),
    )


def _nodes(holding: Holding, entry: StorageDefinition | None) -> tuple[str, ...]:
    """Return the nodes that reach a backup through an entry, none for any: a storage that is not shared holds it on one (D2)."""
    node = holding.matched.group.node
    if node is not None and entry is not None and not entry.shared:
        return (node,)
    return tuple(sorted(entry.nodes)) if entry else ()


def entry_for(holding: Holding, position: int, node: str) -> StorageDefinition | None:
    """Given a holding, the position of a snapshot in it and the guest's node, return the storage entry to restore it with: of those that
    are not switched off one that may decrypt it, then one that the node may use (B28); None where none leads there.
    """
    encrypted, key = holding.has(position, SnapshotFlag.ENCRYPTED), key_of(holding, position)

    def unfit(entry: StorageDefinition) -> tuple[bool, bool, str]:
        away = bool(entry.nodes) and node not in entry.nodes
        return encrypted and not may_decrypt(entry, key), away, entry.storage

    return min((entry for entry in holding.storages if not entry.disabled), key=unfit, default=None)
