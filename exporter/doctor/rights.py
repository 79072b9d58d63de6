"""What a token may do against what reading needs: a finding a row of the table, and one about what goes beyond. Pure (A8, H1)."""

from __future__ import annotations

from collections.abc import Iterator

from exporter.doctor.findings import Check, Finding, State
from report.privileges import NeededPrivilege, beyond_reading, grant_commands, holds, needed_by, set_up_commands
from report.readings import Permissions
from report.words import word

LANGUAGE = "en"
NAMED_AT_MOST = 5
# who is root on either kind of server
ROOT = "root@pam"
_FRESH_USER = {"pve": "vzcover@pve", "pbs": "vzcover@pbs"}
FRESH_TOKEN = "ro"  # noqa: S105 (an id, no secret)


def privilege_findings(kind: str, token_id: str, permissions: Permissions | None) -> Iterator[Finding]:
    """Given the kind of a source, its token and what that may do (None: not known), yield a finding for each needed privilege."""
    for row in needed_by(kind):
        subject = f"{row.privilege} on {row.path}"
        if permissions is None:
            yield Finding(Check.PRIVILEGE, subject, State.UNKNOWN, "what the token may do could not be read")
        elif holds(permissions, row):
            yield Finding(Check.PRIVILEGE, subject, State.FINE, f"shows {_shown(row)}")
        else:
            commands = grant_commands(kind, row.privilege, token_id)
            yield Finding(
                Check.PRIVILEGE,
                subject,
                State.FAILED,
                f"missing{' there or below' if row.below else ''}, which hides {_shown(row)}",
                "grant it to the token and its user; if both have it, a deeper entry takes it away",
                commands,
            )


def excess_finding(kind: str, token_id: str, permissions: Permissions | None) -> Finding | None:
    """Given the same, return what the token may do beyond reading; None where that is not known."""
    if permissions is None:
        return None
    user = token_id.rpartition("!")[0]
    beyond = beyond_reading(permissions)
    if user != ROOT and not beyond:
        return Finding(Check.RIGHTS, token_id, State.FINE, "it can only read")
    named = ", ".join(f"{privilege} on {path}" for privilege, path in beyond[:NAMED_AT_MOST])
    more = f" and {len(beyond) - NAMED_AT_MOST} more" if len(beyond) > NAMED_AT_MOST else ""
    holding = f"it can do more than read: {named}{more}" if beyond else "it can only read now"
    words = f"it is {ROOT}'s; {holding}" if user == ROOT else holding
    remedy = "make a token that can only read, and put that into the configuration"
    return Finding(Check.RIGHTS, token_id, State.WARNING, words, remedy, fresh_token_commands(kind, token_id))


def fresh_token_commands(kind: str, token_id: str) -> tuple[str, ...]:
    """Given a token that is in use, return the commands that make another one with nothing but the privileges of the table."""
    fresh = f"{_FRESH_USER[kind]}!{FRESH_TOKEN}"
    return tuple(set_up_commands(kind, fresh if fresh != token_id else f"{fresh}2"))


def _shown(row: NeededPrivilege) -> str:
    return word(f"hides.{row.hides}", LANGUAGE)
