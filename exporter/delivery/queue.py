"""What is to be sent and what was told, as the daemon holds it: in the outbox, and in memory as far as that could not be written. It never
raises: an outbox that cannot be used costs what survives a restart.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from exporter.delivery.channel import Message
from exporter.delivery.outbox import Outbox, Waiting
from exporter.errors import HistoryError
from exporter.history.database import set_aside
from exporter.logs import event

LOGGER = logging.getLogger("vzcover")
# how long an outbox that could not be used is left alone
RETRY_SECONDS = 30.0
T = TypeVar("T")


@dataclass(slots=True)
class Queue:
    """One outbox. `clock` gives epoch seconds; `count_failure` is called each time that the outbox cannot be used. Its methods may be
    called from any thread.
    """

    file: Path
    clock: Callable[[], float]
    count_failure: Callable[[], None]
    _outbox: Outbox | None = None
    # what the file does not hold yet: messages as they wait now, what they say, keys of those that are done with, channels told
    _changed: dict[str, Waiting] = field(default_factory=dict)
    _new: dict[str, Message] = field(default_factory=dict)
    _gone: set[str] = field(default_factory=set)
    _untold: set[str] = field(default_factory=set)
    # what channels were told, as far as it was asked for
    _told: dict[str, frozenset[str]] = field(default_factory=dict)
    _rest_until: float = 0.0
    _failure: str = ""
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def put(self, channel: str, message: Message, targets: Sequence[str]) -> None:
        """Given a channel, a message and its targets, queue it."""
        with self._lock:
            self._put(channel, message, targets)
            self.flush()

    def tell(self, channel: str, told: frozenset[str], message: Message | None, targets: Sequence[str]) -> None:
        """Given what a channel is told from now on, remember that, and queue the message that tells it if there is one."""
        with self._lock:
            self._told[channel] = told
            self._untold.add(channel)
            if message is not None:
                self._put(channel, message, targets)
            self.flush()

    def told(self, channel: str) -> frozenset[str]:
        """Given a channel, return the keys of what it was told; what cannot be read counts as not told."""
        with self._lock:
            if channel not in self._told:
                found = self._read(lambda outbox: outbox.told(channel))
                if found is None:
                    return frozenset()
                self._told[channel] = found
            return self._told[channel]

    def waiting(self) -> list[Waiting]:
        """Return all messages that can be sent, the oldest first."""
        with self._lock:
            held = self._read(Outbox.waiting) or []
            keys = {waiting.key for waiting in held}
            held += [self._changed[key] for key in self._new if key not in keys]
            return [self._changed.get(each.key, each) for each in held if each.key not in self._gone]

    def message(self, key: str) -> Message | None:
        """Given a key, return the message; None if it is not there any more, or cannot be read now."""
        with self._lock:
            return self._new.get(key) or self._read(lambda outbox: outbox.message(key))

    def remove(self, key: str) -> None:
        """Given a key, forget the message: it was sent, or is given up."""
        with self._lock:
            self._gone.add(key)
            self._changed.pop(key, None)
            self._new.pop(key, None)
            self.flush()

    def again(self, waiting: Waiting, message: Message) -> None:
        """Given a message that was tried, how it waits from now on and what it says, remember that."""
        with self._lock:
            # its outbox may have been set aside since it was read
            self._changed[waiting.key], self._new[waiting.key] = waiting, message
            self.flush()

    def hurry(self) -> None:
        """Let all messages be tried now."""
        with self._lock:
            now = int(self.clock())
            self._changed |= {each.key: replace(each, next_at=now) for each in self.waiting()}
            self.flush()

    def flush(self) -> None:
        """Write what the file does not hold yet, if it can be written; all at once, so that what is told stands with what tells it."""
        with self._lock:
            if self._outbox is not None and not (self._changed or self._gone or self._untold):
                return
            told = {channel: self._told[channel] for channel in self._untold}
            changed, new, gone = list(self._changed.values()), self._new, self._gone
            if self._write(lambda outbox: outbox.write(changed, new, gone, told)):
                self._changed, self._new, self._gone, self._untold = {}, {}, set(), set()

    @property
    def used(self) -> bool:
        """Say whether there was anything to do with it."""
        return self._outbox is not None or bool(self._new)

    def close(self) -> None:
        """Write what can be written, and let go of the file; the next use opens it again."""
        with self._lock:
            self._rest_until = 0.0
            if self.used:
                self.flush()
            self._let_go()

    def _let_go(self) -> None:
        if self._outbox is not None:
            self._outbox.close()
        self._outbox = None

    def _put(self, channel: str, message: Message, targets: Sequence[str]) -> None:
        now = int(self.clock())
        self._changed[message.key] = Waiting(message.key, channel, now, now, tuple(targets))
        self._new[message.key] = message

    def _read(self, read: Callable[[Outbox], T], *, begun: bool = False) -> T | None:
        """Read something from the outbox, opened if need be; None if that fails. A corrupt one is set aside, a new one begun at once."""
        if self._outbox is None and time.monotonic() < self._rest_until:
            return None
        try:
            if self._outbox is None:
                self._outbox = Outbox(self.file)
            return read(self._outbox)
        except HistoryError as error:
            self._let_go()
            return self._read(read, begun=True) if self._failed(error) and not begun else None

    def _write(self, write: Callable[[Outbox], None]) -> bool:
        """Write something into the outbox; say whether it is there. One that is only locked or full can still be read."""
        if time.monotonic() < self._rest_until or self._read(lambda _: True) is None:
            return False
        try:
            if self._outbox is not None:
                write(self._outbox)
        except HistoryError as error:
            self._failed(error)
            return False
        self._failure = ""
        return True

    def _failed(self, error: HistoryError) -> bool:
        """Count a failure, log it unless it is the last one again, and leave the file alone for a while; a corrupt one is set aside: say
        whether it was.
        """
        self.count_failure()
        aside = self._set_aside(error) if error.corrupt else ""
        if aside:
            failure = f"{error}; it is set aside as {aside} with what waited in it, and a new one is begun"
            self._untold |= self._told.keys()
        else:
            failure = f"{error}; messages do not survive a restart until it can be used"
            self._rest_until = time.monotonic() + RETRY_SECONDS
        if failure != self._failure:
            event(LOGGER, logging.WARNING, "the outbox cannot be used as it should", error=failure)
        self._failure = failure
        return bool(aside)

    def _set_aside(self, error: HistoryError) -> str:
        """Set a corrupt file aside; return its name then, "" where that fails, which the error then tells too."""
        self._let_go()
        try:
            return set_aside(self.file, int(self.clock())).name
        except HistoryError as another:
            error.args = (f"{error}; it cannot be set aside: {another.detail}",)
            return ""
