"""Collectors for tests: the real ones over loopback HTTPS, that wait little and never sleep between attempts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from exporter.client.deadline import Deadline
from exporter.client.settings import ClientSettings
from exporter.client.source import SourceClient
from exporter.collect.pve import ClusterCollector, Rhythm
from exporter.counters import Counters
from report.analyse import analyse
from report.facts import ClusterFacts, Facts
from report.model.guests import Coverage, GuestReport
from report.model.report import Report
from report.model.sources import Issue, IssueCode
from report.policy import Policy
from tests.exporter.clients import SECRET, TOKEN, Naps
from tests.simulator_process import SimulatorHandle


def settings_of(simulator: SimulatorHandle, user: str = "auditor", **changed: Any) -> ClientSettings:
    """Given a simulator, one of its users (a replay takes any token) and settings that differ, return the client's settings."""
    token, secret = next((pair for pair in simulator.tokens.items() if pair[0].startswith(f"{user}@")), (TOKEN, SECRET))
    values: dict[str, Any] = {
        "name": "lab",
        "hosts": ((simulator.host, simulator.port),),
        "token_id": token,
        "token_secret": secret,
        "ca_file": str(simulator.ca_file),
        "read_timeout": 2.0,
        "attempts": 1,
    }
    return ClientSettings(kind="pve", **{**values, **changed})


@contextmanager
def collector_of(
    simulator: SimulatorHandle, user: str = "auditor", rhythm: Rhythm | None = None, **changed: Any
) -> Iterator[ClusterCollector]:
    """Given a simulator, a user, and settings that differ, yield a collector of it; its connections are closed in the end."""
    settings = settings_of(simulator, user, **changed)
    counters = Counters()
    client = SourceClient(settings, counters, sleep=Naps())
    try:
        yield ClusterCollector(settings.name, settings.token_id, client, counters, rhythm or Rhythm())
    finally:
        client.close()


def refresh(
    collector: ClusterCollector, before: ClusterFacts | None, now: int, *, seconds: float = 30.0
) -> ClusterFacts:
    """Given a collector, the facts before and now, return the facts of one refresh that may take so many seconds."""
    return collector.collect(before, now, Deadline.after(seconds))


def judge(facts: ClusterFacts, now: int) -> Report:
    """Given one cluster's facts, return the report."""
    return analyse(Facts((facts,)), Policy(), now)


def other_issues(report: Report) -> list[Issue]:
    """Return a report’s issues but those about where backups lie, which is not what these tests are about."""
    return [
        issue
        for issue in report.issues
        if issue.code not in {IssueCode.PBS_NOT_CONFIGURED, IssueCode.FOLDER_NOT_LISTED}
    ]


def guests_of(report: Report) -> dict[int, GuestReport]:
    """Given a report of one cluster, return its guests by vmid."""
    return {guest.guest.vmid: guest for guest in report.guests}


def coverage_of(report: Report) -> dict[int, Coverage]:
    """Given a report of one cluster, return each guest's coverage by vmid."""
    return {guest.guest.vmid: guest.coverage for guest in report.guests}
