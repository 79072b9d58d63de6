"""Deliveries as the daemon runs them: news are found and messages sent in threads of their own, so that nothing here delays a refresh or
a report. Each channel sends in its own thread, so that none delays another.

A message is sent once. It is sent twice only if the process is killed, or the machine stops, between the moment when the receiver took it
and the moment when the outbox forgot it; both mails then have the same Message-ID. A report whose message is queued is made again, and sent
again, only if the same happens before its due time is noted as served, which is the next thing done.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from exporter.counters import Counters
from exporter.delivery.channel import Channel, Message
from exporter.delivery.compose import in_scope, news_of, report_message
from exporter.delivery.news import CHANGE, FINDINGS, find_news
from exporter.delivery.outbox import Waiting
from exporter.delivery.queue import Queue
from exporter.errors import DeliveryError
from exporter.logs import FIELDS, event
from exporter.reports import PlannedReport, Written
from report.model.report import Report

LOGGER = logging.getLogger("vzcover")
# how often the outbox is looked at
CHECK_SECONDS = 1.0
# the pause before the second try; it doubles up to the longest
FIRST_PAUSE = 60
LONGEST_PAUSE = 3600
# a message that was tried and is older than this is given up, and the oldest of more than so many in a channel
GIVE_UP_SECONDS = 3 * 86_400
MOST_WAITING = 100
# how long a message that is being sent may take once the daemon stops
STOP_SECONDS = 2.0


@dataclass(slots=True)
class Deliveries:
    """Lives as long as the process, across reloads. `offer` is called by the refresh thread, `reported` by the report thread, `loop` is a
    thread of its own. None of them raises.
    """

    channels: Sequence[Channel]
    file: Path
    counters: Counters
    clock: Callable[[], float]
    _offered: Report | None = None
    _hurried: bool = False
    _wake: threading.Event = field(default_factory=threading.Event)
    _senders: dict[str, threading.Thread] = field(default_factory=dict)
    _complaints: dict[str, str] = field(default_factory=dict)
    _queue: Queue = field(init=False)

    def __post_init__(self) -> None:
        self._queue = Queue(self.file, self.clock, self._outbox_failed)

    def use(self, channels: Sequence[Channel]) -> None:
        """Given the channels of a new configuration, use them from now on, and try at once what waits."""
        # what waits from before a restart keeps its pauses
        self._hurried |= bool(self.channels)
        self.channels = channels
        for channel in channels:
            self.counters.know_channel(channel.name)
        self._wake.set()

    def offer(self, report: Report) -> None:
        """Given the Report of a refresh, look soon whether there are news in it."""
        self._offered = report
        self._wake.set()

    def reported(self, planned: PlannedReport, report: Report, written: Written) -> None:
        """Given a configured report, the Report that it tells, and the files that were written, queue it for the channels that get it."""
        for channel in self.channels:
            if channel.name in planned.channels:
                self._guarded(channel, partial(self._queue_report, channel, planned, report, written))
        self._wake.set()

    def loop(self, stopping: threading.Event) -> None:
        """Find news and send what waits until the daemon stops."""
        while not stopping.is_set():
            self._wake.clear()
            report, self._offered = self._offered, None
            for channel in self.channels:
                if report is not None and not channel.when.isdisjoint((FINDINGS, CHANGE)):
                    self._guarded(channel, partial(self._queue_news, channel, report))
            if self.channels or self._queue.used:
                self._dispatch(stopping)
            self._wake.wait(CHECK_SECONDS)
        deadline = time.monotonic() + STOP_SECONDS
        for sender in self._senders.values():
            sender.join(max(0.0, deadline - time.monotonic()))
        self._queue.close()

    def _queue_report(self, channel: Channel, planned: PlannedReport, report: Report, written: Written) -> None:
        message = report_message(planned, report, channel, written)
        self._queue.put(channel.name, message, channel.door.targets)

    def _queue_news(self, channel: Channel, report: Report) -> None:
        scoped, told = in_scope(report, channel), self._queue.told(channel.name)
        news = find_news(scoped, channel.when, channel.severities, told)
        if news.told == told:
            return
        message: Message | None = news_of(scoped, channel, news) if news.any else None
        self._queue.tell(channel.name, news.told, message, channel.door.targets)

    def _guarded(self, channel: Channel, queue: Callable[[], None]) -> None:
        """Queue a message; a failure is counted and told, and costs this message only."""
        try:
            queue()
        except Exception:  # a bug must not end the thread that calls
            self.counters.count_delivery_failure(channel.name)
            LOGGER.exception("a message could not be queued", extra={FIELDS: {"channel": channel.name}})

    def _dispatch(self, stopping: threading.Event) -> None:
        """Start a thread for each channel that has something to send and none yet."""
        try:
            if self._hurried:
                self._hurried = False
                self._queue.hurry()
            self._queue.flush()
            self._give_up()
            for channel in self.channels:
                sender = self._senders.get(channel.name)
                if (sender is None or not sender.is_alive()) and self._due(channel.name):
                    name, work = f"deliver {channel.name}", (channel, stopping)
                    self._senders[channel.name] = threading.Thread(target=self._send, args=work, name=name, daemon=True)
                    self._senders[channel.name].start()
        except Exception:  # a bug must not end the loop
            LOGGER.exception("deliveries failed")

    def _due(self, channel: str) -> list[Waiting]:
        """Return what is to be sent in a channel now; what lies further ahead than any pause was put there by another clock."""
        now = self._now()
        waiting = (each for each in self._queue.waiting() if each.channel == channel)
        return [each for each in waiting if not now < each.next_at <= now + LONGEST_PAUSE]

    def _give_up(self) -> None:
        """Give up what was tried for too long, what waits for a channel that is not configured, and the oldest of too many."""
        waiting, now = self._queue.waiting(), self._now()
        channels = {channel.name for channel in self.channels}
        later: dict[str, int] = {}
        for message in reversed(waiting):
            later[message.channel] = later.get(message.channel, 0) + 1
            old = now - message.queued_at > GIVE_UP_SECONDS and (message.attempts or message.channel not in channels)
            sender = self._senders.get(message.channel)
            if (old or later[message.channel] > MOST_WAITING) and not (sender and sender.is_alive()):
                self._queue.remove(message.key)
                self.counters.count_delivery_failure(message.channel)
                fields = {"channel": message.channel, "attempts": message.attempts}
                event(LOGGER, logging.ERROR, "a message is given up", **fields)

    def _send(self, channel: Channel, stopping: threading.Event) -> None:
        """Send what is due in a channel, the oldest first, until one is not taken; each message has its own next try."""
        try:
            for waiting in self._due(channel.name):
                message = self._queue.message(waiting.key)
                if stopping.is_set() or message is None or not self._sent_one(channel, waiting, message):
                    return
        except Exception:
            self.counters.count_delivery_failure(channel.name)
            LOGGER.exception("a delivery failed", extra={FIELDS: {"channel": channel.name}})

    def _sent_one(self, channel: Channel, waiting: Waiting, message: Message) -> bool:
        """Try one message; say whether all of it was taken."""
        left: Sequence[str] = waiting.targets
        try:
            sent = channel.door.send(message, waiting.targets)
        except DeliveryError as error:
            self._failed(channel.name, "a message was not delivered; it is tried again", str(error))
        except Exception as error:
            self._failed(
                channel.name, "a message was not delivered; it is tried again", f"{type(error).__name__}: {error}"
            )
        else:
            for refusal in sent.refused:
                self._failed(channel.name, "a recipient was refused for good", refusal)
            left = sent.left
            if left:
                self._failed(channel.name, "a message was not taken by all; it is tried again", f"left: {len(left)}")
        if left:
            attempts = waiting.attempts + 1
            next_at = self._now() + pause_after(attempts)
            self._queue.again(replace(waiting, next_at=next_at, targets=tuple(left), attempts=attempts), message)
            return False
        self._complaints.pop(channel.name, None)
        self._queue.remove(waiting.key)
        event(LOGGER, logging.INFO, "delivered", channel=channel.name, subject=message.subject)
        return True

    def _outbox_failed(self) -> None:
        """Count that the outbox cannot be used: it is every channel's."""
        for channel in self.channels:
            self.counters.count_delivery_failure(channel.name)

    def _failed(self, channel: str, what: str, error: str) -> None:
        """Count a failure, and log it unless the channel's last one was the same."""
        self.counters.count_delivery_failure(channel)
        if self._complaints.get(channel) != error:
            event(LOGGER, logging.WARNING, what, channel=channel, error=error)
        self._complaints[channel] = error

    def _now(self) -> int:
        return int(self.clock())


def pause_after(attempts: int) -> int:
    """Given how often a message was tried, return the seconds until the next try."""
    return int(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(attempts - 1, 20)))
