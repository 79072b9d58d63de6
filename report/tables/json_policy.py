"""The part of the JSON report that says what is expected: the default, the rules, the waivers, and what is said of stores."""

from __future__ import annotations

from typing import Any

from report.policy import Expectation, Policy, Rule, StoreMark
from report.tables.json_findings import scope_json, waiver_json

Json = dict[str, Any]


def policy_json(policy: Policy) -> Json:
    """Given the policy, return it as plain values; durations are seconds, null is "not demanded"."""
    return {
        "demand_templates": policy.default.templates,
        "default": _expectation(policy.default),
        "rules": [_rule(rule) for rule in policy.rules],
        "waivers": [waiver_json(waiver) for waiver in policy.waivers],
        "stores": [_store(mark) for mark in policy.stores],
        "waive_by_tag": policy.waive_by_tag,
        "waive_in_notes": policy.waive_in_notes,
        "zone": str(policy.zone),
    }


def _expectation(expectation: Expectation) -> Json:
    return {
        "demanded": expectation.demanded,
        "templates": expectation.templates,
        "stopped": expectation.stopped,
        "max_age_seconds": expectation.max_age_seconds,
        "verified_within_seconds": expectation.verified_within_seconds,
        "copies": expectation.copies,
        "offsite": expectation.offsite,
        "offsite_max_age_seconds": expectation.offsite_max_age_seconds,
        "encrypted": expectation.encrypted,
        "allowed_volumes": list(expectation.allowed_volumes),
        "restore_proven_within_seconds": expectation.restore_proven_within_seconds,
    }


def _rule(rule: Rule) -> Json:
    return {"name": rule.name, "scope": scope_json(rule.scope), "expectation": _expectation(rule.expectation)}


def _store(mark: StoreMark) -> Json:
    return {
        "server": mark.server,
        "datastore": mark.datastore,
        "site": mark.site,
        "offsite": mark.offsite,
        "media": mark.media,
        "immutable": mark.immutable,
    }
