"""What a 403 means: which privilege is missing on which path, and the command that grants it (rulebook H.5, A8)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from exporter.client.calls import Call
from exporter.client.endpoints import normalised

# what genuine servers say: "Permission check failed (/vms/310, VM.Audit)",
# "permission check failed - missing Datastore.Audit|Datastore.Backup on /datastore/second"
_SAID = (
    re.compile(r"\((?P<path>/[^ ,]*), (?P<privileges>[\w.|]+)\)"),
    re.compile(r"missing (?P<privileges>[\w.|]+) on (?P<path>/\S*)"),
)


@dataclass(frozen=True, slots=True)
class _Needed:
    """One row: what the endpoints that begin so need, for servers that do not say it."""

    kind: str
    endpoint: str
    privilege: str
    path: str


_NEEDED = (
    _Needed("pve", "/cluster", "Sys.Audit", "/"),
    _Needed("pve", "/nodes/{node}/qemu", "VM.Audit", "/vms"),
    _Needed("pve", "/nodes/{node}/lxc", "VM.Audit", "/vms"),
    _Needed("pve", "/nodes/{node}/storage", "Datastore.Audit", "/storage"),
    _Needed("pve", "/nodes/{node}/vzdump", "Datastore.Audit", "/storage"),
    _Needed("pve", "/nodes", "Sys.Audit", "/nodes"),
    _Needed("pve", "/storage", "Datastore.Audit", "/storage"),
    _Needed("pve", "/pools", "Pool.Audit", "/pool"),
    _Needed("pbs", "/nodes", "Sys.Audit", "/system"),
    _Needed("pbs", "/config/remote", "Remote.Audit", "/remote"),
    _Needed("pbs", "/", "Datastore.Audit", "/datastore"),
)
_AUDITOR = frozenset({"VM.Audit", "Sys.Audit", "Datastore.Audit", "Pool.Audit"})


def denied(call: Call, message: str) -> tuple[str, str]:
    """Given a 403 and the server's words, return what is missing and the remedy."""
    token = call.settings.token_id
    privileges, path = _missing(call, message)
    if not privileges:
        return message or "no reason given", f"see which privileges {token} needs in the operator's guide"
    detail = f"token {token} lacks {' or '.join(privileges)} on {path}"
    if call.settings.kind == "pbs":
        return detail, f"run: proxmox-backup-manager acl update / Audit --auth-id '{token}'"
    if not _AUDITOR.intersection(privileges):
        return detail, "PVEAuditor does not hold it; vzcover does not need it"
    return (
        detail,
        f"run: pveum acl modify / --tokens '{token}' --roles PVEAuditor (a token with privilege separation can do no more "
        f"than {call.settings.user}: grant it there too)",
    )


def _missing(call: Call, message: str) -> tuple[tuple[str, ...], str]:
    for pattern in _SAID:
        said = pattern.search(message)
        if said:
            return tuple(said["privileges"].split("|")), said["path"]
    if "user != root@pam" in message:
        return (), ""
    endpoint = normalised(call.path)
    for row in _NEEDED:
        if row.kind == call.settings.kind and endpoint.startswith(row.endpoint):
            return (row.privilege,), row.path
    return (), ""
