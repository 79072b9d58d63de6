"""What doctor found: one finding a check, in the order in which a call would meet the obstacles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Check(StrEnum):
    """What was looked at; the closed set of values of `check` in the JSON."""

    CONFIGURATION = "configuration"
    NAME = "name"
    CONNECTION = "connection"
    TLS = "tls"
    CERTIFICATE = "certificate"
    TOKEN = "token"  # noqa: S105 (a check, no secret)
    VERSION = "version"
    CLOCK = "clock"
    PRIVILEGE = "privilege"
    RIGHTS = "rights"


class State(StrEnum):
    """How a check came out; UNKNOWN: it could not be made."""

    FINE = "fine"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: of what (`subject`, such as a host or `VM.Audit on /vms`), how it came out, what was seen, what to do, and whole lines
    to copy: commands to run on the source, or a setting.
    """

    check: Check
    subject: str
    state: State
    detail: str
    remedy: str = ""
    to_copy: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceFindings:
    """All findings about one configured source; `usable`: its API answered, and took the token."""

    name: str
    kind: str
    token_id: str
    usable: bool
    findings: tuple[Finding, ...]

    @property
    def fine(self) -> bool:
        """Whether there is nothing to do."""
        return all(finding.state is State.FINE for finding in self.findings)


def exit_code(sources: Iterable[SourceFindings]) -> int:
    """Given what was found, return 0 if all is fine, 3 if no source could be used, else 1."""
    found = tuple(sources)
    if not any(source.usable for source in found):
        return 3
    return int(not all(source.fine for source in found))
