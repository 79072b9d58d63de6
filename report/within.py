"""The guests of a scope, and what may be told of them: nothing that names another guest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from report.facts import Guest
from report.findings import Finding, Parameter, Params
from report.model.groups import GroupMatch, GroupReport
from report.model.guests import GuestReport, RestoreProof
from report.model.report import Change, ChangeKind, Report
from report.policy import Policy, Scope, Waiver
from report.value import changed

HIDDEN = "…"
# how PVE and PBS name a guest by its number in messages and paths
_NAMED = re.compile(r"\b((?:vm|ct|vms|vmid|ctid|qemu|lxc|guest)[\s/:#(-]*)([0-9]{3,9})\b", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{3,9}")

GuestKey = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Within:
    """`guests` of the scope by (cluster, vmid); `others`: vmids of guests outside that none inside has. `whole`: the scope names nothing
    but clusters. `waivers`: each waiver that holds for one of these guests → the same, naming none but these.
    """

    scope: Scope
    guests: Mapping[GuestKey, GuestReport]
    others: frozenset[int]
    whole: bool
    waivers: Mapping[Waiver, Waiver]

    @staticmethod
    def of(report: Report, scope: Scope) -> Within:
        """Given a Report and a scope that is not empty, return the guests in it."""
        guests = {
            (guest.pve, guest.guest.vmid): guest for guest in report.guests if scope.matches(guest.pve, guest.guest)
        }
        used = {waiver for guest in guests.values() for waiver in _waivers(guest)}
        narrowed = {waiver: _narrowed(waiver.scope, guests) for waiver in (*used, *report.policy.waivers)}
        return Within(
            scope=scope,
            guests=guests,
            others=frozenset(guest.guest.vmid for guest in report.guests) - {vmid for _, vmid in guests},
            whole=scope == Scope(clusters=scope.clusters),
            waivers={
                waiver: replace(waiver, scope=own or waiver.scope)
                for waiver, own in narrowed.items()
                if own is not None or waiver in used
            },
        )

    def has_cluster(self, name: str) -> bool:
        """Say whether a cluster may hold a guest of the scope."""
        return not self.scope.clusters or name in self.scope.clusters

    def has_group(self, group: GroupReport) -> bool:
        """Say whether a backup group is of one of these guests."""
        return group.match is GroupMatch.GUEST and (group.pve, group.vmid) in self.guests

    def has_change(self, change: Change) -> bool:
        """Say whether a change is one of these guests'; of a guest that is gone by cluster, vmid and name alone."""
        if change.kind is not ChangeKind.GONE:
            return (change.pve, change.vmid) in self.guests
        return self.scope.matches(change.pve, Guest(change.vmid, guest_type="", node="", name=change.name))

    def touched(self, source: str, vmids: tuple[int, ...]) -> tuple[int, ...]:
        """Given a cluster or a server, and vmids that it speaks of, return those of these guests."""
        clusters = {pve for pve, _ in self.guests}
        here = (source,) if source in clusters else tuple(clusters)
        return tuple(vmid for vmid in vmids if any((pve, vmid) in self.guests for pve in here))

    def text(self, text: str) -> str:
        """Given a message of a source, return it without the numbers of other guests."""
        if self.whole:
            return text
        return _NAMED.sub(lambda found: found[1] + (HIDDEN if int(found[2]) in self.others else found[2]), text)

    def names_others(self, text: str) -> bool:
        """Given a filter, say whether the number of another guest is in it."""
        return not self.whole and any(int(number) in self.others for number in _NUMBER.findall(text))

    def params(self, params: Params) -> Params:
        """Given parameters of a reason, finding or issue, return them without the numbers of other guests."""
        return tuple((name, self._param(value)) for name, value in params)

    def _param(self, value: Parameter) -> Parameter:
        return self.text(value) if isinstance(value, str) else value

    def finding(self, finding: Finding) -> Finding:
        """Given a finding about one of these guests, return it without the numbers of others."""
        return finding if self.whole else changed(finding, params=self.params(finding.params))

    def _proof(self, proof: RestoreProof | None) -> RestoreProof | None:
        return changed(proof, target_vmid=None) if proof is not None and proof.target_vmid in self.others else proof

    def guest(self, guest: GuestReport) -> GuestReport:
        """Given one of these guests, return it with nothing of another."""
        waived = (
            replace(each, finding=self.finding(each.finding), waiver=self.waivers[each.waiver]) for each in guest.waived
        )
        return changed(
            guest,
            restore_seen=self._proof(guest.restore_seen),
            restore_reported=self._proof(guest.restore_reported),
            reasons=tuple(changed(reason, params=self.params(reason.params)) for reason in guest.reasons),
            findings=tuple(map(self.finding, guest.findings)),
            waived=tuple(waived),
            waiver=self.waivers[guest.waiver] if guest.waiver else None,
        )

    def change(self, change: Change) -> Change:
        """Given a change of one of these guests, return it with nothing of another."""
        return replace(change, findings=tuple(map(self.finding, change.findings)))

    def policy(self, policy: Policy) -> Policy:
        """Given the policy, return it as far as it holds for these guests; what is said of stores stays."""
        by_rule: dict[str, dict[GuestKey, GuestReport]] = {}
        for key, guest in self.guests.items():
            by_rule.setdefault(guest.rule, {})[key] = guest
        declared = policy.declared
        return replace(
            policy,
            rules=tuple(
                replace(rule, scope=_narrowed(rule.scope, by_rule[rule.name]) or rule.scope)
                for rule in policy.rules
                if rule.name in by_rule
            ),
            waivers=tuple(self.waivers[waiver] for waiver in policy.waivers if waiver in self.waivers),
            declared=declared and tuple(entry for entry in declared if self.has_cluster(entry.cluster)),
        )


def _waivers(guest: GuestReport) -> tuple[Waiver, ...]:
    return (*((guest.waiver,) if guest.waiver else ()), *(waived.waiver for waived in guest.waived))


def _narrowed(scope: Scope, guests: Mapping[GuestKey, GuestReport]) -> Scope | None:
    """Return a scope without the names and vmids that fit none of these guests; None where it holds for none of them."""
    matched = [each.guest for each in guests.values() if scope.matches(each.pve, each.guest)]
    if not matched:
        return None
    return replace(
        scope,
        names=tuple(name for name in scope.names if any(Scope(names=(name,)).matches("", each) for each in matched)),
        vmids=tuple((low, high) for low, high in scope.vmids if any(low <= each.vmid <= high for each in matched)),
    )
