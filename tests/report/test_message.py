"""The message that delivery sends: subject and text, out of page one's rows."""

from __future__ import annotations

from datetime import UTC

import pytest

from report.cut import cut_to
from report.model.report import Report
from report.policy import Scope
from report.rows.brief import BRIEF_CHARACTERS
from report.rows.front import build_front
from report.rows.message import NEWS_AT_MOST, news_message, summary_message
from report.rows.shared import Reader
from report.summary import summarise
from report.words import LANGUAGES
from tests.builders import report
from tests.golden_files import assert_golden
from tests.specimen import specimen, specimen_with_backups


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_whole_message_is_the_one_on_file(language: str) -> None:
    judged = specimen_with_backups()
    news = [(guest, finding) for guest in judged.guests for finding in guest.findings if finding.lowers]
    message = news_message(judged, language, UTC, news[: NEWS_AT_MOST + 2])
    assert_golden(f"message.{language}.txt", f"{message.subject}\n\n{message.text}")


@pytest.mark.parametrize("judged", [specimen(), specimen_with_backups(), report()])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_message_says_every_row_of_page_one(judged: Report, language: str) -> None:
    front = build_front(judged, Reader(language, UTC), "vzcover")
    message = summary_message(judged, language, UTC)
    assert front.sentence in message.text
    told = [cell for section in front.sections for row in section.rows for cell in row.cells]
    told += [sentence for section in front.sections for sentence in (section.title, *section.sentences)]
    assert [text for text in told if text not in message.text] == []
    assert all(str(piece.count) in message.subject for piece in front.bar if piece.count)
    assert "\n" not in message.subject


def test_nothing_visible_is_said_and_not_counted_as_fine() -> None:
    assert summary_message(report(), "en", UTC).subject == "vzcover: nothing could be judged"


def test_a_report_of_some_clusters_says_nothing_of_the_others() -> None:
    judged = specimen()
    names = {guest.pve for guest in judged.guests}
    assert len(names) > 1
    for name in names:
        part = cut_to(judged, Scope(clusters=(name,)))
        assert {guest.pve for guest in part.guests} == {name}
        assert {job.pve for job in part.jobs} | {storage.pve for storage in part.storages} <= {name}
        assert {source.name for source in part.sources if source.kind != "pbs"} <= {name}
        assert part.summary == summarise(part.guests, backups_read=judged.summary.backups_read)
    assert cut_to(judged, Scope(clusters=tuple(names))).summary == judged.summary


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_short_text_is_the_one_on_file(language: str) -> None:
    judged = specimen_with_backups()
    news = [(guest, finding) for guest in judged.guests for finding in guest.findings if finding.lowers]
    daily, told = summary_message(judged, language, UTC), news_message(judged, language, UTC, news)
    assert_golden(f"message_brief.{language}.txt", f"{daily.brief}{'-' * 20}\n{told.brief}")


@pytest.mark.parametrize("judged", [specimen(), specimen_with_backups(), report()])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_short_text_fits_a_chat_and_counts_what_it_leaves_out(judged: Report, language: str) -> None:
    front = build_front(judged, Reader(language, UTC), "vzcover")
    brief = summary_message(judged, language, UTC).brief
    assert front.sentence in brief
    assert len(brief) <= BRIEF_CHARACTERS
    rows = sum(len(section.rows) for section in front.sections)
    told = sum(line.startswith("- ") for line in brief.splitlines())
    assert (Reader(language, UTC).word("message.more", count=rows - told) in brief) is (rows > told)
