"""What a 403 means: which privilege is missing on which path, and the command that grants it (rulebook H.5, A8)."""

from __future__ import annotations

import re

from exporter.client.calls import Call
from exporter.client.endpoints import normalised
from report.privileges import PBS, PVE, grant_command, needed_by, needed_for

# what genuine servers say: "Permission check failed (/vms/310, VM.Audit)",
# "permission check failed - missing Datastore.Audit|Datastore.Backup on /datastore/second"
_SAID = (
    re.compile(r"\((?P<path>/[^ ,]*), (?P<privileges>[\w.|]+)\)"),
    re.compile(r"missing (?P<privileges>[\w.|]+) on (?P<path>/\S*)"),
)
_READING = frozenset(row.privilege for row in needed_by(PVE))


def denied(call: Call, message: str) -> tuple[str, str]:
    """Given a 403 and the server's words, return what is missing and the remedy."""
    token = call.settings.token_id
    privileges, path = _missing(call, message)
    if not privileges:
        return (
            message or "no reason given",
            f"see which privileges {token} needs in docs/permissions.md, or run: vzcover doctor",
        )
    detail = f"token {token} lacks {' or '.join(privileges)} on {path}"
    kind = call.settings.kind
    if kind == PBS:
        return detail, f"run: {grant_command(kind, privileges[0], token)}"
    if "Datastore.Allocate" in privileges:
        # only `storages apply` asks for what needs it
        user = call.settings.user
        return detail, f"run: pveum acl modify /storage --tokens '{token}' --roles PVEDatastoreAdmin (for {user} too)"
    granted = next((privilege for privilege in privileges if privilege in _READING), None)
    if granted is None:
        return detail, "PVEAuditor does not hold it; vzcover does not need it"
    return (
        detail,
        f"run: {grant_command(kind, granted, token)} (a token with privilege separation can do no more "
        f"than {call.settings.user}: grant it there too)",
    )


def _missing(call: Call, message: str) -> tuple[tuple[str, ...], str]:
    for pattern in _SAID:
        said = pattern.search(message)
        if said:
            return tuple(said["privileges"].split("|")), said["path"]
    if "user != root@pam" in message:
        return (), ""
    row = needed_for(call.settings.kind, normalised(call.path))
    return ((row.privilege,), row.path) if row else ((), "")
