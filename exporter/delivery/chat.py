"""The door to apprise: chat services, webhooks, and what else it reaches. Nothing else imports it."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib.util import find_spec

from exporter.concealed import blotted
from exporter.delivery.channel import Message, Sent
from exporter.errors import DeliveryError
from report.words import printable

EXTRA = "apprise"
LONGEST_REASON = 300
MISSING = "apprise is not installed; run: pip install 'vzcover[notify]'"


def installed() -> bool:
    """Say whether the extra is there."""
    return find_spec(EXTRA) is not None


@dataclass(frozen=True, slots=True)
class Chat:
    """Addresses of apprise. A target is the hash of one: an address is a secret."""

    name: str
    urls: tuple[str, ...] = field(repr=False)

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the addresses, in their order."""
        return tuple(_target(url) for url in self.urls)

    def send(self, message: Message, targets: Sequence[str]) -> Sent:
        """Send to these addresses, one after the other; raise DeliveryError if none took it. An address that is not configured any more is
        left out.
        """
        failed: dict[str, str] = {}
        urls = [url for url in self.urls if _target(url) in targets]
        for url in urls:
            reason = _notify(url, message)
            if reason:
                failed[_target(url)] = reason
        if urls and len(failed) == len(urls):
            raise DeliveryError(f"channel {self.name}", "; ".join(failed.values()), "")
        return Sent(left=tuple(failed))


def _target(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()[:16]


def _notify(url: str, message: Message) -> str:
    """Send to one address; return why it did not take it, "" if it did."""
    import apprise  # loads in a moment, but only where somebody uses it

    asset = apprise.AppriseAsset(app_id="vzcover", app_desc="vzcover", async_mode=False)
    with _heard() as heard:
        service = apprise.Apprise.instantiate(url, asset=asset)
        if service is None:
            return "apprise does not know such an address"
        if "overflow=" not in url:
            # what is too long for a service is sent in parts, not refused by it
            service.overflow_mode = apprise.OverflowMode.SPLIT
        taken = apprise.Apprise(service, asset=asset).notify(
            body=message.brief or message.text,
            title=message.subject,
            body_format=apprise.NotifyFormat.TEXT,
            notify_type="info",
        )
    return "" if taken else (_reason(heard) or "not taken, without a reason")


def _reason(heard: Sequence[str]) -> str:
    return blotted(printable("; ".join(dict.fromkeys(heard))))[:LONGEST_REASON]


# what is heard for the address that is being sent to; apprise hands the context on to threads of its own
_HEARD: ContextVar[list[str] | None] = ContextVar("heard", default=None)


class _Listener(logging.Handler):
    """Collects what apprise warns of."""

    def emit(self, record: logging.LogRecord) -> None:
        heard = _HEARD.get()
        if heard is not None:
            heard.append(record.getMessage())


@contextmanager
def _heard() -> Iterator[list[str]]:
    """Hear what apprise logs, and let nothing of it go elsewhere: it may hold parts of an address."""
    logger = logging.getLogger("apprise")
    logger.propagate = False
    if not any(isinstance(handler, _Listener) for handler in logger.handlers):
        logger.addHandler(_Listener(logging.WARNING))
    heard: list[str] = []
    token = _HEARD.set(heard)
    try:
        yield heard
    finally:
        _HEARD.reset(token)
