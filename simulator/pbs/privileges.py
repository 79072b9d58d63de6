"""Who may see what on a backup server: roles, the access list, and what a token has (H1, M10)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from simulator.pbs.model import Access

AUDIT, BACKUP, MODIFY = "Datastore.Audit", "Datastore.Backup", "Datastore.Modify"
PRUNE, READ, VERIFY = "Datastore.Prune", "Datastore.Read", "Datastore.Verify"
ALL = (
    *("Datastore.Allocate", AUDIT, BACKUP, MODIFY, PRUNE, READ, VERIFY, "Permissions.Modify", "Realm.Allocate"),
    *("Remote.Audit", "Remote.Modify", "Remote.Read", "Sys.Audit", "Sys.Console", "Sys.Modify"),
    *("Sys.PowerManagement", "Tape.Audit", "Tape.Modify", "Tape.Read", "Tape.Write"),
)
ROLES: Mapping[str, tuple[str, ...]] = {
    "Admin": ALL,
    "Audit": ("Sys.Audit", AUDIT),
    "DatastoreAdmin": ("Datastore.Allocate", AUDIT, BACKUP, MODIFY, PRUNE, READ, VERIFY),
    "DatastoreAudit": (AUDIT,),
    "DatastoreBackup": (BACKUP,),
    "DatastorePowerUser": (BACKUP, PRUNE),
    "DatastoreReader": (AUDIT, READ, VERIFY),
    "NoAccess": (),
    "RemoteAudit": ("Remote.Audit",),
}
COMMON_PATHS = ("/", "/access", "/datastore", "/remote", "/system")
BELOW = (AUDIT, BACKUP, MODIFY, READ)


def store_path(store: str, namespace: str = "") -> str:
    return f"/datastore/{store}/{namespace}".rstrip("/")


class Permissions:
    """What one user or token has on every path; every entry reaches deeper, the deepest with a role decides."""

    def __init__(self, access: Iterable[Access], identity: str) -> None:
        self.identity = identity
        self.user = identity.partition("!")[0]
        self._subjects = [identity] if identity == self.user else [identity, self.user]
        self._entries: dict[str, dict[str, set[str]]] = {subject: {} for subject in self._subjects}
        self._paths = sorted({entry.path for entry in access})
        for entry in access:
            if entry.subject in self._entries:
                self._entries[entry.subject].setdefault(entry.path, set()).add(entry.role)

    def on(self, path: str) -> frozenset[str]:
        """The privileges on a path: a token's are those that its user has too; root@pam has all, its tokens too."""
        per_subject = [self._of(subject, path) for subject in self._subjects]
        return frozenset.intersection(*per_subject)

    def has(self, path: str, *privileges: str) -> bool:
        return not self.on(path).isdisjoint(privileges)

    def below(self, path: str) -> bool:
        """Whether any right on a datastore is given on some path below this one."""
        return any(one.startswith(f"{path}/") and self.has(one, *BELOW) for one in self._paths)

    def owns(self, owner: str | None) -> bool:
        """Whether a group of this owner is the caller's: its own, or of a token of the user (section 5)."""
        return owner is not None and (owner == self.identity or owner.partition("!")[0] == self.identity)

    def dump(self) -> dict[str, dict[str, bool]]:
        """Every path of the access list and the common ones on which there is something; the values are not the grant."""
        paths = sorted({*COMMON_PATHS, *self._paths})
        return {path: found for path in paths if (found := self.at(path))}

    def at(self, path: str) -> dict[str, bool]:
        return dict.fromkeys(sorted(self.on(path)), True)

    def _of(self, subject: str, path: str) -> frozenset[str]:
        if subject == "root@pam":
            return frozenset(ALL)
        found: set[str] = set()
        for step in _steps(path):
            found = self._entries[subject].get(step) or found
        return frozenset(privilege for role in found for privilege in ROLES[role])


def _steps(path: str) -> Iterator[str]:
    yield "/"
    parts = [part for part in path.split("/") if part]
    for length in range(1, len(parts) + 1):
        yield "/" + "/".join(parts[:length])
