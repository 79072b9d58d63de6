"""A Report as a message: subject and plain text, out of the same rows as page one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from report.findings import Finding
from report.model.guests import GuestReport
from report.model.report import EstateFinding, Report
from report.model.sources import Issue
from report.rows.brief import brief_text
from report.rows.front import build_front
from report.rows.shared import Reader, guest_label
from report.sections import Row, Section, StateCount
from report.words import (
    capitalise,
    describe_finding,
    describe_finding_remedy,
    describe_issue_meaning,
    describe_issue_remedy,
    printable,
)

NEWS_AT_MOST = 20
# a finding of a guest, one of a job, a store or a waiver, or a source that is down
NewsItem = tuple[GuestReport, Finding] | EstateFinding | Issue
_INDENT = "  "


@dataclass(frozen=True, slots=True)
class MessageText:
    """What people get: a subject of one line, lines of text, and what a chat gets instead of these."""

    subject: str
    text: str
    brief: str


def summary_message(
    report: Report, language: str, zone: tzinfo, *, site: str = "vzcover", name: str = ""
) -> MessageText:
    """Given a Report, a language ("en", "fr") and the zone of instants, return page one as a message: its sentence, what changed, the
    worst guests, and what could not be seen; the counts of the states are the subject, after the report's name where it has one.
    """
    reader = Reader(language, zone)
    front = build_front(report, reader, site)
    subject = _subject("message.subject", front.bar, reader, name)
    parts = [front.subtitle, front.sentence, *(_section(section, reader) for section in front.sections)]
    return MessageText(subject, "\n\n".join(parts) + "\n", brief_text(front, reader))


def news_message(
    report: Report,
    language: str,
    zone: tzinfo,
    news: Sequence[NewsItem],
    *,
    site: str = "vzcover",
) -> MessageText:
    """The same between two reports: findings that were not told yet come before the rest."""
    reader = Reader(language, zone)
    summary = summary_message(report, language, zone, site=site)
    front = build_front(report, reader, site)
    subject = _subject("message.subject.news", front.bar, reader)
    if not news:
        return MessageText(subject, summary.text, summary.brief)
    told = [_headline(item, report, reader) for item in news]
    brief = brief_text(front, reader, (reader.word("message.news"), told))
    return MessageText(subject, "\n".join(_news(report, news, reader)) + "\n\n" + summary.text, brief)


def _subject(key: str, bar: Sequence[StateCount], reader: Reader, name: str = "") -> str:
    told = [reader.word("message.state", state=piece.word, count=piece.shown) for piece in bar if piece.count]
    states = ", ".join(told) or reader.word("message.nothing")
    return reader.word("message.subject.named", report=name, states=states) if name else reader.word(key, states=states)


def _news(report: Report, news: Sequence[NewsItem], reader: Reader) -> Iterator[str]:
    yield from _heading(reader.word("message.news"))
    for item in news[:NEWS_AT_MOST]:
        yield _headline(item, report, reader)
        remedy = _remedy(item, reader)
        if remedy:
            yield _INDENT + reader.word("message.remedy", remedy=remedy)
    if len(news) > NEWS_AT_MOST:
        yield reader.word("message.more", count=len(news) - NEWS_AT_MOST)


def _headline(item: NewsItem, report: Report, reader: Reader) -> str:
    if isinstance(item, Issue):
        where, what = printable(item.source), describe_issue_meaning(item, reader.language, reader.zone)
    elif isinstance(item, EstateFinding):
        where, what = printable(item.source), _what(item.finding, report, reader)
    else:
        where, what = guest_label(item[0]), _what(item[1], report, reader)
    said = capitalise(what)
    return "- " + (reader.word("message.named", name=where, text=said) if where else said)


def _what(finding: Finding, report: Report, reader: Reader) -> str:
    return describe_finding(finding, reader.language, reader.zone, report.created_at)


def _remedy(item: NewsItem, reader: Reader) -> str:
    if isinstance(item, Issue):
        return describe_issue_remedy(item, reader.language)
    if isinstance(item, EstateFinding):
        return describe_finding_remedy(item.finding, reader.language, 0)
    guest, finding = item
    return describe_finding_remedy(finding, reader.language, guest.guest.vmid)


def _section(section: Section, reader: Reader) -> str:
    lines = [*_heading(section.title), *section.sentences]
    for row in section.rows:
        lines += _row(section, row, reader)
    if not section.rows and section.empty:
        lines.append(section.empty)
    return "\n".join(lines)


def _row(section: Section, row: Row, reader: Reader) -> Iterator[str]:
    """The first cell with content heads the row; the others follow under the names of their columns."""
    cells = [(column.heading, cell) for column, cell in zip(section.columns, row.cells, strict=True) if cell]
    for place, (heading, cell) in enumerate(cells):
        yield f"- {cell}" if place == 0 else _INDENT + reader.word("message.named", name=heading, text=cell)


def _heading(title: str) -> tuple[str, str]:
    return title, "-" * len(title)
