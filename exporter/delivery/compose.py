"""A Report and a channel → the message that the channel gets."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from exporter.deliver import FORMATS, STAMP, render
from exporter.delivery.channel import Attachment, Channel, Message
from exporter.delivery.news import News
from exporter.logs import event
from exporter.reports import PlannedReport, Written
from report.cut import cut_to
from report.model.report import Report
from report.policy import Scope
from report.rows.message import MessageText, news_message, summary_message
from report.rows.shared import Reader
from report.words import word

LOGGER = logging.getLogger("vzcover")
# larger ones are refused by most mail servers
LARGEST_ATTACHMENTS = 20_000_000  # bytes


def in_scope(report: Report, channel: Channel) -> Report:
    """Given a Report and a channel, return what the channel may tell of it."""
    return cut_to(report, Scope(clusters=channel.clusters))


def report_message(planned: PlannedReport, report: Report, channel: Channel, written: Written) -> Message:
    """Given a configured report, the Report that it tells, the files that were written of it, and a channel, return the message.

    Of an audit bundle it tells the name and the hash, so that they are kept where those who keep the bundle cannot write.
    """
    scoped = in_scope(report, channel)
    reader = Reader(channel.language or planned.reader.language, planned.reader.zone)
    name = "" if planned.is_daily else planned.name
    text = summary_message(scoped, reader.language, reader.zone, name=name)
    as_written = scoped is report and reader == planned.reader
    files = _files(scoped, reader, channel.attach, _by_ending(written.paths) if as_written else {})
    if sum(len(content) for content in files.values()) > LARGEST_ATTACHMENTS:
        event(LOGGER, logging.WARNING, "the files are too large to be attached", channel=channel.name)
        text, files = _noted(text, word("message.too_large", reader.language)), {}
    if written.bundle_sha256:
        bundle = word("message.bundle", reader.language, name=written.paths[-1].name, sha256=written.bundle_sha256)
        text = _noted(text, bundle)
    stamp = datetime.fromtimestamp(report.created_at, UTC).strftime(STAMP)
    attached = tuple(Attachment(f"{planned.prefix}-{stamp}.{ending}", content) for ending, content in files.items())
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


def _noted(text: MessageText, note: str) -> MessageText:
    return replace(text, text=f"{text.text}\n{note}\n")


def _files(report: Report, reader: Reader, formats: Sequence[str], there: Mapping[str, Path]) -> dict[str, bytes]:
    """Return the files of these formats, by the ending of their names; those that are there already are not made again."""
    wanted = [ending for name in formats for ending in FORMATS[name]]
    try:
        return {ending: there[ending].read_bytes() for ending in wanted}
    except (KeyError, OSError):
        return render(report, reader, formats)


def _by_ending(written: Sequence[Path]) -> dict[str, Path]:
    return {path.name.split(".", 1)[1]: path for path in written}


def _message(report: Report, text: MessageText, attachments: tuple[Attachment, ...] = ()) -> Message:
    return Message(_new_key(), report.created_at, text.subject, text.text, attachments, text.brief)


def _new_key() -> str:
    return uuid.uuid4().hex
