"""Coverage and protection by day, for the line that shows whether things get better."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from report.model.guests import Coverage, GuestReport, Protection
from report.model.sources import SourceReport
from report.timeline import TREND_DAYS, Counts, TrendDay, date_of

# counts of a cluster on a day, by the day's number and the cluster
Totals = Mapping[tuple[int, str], Counts]


def count_clusters(guests: Iterable[GuestReport], sources: Iterable[SourceReport]) -> dict[str, Counts]:
    """Given the judged guests and the sources, return the counts of each cluster; none of one whose guests are not known at all."""
    by_cluster: dict[str, list[GuestReport]] = {
        source.name: [] for source in sources if source.kind == "pve" and source.inventory_known
    }
    for guest in guests:
        by_cluster.setdefault(guest.pve, []).append(guest)
    return {pve: count(theirs) for pve, theirs in by_cluster.items()}


def count(guests: Sequence[GuestReport]) -> Counts:
    """Given judged guests, return them counted."""
    coverage = Counter(guest.coverage for guest in guests if guest.demanded)
    protection = Counter(guest.protection for guest in guests)
    return Counts(
        guests=len(guests),
        demanded=coverage.total(),
        planned=coverage[Coverage.PLANNED],
        not_planned=coverage[Coverage.NOT_PLANNED],
        undecided=coverage[Coverage.UNDECIDED],
        protected=protection[Protection.PROTECTED],
        at_risk=protection[Protection.AT_RISK],
        unprotected=protection[Protection.UNPROTECTED],
        unknown=protection[Protection.UNKNOWN],
        waived=protection[Protection.WAIVED],
    )


def with_today(
    totals: Totals, today: int, counted: Mapping[str, Counts], days: int = TREND_DAYS
) -> dict[tuple[int, str], Counts]:
    """Given the totals of days, the number of today and today's counts by cluster, return those of so many days that end with today.

    Days that a clock ran ahead to are left out.
    """
    kept = {key: counts for key, counts in totals.items() if today - days < key[0] <= today}
    return kept | {(today, pve): counts for pve, counts in counted.items()}


def trend(totals: Totals) -> tuple[TrendDay, ...]:
    """Given the totals of days, return them over all clusters, oldest first; a day on which nothing was judged is not there."""
    by_day: dict[int, list[Counts]] = {}
    for (day, _), counts in totals.items():
        by_day.setdefault(day, []).append(counts)
    return tuple(TrendDay(date_of(day), Counts.total(by_day[day])) for day in sorted(by_day))
