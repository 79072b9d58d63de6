"""The parts of the JSON report that say why: reasons, findings, changes, and the waivers that take findings out."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from report.findings import Finding
from report.model.guests import WaivedFinding
from report.model.reasons import Reason
from report.model.report import Change, EstateFinding
from report.policy import NO_END, Scope, Waiver
from report.words import describe_finding, describe_reason

Json = dict[str, Any]


def reason_json(reason: Reason, text: str) -> Json:
    """Given a reason and its words, return it as plain values."""
    return {"code": str(reason.code), "params": dict(reason.params), "text": text}


def finding_json(finding: Finding, language: str, now: int) -> Json:
    """Given a finding, the language of its text and the instant of judgement (epoch), return it as plain values; its text is in UTC."""
    return {
        "code": str(finding.code),
        "severity": str(finding.severity),
        "subject": finding.subject,
        "params": dict(finding.params),
        "text": describe_finding(finding, language, UTC, now),
        "since": finding.since,
    }


def waived_json(waived: WaivedFinding, language: str, now: int) -> Json:
    """Given a finding that a waiver takes out, return both."""
    return {"finding": finding_json(waived.finding, language, now), "waiver": waiver_json(waived.waiver)}


def estate_finding_json(found: EstateFinding, language: str, now: int) -> Json:
    """Given a finding about no single guest, return it with the source that it belongs to."""
    return {"source": found.source, **finding_json(found.finding, language, now)}


def change_json(change: Change, language: str, now: int) -> Json:
    """Given a change of a guest's protection, return it as plain values."""
    return {
        "kind": str(change.kind),
        "pve": change.pve,
        "vmid": change.vmid,
        "name": change.name,
        "before": None if change.before is None else str(change.before),
        "after": None if change.after is None else str(change.after),
        "causes": [reason_json(cause, describe_reason(cause, language)) for cause in change.causes],
        "findings": [finding_json(finding, language, now) for finding in change.findings],
    }


def waiver_json(waiver: Waiver) -> Json:
    """Given a waiver, return it as plain values; one without an end has null for it."""
    return {
        "scope": scope_json(waiver.scope),
        "code": waiver.code,
        "volume": waiver.volume,
        "reason": waiver.reason,
        "owner": waiver.owner,
        "until": None if waiver.until == NO_END else waiver.until,
        "origin": waiver.origin,
    }


def scope_json(scope: Scope) -> Json:
    """Given a scope, return it as plain values: a guest is meant that matches every list that is not empty."""
    return {
        "clusters": list(scope.clusters),
        "pools": list(scope.pools),
        "tags": list(scope.tags),
        "names": list(scope.names),
        "vmids": [list(bounds) for bounds in scope.vmids],
    }
