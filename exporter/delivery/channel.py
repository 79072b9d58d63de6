"""What a channel is: whom it tells what, and the door it goes out by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from report.rows.shared import Reader


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a message."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent. `key` is the same for every try, so that a receiver can tell a repetition; `created_at` is epoch seconds; `brief`: what
    a chat gets instead of the text, "" if that is short.
    """

    key: str
    created_at: int
    subject: str
    text: str
    attachments: tuple[Attachment, ...] = ()
    brief: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a message that at least one target took: targets to try again, and what was said of those that refused for good."""

    left: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


class Door(Protocol):
    """A way out. `targets` are names of those who are sent to; they hold no secret, because the outbox keeps them."""

    @property
    def targets(self) -> tuple[str, ...]: ...
    def send(self, message: Message, targets: Sequence[str]) -> Sent:
        """Send to these targets; raise DeliveryError if none took it."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One configured channel. `when`: daily, findings, change; `clusters`: only these, empty for all; `severities`: how grave news must be;
    `reader`: for whom news are; `attach`: formats of a report; `language`: that of reports, None for each report's own.
    """

    name: str
    when: frozenset[str]
    clusters: tuple[str, ...]
    severities: frozenset[str]
    reader: Reader
    attach: tuple[str, ...]
    door: Door
    language: str | None = None
