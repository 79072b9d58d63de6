"""Coverage and protection by day."""

from __future__ import annotations

from datetime import UTC
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from report.model.guests import Coverage, Protection
from report.past import remember
from report.timeline import TREND_DAYS, Counts, date_of, day_number
from report.trend import count, count_clusters, trend, with_today
from tests import builders as a
from tests.report import estates as e

TODAY = day_number(a.NOW, UTC)
ONE = Counts(guests=1, demanded=1, planned=1, protected=1)
DAYS = st.integers(TODAY - 200, TODAY + 20)
NUMBERS = st.integers(0, 50)
TOTALS = st.dictionaries(st.tuples(DAYS, st.sampled_from(("lab", "edge"))), st.builds(Counts, *[NUMBERS] * 10))


def test_guests_that_policy_does_not_demand_are_waived_and_not_counted_as_covered() -> None:
    guests = (
        a.backed_up_guest(100),
        a.guest_report(101, coverage=Coverage.NOT_PLANNED, protection=Protection.UNPROTECTED),
        a.guest_report(102, demanded=False),
    )
    assert count(guests) == Counts(3, 2, planned=1, not_planned=1, protected=1, unprotected=1, waived=1)


def test_a_cluster_whose_guests_are_not_known_has_no_counts() -> None:
    sources = (a.source_report("dark", up=False, inventory_known=False), a.source_report("empty"), a.pbs_source())
    assert count_clusters((), sources) == {"empty": Counts()}


@given(st.lists(st.tuples(st.sampled_from(Coverage), st.sampled_from(Protection), st.booleans()), max_size=8))
def test_every_guest_is_counted_once_on_each_axis(states: list[tuple[Coverage, Protection, bool]]) -> None:
    counts = count(
        [
            a.guest_report(100 + number, coverage=coverage, protection=protection, demanded=demanded)
            for number, (coverage, protection, demanded) in enumerate(states)
        ]
    )
    by_protection = (counts.protected, counts.at_risk, counts.unprotected, counts.unknown, counts.waived)
    assert sum(by_protection) == counts.guests == len(states)
    assert counts.planned + counts.not_planned + counts.undecided == counts.demanded


@given(TOTALS)
def test_the_trend_is_of_ninety_days_in_order_and_adds_clusters_up(totals: dict[tuple[int, str], Counts]) -> None:
    days = trend(with_today(totals, TODAY, {"lab": ONE}))
    assert days[-1].day == date_of(TODAY)
    assert all(earlier.day < later.day for earlier, later in pairwise(days))
    assert (days[-1].day - days[0].day).days < TREND_DAYS
    for each in days[:-1]:
        theirs = [counts for (day, _), counts in totals.items() if date_of(day) == each.day]
        assert each.counts.guests == sum(counts.guests for counts in theirs)


def test_a_day_without_a_report_is_left_out() -> None:
    totals = {(TODAY - 9, "lab"): ONE, (TODAY - 3, "lab"): ONE, (TODAY - 3, "edge"): ONE}
    found = trend(with_today(totals, TODAY, {"lab": ONE}))
    assert [(day.day.day, day.counts.protected) for day in found] == [(12, 1), (18, 2), (21, 1)]


def test_the_last_report_of_a_day_is_its_day_in_the_trend() -> None:
    morning = e.judge(e.group([]))
    noon = e.judge(past=remember(morning.report), now=e.NOW + e.HOUR, vault=e.server(e.group()))
    assert [day.counts.unprotected for day in morning.report.trend] == [1]
    assert [(day.counts.unprotected, day.counts.guests) for day in noon.report.trend] == [(0, 1)]
