"""What storages hold: the list that hides what the caller may not read, and the dry run that tells all (D4-D7, M14)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from simulator.answers import Answer, ApiError, failure, success
from simulator.model import Backup, Storage
from simulator.past.pruning import Entry, cluster_marks
from simulator.past.runs import parse_policy
from simulator.pve.call import Call, Row

OWNED = re.compile(r"(?:vzdump-(?:qemu|lxc|openvz)-([0-9]+)-.*|(?:vm|ct)/([0-9]+)/.*)")


def _storage(call: Call) -> Storage:
    name = call.parameters["storage"]
    call.permissions.demand(f"/storage/{name}", "Datastore.Audit", "Datastore.AllocateSpace")
    if name not in call.cluster.storages:
        raise failure(500, f"storage '{name}' does not exist")
    return call.cluster.storages[name]


def _activate(storage: Storage, node: str) -> None:
    """Raise the genuine error for a storage that cannot be used on the node."""
    if not storage.enabled:
        raise failure(500, f"storage '{storage.name}' is disabled")
    if not storage.allowed_on(node):
        raise failure(500, f"storage '{storage.name}' is not available on node '{node}'")
    refusal = storage.probe.refusal() if storage.active and storage.probe else None
    if refusal is not None:
        raise failure(500, f"{storage.name}: {refusal}")
    if not storage.active and storage.kind == "pbs":
        raise _unreachable(storage)
    if not storage.active:
        raise failure(500, f"storage '{storage.name}' is not online")


def _unreachable(storage: Storage) -> ApiError:
    address = f"{storage.config['server']}:{storage.config.get('port', 8007)}"
    problem = f"500 Can't connect to {address} (Connection refused)"
    return failure(500, f"{storage.name}: error fetching datastores - {problem}")


def _backups(call: Call, storage: Storage, listing: bool) -> Sequence[Backup]:
    node = "" if storage.shared else call.parameters["node"]
    shelf = call.cluster.backups.get((storage.name, node))
    if shelf is None and storage.kind == "pbs":
        raise _unreachable(storage)  # no such server is simulated
    return [] if shelf is None else shelf.backups(listing)


def content(call: Call) -> Answer:
    """The backups of a storage that the caller may read; other content is not simulated (D4, D6)."""
    storage = _storage(call)
    _activate(storage, call.parameters["node"])
    wanted, vmid = call.text("content"), call.text("vmid")
    if wanted not in {None, "backup"} or "backup" not in storage.content:
        return success([])
    rows = [
        _content_row(storage, backup)
        for backup in _backups(call, storage, listing=True)
        if _readable(call, storage, backup) and vmid in {None, str(backup.vmid)}
    ]
    return success(rows)


def _readable(call: Call, storage: Storage, backup: Backup) -> bool:
    """Datastore.Allocate, or AllocateSpace together with VM.Backup on the owner that the name tells (D4)."""
    path = f"/storage/{storage.name}"
    if call.permissions.has(path, "Datastore.Allocate"):
        return True
    match = OWNED.fullmatch(backup.name)
    owner = match and (match.group(1) or match.group(2))
    return bool(
        owner
        and call.permissions.has(path, "Datastore.AllocateSpace")
        and call.permissions.has(f"/vms/{owner}", "VM.Backup")
    )


def _content_row(storage: Storage, backup: Backup) -> Row:
    row: Row = {
        "volid": f"{storage.name}:backup/{backup.name}",
        "content": "backup",
        "format": backup.form,
        "size": backup.size,
        "ctime": backup.time,
        "subtype": backup.kind,
        **backup.beside,
    }
    if backup.vmid is not None:
        row["vmid"] = backup.vmid
    if backup.notes:
        row["notes"] = backup.notes.partition("\n")[0]
    if backup.protected:
        row["protected"] = 1
    return row


def prune_dry_run(call: Call) -> Answer:
    """Every backup with what a prune by the given policy, or else the storage's own, would do to it (D5)."""
    storage = _storage(call)
    if "backup" not in storage.content:
        raise failure(500, f"storage '{storage.name}' does not support backups")
    given = call.text("prune-backups") or storage.config.get("prune-backups")
    _activate(storage, call.parameters["node"])
    if not given:
        raise failure(500, f"no prune-backups options configured for storage '{storage.name}'")
    chosen = [
        backup
        for backup in _backups(call, storage, listing=False)
        if call.text("type") in {None, backup.kind} and call.text("vmid") in {None, str(backup.vmid)}
    ]
    found = _marks(chosen, parse_policy(given), ZoneInfo(call.cluster.zone))
    rows = [_mark_row(storage, backup, mark) for backup, mark in zip(chosen, found, strict=True)]
    return success(sorted(rows, key=lambda row: str(row["volid"])))


def _marks(backups: Sequence[Backup], keep: Mapping[str, object], zone: ZoneInfo) -> list[str]:
    groups: dict[tuple[str, int | None], list[int]] = {}
    found = ["renamed"] * len(backups)
    for number, backup in enumerate(backups):
        if backup.standard:
            groups.setdefault((backup.kind, backup.vmid), []).append(number)
    for numbers in groups.values():
        entries = [
            Entry(backups[number].time, backups[number].protected, backups[number].size != 1) for number in numbers
        ]
        for number, mark in zip(numbers, cluster_marks(entries, keep, zone), strict=True):
            found[number] = mark
    return found


def _mark_row(storage: Storage, backup: Backup, mark: str) -> Row:
    row: Row = {
        "volid": f"{storage.name}:backup/{backup.name}",
        "ctime": backup.time,
        "mark": mark,
        "type": backup.kind,
    }
    if backup.vmid is not None:
        # a renamed file's id comes from the text of its name (M14)
        row["vmid"] = str(backup.vmid) if mark == "renamed" else backup.vmid
    return row


def identity(call: Call) -> Answer:
    """What tells that two storages are one target (D12): a backup server's own id."""
    storage = _storage(call)
    _activate(storage, call.parameters["node"])
    if storage.name not in call.cluster.identities:
        raise failure(500, f"storage '{storage.name}' has no identity")
    return success({"type": "pbs", "id": call.cluster.identities[storage.name]})
