"""The Report of a site with all that a paper can show: judged as the daemon does, with a history behind it and a day to compare with; and
`python -m bench.site.report GUESTS FILE`, which leaves it there for others to write in some format.
"""

from __future__ import annotations

import pickle
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from bench.judging import facts_of
from bench.site.cluster import cluster_of
from bench.site.plan import DAY, NOW, PBS, PVE, ZONE, Site
from bench.site.server import PLACES
from report.analyse import analyse
from report.changes import find_changes
from report.facts import Guest, OracleAnswer
from report.model.guests import Protection
from report.model.report import Report
from report.past import Past, PastGuest, RememberedDays, remember
from report.timeline import BACKUP, FAILED, MISSED, STRIP_DAYS, TREND_DAYS, Counts, Usage, day_number
from tests import builders as a

SNAPSHOTS = 7
ROLES = ("web-frontend", "db", "mail-relay", "build-agent", "files", "monitoring")
# one guest in so many was made anew with another id: it is in no job, and the backups of the old one are nobody's
ANEW_ONE_IN, ANEW_FROM = 100, 500_000
# one guest in so many was judged otherwise yesterday, or was not there
OTHERWISE_ONE_IN, ABSENT_ONE_IN = 100, 250
TODAY = day_number(NOW, ZONE)
TERABYTE = 10**12


@dataclass(frozen=True)
class Peopled(Site):
    """A site whose guests have names of various length, and of which some are not what the backups are of."""

    def _guest(self, number: int) -> Guest:
        guest = replace(super()._guest(number), name=f"{ROLES[number % len(ROLES)]}-{number:05d}")
        if number % ANEW_ONE_IN != ANEW_ONE_IN - 1:
            return guest
        return replace(guest, vmid=ANEW_FROM + number, pool=None)


def report_of(guests: int) -> Report:
    """Given how many guests, return the Report of them: findings of most kinds, 28 days of each, trend, forecasts, changes."""
    site, facts = Peopled(guests, SNAPSHOTS), facts_of(Site(guests, SNAPSHOTS))
    alone = frozenset(guest.vmid for guest in site.inventory if guest.pool is None)
    cluster = replace(cluster_of(site), not_backed_up=a.reading(OracleAnswer(alone)))
    judged = analyse(replace(facts, clusters=(cluster,)), site.policy, NOW, _past(site))
    yesterday = _yesterday(judged)
    changes = find_changes(yesterday, judged.guests, judged.jobs, judged.groups, yesterday.inventories)
    return replace(judged, changes=changes, compared_with=yesterday.at)


def _past(site: Site) -> Past:
    """Return what the history holds: days of each guest, counts of ninety days, how full each datastore was on them."""
    days = range(TODAY - TREND_DAYS, TODAY)
    return Past(
        days=RememberedDays(TODAY - STRIP_DAYS + 1, {(PVE, guest.vmid): _days(guest) for guest in site.inventory}),
        trend={(day, PVE): _counts(site.guests, day) for day in days},
        usage={
            (PBS, store): tuple(
                Usage(day, 40 * TERABYTE + (day - TODAY) * TERABYTE // 10, 100 * TERABYTE) for day in days
            )
            for store in PLACES
        },
    )


def _days(guest: Guest) -> bytes:
    days = bytearray([BACKUP] * STRIP_DAYS)
    days[guest.vmid % STRIP_DAYS] = FAILED if guest.vmid % 2 else MISSED
    return bytes(days)


def _counts(guests: int, day: int) -> Counts:
    bad = guests * (2 + day % 3) // 100
    return Counts(
        guests, guests, planned=guests - bad, not_planned=bad, protected=guests - 2 * bad, at_risk=bad, unprotected=bad
    )


def _yesterday(judged: Report) -> Past:
    """Return what is remembered of the day before: of some guests another verdict, of some none."""
    held = remember(judged)
    guests = {
        key: _other(guest) if key[1] % OTHERWISE_ONE_IN == 0 else guest
        for key, guest in held.guests.items()
        if key[1] % ABSENT_ONE_IN
    }
    return replace(held, at=NOW - DAY, guests=guests)


def _other(guest: PastGuest) -> PastGuest:
    sound = guest.protection is Protection.PROTECTED
    return replace(guest, protection=Protection.AT_RISK if sound else Protection.PROTECTED)


def main(guests: int, file: Path) -> None:
    """Write the Report of so many guests there."""
    file.write_bytes(pickle.dumps(report_of(guests)))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
