"""When a datastore is full."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from report.backups import Datastore
from report.forecast import HORIZON_SECONDS, LEAST_POINTS, forecast, with_forecast, with_usage
from report.past import remember
from report.timeline import TREND_DAYS, Forecast, Usage, date_of, day_number
from tests import builders as a

NOW, DAY = a.NOW, 86_400
TODAY = day_number(NOW, UTC)
TERA, GIGA = 10**12, 10**9
SERVER_SAYS = NOW + 100 * DAY
POINTS = st.dictionaries(st.integers(0, TREND_DAYS - 1), st.integers(0, 8 * TERA), min_size=1, max_size=30).map(
    lambda used: tuple(Usage(TODAY - ago, used[ago], 8 * TERA) for ago in sorted(used, reverse=True))
)


def line(days: int, per_day: int, start: int = TERA, total: int = 8 * TERA) -> tuple[Usage, ...]:
    """Return a datastore that grew by as much every day, up to today."""
    return tuple(Usage(TODAY - days + 1 + day, start + day * per_day, total) for day in range(days))


def test_a_store_that_grows_evenly_is_full_when_the_line_says_so() -> None:
    found = forecast(line(30, 10 * GIGA, total=TERA + 1290 * GIGA), TODAY, NOW)
    assert found == Forecast("history", NOW + 100 * DAY, 10 * GIGA, 30, 30)


def test_a_line_is_drawn_on_from_the_newest_figure_and_its_day_is_named() -> None:
    growing = tuple(replace(point, day=point.day - 31) for point in line(30, 5 * GIGA, total=TERA + 500 * GIGA))
    found = forecast(growing, TODAY, NOW)
    # 145 GB in at the newest figure, 355 GB to go: 71 days, 31 of which are past
    assert found == Forecast("history", NOW + 40 * DAY, 5 * GIGA, 30, 30, date_of(TODAY - 31))
    judged = a.datastore_report("main", used_bytes=None, total_bytes=None)
    assert with_forecast(judged, {(judged.server, "main"): growing}, TODAY, NOW).forecast == found


def test_a_line_that_reached_the_size_since_the_newest_figure_says_now() -> None:
    growing = tuple(replace(point, day=point.day - 31) for point in line(30, 10 * GIGA, total=TERA + 300 * GIGA))
    found = forecast(growing, TODAY, NOW)
    assert found is not None
    assert found.full_at == NOW


@pytest.mark.parametrize("days", [0, 1, LEAST_POINTS - 1])
def test_fewer_than_seven_days_tell_nothing(days: int) -> None:
    assert forecast(line(days, GIGA), TODAY, NOW) is None


@pytest.mark.parametrize("per_day", [0, -GIGA])
def test_a_store_that_does_not_grow_is_never_full(per_day: int) -> None:
    found = forecast(line(10, per_day, start=4 * TERA), TODAY, NOW)
    assert found is not None
    assert (found.full_at, found.bytes_per_day) == (None, per_day)


def test_a_store_that_fills_in_more_than_ten_years_is_not_given_a_date() -> None:
    found = forecast(line(10, 1), TODAY, NOW)
    assert found is not None
    assert found.full_at is None


def test_a_garbage_collection_on_some_days_does_not_bend_the_line() -> None:
    points = [*line(30, 10 * GIGA)]
    for place in (4, 11, 18, 25):
        points[place] = Usage(points[place].day, points[place].used_bytes - 500 * GIGA, points[place].total_bytes)
    found = forecast(points, TODAY, NOW)
    assert found is not None
    assert found.bytes_per_day == pytest.approx(10 * GIGA, rel=0.05)


def test_a_store_that_is_full_is_full_now() -> None:
    found = forecast(line(10, 10 * GIGA, start=8 * TERA), TODAY, NOW)
    assert found is not None
    assert found.full_at == NOW


@given(POINTS)
def test_a_forecast_tells_its_span_and_lies_ahead(points: tuple[Usage, ...]) -> None:
    found = forecast(points, TODAY, NOW)
    assert (found is None) is (len(points) < LEAST_POINTS)
    if found is not None:
        assert (found.points, found.days) == (len(points), points[-1].day - points[0].day + 1)
        assert found.full_at is None or NOW <= found.full_at <= NOW + HORIZON_SECONDS + DAY


@given(POINTS, st.integers(1, 8 * TERA))
def test_a_larger_store_is_never_full_earlier(points: tuple[Usage, ...], more: int) -> None:
    larger = tuple(Usage(each.day, each.used_bytes, each.total_bytes + more) for each in points)
    small, large = forecast(points, TODAY, NOW), forecast(larger, TODAY, NOW)
    if small is not None and large is not None and large.full_at is not None:
        assert small.full_at is not None
        assert small.full_at <= large.full_at


@given(POINTS, st.integers(0, 8 * TERA))
def test_usage_holds_one_point_a_day_with_today_s_last(points: tuple[Usage, ...], used: int) -> None:
    found = with_usage(points, Datastore("main", used_bytes=used, total_bytes=8 * TERA), TODAY)
    assert found[-1] == Usage(TODAY, used, 8 * TERA)
    assert all(earlier.day < later.day for earlier, later in pairwise(found))


@pytest.mark.parametrize("fields", [{"total_bytes": 0}, {"used_bytes": None}, {"total_bytes": None}])
def test_a_store_that_cannot_be_read_adds_no_figure(fields: dict[str, int | None]) -> None:
    store = Datastore("main", **({"used_bytes": 1, "total_bytes": 2} | fields))  # type: ignore[arg-type]
    assert with_usage((), store, TODAY) == ()


def test_without_a_history_the_server_s_own_estimate_stands_and_says_so() -> None:
    judged = with_forecast(a.datastore_report(estimated_full_at=SERVER_SAYS), {}, TODAY, NOW)
    assert judged.forecast == Forecast("server", SERVER_SAYS)


def test_an_estimate_in_the_past_means_that_the_store_does_not_fill_up() -> None:
    judged = with_forecast(a.datastore_report(estimated_full_at=NOW - DAY), {}, TODAY, NOW)
    assert judged.forecast == Forecast("server", None)


def test_nothing_is_forecast_where_nothing_tells() -> None:
    assert with_forecast(a.datastore_report(estimated_full_at=None), {}, TODAY, NOW).forecast is None


def test_our_own_history_goes_before_the_server_s_estimate() -> None:
    store = a.datastore_report(used_bytes=TERA + 90 * GIGA, estimated_full_at=SERVER_SAYS)
    judged = with_forecast(store, {("pbs1", "main"): line(10, 10 * GIGA)}, TODAY, NOW)
    assert judged.forecast is not None
    assert (judged.forecast.origin, judged.forecast.points) == ("history", 10)
    assert [(point.day - TODAY, point.used_bytes) for point in judged.usage[-2:]] == [
        (-1, TERA + 80 * GIGA),
        (0, TERA + 90 * GIGA),
    ]


def test_usage_is_remembered_day_by_day() -> None:
    past = remember(a.report(datastores=(a.datastore_report(used_bytes=1),)))
    past = remember(a.report(datastores=(a.datastore_report(used_bytes=2),), created_at=NOW + 3600), past)
    past = remember(a.report(datastores=(a.datastore_report(used_bytes=3),), created_at=NOW + DAY), past)
    assert [(point.day - TODAY, point.used_bytes) for point in past.usage["pbs1", "main"]] == [(0, 2), (1, 3)]
