"""Section 12: how full each datastore was by day, and the line on to where it is full."""

from __future__ import annotations

from math import ceil

from report.forecast import DAY_SECONDS
from report.model.report import Report
from report.model.servers import DatastoreReport
from report.rows.shared import Reader, datastore_anchor
from report.sections import Curve, LegendEntry, Row, Section
from report.timeline import Usage, date_of
from report.words import (
    capitalise,
    describe_date,
    describe_forecast,
    format_bytes,
    format_ratio,
    printable,
)

# days that the forecast is drawn ahead at most, and where there is nothing to reach
AHEAD, AHEAD_AT_LEAST = 180, 30


def usage_by_day(report: Report, reader: Reader) -> tuple[Section, ...]:
    """Given a report, return the datastores that the history tells enough of for a forecast of our own, each with its curve; nothing
    without any.
    """
    stores = [
        store for store in report.datastores if store.forecast and store.forecast.origin == "history" and store.usage
    ]
    if not stores:
        return ()
    section = Section(
        key="usage",
        number=12,
        title=reader.word("section.usage"),
        sentences=(reader.word("usage.about", days=AHEAD),),
        columns=reader.columns(("datastore", 2), ("used", 2), ("growth>", 1.5), ("full_on", 2.5), ("usage_by_day", 6)),
        rows=tuple(_row(store, report.created_at, reader) for store in stores),
        landscape=True,
        legend=tuple(LegendEntry(sign, "", reader.word(f"usage.{sign}")) for sign in ("used", "forecast")),
    )
    return (section,)


def _row(store: DatastoreReport, now: int, reader: Reader) -> Row:
    first, last, language = store.usage[0], store.usage[-1], reader.language
    growth = store.forecast.bytes_per_day if store.forecast else None
    full = describe_forecast(store.forecast, reader.zone, language)
    told = [_on(first, reader), _on(last, reader), full]
    sign = "minus" if (growth or 0) < 0 else "plus"
    return Row(
        cells=(
            printable(store.datastore.name),
            _on(last, reader),
            reader.word(f"delta.{sign}", count=format_bytes(abs(growth or 0), language)),
            capitalise(full),
            reader.word("separator").join(told),
        ),
        link=datastore_anchor(store.server, store.datastore.name),
        group=printable(store.server),
        drawings=((4, curve_of(store, now)),),
    )


def _on(usage: Usage, reader: Reader) -> str:
    ratio = format_ratio(_part(usage), reader.language)
    return reader.word("usage.on", ratio=ratio, date=describe_date(date_of(usage.day), reader.language))


def _part(usage: Usage) -> float:
    return min(1.0, max(0.0, usage.used_bytes / usage.total_bytes)) if usage.total_bytes else 0.0


def curve_of(store: DatastoreReport, now: int) -> Curve:
    """Given a datastore with its usage by day, and now (epoch), return the curve; each day's part is of what the whole was then."""
    first, newest = store.usage[0].day, store.usage[-1]
    points = tuple((each.day - first, _part(each)) for each in store.usage)
    today, part = points[-1]
    forecast = store.forecast
    if forecast is None or forecast.bytes_per_day is None or not newest.total_bytes:
        return Curve(points, None, max(1, today))
    slope = forecast.bytes_per_day / newest.total_bytes
    span, start = float(AHEAD_AT_LEAST), part
    if forecast.full_at is not None:
        until = max(0.0, (forecast.full_at - now) / DAY_SECONDS)
        span, start = min(until, AHEAD), _within(1.0 - slope * until)
    line = ((float(today), start), (today + span, _within(start + slope * span)))
    return Curve(points, line, max(1, today + ceil(span)))


def _within(part: float) -> float:
    return min(1.0, max(0.0, part))
