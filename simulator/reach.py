"""The simulated backup servers as the clusters' storage entries see them: by address, fingerprint and account."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from simulator.model import Cluster, Probe, Properties, Shelf, Storage
from simulator.past.shelves import ServerShelf, account_of
from simulator.pbs.privileges import AUDIT, BACKUP, Permissions, store_path
from simulator.pbs.routes import PbsApi
from simulator.pbs.system_calls import instance_id
from simulator.scenario.wanted import Target

PORT = 8007
UNTRUSTED = "error fetching datastores - fingerprint '{}' not verified, abort!"
UNAUTHORIZED = "error fetching datastores - 401 Unauthorized"


def address_of(config: Properties) -> tuple[str, int]:
    """Host and port of an entry (J1)."""
    host = str(config["server"])
    return "127.0.0.1" if host == "localhost" else host, int(config.get("port", PORT))


@dataclass(frozen=True, slots=True)
class Beyond:
    """No simulated server has the entry's address."""

    config: Properties

    def refusal(self) -> str | None:
        host, port = address_of(self.config)
        return f"error fetching datastores - 500 Can't connect to {host}:{port} (Connection refused)"

    def works(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Behind:
    """An entry with its secret and the server at its address."""

    target: Target
    api: PbsApi
    config: Properties
    password: str | None

    def refusal(self) -> str | None:
        """What the genuine code says of a wrong certificate, credentials or a datastore that is not shown."""
        if str(self.config.get("fingerprint", "")).upper() != self.target.fingerprint.upper():
            return UNTRUSTED.format(self.target.fingerprint)
        server, account = self.api.server, account_of(self.config)
        with self.api.lock:
            secret = (server.tokens if "!" in account else server.passwords).get(account)
            if secret is None or secret != self.password:
                return UNAUTHORIZED
            name = str(self.config["datastore"])
            path, granted = store_path(name), Permissions(server.access, account)
            if name in server.datastores and (granted.has(path, AUDIT, BACKUP) or granted.below(path)):
                return None
        return f"Cannot find datastore '{name}', check permissions and existence!"

    def works(self) -> bool:
        with self.api.lock:
            if self.refusal() is not None:
                return False
            return self.api.server.datastores[str(self.config["datastore"])].problem() is None


class BackupServers:
    """The backup servers that clusters share."""

    def __init__(self, rows: Iterable[tuple[Target, PbsApi]] = ()) -> None:
        self._rows = {(target.host, target.port): (target, api) for target, api in rows}

    def secrets(self, cluster: Cluster) -> dict[str, str]:
        """What an administrator had entered: the secret of each entry's account, by storage."""
        found = {}
        for storage in cluster.storages.values():
            row = self._at(storage)
            account = account_of(storage.config)
            if row is not None and account in row[1].server.tokens:
                found[storage.name] = row[1].server.tokens[account]
        return found

    def attach(self, cluster: Cluster) -> Cluster:
        """Given a cluster, return it with what lies behind each entry of type pbs: backups, identity, state.

        An entry whose address no simulated server has keeps the state that the scenario gave it; one that was written
        later is not reachable.
        """
        storages: dict[str, Storage] = {}
        shelves: dict[tuple[str, str], Shelf] = {}
        identities: dict[str, str] = {}
        for name, storage in cluster.storages.items():
            row = self._at(storage)
            probe: Probe | None = storage.probe and Beyond(storage.config)
            if row is not None:
                probe = Behind(*row, storage.config, cluster.passwords.get(name))
                shelves[name, ""] = ServerShelf(row[1], storage)
                identities[name] = instance_id(row[1].server.name)
            storages[name] = replace(storage, probe=probe) if storage.kind == "pbs" else storage
        return replace(cluster, storages=storages, backups=_others(cluster) | shelves, identities=identities)

    def _at(self, storage: Storage) -> tuple[Target, PbsApi] | None:
        return self._rows.get(address_of(storage.config)) if storage.kind == "pbs" else None


def _others(cluster: Cluster) -> dict[tuple[str, str], Shelf]:
    """The shelves that hold no server's backups."""
    return {key: shelf for key, shelf in cluster.backups.items() if not isinstance(shelf, ServerShelf)}
