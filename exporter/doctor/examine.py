"""Asks the sources what doctor wants to know: every host by a probe, then the API with the configured token."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from exporter.client.deadline import Deadline
from exporter.client.probe import probe
from exporter.client.settings import ClientSettings
from exporter.client.source import SourceClient
from exporter.collect.pbs_calls import PbsCalls
from exporter.collect.pve_calls import PveCalls
from exporter.counters import Counters
from exporter.doctor.findings import Check, Finding, SourceFindings, State
from exporter.doctor.hosts import host_findings, shown_host
from exporter.doctor.rights import excess_finding, privilege_findings
from exporter.errors import AuthenticationFailed, SourceError, Unreachable
from report.readings import Permissions

T = TypeVar("T")

# the oldest releases that vzcover is tested against
OLDEST = {"pve": (7, 4), "pbs": (2, 4)}
# verdicts have an hour's grace; a difference like this one shows that nobody keeps the clocks
CLOCK_SECONDS = 60
NODES_AT_MOST = 32


def examine(
    all_settings: Sequence[ClientSettings], now: Callable[[], float], seconds: float
) -> tuple[SourceFindings, ...]:
    """Given how each source is reached, our clock (epoch) and the longest time for one source, return what was found, in that order."""
    if not all_settings:
        return ()
    with ThreadPoolExecutor(max_workers=min(8, len(all_settings)), thread_name_prefix="doctor") as pool:
        return tuple(pool.map(lambda settings: _Examination(settings, now, seconds).run(), all_settings))


@dataclass(slots=True)
class _Examination:
    """The examination of one source."""

    settings: ClientSettings
    now: Callable[[], float]
    seconds: float
    # whether a host's findings already say why nothing can be asked
    obstructed: bool = False

    def run(self) -> SourceFindings:
        """Look at every host, then ask whichever answers."""
        findings = [finding for host in self.settings.hosts for finding in self._host(*host)]
        self.obstructed = any(finding.state is State.FAILED for finding in findings)
        client = SourceClient(self.settings, Counters())
        try:
            asked = list(self._api(client))
        finally:
            client.close()
        usable = any(finding.check is Check.TOKEN and finding.state is State.FINE for finding in asked)
        named = self.settings
        return SourceFindings(named.name, named.kind, named.token_id, usable, (*findings, *asked))

    def _host(self, host: str, port: int) -> list[Finding]:
        try:
            found = probe(host, port, self.settings.connect_timeout, ca_file=self.settings.ca_file)
        except OSError as error:
            words = f"ca_file {self.settings.ca_file}: {error.strerror or error}"
            remedy = "tls.ca_file must be a readable PEM file, such as a copy of /etc/pve/pve-root-ca.pem"
            return [Finding(Check.CONFIGURATION, shown_host(host, port), State.FAILED, words, remedy)]
        return list(host_findings(found, self.settings, int(self.now())))

    def _api(self, client: SourceClient) -> Iterator[Finding]:
        deadline = Deadline.after(self.seconds)
        calls: Any = PveCalls(client, deadline) if self.settings.kind == "pve" else PbsCalls(client, deadline)
        version = _told(calls.version)
        if isinstance(version, Unreachable) and self.obstructed:
            yield Finding(
                Check.TOKEN, self.settings.token_id, State.UNKNOWN, "not asked: no host can be used, see above"
            )
            return
        if isinstance(version, Unreachable | AuthenticationFailed):
            yield self._no_token(version)
            return
        permissions: Permissions | SourceError = _told(calls.permissions)
        if isinstance(permissions, SourceError):
            yield self._no_token(permissions)
        else:
            yield Finding(Check.TOKEN, self.settings.token_id, State.FINE, "it is accepted")
        yield version_finding(self.settings.kind, version)
        yield from self._clocks(calls)
        known = None if isinstance(permissions, SourceError) else permissions
        yield from privilege_findings(self.settings.kind, self.settings.token_id, known)
        excess = excess_finding(self.settings.kind, self.settings.token_id, known)
        if excess is not None:
            yield excess

    def _no_token(self, error: SourceError) -> Finding:
        state = State.FAILED if isinstance(error, AuthenticationFailed) else State.UNKNOWN
        remedy = error.remedy or "see above"
        return Finding(Check.TOKEN, self.settings.token_id, state, error.detail or str(error), remedy)

    def _clocks(self, calls: Any) -> Iterator[Finding]:
        if isinstance(calls, PbsCalls):
            yield self._clock("", lambda: calls.time().clock)
            return
        nodes = _told(calls.nodes)
        if isinstance(nodes, SourceError):
            yield Finding(Check.CLOCK, "", State.UNKNOWN, nodes.detail, nodes.remedy)
            return
        for node in [node.name for node in nodes if node.online is not False][:NODES_AT_MOST]:
            yield self._clock(node, partial(calls.clock, node))

    def _clock(self, subject: str, ask: Callable[[], int | None]) -> Finding:
        """Compare a clock with ours; what the call took is not held against it."""
        before, started = self.now(), time.monotonic()
        told = _told(ask)
        took = time.monotonic() - started
        if isinstance(told, SourceError):
            return Finding(Check.CLOCK, subject, State.UNKNOWN, told.detail, told.remedy)
        if told is None:
            return Finding(Check.CLOCK, subject, State.UNKNOWN, "it does not tell its time")
        difference = _outside(told - before, took)
        if abs(difference) <= CLOCK_SECONDS:
            return Finding(Check.CLOCK, subject, State.FINE, "as ours" if abs(difference) < 2 else _ahead(difference))
        remedy = "keep both clocks right (chrony); ages and due times are wrong until then"
        return Finding(Check.CLOCK, subject, State.WARNING, _ahead(difference), remedy)


def _told(ask: Callable[[], T]) -> T | SourceError:
    try:
        return ask()
    except SourceError as error:
        return error


def _outside(difference: float, took: float) -> float:
    """Given a difference to the instant before a call, and how long that took, return what the call does not explain."""
    return difference if difference < 0 else max(0.0, difference - took)


def _ahead(difference: float) -> str:
    return f"{abs(difference):.0f} s {'ahead of' if difference > 0 else 'behind'} ours"


def version_finding(kind: str, version: str | SourceError) -> Finding:
    """Given the kind of a source and its version (or why it did not tell it), return whether that is old."""
    if isinstance(version, SourceError):
        return Finding(Check.VERSION, "", State.UNKNOWN, version.detail, version.remedy)
    oldest = OLDEST[kind]
    parts = version.replace("-", ".").split(".")
    known = tuple(int(part) for part in parts[:2] if part.isdecimal())
    if len(known) == len(oldest) and known < oldest:
        words = f"{version} is older than {'.'.join(map(str, oldest))}, the oldest that vzcover is tested with"
        return Finding(Check.VERSION, "", State.WARNING, words, "upgrade it; until then check the report by hand")
    return Finding(Check.VERSION, "", State.FINE, version)
