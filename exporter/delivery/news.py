"""What a channel was not told yet. Pure: a Report and what was told go in, news and what is told then come out."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from report.findings import Severity
from report.model.guests import Protection
from report.model.report import Change, ChangeKind, Report
from report.model.sources import IssueCode
from report.rows.message import NewsItem

FINDINGS, CHANGE = "findings", "change"
# how long a source must not have answered to be news: one that is started again is none
DOWN_SECONDS = 900
# in the place of a guest's id, which is never 0
_NO_GUEST = 0
_LOSSES = (ChangeKind.LOST, ChangeKind.WORSE, ChangeKind.UNCLEAR)


@dataclass(frozen=True, slots=True)
class News:
    """Findings, of guests and of the estate, sources that are down, and changes, that were not told yet; and the keys of all that is told
    once these are.
    """

    findings: tuple[NewsItem, ...]
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
    findings = dict(_findings(report, severities)) if FINDINGS in when else {}
    changes = {
        _key(CHANGE, change.pve, change.vmid, change.kind, str(change.after)): change
        for change in report.changes
        if CHANGE in when and _is_loss(change) and severity_of(change) in severities
    }
    held = _not_seen(report, told - findings.keys()) if FINDINGS in when else ()
    return News(
        findings=tuple(found for key, found in findings.items() if key not in told),
        changes=tuple(change for key, change in changes.items() if key not in told),
        told=frozenset((*findings, *changes, *held)),
    )


def _findings(report: Report, severities: Collection[str]) -> Iterator[tuple[str, NewsItem]]:
    """Yield what is wrong with its key: sources that are down, findings of guests, then those of jobs, stores and waivers."""
    if Severity.CRITICAL in severities:
        sources = {source.name: source for source in report.sources}
        for issue in report.issues:
            source = sources.get(issue.source)
            answered = source.fetched_at if source else None
            long = answered is None or report.created_at - answered >= DOWN_SECONDS
            if issue.code is IssueCode.SOURCE_DOWN and long:
                yield _key(FINDINGS, issue.source, _NO_GUEST, issue.code, ""), issue
    for guest in report.guests:
        if guest.demanded and guest.protection is not Protection.WAIVED:
            for finding in guest.findings:
                if finding.lowers and finding.severity in severities:
                    yield _key(FINDINGS, guest.pve, guest.guest.vmid, finding.code, finding.subject), (guest, finding)
    for each in report.findings:
        if each.finding.lowers and each.finding.severity in severities:
            yield _key(FINDINGS, each.source, _NO_GUEST, each.finding.code, each.finding.subject), each


def _is_loss(change: Change) -> bool:
    """Say whether a change is for the worse; a new guest is, where nothing protects it."""
    return change.kind in _LOSSES or (change.kind is ChangeKind.NEW and change.after is Protection.UNPROTECTED)


def severity_of(change: Change) -> Severity:
    """Given a change for the worse, return how grave it is: critical where the guest is unprotected now."""
    return Severity.CRITICAL if change.after is Protection.UNPROTECTED else Severity.WARNING


def _not_seen(report: Report, told: Iterable[str]) -> Iterable[str]:
    """Yield the keys of findings that may still be there, because their guest, or the source that they are of, could not be judged."""
    judged = {(guest.pve, guest.guest.vmid): guest.protection for guest in report.guests}
    listed = {source.name for source in report.sources if source.inventory_known}
    troubled = {issue.source for issue in report.issues}
    for key in told:
        kind, pve, vmid, *parts = json.loads(key)
        if vmid == _NO_GUEST:
            if kind == FINDINGS and pve in troubled and parts[0] != IssueCode.SOURCE_DOWN:
                yield key
            continue
        protection = judged.get((pve, vmid))
        if kind == FINDINGS and (protection is Protection.UNKNOWN or (protection is None and pve not in listed)):
            yield key


def _key(kind: str, pve: str, vmid: int, *parts: str) -> str:
    return json.dumps([kind, pve, vmid, *parts])
