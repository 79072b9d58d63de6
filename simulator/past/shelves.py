"""What a cluster sees of a backup server through a storage entry: its own namespace, its account's groups (D9, D5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from simulator.answers import failure
from simulator.model import Backup, Properties, Storage
from simulator.pbs.model import Datastore, Group
from simulator.pbs.privileges import AUDIT, BACKUP, MODIFY, PRUNE, Permissions, store_path
from simulator.pbs.routes import PbsApi
from simulator.pbs.rows import snapshot_path, snapshot_row

FORMS = {"vm": ("pbs-vm", "qemu"), "ct": ("pbs-ct", "lxc")}


def account_of(config: Properties) -> str:
    """The account of an entry on its backup server; without one it is root (J1)."""
    return str(config.get("username", "root@pam"))


@dataclass(frozen=True, slots=True)
class ServerShelf:
    """A storage entry of type pbs and the server it points at."""

    api: PbsApi
    storage: Storage

    def backups(self, listing: bool) -> Sequence[Backup]:
        """A list makes the server open every manifest; a dry run does not, but asks for more rights (D5)."""
        with self.api.lock:
            store, groups = self._groups()
            if not listing and self._refuses(store, groups):
                raise failure(500, "error pruning backups - check log")
            return [backup for group in groups for backup in self._of(group, store, listing)]

    def _groups(self) -> tuple[Datastore, list[Group]]:
        name, namespace = str(self.storage.config["datastore"]), str(self.storage.config.get("namespace", ""))
        store = self.api.server.datastores.get(name)
        problem = f"no such datastore '{name}'" if store is None else store.problem()
        if store is not None and namespace not in store.namespaces:
            problem = "ENOENT: No such file or directory"
        if store is None or problem is not None:
            raise failure(500, f"{self.storage.name}: error listing snapshots - 400 Bad Request: {problem}")
        account, path = self._account(), store_path(name, namespace)
        every = account.has(path, AUDIT)
        if not every and not account.has(path, BACKUP):
            raise failure(500, f"{self.storage.name}: error listing snapshots - 403 Forbidden: permission check failed")
        groups = [
            group
            for group in store.namespaces[namespace].values()
            if group.kind in FORMS and group.identity.isdecimal() and (every or account.owns(group.owner))
        ]
        return store, groups

    def _account(self) -> Permissions:
        return Permissions(self.api.server.access, account_of(self.storage.config))

    def _refuses(self, store: Datastore, groups: Sequence[Group]) -> bool:
        account = self._account()
        path = store_path(store.name, str(self.storage.config.get("namespace", "")))
        modify, prune = account.has(path, MODIFY), account.has(path, PRUNE)
        allowed = all(modify or (prune and account.owns(group.owner)) for group in groups)
        return store.maintenance is not None or not allowed

    def _of(self, group: Group, store: Datastore, listing: bool) -> Iterator[Backup]:
        times = group.times
        if listing:
            manifests = sum(group.of(instant).finished for instant in times)
            namespace = str(self.storage.config.get("namespace", ""))
            self.api.cost.opened(f"{store.name}:{namespace}:{group.kind}/{group.identity}", manifests)
        form, kind = FORMS[group.kind]
        for instant in times:
            row = snapshot_row(group, instant) if listing else {}
            finished = group.of(instant).finished
            beside = {"verification": row["verification"]} if "verification" in row else {}
            if "fingerprint" in row:
                beside["encrypted"] = row["fingerprint"]
            yield Backup(
                name=snapshot_path(group, instant),
                form=form,
                time=instant,
                kind=kind,
                vmid=int(group.identity),
                size=row.get("size", 2) if finished else 1,
                protected=group.of(instant).protected,
                notes=row.get("comment"),
                beside=beside,
            )
