"""The trend on page one: how many guests were protected on each of the last 90 days."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from report.model.guests import Coverage, Protection
from report.model.report import Report
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
    backups_read = report.summary.backups_read
    parts = _BY_PROTECTION if backups_read else _BY_COVERAGE
    chart = _chart(report.trend, parts, backups_read, reader)
    gaps = len(chart.columns) < chart.days
    line = (LegendEntry("line", "", reader.word("trend.line")),) if chart.line else ()
    return Section(
        key="trend",
        number=2,
        title=reader.word("section.trend"),
        sentences=(*_told(report.trend, backups_read, reader), *([reader.word("trend.days")] if gaps else [])),
        legend=(*(LegendEntry(state, "", _word(state, reader)) for state, _ in parts), *line),
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
    line = tuple(((each.day - first).days, each.counts.planned) for each in trend) if backups_read else ()
    chart = Chart(
        states=tuple(state for state, _ in parts),
        columns=columns,
        days=(last - first).days + 1,
        first=describe_date(first, reader.language),
        last=describe_date(last, reader.language),
        most="",
        told=" ".join(_told(trend, backups_read, reader)),
        line=line,
    )
    return replace(chart, most=format_number(chart.highest, reader.language))


def _told(trend: tuple[TrendDay, ...], backups_read: bool, reader: Reader) -> Iterator[str]:
    """Yield what became of protection, where backups were read, and of coverage."""
    if backups_read:
        counted = [
            (each.day, each.counts.protected, sum(of(each.counts) for _, of in _BY_PROTECTION)) for each in trend
        ]
        yield describe_trend(counted, backups_read=True, language=reader.language)
    counted = [(each.day, each.counts.planned, sum(of(each.counts) for _, of in _BY_COVERAGE)) for each in trend]
    yield describe_trend(counted, backups_read=False, language=reader.language)


def _word(state: str, reader: Reader) -> str:
    if state in tuple(Coverage):
        return describe_coverage(Coverage(state), reader.language)
    return describe_protection(Protection(state), reader.language)
