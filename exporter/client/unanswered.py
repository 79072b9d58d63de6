"""No whole answer came: which of the many exceptions means what, as a table."""

from __future__ import annotations

from dataclasses import dataclass
from http.client import HTTPException, IncompleteRead

from requests import exceptions as requests_errors
from urllib3 import exceptions as urllib3_errors

from exporter.client.calls import Call, Failure
from exporter.client.failures import causes
from exporter.errors import FailureReason, Malformed, SourceError, Unreachable


@dataclass(frozen=True, slots=True)
class _NoAnswer:
    """One row of the table of what can prevent an answer; the first row whose kind is among the causes decides."""

    kind: type[BaseException]
    reason: FailureReason
    words: str
    remedy: str = ""
    transient: bool = False
    elsewhere: bool = True


_REACHABLE = "is it up, and does a firewall let this host through?"
_NO_ANSWER = (
    _NoAnswer(
        urllib3_errors.NameResolutionError,
        FailureReason.CONNECT,
        "its name does not resolve",
        "check the host name and DNS",
        transient=True,
    ),
    _NoAnswer(ConnectionRefusedError, FailureReason.CONNECT, "connection refused", _REACHABLE, transient=True),
    _NoAnswer(urllib3_errors.NewConnectionError, FailureReason.CONNECT, "no connection", _REACHABLE, transient=True),
    _NoAnswer(
        urllib3_errors.ConnectTimeoutError, FailureReason.TIMEOUT, "no connection in time", _REACHABLE, transient=True
    ),
    # asking once more would only double the load of a server that is too slow
    _NoAnswer(urllib3_errors.ReadTimeoutError, FailureReason.TIMEOUT, "no answer in time"),
    _NoAnswer(TimeoutError, FailureReason.TIMEOUT, "no answer in time"),
    _NoAnswer(
        urllib3_errors.DecodeError, FailureReason.MALFORMED, "the compressed answer cannot be unpacked", elsewhere=False
    ),
    _NoAnswer(ConnectionError, FailureReason.RESET, "the connection was cut", transient=True),
    _NoAnswer(IncompleteRead, FailureReason.RESET, "the connection was cut", transient=True),
    _NoAnswer(HTTPException, FailureReason.MALFORMED, "the answer is not HTTP", elsewhere=False),
    _NoAnswer(urllib3_errors.ProtocolError, FailureReason.RESET, "the connection was cut", transient=True),
    _NoAnswer(OSError, FailureReason.CONNECT, "no connection", transient=True),
)


def no_answer(call: Call, error: Exception) -> Failure:
    """Given an exception of requests, urllib3 or the system (not about TLS), return the failure."""
    chain = tuple(causes(error))
    for row in _NO_ANSWER:
        found = next((cause for cause in chain if isinstance(cause, row.kind) and not _is_wrapper(cause)), None)
        if found is not None:
            break
    else:
        return Failure(SourceError(call.settings.label, call.path, f"{call.host}: {type(error).__name__}"))
    error_class = Malformed if row.reason is FailureReason.MALFORMED else Unreachable
    told = getattr(found.__cause__, "strerror", None) if isinstance(found, urllib3_errors.NewConnectionError) else None
    detail = f"{call.host}: {row.words}" + (f" ({told})" if told else "")
    return Failure(
        error_class(call.settings.label, call.path, detail, row.remedy, reason=row.reason), row.transient, row.elsewhere
    )


def _is_wrapper(error: BaseException) -> bool:
    """requests' exceptions are all OSErrors, whatever they wrap."""
    return isinstance(error, requests_errors.RequestException)
