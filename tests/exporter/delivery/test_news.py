"""What is news to a channel: told once, and again only when it went and came back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from exporter.delivery.news import DOWN_SECONDS, News, find_news
from report.findings import Finding, FindingCode
from report.model.guests import Protection
from report.model.report import Change, ChangeKind, EstateFinding, Report
from report.model.sources import Issue, IssueCode
from report.rows.message import news_message
from report.value import changed
from tests.builders import NOW, backed_up_guest, report, source_report

LATE = Finding.of(FindingCode.BACKUP_LATE)
NEVER = Finding.of(FindingCode.NEVER_BACKED_UP)
JUMPED = Finding.of(FindingCode.SIZE_JUMPED).as_information()
BOTH = ("critical", "warning")
NOTHING: frozenset[str] = frozenset()


def estate(*findings: Finding, protection: Protection = Protection.AT_RISK, **fields: object) -> Report:
    guest = backed_up_guest(100, findings=findings, protection=protection)
    return replace(report(), **{"guests": (guest,), "sources": (source_report(),), **fields})  # type: ignore[arg-type]


def change(kind: ChangeKind, after: Protection | None) -> Change:
    return Change(kind, "lab", 100, "web", Protection.PROTECTED, after)


def told(news: News) -> list[Finding]:
    return [item[1] for item in news.findings if isinstance(item, tuple)]


def test_a_finding_is_told_once() -> None:
    first = find_news(estate(LATE), ["findings"], BOTH, NOTHING)
    again = find_news(estate(LATE), ["findings"], BOTH, first.told)
    assert told(first) == [LATE]
    assert not again.any
    assert again.told == first.told


def test_a_finding_that_went_and_came_back_is_told_again() -> None:
    first = find_news(estate(LATE), ["findings"], BOTH, NOTHING)
    gone = find_news(estate(protection=Protection.PROTECTED), ["findings"], BOTH, first.told)
    assert gone.told == NOTHING
    assert find_news(estate(LATE), ["findings"], BOTH, gone.told).any


@pytest.mark.parametrize(
    "unseen",
    [
        estate(protection=Protection.UNKNOWN),
        estate(guests=(), sources=(source_report(inventory_known=False),)),
    ],
)
def test_a_finding_that_only_could_not_be_seen_meanwhile_is_not_told_again(unseen: Report) -> None:
    first = find_news(estate(LATE), ["findings"], BOTH, NOTHING)
    meanwhile = find_news(unseen, ["findings"], BOTH, first.told)
    assert not find_news(estate(LATE), ["findings"], BOTH, meanwhile.told).any


def test_information_and_what_is_not_grave_enough_is_no_news() -> None:
    assert not find_news(estate(JUMPED), ["findings"], BOTH, NOTHING).any
    news = find_news(estate(LATE, NEVER), ["findings"], ["critical"], NOTHING)
    assert told(news) == [NEVER]


@pytest.mark.parametrize(
    ("made", "severities", "expected"),
    [
        (change(ChangeKind.LOST, Protection.AT_RISK), BOTH, True),
        (change(ChangeKind.UNCLEAR, Protection.UNKNOWN), BOTH, True),
        (change(ChangeKind.REGAINED, Protection.PROTECTED), BOTH, False),
        (change(ChangeKind.GONE, None), BOTH, False),
        (change(ChangeKind.NEW, Protection.PROTECTED), BOTH, False),
        (change(ChangeKind.NEW, Protection.UNPROTECTED), BOTH, True),
        (change(ChangeKind.NEW, Protection.UNPROTECTED), ["critical"], True),
        (change(ChangeKind.LOST, Protection.AT_RISK), ["critical"], False),
        (change(ChangeKind.LOST, Protection.UNPROTECTED), ["critical"], True),
    ],
)
def test_a_change_for_the_worse_is_news(made: Change, severities: list[str], expected: bool) -> None:
    news = find_news(estate(changes=(made,)), ["change"], severities, NOTHING)
    assert news.any is expected
    assert not find_news(estate(changes=(made,)), ["change"], severities, news.told).any


def test_a_channel_hears_only_of_what_it_wants() -> None:
    lost = (change(ChangeKind.LOST, Protection.AT_RISK),)
    assert not find_news(estate(changes=lost), ["findings"], BOTH, NOTHING).any
    assert not find_news(estate(LATE), ["change"], BOTH, NOTHING).any


DRIFT = EstateFinding("lab", changed(Finding.of(FindingCode.STORAGE_DRIFT), subject="pbs"))
DOWN = Issue("lab", "", IssueCode.SOURCE_DOWN, (("message", "no host answers"),))


def down(seconds: int, **fields: Any) -> Report:
    return estate(sources=(source_report(up=False, fetched_at=NOW - seconds),), issues=(DOWN,), **fields)


def test_what_is_wrong_with_jobs_stores_and_waivers_is_told_once_and_again_when_it_came_back() -> None:
    first = find_news(estate(findings=(DRIFT,)), ["findings"], BOTH, NOTHING)
    assert first.findings == (DRIFT,)
    assert not find_news(estate(findings=(DRIFT,)), ["findings"], BOTH, first.told).any
    assert not find_news(estate(findings=(DRIFT,)), ["findings"], ["critical"], NOTHING).any
    gone = find_news(estate(), ["findings"], BOTH, first.told)
    assert find_news(estate(findings=(DRIFT,)), ["findings"], BOTH, gone.told).any
    unseen = find_news(down(60), ["findings"], BOTH, first.told)
    assert not find_news(estate(findings=(DRIFT,)), ["findings"], BOTH, unseen.told).any


def test_a_source_that_is_down_for_long_is_told_once_and_again_when_it_was_up() -> None:
    assert not find_news(down(DOWN_SECONDS - 1), ["findings"], BOTH, NOTHING).any
    first = find_news(down(DOWN_SECONDS), ["findings"], ["critical"], NOTHING)
    assert first.findings == (DOWN,)
    assert not find_news(down(DOWN_SECONDS), ["findings"], ["critical"], first.told).any
    up = find_news(estate(), ["findings"], ["critical"], first.told)
    assert find_news(down(DOWN_SECONDS), ["findings"], ["critical"], up.told).any


@pytest.mark.parametrize(
    ("language", "expected"),
    [("en", "- lab: Source lab could not be read"), ("fr", "- lab\N{NO-BREAK SPACE}: La source lab n’a pas")],
)
def test_each_kind_of_news_has_a_line(language: str, expected: str) -> None:
    judged = down(
        DOWN_SECONDS, findings=(DRIFT,), guests=(backed_up_guest(100, findings=(LATE,), protection=Protection.AT_RISK),)
    )
    news = find_news(judged, ["findings"], BOTH, NOTHING)
    text = news_message(judged, language, UTC, news.findings).text
    assert expected in text
    lines = [line for line in text.splitlines() if line.startswith("- lab")]
    assert [line.split(":")[0].strip() for line in lines[:3]] == ["- lab", "- lab/100 guest-100", "- lab"]
