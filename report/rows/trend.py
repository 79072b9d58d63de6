"""The trend on page one: how many guests were protected on each of the last 90 days."""

from __future__ import annotations

from collections.abc import Callable

from report.model import Coverage, Protection, Report
from report.rows.shared import Reader
from report.sections import Chart, LegendEntry, Section
from report.timeline import Counts, TrendDay
from report.words import describe_coverage, describe_date, describe_protection, describe_trend, format_number

LEAST_DAYS = 7

_Of = Callable[[Counts], int]
# from the bottom up; who is waived or not demanded has no part in the whole
_BY_PROTECTION: tuple[tuple[str, _Of], ...] = (
    (Protection.PROTECTED, lambda counts: counts.protected),
    (Protection.UNKNOWN, lambda counts: counts.unknown),
    (Protection.AT_RISK, lambda counts: counts.at_risk),
    (Protection.UNPROTECTED, lambda counts: counts.unprotected),
)
_BY_COVERAGE: tuple[tuple[str, _Of], ...] = (
    (Coverage.PLANNED, lambda counts: counts.planned),
    (Coverage.UNDECIDED, lambda counts: counts.undecided),
    (Coverage.NOT_PLANNED, lambda counts: counts.not_planned),
)


def trend_section(report: Report, reader: Reader) -> Section | None:
    """Given a report, return the trend of protection (of coverage while no backup was read); None with fewer than 7 days."""
    if len(report.trend) < LEAST_DAYS:
        return None
    parts = _BY_PROTECTION if report.summary.backups_read else _BY_COVERAGE
    chart = _chart(report.trend, parts, report.summary.backups_read, reader)
    gaps = len(chart.columns) < chart.days
    return Section(
        key="trend",
        number=2,
        title=reader.word("section.trend"),
        sentences=(chart.told, *([reader.word("trend.days")] if gaps else [])),
        legend=tuple(LegendEntry(state, "", _word(state, reader)) for state, _ in parts),
        chart=chart,
    )


def trend_note(report: Report, reader: Reader) -> str:
    """Given a report, return since when the trend is recorded while it is too short to be drawn; "" otherwise."""
    if not report.trend or len(report.trend) >= LEAST_DAYS:
        return ""
    return reader.word("trend.since", date=describe_date(report.trend[0].day, reader.language))


def _chart(
    trend: tuple[TrendDay, ...], parts: tuple[tuple[str, _Of], ...], backups_read: bool, reader: Reader
) -> Chart:
    first, last = trend[0].day, trend[-1].day
    columns = tuple(((each.day - first).days, tuple(of(each.counts) for _, of in parts)) for each in trend)
    counted = [(each.day, heights[0], sum(heights)) for each, (_, heights) in zip(trend, columns, strict=True)]
    return Chart(
        states=tuple(state for state, _ in parts),
        columns=columns,
        days=(last - first).days + 1,
        first=describe_date(first, reader.language),
        last=describe_date(last, reader.language),
        most=format_number(max(total for _, _, total in counted), reader.language),
        told=describe_trend(counted, backups_read=backups_read, language=reader.language),
    )


def _word(state: str, reader: Reader) -> str:
    if state in tuple(Coverage):
        return describe_coverage(Coverage(state), reader.language)
    return describe_protection(Protection(state), reader.language)
