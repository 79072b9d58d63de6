"""What a token may see of a PBS: which readings are not all there is, because PBS leaves out what it may not see (M10, H.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from exporter.collect.steps import Doubt
from exporter.errors import Denied, FailureReason
from report.backups import Datastore
from report.privileges import PBS, grant_command
from report.readings import Failure, Permissions, Reading

AUDIT = "Datastore.Audit"
STORES = "/datastore"
ROOT = ""
_SHOWS_NAMESPACES = (AUDIT, "Datastore.Backup", "Datastore.Read", "Datastore.Modify")


@dataclass(frozen=True, slots=True)
class Sight:
    """Who asks (`label` is how people see the source), and what it may do, as far as that was read."""

    label: str
    token_id: str
    permissions: Permissions | None
    unread: Failure | None = None

    @staticmethod
    def of(label: str, token_id: str, permissions: Reading[Permissions], now: int) -> Sight:
        """Given who asks and what the token is said to be allowed, return what may be relied on of that now (epoch)."""
        return Sight(label, token_id, permissions.usable(now), permissions.failure)

    def stores(self, value: Sequence[Datastore]) -> Failure | None:
        """Doubt an empty list of datastores; one that shows some is as long as the token's rights, which the report names."""
        return None if value else self._lacking(AUDIT, STORES, "/admin/datastore")

    def namespaces(self, store: str) -> Doubt:
        """Doubt the namespaces of a store: those without any right are left out. With a right on the store its root is listed."""
        path = f"{STORES}/{store}"
        known = self.permissions
        if known is not None and any(known.on(privilege, path) for privilege in _SHOWS_NAMESPACES):
            return lambda value: None if ROOT in value else self._rootless(store)
        return self._always(AUDIT, path, "/admin/datastore/{store}/namespace")

    def _rootless(self, store: str) -> Failure:
        message = f"{self.label}: the namespaces of {store} are listed without its root, which is always there"
        return Failure(FailureReason.MALFORMED, "/admin/datastore/{store}/namespace", message)

    def groups(self, store: str, namespace: str) -> Doubt:
        """Doubt the groups of a namespace: with Datastore.Backup alone only the token's own are listed."""
        path = "/".join(filter(None, (STORES, store, namespace)))
        return self._always(AUDIT, path, "/admin/datastore/{store}/groups")

    def jobs(self, endpoint: str, stores: Sequence[str]) -> Doubt:
        """Doubt a list of jobs: those of a datastore or namespace without Datastore.Audit are left out; of sync jobs also those of a
        remote without Remote.Audit.
        """
        paths = [f"{STORES}/{store}" for store in stores] or [STORES]
        needed = [(AUDIT, path) for path in paths]
        if endpoint.endswith("/sync"):
            needed.append(("Remote.Audit", "/remote"))

        def doubt(_: Any) -> Failure | None:
            told = (self._lacking(privilege, path, endpoint) for privilege, path in needed)
            return next((failure for failure in told if failure), None)

        return doubt

    def collections(self, value: Sequence[Any]) -> Failure | None:
        """Doubt an empty list of garbage collections."""
        return None if value else self._lacking(AUDIT, STORES, "/admin/gc")

    def tasks(self, _: Any) -> Failure | None:
        """Doubt the tasks: without Sys.Audit only the token's own and those it could start are listed."""
        return self._lacking("Sys.Audit", "/system/tasks", "/nodes/localhost/tasks")

    def _always(self, privilege: str, path: str, endpoint: str) -> Doubt:
        return lambda _: self._lacking(privilege, path, endpoint)

    def _lacking(self, privilege: str, path: str, endpoint: str) -> Failure | None:
        """Say that a privilege is missing, or, where the privileges could not be read, that it may be."""
        known = self.permissions
        if known is None:
            failure = self.unread
            message = f"{self.label}: whether {endpoint} shows everything is not known: the token's privileges could not be read"
            return Failure(failure.code if failure else "forbidden", endpoint, message)
        if known.on(privilege, path):
            return None
        denied = Denied(
            self.label,
            endpoint,
            f"token {self.token_id} lacks {privilege} on {path}, so what it may not see is left out",
            f"run: {grant_command(PBS, privilege, self.token_id)}",
        )
        return Failure(denied.reason, denied.endpoint, str(denied))
