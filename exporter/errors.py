"""What can go wrong in the shell, as few classes as possible; each names the thing and the remedy in str().

VzcoverError                 base; `exit_code` is what a command that ends on it returns
├── ConfigError              the configuration: all its problems at once (exit 2)
├── SourceError              one call to one PVE or PBS; costs exactly what it would have told (exit 3)
│   ├── Unreachable          no whole answer: refused, unresolved, reset, timed out
│   │   └── TlsFailed        the certificate is not the expected one, expired or not trusted
│   ├── AuthenticationFailed 401: the token or its secret is wrong, disabled or expired
│   ├── Denied               403: the token is known and lacks a privilege
│   ├── NotFound             404, and PVE's 501 for a path it does not have
│   ├── ServerFailed         any other status that is not 200 (400, 429, 500, 502 to 504, 595, 596)
│   ├── Malformed            status 200 and something else than the promised JSON
│   └── DeadlinePassed       the deadline of the whole refresh ended the call
├── BundleError              an audit bundle could not be read (exit 2)
├── OutputError              a file could not be written (exit 4)
├── HistoryError             the history, or the outbox, could not be opened, read or written (exit 4)
└── DeliveryError            a message was not taken; it is tried again (exit 4)
"""

# ruff: noqa: N818 -- the names say what happened; an "Error" behind each would add nothing
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class FailureReason(StrEnum):
    """Why a call failed: the closed set of values of the label `reason` of api_request_failures_total."""

    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    DEADLINE = "deadline"
    RESET = "reset"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    BAD_REQUEST = "bad_request"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    UNAVAILABLE = "unavailable"  # 502, 503, 504: a proxy or a service that is starting
    NODE_UNREACHABLE = "node_unreachable"  # 595, 596: this node answers, the one asked for does not
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    OTHER = "other"


HEADLINES = {
    FailureReason.CONNECT: "no connection",
    FailureReason.TLS: "TLS failed",
    FailureReason.TIMEOUT: "timed out",
    FailureReason.DEADLINE: "deadline passed",
    FailureReason.RESET: "connection reset",
    FailureReason.UNAUTHORIZED: "authentication failed",
    FailureReason.FORBIDDEN: "access denied",
    FailureReason.NOT_FOUND: "not found",
    FailureReason.BAD_REQUEST: "request refused",
    FailureReason.RATE_LIMITED: "too many requests",
    FailureReason.SERVER_ERROR: "server error",
    FailureReason.UNAVAILABLE: "service unavailable",
    FailureReason.NODE_UNREACHABLE: "node unreachable",
    FailureReason.MALFORMED: "unusable answer",
    FailureReason.TOO_LARGE: "answer too large",
    FailureReason.OTHER: "failed",
}


class VzcoverError(Exception):
    """Base of all errors of ours that a command turns into one line (or several) and an exit code."""

    exit_code: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing wrong (or doubtful) in the configuration.

    `file` is a path as text, or "environment"; `line` counts from 1, None where there is none; `path` is the setting
    (`pve[0].token_id`, or a variable's name), empty for the file as a whole; `message` says what is wrong and what
    would be right, and never holds a secret. str() is one printable line whatever they hold.
    """

    file: str
    line: int | None
    path: str
    message: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        line = f"{place}: {self.path}: {self.message}" if self.path else f"{place}: {self.message}"
        return "".join(character if character.isprintable() else "�" for character in line)


class ConfigError(VzcoverError):
    """The configuration cannot be used; `problems` holds every reason in the file's order, one line each in str()."""

    exit_code = 2

    def __init__(self, problems: Iterable[ConfigProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class SourceError(VzcoverError):
    """One call to one source failed.

    `source` is how the source is shown ("pve lab"), `endpoint` the path asked for, `detail` what was seen (no secret),
    `remedy` what to do (may be empty), `reason` the metric label, `status` the HTTP status or None without an answer.
    str(): `pve lab: 403 on /cluster/backup: token vzcover@pve!ro lacks Sys.Audit on /; run: pveum acl modify …`.
    """

    exit_code = 3
    default_reason: ClassVar[FailureReason] = FailureReason.OTHER

    def __init__(
        self,
        source: str,
        endpoint: str,
        detail: str,
        remedy: str = "",
        *,
        reason: FailureReason | None = None,
        status: int | None = None,
    ) -> None:
        self.source = source
        self.endpoint = endpoint
        self.detail = detail
        self.remedy = remedy
        self.reason = self.default_reason if reason is None else reason
        self.status = status
        super().__init__(self._sentence())

    def _sentence(self) -> str:
        headline = HEADLINES[self.reason] if self.status is None else str(self.status)
        sentence = f"{self.source}: {headline} on {self.endpoint}"
        if self.detail:
            sentence += f": {self.detail}"
        return f"{sentence}; {self.remedy}" if self.remedy else sentence


class Unreachable(SourceError):
    """No whole answer came: the reason is connect, reset or timeout."""

    default_reason = FailureReason.CONNECT


class TlsFailed(Unreachable):
    """The server is there, but its certificate is not the expected one."""

    default_reason = FailureReason.TLS


class AuthenticationFailed(SourceError):
    """401: never retried, because it costs a PBS seconds and can lock an account."""

    default_reason = FailureReason.UNAUTHORIZED


class Denied(SourceError):
    """403: the token is known and lacks a privilege."""

    default_reason = FailureReason.FORBIDDEN


class NotFound(SourceError):
    """404, and PVE's 501 for a path that its version does not have."""

    default_reason = FailureReason.NOT_FOUND


class ServerFailed(SourceError):
    """Any other status that is not 200; `status` is always set, `reason` says which kind."""

    default_reason = FailureReason.SERVER_ERROR


class Malformed(SourceError):
    """Status 200, but HTML, cut-off JSON, no `data`, or values of another type than promised."""

    default_reason = FailureReason.MALFORMED


class DeadlinePassed(SourceError):
    """The deadline of the whole refresh ended the call, whatever it was doing."""

    default_reason = FailureReason.DEADLINE


class OutputError(VzcoverError):
    """A file could not be written, and no half-written one is left; `detail` says why, `remedy` what to do."""

    exit_code = 4

    def __init__(self, path: str, detail: str, remedy: str = "") -> None:
        self.path = path
        self.detail = detail
        self.remedy = remedy
        super().__init__(f"cannot write {path}: {detail}" + (f"; {remedy}" if remedy else ""))


class BundleError(VzcoverError):
    """There is no audit bundle, or it could not be read; `detail` says why."""

    exit_code = 2

    def __init__(self, path: str, detail: str) -> None:
        self.path = path
        self.detail = detail
        super().__init__(f"cannot read the bundle {path}: {detail}")


class HistoryError(VzcoverError):
    """The history could not be used: it costs the history only. `corrupt`: the file is no database any more."""

    exit_code = 4

    def __init__(self, path: str, detail: str, remedy: str = "", *, corrupt: bool = False) -> None:
        self.path = path
        self.detail = detail
        self.remedy = remedy
        self.corrupt = corrupt
        super().__init__(f"{path}: {detail}" + (f"; {remedy}" if remedy else ""))


class DeliveryError(VzcoverError):
    """A message was not taken. `where` names the server or channel, `detail` what was seen (no secret), `remedy` what to do
    (may be empty).
    """

    exit_code = 4

    def __init__(self, where: str, detail: str, remedy: str = "") -> None:
        self.where = where
        self.detail = detail
        self.remedy = remedy
        super().__init__(f"{where}: {detail}" + (f"; {remedy}" if remedy else ""))
