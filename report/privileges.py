"""Which privileges reading rests on (A8, D4, H1): one table for the report, for what a 403 means, for `doctor` and for docs/permissions.md.

Also what a token holds beyond reading, and the commands that grant what is needed and no more.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from report.model.reasons import ReasonCode
from report.model.sources import MissingPrivilege
from report.readings import Permissions

PVE, PBS = "pve", "pbs"
AUDITOR = "PVEAuditor"
# of a least-privilege set-up: a role that holds what the table names and nothing else
READER_ROLE = "VzcoverReader"


@dataclass(frozen=True, slots=True)
class NeededPrivilege:
    """A privilege that reading a kind of source rests on: where it must be held, and whether on everything below too.

    `hides` names what is not seen without it (a key of `report.words`), `rule` is that of the rulebook, `reasons` are those that guests
    are undecided for then. `endpoints` are the beginnings of the paths that need it, for servers that answer 403 and do not say why.
    """

    kind: str
    privilege: str
    path: str
    below: bool
    hides: str
    rule: str
    endpoints: tuple[str, ...]
    reasons: frozenset[ReasonCode] = frozenset()


NEEDED_PRIVILEGES = (
    NeededPrivilege(PVE, "VM.Audit", "/vms", True, "guests", "A8", ("/nodes/{node}/qemu", "/nodes/{node}/lxc")),
    NeededPrivilege(
        PVE, "Sys.Audit", "/", False, "jobs", "B2", ("/cluster",), frozenset({ReasonCode.JOBS_NOT_VISIBLE})
    ),
    NeededPrivilege(PVE, "Sys.Audit", "/nodes", True, "tasks", "G4", ("/nodes",)),
    NeededPrivilege(
        PVE,
        "Datastore.Audit",
        "/storage",
        True,
        "storages",
        "D4",
        ("/storage", "/nodes/{node}/storage", "/nodes/{node}/vzdump"),
        frozenset({ReasonCode.STORAGE_NOT_VISIBLE, ReasonCode.VZDUMP_DEFAULTS_NOT_VISIBLE}),
    ),
    NeededPrivilege(
        PVE, "Pool.Audit", "/pool", True, "pools", "A8", ("/pools",), frozenset({ReasonCode.POOL_NOT_VISIBLE})
    ),
    NeededPrivilege(PBS, "Datastore.Audit", "/datastore", True, "backups", "H1", ("/",)),
    NeededPrivilege(PBS, "Sys.Audit", "/system/tasks", False, "pbs_tasks", "H14", ("/nodes",)),
    NeededPrivilege(PBS, "Remote.Audit", "/remote", True, "sync_jobs", "H1", ("/config/remote",)),
)


@dataclass(frozen=True, slots=True)
class Grant:
    """The built-in role that holds a privilege of a kind of source and nothing that writes, and the path it is best given on."""

    role: str
    path: str


_PVE_GRANT = Grant(AUDITOR, "/")
_PBS_GRANTS: Mapping[str, Grant] = {
    "Datastore.Audit": Grant("Audit", "/"),
    "Sys.Audit": Grant("Audit", "/"),
    "Remote.Audit": Grant("RemoteAudit", "/remote"),
}


def needed_by(kind: str) -> tuple[NeededPrivilege, ...]:
    """Given a kind of source, return its rows of the table."""
    return tuple(row for row in NEEDED_PRIVILEGES if row.kind == kind)


def needed_for(kind: str, endpoint: str) -> NeededPrivilege | None:
    """Given a kind of source and an endpoint without ids, return the row whose path it begins with, the longest one counting."""
    fitting = [
        (len(beginning), row)
        for row in needed_by(kind)
        for beginning in row.endpoints
        if endpoint.startswith(beginning)
    ]
    return max(fitting, key=lambda pair: pair[0])[1] if fitting else None


def holds(permissions: Permissions, row: NeededPrivilege) -> bool:
    """Given what a token may do and a row, say whether it has that privilege there."""
    return (permissions.below if row.below else permissions.on)(row.privilege, row.path)


def missing_privileges(kind: str, permissions: Permissions | None) -> tuple[MissingPrivilege, ...]:
    """Given a kind of source and what the token may do (None: not known), return what it lacks; nothing where that is not known."""
    if permissions is None:
        return ()
    return tuple(
        MissingPrivilege(row.privilege, row.path, row.hides) for row in needed_by(kind) if not holds(permissions, row)
    )


def beyond_reading(permissions: Permissions) -> tuple[tuple[str, str], ...]:
    """Given what a token may do, return each privilege that is none of reading, with the shortest path it is held on, sorted."""
    first: dict[str, str] = {}
    for path in sorted(permissions.paths, key=lambda path: (path.count("/"), path)):
        for privilege in permissions.paths[path]:
            if not privilege.endswith(".Audit"):
                first.setdefault(privilege, path)
    return tuple(sorted(first.items()))


def grant_command(kind: str, privilege: str, subject: str) -> str:
    """Given a kind of source, a privilege of the table and who is to have it (user or token), return the command."""
    if kind == PBS:
        grant = _PBS_GRANTS.get(privilege, _PBS_GRANTS["Datastore.Audit"])
        return f"proxmox-backup-manager acl update {grant.path} {grant.role} --auth-id {shlex.quote(subject)}"
    option = "--tokens" if "!" in subject else "--users"
    return f"pveum acl modify {_PVE_GRANT.path} {option} {shlex.quote(subject)} --roles {_PVE_GRANT.role}"


def grant_commands(kind: str, privilege: str, token_id: str) -> tuple[str, ...]:
    """Given a privilege that a token lacks, return the commands: a token can do no more than its user, so that one gets it too."""
    return tuple(grant_command(kind, privilege, subject) for subject in (token_id.rpartition("!")[0], token_id))


def set_up_commands(kind: str, token_id: str) -> Iterator[str]:
    """Given a kind of source and a token that does not exist yet, yield the commands that make it with the table's privileges only."""
    user, _, name = token_id.rpartition("!")
    if kind == PBS:
        yield f"proxmox-backup-manager user create {shlex.quote(user)}"
        yield f"proxmox-backup-manager user generate-token {shlex.quote(user)} {shlex.quote(name)}"
        grants = dict.fromkeys(_PBS_GRANTS[row.privilege] for row in needed_by(PBS))
        for grant in grants:
            for subject in (user, token_id):
                yield f"proxmox-backup-manager acl update {grant.path} {grant.role} --auth-id {shlex.quote(subject)}"
        return
    privileges = " ".join(dict.fromkeys(row.privilege for row in needed_by(PVE)))
    yield f'pveum role add {READER_ROLE} --privs "{privileges}"'
    yield f"pveum user add {shlex.quote(user)}"
    yield f"pveum acl modify / --users {shlex.quote(user)} --roles {READER_ROLE}"
    yield f"pveum user token add {shlex.quote(user)} {shlex.quote(name)} --privsep 1"
    yield f"pveum acl modify / --tokens {shlex.quote(token_id)} --roles {READER_ROLE}"
