"""Mail and apprise against real servers on loopback."""

from __future__ import annotations

import time
from datetime import UTC
from pathlib import Path

import pytest

from exporter.delivery.channel import Attachment, Message, Sent
from exporter.delivery.chat import Chat
from exporter.delivery.mail import Mail
from exporter.errors import DeliveryError
from report.model.report import Report
from report.rows.message import news_message, summary_message
from tests.builders import NOW, report
from tests.exporter.delivery.receivers import (
    PASSWORD,
    USER,
    Hook,
    free_port,
    hanging_server,
    http_receiver,
    smtp_server,
    tls_files,
)
from tests.specimen import specimen_with_backups

# apprise imports a module that Python 3.13 has not any more
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")
TO = ("one@example.com", "two@example.com")
MESSAGE = Message(
    "a1b2",
    1_795_234_733,
    "vzcover: protected 2, à risque 1",
    "Grüße\n" + "x" * 2000 + "\n",
    (Attachment("a.pdf", b"%PDF"),),
)


def mail(port: int, folder: Path, **options: object) -> Mail:
    settings: dict[str, object] = {
        "host": "localhost",
        "port": port,
        "security": "starttls",
        "sender": "vzcover@example.com",
        "targets": TO,
        "ca_file": str(tls_files(folder)),
    }
    return Mail(**{**settings, **options})  # type: ignore[arg-type]


def test_a_mail_is_encrypted_says_who_it_is_and_carries_the_files(tmp_path: Path) -> None:
    with smtp_server(tmp_path, login=True) as box:
        sent = mail(box.port, tmp_path, username=USER, password=PASSWORD).send(MESSAGE, TO)
    (taken,) = box.mails
    assert (sent, box.encrypted, box.recipients) == (Sent(), [True], [TO])
    assert taken["Subject"] == MESSAGE.subject
    assert taken["Message-ID"] == "<a1b2@example.com>"
    assert taken["Date"] == "Sat, 21 Nov 2026 04:18:53 +0000"
    assert (taken["From"], taken["To"]) == ("vzcover@example.com", "one@example.com, two@example.com")
    body = taken.get_body()
    assert body is not None
    assert body.get_content().replace("\r\n", "\n") == MESSAGE.text
    (attached,) = taken.iter_attachments()
    assert (attached.get_filename(), attached.get_content_type(), attached.get_content()) == (
        "a.pdf",
        "application/pdf",
        b"%PDF",
    )


REFUSALS = [
    ({"ca_file": None}, "its certificate is not trusted: .*issuer"),
    ({"host": "127.0.0.1", "names": ("mail.example.org",)}, "its certificate is not trusted: IP address mismatch"),
    ({"names": ("mail.example.org",)}, "its certificate is not trusted: Hostname mismatch"),
    ({"username": USER, "password": "wrong horse battery"}, "login refused: 535"),
    ({"security": "none"}, "530 .*STARTTLS"),
]


@pytest.mark.parametrize(("options", "expected"), REFUSALS)
def test_what_is_not_right_is_refused_and_named(tmp_path: Path, options: dict[str, object], expected: str) -> None:
    options = dict(options)
    names = options.pop("names", ("localhost", "127.0.0.1"))
    with (
        smtp_server(tmp_path, login="username" in options, names=names) as box,  # type: ignore[arg-type]
        pytest.raises(DeliveryError, match=expected) as refused,
    ):
        mail(box.port, tmp_path, **options).send(MESSAGE, TO)
    assert box.mails == []
    assert "horse" not in str(refused.value)


def test_a_server_without_starttls_is_not_sent_to_in_the_clear(tmp_path: Path) -> None:
    with (
        smtp_server(tmp_path, encrypted=False) as box,
        pytest.raises(DeliveryError, match="it offers no STARTTLS; write security: tls"),
    ):
        mail(box.port, tmp_path).send(MESSAGE, TO)
    assert box.mails == []


def test_security_none_sends_in_the_clear_because_it_was_written(tmp_path: Path) -> None:
    with smtp_server(tmp_path, encrypted=False) as box:
        mail(box.port, tmp_path, security="none").send(MESSAGE, TO)
    assert box.encrypted == [False]


