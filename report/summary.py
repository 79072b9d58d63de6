"""The counts of a Report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from report.model.guests import Coverage, GuestReport, Protection
from report.model.report import Summary


def summarise(guests: Sequence[GuestReport], *, backups_read: bool) -> Summary:
    """Given all guests, and whether any backup was read, return the counts."""
    coverage = Counter(guest.coverage for guest in guests)
    protection = Counter(guest.protection for guest in guests)
    demanded = Counter(guest.coverage for guest in guests if guest.demanded)
    return Summary(
        guests=len(guests),
        coverage=tuple((state, coverage[state]) for state in Coverage),
        protection=tuple((state, protection[state]) for state in Protection),
        demanded=sum(demanded.values()),
        demanded_coverage=tuple((state, demanded[state]) for state in Coverage),
        backups_read=backups_read,
    )
