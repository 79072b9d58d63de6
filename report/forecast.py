"""When a datastore will be full: a robust line through how full it was at the end of each day, else the server's own estimate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median

from report.backups import Datastore
from report.model.servers import DatastoreReport
from report.timeline import TREND_DAYS, Forecast, Usage, date_of

DAY_SECONDS = 86_400
# days with a figure that a line is fitted through; below, a single garbage collection would tell the trend
LEAST_POINTS = 7
HORIZON_SECONDS = 3653 * DAY_SECONDS

Usages = Mapping[tuple[str, str], tuple[Usage, ...]]


def with_forecast(report: DatastoreReport, usages: Usages, today: int, now: int) -> DatastoreReport:
    """Given a judged datastore, how full each was by day, the number of today and now (epoch), return it with its usage by
    day and its forecast.
    """
    points = with_usage(usages.get((report.server, report.datastore.name), ()), report.datastore, today)
    return replace(report, usage=points, forecast=forecast(points, today, now) or _of_server(report.datastore, now))


def with_usage(points: Sequence[Usage], store: Datastore, today: int, days: int = TREND_DAYS) -> tuple[Usage, ...]:
    """Given how full a datastore was by day, what it says now and the number of today, return the points of so many days that end with
    today. A store that cannot be read has no figure (total 0 is not "full").
    """
    kept = tuple(point for point in points if today - days < point.day <= today)
    if store.used_bytes is None or not store.total_bytes:
        return kept
    earlier = kept[:-1] if kept and kept[-1].day == today else kept
    return (*earlier, Usage(today, store.used_bytes, store.total_bytes))


def forecast(points: Sequence[Usage], today: int, now: int) -> Forecast | None:
    """Given how full a datastore was by day, oldest first, the number of today and now (epoch), return when its newest size is reached,
    from the newest figure on; None with figures of fewer than 7 days.

    The slope is the median of those between all pairs of days, and the level now the median of what each day says with that slope
    (Theil and Sen): a garbage collection or a large deletion on some days does not bend it.
    """
    if len(points) < LEAST_POINTS:
        return None
    slope = median(
        (later.used_bytes - earlier.used_bytes) / (later.day - earlier.day)
        for place, earlier in enumerate(points)
        for later in points[place + 1 :]
    )
    newest = points[-1]
    level = median(point.used_bytes + slope * (newest.day - point.day) for point in points)
    free = max(0.0, newest.total_bytes - level)
    seconds = free / slope * DAY_SECONDS if slope > 0 else None
    stale = today - newest.day
    full_at = None
    if seconds is not None and seconds <= HORIZON_SECONDS:
        full_at = max(now, now + int(seconds) - stale * DAY_SECONDS)
    span = newest.day - points[0].day + 1
    return Forecast("history", full_at, round(slope), span, len(points), date_of(newest.day) if stale else None)


def _of_server(store: Datastore, now: int) -> Forecast | None:
    """Return the server's own estimate; one in the past means that the store does not fill up."""
    estimate = store.estimated_full_at
    return None if estimate is None else Forecast("server", estimate if estimate > now else None)
