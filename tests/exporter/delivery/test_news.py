"""What is news to a channel: told once, and again only when it went and came back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.delivery.news import find_news
from report.findings import Finding, FindingCode
from report.model import Change, ChangeKind, Protection, Report
from tests.builders import backed_up_guest, report, source_report

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


def test_a_finding_is_told_once() -> None:
    first = find_news(estate(LATE), ["findings"], BOTH, NOTHING)
    again = find_news(estate(LATE), ["findings"], BOTH, first.told)
    assert [finding for _, finding in first.findings] == [LATE]
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
    assert [finding for _, finding in news.findings] == [NEVER]


@pytest.mark.parametrize(
    ("told", "severities", "expected"),
    [
        (change(ChangeKind.LOST, Protection.AT_RISK), BOTH, True),
        (change(ChangeKind.UNCLEAR, Protection.UNKNOWN), BOTH, True),
        (change(ChangeKind.REGAINED, Protection.PROTECTED), BOTH, False),
        (change(ChangeKind.GONE, None), BOTH, False),
        (change(ChangeKind.LOST, Protection.AT_RISK), ["critical"], False),
        (change(ChangeKind.LOST, Protection.UNPROTECTED), ["critical"], True),
    ],
)
def test_a_change_for_the_worse_is_news(told: Change, severities: list[str], expected: bool) -> None:
    news = find_news(estate(changes=(told,)), ["change"], severities, NOTHING)
    assert news.any is expected
    assert not find_news(estate(changes=(told,)), ["change"], severities, news.told).any


def test_a_channel_hears_only_of_what_it_wants() -> None:
    lost = (change(ChangeKind.LOST, Protection.AT_RISK),)
    assert not find_news(estate(changes=lost), ["findings"], BOTH, NOTHING).any
    assert not find_news(estate(LATE), ["change"], BOTH, NOTHING).any
