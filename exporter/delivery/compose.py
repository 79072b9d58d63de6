"""A Report and a channel → the message that the channel gets."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from exporter.deliver import FORMATS, PREFIX, STAMP, Reader, render
from exporter.delivery.channel import Attachment, Channel, Message
from exporter.delivery.news import News
from exporter.logs import event
from report.model import Report
from report.rows.message import MessageText, news_message, summary_message
from report.summary import of_clusters
from report.words import word

LOGGER = logging.getLogger("vzcover")
# larger ones are refused by most mail servers
LARGEST_ATTACHMENTS = 20_000_000  # bytes


def in_scope(report: Report, channel: Channel) -> Report:
    """Given a Report and a channel, return what the channel may tell of it."""
    return of_clusters(report, channel.clusters) if channel.clusters else report


def daily_message(report: Report, channel: Channel, written: Sequence[Path], reader: Reader) -> Message:
    """Given the Report of the daily report, a channel, and the files that were written of it for a reader, return the message."""
    scoped = in_scope(report, channel)
    text = summary_message(scoped, channel.reader.language, channel.reader.zone)
    files = _files(scoped, channel, {} if scoped is not report or channel.reader != reader else _by_ending(written))
    if sum(len(content) for content in files.values()) > LARGEST_ATTACHMENTS:
        event(LOGGER, logging.WARNING, "the files are too large to be attached", channel=channel.name)
        note = word("message.too_large", channel.reader.language)
        text, files = replace(text, text=f"{text.text}\n{note}\n"), {}
    stamp = datetime.fromtimestamp(report.created_at, UTC).strftime(STAMP)
    attached = tuple(Attachment(f"{PREFIX}-{stamp}.{ending}", content) for ending, content in files.items())
    return _message(report, text, attached)


def news_of(report: Report, channel: Channel, news: News) -> Message:
    """Given a Report cut down to what the channel may tell, the channel, and the news, return the message."""
    text = news_message(report, channel.reader.language, channel.reader.zone, news.findings)
    return _message(report, text)


def test_message(channel: Channel, now: int) -> Message:
    """Given a channel and now (epoch), return the message of `vzcover notify --test`."""
    language = channel.reader.language
    text = word("message.test.text", language, channel=channel.name) + "\n"
    return Message(_new_key(), now, word("message.test", language), text)


def _files(report: Report, channel: Channel, there: Mapping[str, Path]) -> dict[str, bytes]:
    """Return the files that the channel attaches, by the ending of their names; those that are there already are not made again."""
    wanted = [ending for name in channel.attach for ending in FORMATS[name]]
    try:
        return {ending: there[ending].read_bytes() for ending in wanted}
    except (KeyError, OSError):
        return render(report, channel.reader, channel.attach)


def _by_ending(written: Sequence[Path]) -> dict[str, Path]:
    return {path.name.split(".", 1)[1]: path for path in written}


def _message(report: Report, text: MessageText, attachments: tuple[Attachment, ...] = ()) -> Message:
    return Message(_new_key(), report.created_at, text.subject, text.text, attachments, text.brief)


def _new_key() -> str:
    return uuid.uuid4().hex
