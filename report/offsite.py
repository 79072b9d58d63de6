"""Why an off-site copy of a guest may exist that was not seen: only what lies, or may lie, on a store that is marked off-site."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from report.estate import Estate, Unread
from report.evidence import Evidence, ambiguous, incomplete
from report.matching import MatchedGroup
from report.model.reasons import Reason, ReasonCode
from report.policy import Policy
from report.targets import Target

# what leaves open where backups may lie: nobody could mark that
_ANYWHERE = (ReasonCode.PBS_NOT_CONFIGURED, ReasonCode.BACKUPS_NOT_READ)


def offsite_doubts(evidence: Evidence, unread: Unread, estate: Estate, policy: Policy) -> tuple[Reason, ...]:
    """Given the evidence on a guest, what of its cluster's stores was not read, all sources and the policy, return the reasons: a place
    that was not read and is marked; a PBS that nobody could mark, for it is not configured; a group of its id on a marked store that may
    be its own, or that a place not read may prove to be (D15, H15).
    """
    names = (evidence.guest.guest_type, evidence.guest.vmid)
    reasons = (
        *(incomplete(each) for each in evidence.holdings if each.mark.offsite and each.matched.group.incomplete),
        *(ambiguous(matched) for matched, _ in evidence.maybe_own if _is_offsite(matched.target, policy)),
        *_unread(evidence.pve, unread, policy),
        *_provable(unread, estate.of_nobody.get(names, ()), policy),
    )
    return tuple(dict.fromkeys(reasons))


def _unread(pve: str, unread: Unread, policy: Policy) -> Iterator[Reason]:
    """Yield why marked places were not read, and what may be one. A storage that is hidden may be where the cluster has a mark."""
    marked = any(mark.offsite and mark.server == pve for mark in policy.stores)
    for reason in unread.stores:
        place = unread.places.get(reason)
        hidden = marked and place is None and reason.code is ReasonCode.STORE_NOT_READ
        if hidden or reason.code in _ANYWHERE or (place is not None and _is_offsite(place, policy)):
            yield reason
    for elsewhere in unread.elsewhere:
        if _is_offsite(elsewhere.target, policy):
            yield elsewhere.reason


def _provable(unread: Unread, nobodys: Sequence[MatchedGroup], policy: Policy) -> Iterator[Reason]:
    """Yield what was not read where a marked store holds a group of the guest's id that is nobody's as far as was seen."""
    if any(_is_offsite(matched.target, policy) for matched in nobodys):
        yield from unread.stores
        yield from (place.reason for place in unread.elsewhere)


def _is_offsite(place: Target, policy: Policy) -> bool:
    """Say whether a place is marked off-site; a server of which no datastore is known is where any of it is."""
    if place.datastore:
        return policy.of_store(place.server, place.datastore).offsite
    return any(mark.offsite and mark.server == place.server for mark in policy.stores)
