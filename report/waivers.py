"""Which waivers hold for a guest, what they take out of its findings, and which of them end or ran out.

A waiver never touches another guest than those of its scope, and one that ran out hides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from report.facts import Guest
from report.findings import Finding, FindingCode
from report.model.guests import WaivedFinding
from report.policy import NO_END, WAIVER_EXPIRED_SECONDS, WAIVER_NOTICE_SECONDS, Policy, Scope, Waiver
from report.value import Value, changed
from report.waiver_notes import NOTHING_NOTED, VOLUME_CODES, Noted, read_notes

# where several waivers hide the same, the one that says most is shown: then the one that lasts longest
_ORIGINS = ("configuration", "notes", "tag")


class Applied(Value, frozen=True):
    """Findings after waivers: those that count, those that were taken out, and the waiver of the guest as a whole, None without one."""

    kept: tuple[Finding, ...]
    waived: tuple[WaivedFinding, ...] = ()
    whole: Waiver | None = None


@dataclass(frozen=True, slots=True)
class Candidates:
    """The configuration's waivers: those that name single guests by vmid, and the others."""

    of_guests: Mapping[int, Sequence[Waiver]]
    others: Sequence[Waiver]

    def for_guest(self, vmid: int) -> Iterable[Waiver]:
        """Given a vmid, return those that may be for such a guest: thousands may be for others."""
        return (*self.others, *self.of_guests.get(vmid, ()))


def candidates_of(waivers: Iterable[Waiver]) -> Candidates:
    """Given the configuration's waivers, return them by whom they may be for."""
    of_guests: dict[int, list[Waiver]] = {}
    others: list[Waiver] = []
    for waiver in waivers:
        vmids = [low for low, high in waiver.scope.vmids if low == high]
        if vmids and len(vmids) == len(waiver.scope.vmids):
            for vmid in dict.fromkeys(vmids):
                of_guests.setdefault(vmid, []).append(waiver)
        else:
            others.append(waiver)
    return Candidates(of_guests, others)


def waivers_of(
    policy: Policy, pve: str, guest: Guest, noted: Noted, candidates: Candidates | None = None
) -> tuple[Waiver, ...]:
    """Given the policy, a guest of a cluster and what its notes say, return its waivers, run out or not: those of the configuration, of its
    tag, and of its notes. `candidates`: the configuration's, if they were sorted before.
    """
    asked = candidates.for_guest(guest.vmid) if candidates else policy.waivers
    found = [waiver for waiver in asked if waiver.scope.matches(pve, guest)]
    tag = policy.waive_by_tag
    if tag and tag in guest.tags:
        found.append(Waiver(Scope.of_guest(pve, guest.vmid), f"tag {tag}", NO_END, origin="tag"))
    return (*found, *noted.waivers)


def noted_waivers(policy: Policy, pve: str, guest: Guest, notes: str | None) -> Noted:
    """Given the policy, a guest of a cluster and its notes (None: not known), return what they say of waivers; nothing where the policy
    does not let them.
    """
    if not policy.waive_in_notes or not notes:
        return NOTHING_NOTED
    return read_notes(pve, guest.vmid, notes, policy.zone)


def _holding(waivers: Iterable[Waiver], now: int) -> tuple[Waiver, ...]:
    return tuple(sorted((waiver for waiver in waivers if waiver.holds(now)), key=_weight))


def _weight(waiver: Waiver) -> tuple[int, int, str, str, str]:
    origin = _ORIGINS.index(waiver.origin) if waiver.origin in _ORIGINS else len(_ORIGINS)
    return origin, -waiver.until, waiver.subject, waiver.reason, waiver.owner


def apply_waivers(findings: Sequence[Finding], waivers: Iterable[Waiver], now: int) -> Applied:
    """Given a guest's findings, the waivers of that guest and now (epoch), return what is left and what was taken out, in their order.

    A waiver of the guest as a whole takes no finding out: it is told beside them. One for a volume leaves the other volumes in a finding.
    """
    holding = _holding(waivers, now)
    if not holding:
        return Applied(tuple(findings))
    whole = next((waiver for waiver in holding if not waiver.code and not waiver.volume), None)
    kept: list[Finding] = []
    waived: list[WaivedFinding] = []
    for finding in findings:
        of_code = next((waiver for waiver in holding if waiver.code == finding.code and not waiver.volume), None)
        if of_code is not None:
            waived.append(WaivedFinding(finding, of_code))
        elif finding.code in VOLUME_CODES:
            left, hidden = _without_volumes(finding, holding)
            kept += left
            waived += hidden
        else:
            kept.append(finding)
    return Applied(tuple(kept), tuple(waived), whole)


def _without_volumes(finding: Finding, holding: Sequence[Waiver]) -> tuple[list[Finding], list[WaivedFinding]]:
    """Given a finding about volumes and the waivers in force, return what is left of it, and the part that each waiver hides."""
    volumes = str(dict(finding.params).get("volumes", "")).split(", ")
    for_volumes = [waiver for waiver in holding if waiver.volume and waiver.code in ("", finding.code)]
    hiding: dict[Waiver | None, list[str]] = {}
    for volume in volumes:
        hiding.setdefault(next((waiver for waiver in for_volumes if waiver.volume == volume), None), []).append(volume)
    left = hiding.pop(None, [])
    if not hiding:
        return [finding], []
    hidden = [WaivedFinding(_about(finding, part), waiver) for waiver, part in hiding.items() if waiver]
    return [_about(finding, left)] if left else [], hidden


def _about(finding: Finding, volumes: Sequence[str]) -> Finding:
    told = ", ".join(volumes)
    return changed(
        finding, params=tuple((name, told if name == "volumes" else value) for name, value in finding.params)
    )


def waiver_findings(policy: Policy, now: int, noted: Iterable[Waiver] = ()) -> tuple[Finding, ...]:
    """Given the policy, now (epoch) and the waivers in guests' notes, return which of all of them end within WAIVER_NOTICE_SECONDS, and
    which ran out within WAIVER_EXPIRED_SECONDS, the first to end first. The subject is what was waived; a waiver that another one for
    the same continues is not told.
    """
    last: dict[str, Waiver] = {}
    for waiver in sorted((*policy.waivers, *noted), key=_weight, reverse=True):
        if waiver.subject not in last or last[waiver.subject].until <= waiver.until:
            last[waiver.subject] = waiver
    ordered = sorted(last.values(), key=lambda waiver: (waiver.until, waiver.subject))
    told = ((_ending(waiver, now), waiver) for waiver in ordered)
    return tuple(
        Finding.of(code, waiver.subject, until=waiver.until, owner=waiver.owner) for code, waiver in told if code
    )


def _ending(waiver: Waiver, now: int) -> FindingCode | None:
    if waiver.holds(now):
        return FindingCode.WAIVER_EXPIRING if waiver.until - now <= WAIVER_NOTICE_SECONDS else None
    return FindingCode.WAIVER_EXPIRED if now - waiver.until <= WAIVER_EXPIRED_SECONDS else None
