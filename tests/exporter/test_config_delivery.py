"""The section `deliver`: what loads, what is refused, and where its secrets come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.concealed import BLOT, blotted
from exporter.delivery import chat
from exporter.delivery.build import channels_of
from exporter.delivery.chat import Chat
from exporter.delivery.mail import Mail
from exporter.errors import ConfigError
from tests.exporter.config_files import GOOD, load, problems

MAIL = "{host: mail.example.com, sender: vzcover@example.com, to: ops@example.com}"
URL = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"


def deliver(*channels: str) -> str:
    return GOOD + "deliver:\n" + "".join(f"  - {{{channel}}}\n" for channel in channels)


def test_a_short_channel_gets_all_defaults(tmp_path: Path) -> None:
    (channel,) = channels_of(load(tmp_path, deliver(f"name: ops, mail: {MAIL}")).config)
    assert channel.when == {"daily"}
    assert (channel.clusters, channel.attach) == ((), ("pdf",))
    assert channel.reader.language == "en"
    assert isinstance(channel.door, Mail)
    assert (channel.door.port, channel.door.security, channel.door.username) == (587, "starttls", None)


def test_a_channel_that_waits_for_a_daily_report_that_is_never_written_is_warned_of(tmp_path: Path) -> None:
    text = deliver(f"name: ops, mail: {MAIL}", f"name: news, when: change, mail: {MAIL}")
    assert load(tmp_path, text).warnings == ()
    (warning,) = load(tmp_path, f"{text}report: {{enabled: false}}\n").warnings
    assert warning.path == "deliver[0].when"
    assert "daily reports are switched off" in str(warning)


def test_every_setting_can_be_given(tmp_path: Path) -> None:
    (tmp_path / "mail.secret").write_text("two words\n")
    (tmp_path / "mail.secret").chmod(0o600)
    (tmp_path / "chat.secret").write_text(f"{URL}\njson://hooks.example.com/x\n")
    mail = (
        "{host: 127.0.0.1, port: 2465, security: tls, username: me, password_file: mail.secret, sender: a@b.c,"
        " to: [d@e.f, g@h.i], attach: []}"
    )
    text = deliver(
        f"name: ops, when: 'daily, findings, change', clusters: lab, severities: critical, language: fr, mail: {mail}",
        "name: chat, apprise: {url_file: chat.secret}",
    )
    ops, other = channels_of(load(tmp_path, text).config)
    assert ops.when == {"daily", "findings", "change"}
    assert ops.severities == {"critical"}
    assert ops.clusters == ("lab",)
    assert isinstance(ops.door, Mail)
    assert (ops.door.port, ops.door.username, ops.door.password) == (2465, "me", "two words")
    assert (ops.door.targets, ops.attach, ops.reader.language) == (("d@e.f", "g@h.i"), (), "fr")
    assert isinstance(other.door, Chat)
    assert other.door.urls == (URL, "json://hooks.example.com/x")


REFUSED = [
    ("name: ops", "deliver[0]: give exactly one of mail, apprise"),
    (f"name: ops, mail: {MAIL}, apprise: {{url: 'json://a'}}", "deliver[0]: give exactly one of mail, apprise"),
    (
        f"name: ops, clusters: lob, mail: {MAIL}",
        "deliver[0].clusters: no configured cluster is called lob; did you mean lab?",
    ),
    (
        f"name: ops, when: weekly, mail: {MAIL}",
        'deliver[0].when[0]: "weekly" is not known; write one of daily, findings, change',
    ),
    (
        "name: ops, mail: {host: a, sender: a@b.c, to: a@b.c, security: none, username: u, password: hunter2hunter2}",
        "deliver[0].mail.security: security: none would send the password for all to read; write starttls or tls, or remove it",
    ),
    (
        "name: ops, mail: {host: a, sender: a@b.c, to: a@b.c, username: u}",
        "deliver[0].mail.username: username and password belong together; give both or none",
    ),
    (
        "name: ops, mail: {host: a, sender: me, to: a@b.c}",
        "deliver[0].mail.sender: expected one address without a name, such as backups@example.com",
    ),
    (
        "name: ops, apprise: {}",
        "deliver[0].apprise.url: missing; give exactly one of url, url_file, url_credential",
    ),
    (
        "name: ops, apprise: {url: '${NOPE}'}",
        "deliver[0].apprise.url: the environment variable NOPE is not set; set it, or use url_file",
    ),
    (
        "name: ops, apprise: {url: hunter2hunter2}",
        "deliver[0].apprise.url: expected addresses of apprise, such as slack://… or jsons://…, blanks between them",
    ),
    (
        "name: ops, mail: {host: a, sender: a@b.c, to: a@b.c, username: u, password: a, password_file: b}",
        "deliver[0].mail.password_file: password and password_file exclude each other; "
        "give at most one of password, password_file, password_credential",
    ),
]


@pytest.mark.parametrize(("channel", "expected"), REFUSED)
def test_what_cannot_be_meant_is_refused_and_named(tmp_path: Path, channel: str, expected: str) -> None:
    told = problems(tmp_path, deliver(channel))
    assert [line.partition(": ")[2] for line in told] == [expected]


def test_names_of_channels_are_unique(tmp_path: Path) -> None:
    told = problems(tmp_path, deliver(f"name: ops, mail: {MAIL}", f"name: ops, mail: {MAIL}"))
    assert [line.partition(": ")[2] for line in told] == [
        "deliver[1].name: already the name of deliver[0]; names of channels are unique"
    ]


def test_secrets_are_concealed_and_part_of_no_repr(tmp_path: Path) -> None:
    mail = f"{MAIL[:-1]}, username: me, password: correct-horse}}"
    config = load(tmp_path, deliver(f"name: ops, mail: {mail}", f"name: chat, apprise: {{url: '{URL}'}}")).config
    shown = f"{config!r} {channels_of(config)!r} {config.model_dump_json()}"
    for secret in ("correct-horse", "TIiajkdnlazkcOXrIdevi7FQ"):
        assert secret not in shown
        assert blotted(f"said {secret}") == f"said {BLOT}"


def test_a_secret_that_every_user_can_read_is_doubtful(tmp_path: Path) -> None:
    (tmp_path / "chat.secret").write_text(URL)
    (tmp_path / "chat.secret").chmod(0o644)
    (warning,) = load(tmp_path, deliver("name: chat, apprise: {url_file: chat.secret}")).warnings
    assert (warning.path, "run: chmod o-r" in warning.message) == ("deliver[0].apprise.url_file", True)


def test_apprise_that_is_not_installed_is_named_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load(tmp_path, deliver(f"name: chat, apprise: {{url: '{URL}'}}")).config
    monkeypatch.setattr(chat, "EXTRA", "apprise_is_not_here")
    with pytest.raises(
        ConfigError, match=r"deliver\[0\].apprise: apprise is not installed; run: pip install 'vzcover\[notify\]'"
    ):
        channels_of(config)