def test_one_who_is_refused_for_now_is_left_and_one_refused_for_good_is_told(tmp_path: Path) -> None:
    with smtp_server(tmp_path) as box:
        box.refuse = {TO[0]: "451 later", TO[1]: "550 nobody here"}
        with pytest.raises(
            DeliveryError, match=r"all recipients refused: one@example.com: 451 later; two@.*: 550 nobody"
        ):
            mail(box.port, tmp_path).send(MESSAGE, TO)
        box.refuse = {TO[0]: "451 later"}
        assert mail(box.port, tmp_path).send(MESSAGE, TO) == Sent(left=(TO[0],))
        box.refuse = {TO[1]: "550 nobody here"}
        assert mail(box.port, tmp_path).send(MESSAGE, TO) == Sent(refused=("two@example.com: 550 nobody here",))


def test_no_server_and_one_that_hangs_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match="connection refused"):
        mail(free_port(), tmp_path).send(MESSAGE, TO)
    with hanging_server() as (port, _), pytest.raises(DeliveryError, match="timed out"):
        mail(port, tmp_path, silence=0.2).send(MESSAGE, TO)


def test_a_server_that_says_nothing_is_cut_off_when_the_whole_takes_too_long(tmp_path: Path) -> None:
    started = time.monotonic()
    with hanging_server() as (port, _), pytest.raises(DeliveryError):
        mail(port, tmp_path, whole=0.3).send(MESSAGE, TO)
    assert time.monotonic() - started < 10


def test_apprise_posts_json_to_a_webhook() -> None:
    with http_receiver() as hook:
        chat = Chat("chat", (f"json://127.0.0.1:{hook.port}/abcdefgh12345678",))
        assert chat.send(MESSAGE, chat.targets) == Sent()
    (posted,) = hook.posted
    assert (posted["title"], posted["message"].split()[0]) == (MESSAGE.subject, "Grüße")


def test_only_the_address_that_did_not_take_it_is_tried_again() -> None:
    with http_receiver() as good, http_receiver() as bad:
        bad.status = 500
        chat = Chat("chat", tuple(f"json://127.0.0.1:{hook.port}/" for hook in (good, bad)))
        sent = chat.send(MESSAGE, chat.targets)
        assert sent == Sent(left=chat.targets[1:])
        bad.status = 200
        assert chat.send(MESSAGE, sent.left) == Sent()
    assert (len(good.posted), len(bad.posted)) == (1, 1)


def test_an_address_that_does_not_answer_is_named_without_its_secret() -> None:
    chat = Chat("chat", (f"json://127.0.0.1:{free_port()}/abcdefgh12345678",))
    with pytest.raises(DeliveryError, match=r"channel chat: .*onnection") as refused:
        chat.send(MESSAGE, chat.targets)
    assert "abcdefgh12345678" not in str(refused.value)
    assert "abcdefgh12345678" not in repr(chat)


def mattermost(hook: Hook, *options: str) -> Chat:
    """Return a chat whose service takes 4,000 characters a message."""
    return Chat("chat", (f"mmost://127.0.0.1:{hook.port}/{'k' * 24}{''.join(options)}",))


@pytest.mark.parametrize("judged", [specimen_with_backups(), report()])
def test_a_chat_gets_one_short_message(judged: Report) -> None:
    news = [(guest, finding) for guest in judged.guests for finding in guest.findings]
    told = news_message(judged, "en", UTC, news)
    message = Message("key", NOW, told.subject, told.text, (), told.brief)
    with http_receiver() as hook:
        hook.longest = 2000
        chat = mattermost(hook)
        assert chat.send(message, chat.targets) == Sent()
    (posted,) = hook.posted
    assert told.subject in posted["text"]
    assert told.brief.strip().splitlines()[-1] in posted["text"]


def test_what_is_too_long_for_a_chat_is_sent_in_parts() -> None:
    told = summary_message(specimen_with_backups(), "en", UTC)
    message = Message("key", NOW, told.subject, told.text)
    with http_receiver() as hook:
        hook.longest = 4000
        chat = mattermost(hook)
        assert chat.send(message, chat.targets) == Sent()
        assert len(hook.posted) > 1
        # as before where the address says so
        chat = mattermost(hook, "?overflow=upstream")
        with pytest.raises(DeliveryError):
            chat.send(message, chat.targets)
    posted = "".join(part["text"] for part in hook.posted)
    assert [line for line in told.text.split() if line not in posted] == []
