"""Which expectation of the policy holds for a guest, and whether its backups are demanded at all (A5)."""

from __future__ import annotations

from report.facts import Guest
from report.policy import Expectation, Policy


def expectation_of(policy: Policy, pve: str, guest: Guest) -> tuple[str, Expectation]:
    """Given the policy, a cluster's name and a guest of it, return the first rule that matches, by name, and what it expects.

    The name is "" where none does and the default holds.
    """
    rule = next((rule for rule in policy.rules if rule.scope.matches(pve, guest)), None)
    return (rule.name, rule.expectation) if rule else ("", policy.default)


def is_demanded(expectation: Expectation, guest: Guest) -> bool:
    """Given what is expected of a guest, say whether it must have backups. What is not known of the guest never lets it off (A4).

    A template never runs: whether those that do not run are demanded is not asked for it.
    """
    if guest.template is True:
        return expectation.demanded and expectation.templates
    return expectation.demanded and (expectation.stopped or guest.status != "stopped")
