"""What a channel was not told yet. Pure: a Report and what was told go in, news and what is told then come out."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from report.findings import Finding, Severity
from report.model import Change, ChangeKind, GuestReport, Protection, Report

FINDINGS, CHANGE = "findings", "change"
_LOSSES = (ChangeKind.LOST, ChangeKind.WORSE, ChangeKind.UNCLEAR)


@dataclass(frozen=True, slots=True)
class News:
    """Findings and changes that were not told yet, and the keys of all that is told once these are."""

    findings: tuple[tuple[GuestReport, Finding], ...]
    changes: tuple[Change, ...]
    told: frozenset[str]

    @property
    def any(self) -> bool:
        """Say whether there is something to tell."""
        return bool(self.findings or self.changes)


def find_news(report: Report, when: Collection[str], severities: Collection[str], told: frozenset[str]) -> News:
    """Given a Report, what a channel wants ("findings", "change"), how grave it must be, and the keys of what it was told, return the news.

    A finding that goes and comes back is news again, unless it only could not be seen meanwhile.
    """
    findings = {
        _key(FINDINGS, guest.pve, guest.guest.vmid, finding.code, finding.subject): (guest, finding)
        for guest in report.guests
        if FINDINGS in when and guest.demanded and guest.protection is not Protection.WAIVED
        for finding in guest.findings
        if finding.lowers and finding.severity in severities
    }
    changes = {
        _key(CHANGE, change.pve, change.vmid, change.kind, str(change.after)): change
        for change in report.changes
        if CHANGE in when and change.kind in _LOSSES and severity_of(change) in severities
    }
    held = _not_seen(report, told - findings.keys()) if FINDINGS in when else ()
    return News(
        findings=tuple(found for key, found in findings.items() if key not in told),
        changes=tuple(change for key, change in changes.items() if key not in told),
        told=frozenset((*findings, *changes, *held)),
    )


def severity_of(change: Change) -> Severity:
    """Given a change for the worse, return how grave it is: critical where the guest is unprotected now."""
    return Severity.CRITICAL if change.after is Protection.UNPROTECTED else Severity.WARNING


def _not_seen(report: Report, told: Iterable[str]) -> Iterable[str]:
    """Yield the keys of findings that may still be there, because their guest could not be judged."""
    judged = {(guest.pve, guest.guest.vmid): guest.protection for guest in report.guests}
    listed = {source.name for source in report.sources if source.inventory_known}
    for key in told:
        kind, pve, vmid, *_ = json.loads(key)
        protection = judged.get((pve, vmid))
        if kind == FINDINGS and (protection is Protection.UNKNOWN or (protection is None and pve not in listed)):
            yield key


def _key(kind: str, pve: str, vmid: int, *parts: str) -> str:
    return json.dumps([kind, pve, vmid, *parts])
