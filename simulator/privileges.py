"""Who may see what: roles, the access list, and what a token effectively has (A7, A8), written from the rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from simulator.answers import forbidden
from simulator.model import Cluster, Token

AUDIT = ("Datastore.Audit", "Mapping.Audit", "Pool.Audit", "SDN.Audit", "Sys.Audit", "VM.Audit", "VM.GuestAgent.Audit")
ROLES: Mapping[str, tuple[str, ...]] = {
    "NoAccess": (),
    "PVEAuditor": AUDIT,
    "PVEDatastoreUser": ("Datastore.AllocateSpace", "Datastore.Audit"),
    "PVEDatastoreAdmin": (
        "Datastore.Allocate",
        "Datastore.AllocateSpace",
        "Datastore.AllocateTemplate",
        "Datastore.Audit",
    ),
    "PVEPoolUser": ("Pool.Audit",),
    "PVESysAdmin": ("Sys.Audit", "Sys.Console", "Sys.Syslog"),
    "Administrator": (
        *AUDIT,
        "Datastore.Allocate",
        "Datastore.AllocateSpace",
        "Permissions.Modify",
        "Pool.Allocate",
        "Sys.Modify",
        "VM.Allocate",
        "VM.Backup",
    ),
}
COMMON_PATHS = ("/", "/access", "/access/groups", "/nodes", "/pool", "/sdn", "/storage", "/vms")

Grants = dict[str, int]  # privilege → 1 if it reaches deeper, else 0


class Permissions:
    """What one token has on every path of one cluster."""

    def __init__(self, cluster: Cluster, token: Token) -> None:
        self._cluster = cluster
        self._token = token
        self._known: dict[str, Grants] = {}
        self._subjects = [token.identity, token.user] if token.separated else [token.user]
        entries: dict[str, dict[str, dict[str, bool]]] = {subject: {} for subject in self._subjects}
        for entry in cluster.access:
            if entry.subject in entries:
                entries[entry.subject].setdefault(entry.path, {})[entry.role] = entry.propagate
        self._entries = entries
        self._pool_grants = {
            pool.name: [self._roles(subject, f"/pool/{pool.name}") for subject in self._subjects]
            for pool in cluster.pools.values()
        }

    def on(self, path: str) -> Grants:
        """The privileges on a path, each with 1 if it reaches deeper, else 0."""
        if path not in self._known:
            self._known[path] = self._effective(path)
        return self._known[path]

    def has(self, path: str, *privileges: str) -> bool:
        """Whether the token has any of the privileges on the path."""
        grants = self.on(path)
        return any(privilege in grants for privilege in privileges)

    def demand(self, path: str, *privileges: str) -> None:
        """Raise the genuine 403 unless the token has any of the privileges on the path."""
        if not self.has(path, *privileges):
            raise forbidden(path, "|".join(privileges))

    def sees_guest(self, vmid: int) -> bool:
        return self.has(f"/vms/{vmid}", "VM.Audit")

    def sees_storage(self, name: str) -> bool:
        return self.has(f"/storage/{name}", "Datastore.Audit", "Datastore.AllocateSpace")

    def sees_pool(self, name: str) -> bool:
        return self.has(f"/pool/{name}", "Pool.Audit")

    def dump(self) -> dict[str, Grants]:
        """Every path on which the token has something, as /access/permissions shows it."""
        paths = [*COMMON_PATHS, *(entry.path for entry in self._cluster.access)]
        for pool in self._cluster.pools.values():
            paths += [f"/vms/{vmid}" for vmid in pool.vmids] + [f"/storage/{name}" for name in pool.storages]
        return {path: grants for path in dict.fromkeys(paths) if (grants := self.on(path))}

    def _effective(self, path: str) -> Grants:
        per_subject = [self._privileges(index, path) for index in range(len(self._subjects))]
        own = per_subject[0]
        for other in per_subject[1:]:
            own = {name: min(level, other[name]) for name, level in own.items() if name in other}
        return own

    def _privileges(self, index: int, path: str) -> Grants:
        roles = dict(self._roles(self._subjects[index], path))
        if "NoAccess" not in roles:
            for pool in self._pools_with(path):
                for role in self._pool_grants[pool][index]:
                    # a role that comes from the pool does not reach deeper
                    roles.setdefault(role, False)
        found: Grants = {}
        for role, propagate in roles.items():
            for privilege in ROLES[role]:
                found[privilege] = max(found.get(privilege, 0), int(propagate))
        return found

    def _roles(self, subject: str, path: str) -> dict[str, bool]:
        """The roles of the deepest entry that reaches the path; an entry on the way counts only if it propagates."""
        found: dict[str, bool] = {}
        for step in _steps(path):
            entry = self._entries[subject].get(step, {})
            here = {role: propagate for role, propagate in entry.items() if propagate or step == path}
            found = here or found
        return found

    def _pools_with(self, path: str) -> Iterator[str]:
        area, _, name = path.removeprefix("/").partition("/")
        if area == "vms" and name.isdigit() and int(name) in self._cluster.pool_of:
            yield self._cluster.pool_of[int(name)]
        elif area == "storage" and name:
            yield from (pool.name for pool in self._cluster.pools.values() if name in pool.storages)


def _steps(path: str) -> Iterator[str]:
    """`/a/b` → `/`, `/a`, `/a/b`."""
    yield "/"
    parts = [part for part in path.split("/") if part]
    for length in range(1, len(parts) + 1):
        yield "/" + "/".join(parts[:length])
