"""One source of facts, a PVE cluster or a PBS, as the rest of the program sees it: `get` a path into a type."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from proxmoxer import ProxmoxAPI

from exporter.client.answered import Observer
from exporter.client.answers import convert, decode
from exporter.client.calls import Call, CallFailed, Failure, in_progress
from exporter.client.deadline import Deadline
from exporter.client.endpoints import normalised
from exporter.client.failures import deadline_failure
from exporter.client.handshakes import ca_file_failure
from exporter.client.retry import retrying
from exporter.client.session import SourceSession, source_api
from exporter.client.settings import ClientSettings, plain_fingerprint
from exporter.client.tls import SourceContext
from exporter.counters import Counters
from exporter.errors import Unreachable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Host:
    """One host of the source with its own keep-alive session."""

    shown: str
    api: ProxmoxAPI
    session: SourceSession


@dataclass(frozen=True, slots=True)
class _Request:
    """What is asked for, whichever host answers."""

    path: str
    into: Any
    deadline: Deadline
    large: bool
    endpoint: str
    query: Mapping[str, str]


class SourceClient:
    """The client of one source; may be used by `settings.max_requests` threads at once.

    It stays with the host that answers; `failback_after` seconds after leaving the first one, one call tries that again.
    `sleep` waits between attempts (the default ends at once when the client is closed), `clock` is epoch seconds, `observe` is told of
    every answer, in the thread that asked.
    """

    def __init__(
        self,
        settings: ClientSettings,
        counters: Counters,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Any] | None = None,
        observe: Observer | None = None,
    ) -> None:
        self.settings = settings
        self._counters = counters
        self._monotonic = monotonic
        self._clock = clock
        self._observe = observe
        self._closing = threading.Event()
        self._sleep = sleep or self._closing.wait
        self._lock = threading.Lock()
        self._context: SourceContext | None = None
        self._hosts: tuple[_Host, ...] = ()
        self._preferred = 0
        self._try_first_at = 0.0

    def __repr__(self) -> str:
        return f"SourceClient({self.settings.label})"

    @property
    def certificate_not_after(self) -> int | None:
        """Epoch seconds at which the certificate of the last TLS handshake ends, even a refused one; None before any."""
        certificate = self._context.certificate if self._context else None
        return certificate.not_after if certificate else None

    @property
    def certificate_fingerprint(self) -> str | None:
        """SHA-256 of the certificate of the last TLS handshake, 64 lower-case hexadecimal digits; None before any."""
        certificate = self._context.certificate if self._context else None
        return plain_fingerprint(certificate.fingerprint) if certificate else None

    def get(
        self,
        path: str,
        into: type[T],
        /,
        deadline: Deadline,
        *,
        large: bool = False,
        endpoint: str | None = None,
        **query: str,
    ) -> T:
        """GET `path` (below /api2/json, ids quoted) and return its `data` as `into`, a type msgspec can decode.

        `large` decodes straight from the bytes, without plain Python objects between. `endpoint` is the metric label,
        by default the path without its ids. Raises SourceError.
        """
        request = _Request(path, into, deadline, large, endpoint or normalised(path), query)
        ask = retrying(self.settings.attempts, deadline, self._sleep)
        outcome = ask(self._ask_hosts, request)
        if isinstance(outcome, Failure):
            raise outcome.error
        answer: T = outcome
        return answer

    def close(self) -> None:
        """End whatever is in progress (those calls raise Unreachable) and all connections; for good."""
        self._closing.set()
        with self._lock:
            context, hosts = self._context, self._hosts
        if context is not None:
            context.close()
        for host in hosts:
            host.session.close()

    # --- hosts ---------------------------------------------------------------------------------------------------

    def _ask_hosts(self, request: _Request) -> Any:
        """Ask the hosts, the one that last answered first; return the first answer, or the Failure that counts."""
        failure = self._ready(request)
        if failure is not None:
            return failure
        failures: list[Failure] = []
        for place in self._order():
            outcome = self._ask(self._hosts[place], request)
            if not isinstance(outcome, Failure) or not outcome.elsewhere:
                self._settle_on(place)
                return outcome
            failures.append(outcome)
        return _all_of(failures)

    def _ready(self, request: _Request) -> Failure | None:
        """Make sessions before the first call: a bad CA file then costs this source and no other."""
        call = Call(self.settings, self.settings.label, request.path, request.deadline)
        with self._lock:
            if self._closing.is_set():
                return Failure(Unreachable(self.settings.label, request.path, "the client is closed"))
            if self._hosts:
                return None
            try:
                context = SourceContext(self.settings)
            except OSError as error:
                return ca_file_failure(call, error)
            self._context = context
            self._hosts = tuple(
                _Host(shown_address(address), *source_api(self.settings, address, context, self._clock))
                for address in self.settings.hosts
            )
            for host in self._hosts:
                host.session.observe = self._observe
        return None

    def _order(self) -> list[int]:
        with self._lock:
            first = self._preferred
            now = self._monotonic()
            if first != 0 and now >= self._try_first_at:
                # only this call pays for looking; the others stay where they are
                self._try_first_at = now + self.settings.failback_after
                first = 0
            return [first, *(place for place in range(len(self._hosts)) if place != first)]

    def _settle_on(self, place: int) -> None:
        with self._lock:
            if place != 0 and self._preferred == 0:
                self._try_first_at = self._monotonic() + self.settings.failback_after
            self._preferred = place

    # --- one attempt ---------------------------------------------------------------------------------------------

    def _ask(self, host: _Host, request: _Request) -> Any:
        """One attempt at one host, counted; return the answer or a Failure."""
        deadline = request.deadline.within(self.settings.answer_timeout)
        call = Call(self.settings, host.shown, request.path, deadline, request.deadline)
        if request.deadline.passed:
            return deadline_failure(call, "not asked, no time was left")
        source = self.settings.name
        started = self._monotonic()
        with in_progress(call):
            try:
                outcome = _exchange(call, host, request)
            except CallFailed as failed:
                outcome = failed.failure
        self._counters.count_request(source, request.endpoint, self._monotonic() - started)
        if isinstance(outcome, Failure):
            self._counters.count_request_failure(source, request.endpoint, outcome.error.reason)
        return outcome


def _exchange(call: Call, host: _Host, request: _Request) -> Any:
    if request.large:
        url = host.session.url_of(request.path)
        _, body = host.session.exchange(url, request.query)
        return decode(call, body, request.into)
    return convert(call, host.api(request.path).get(**request.query), request.into)


def _all_of(failures: Sequence[Failure]) -> Failure:
    """Given why each host failed, return one failure that says it all; asking again may help if it may help at one."""
    if len(failures) == 1:
        return failures[0]
    first = failures[0].error
    detail = "; ".join(
        failure.error.detail if failure.error.status is None else f"{failure.error.status} {failure.error.detail}"
        for failure in failures
    )
    remedy = "; ".join(dict.fromkeys(failure.error.remedy for failure in failures if failure.error.remedy))
    error = type(first)(first.source, first.endpoint, detail, remedy, reason=first.reason, status=first.status)
    waits = [failure.retry_after for failure in failures if failure.retry_after is not None]
    return Failure(error, any(failure.transient for failure in failures), True, min(waits, default=None))


def shown_address(address: tuple[str, int]) -> str:
    """Given host and port, return `pve1:8006` or `[::1]:8006`."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
