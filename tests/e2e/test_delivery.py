"""The daemon delivers: to real servers on loopback, across kills, reloads and a server that hangs."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from exporter.state import LastReports, Served
from tests.exporter.delivery.receivers import (
    PASSWORD,
    USER,
    Mailbox,
    free_port,
    hanging_server,
    http_receiver,
    smtp_server,
    tls_files,
)
from tests.processes import Config, Daemon, run, serving, wait_for, write_config
from tests.simulator_process import SimulatorHandle, running_simulator

SOON = "refresh: {interval: 10s, jitter: 0, attempts: 1}\n"


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorHandle]:
    with running_simulator("serve", "--guests", 12) as running:
        yield running


def mail_channel(folder: Path, port: int, when: str = "daily", name: str = "ops", attach: str = "pdf, csv") -> str:
    tls_files(folder)
    (folder / "mail.secret").write_text(PASSWORD)
    (folder / "mail.secret").chmod(0o600)
    return (
        f"  - name: {name}\n    when: [{when}]\n    mail:\n      host: localhost\n      port: {port}\n"
        f"      ca_file: authority.pem\n      username: {USER}\n      password_file: mail.secret\n"
        f"      sender: vzcover@example.com\n      to: ops@example.com\n      attach: [{attach}]\n"
    )


def configured(folder: Path, simulator: SimulatorHandle, *channels: str) -> Config:
    return write_config(folder, simulator, more=f"{SOON}deliver:\n{''.join(channels)}")


def owing_a_report(config: Config) -> None:
    LastReports(config.state).write("daily", Served(int(time.time()) - 2 * 86_400))


def no_secret_is_left(config: Config, *daemons: Daemon) -> None:
    """Logs and whatever is in the outbox, its log beside it included, hold no secret."""
    written = "".join(line for running in daemons for line in (*running.lines, *running.output)).encode()
    written += b"".join(path.read_bytes() for path in config.state.glob("outbox.db*"))
    assert written
    assert PASSWORD.encode() not in written


def test_the_daily_report_comes_by_mail_with_its_pdf(simulator: SimulatorHandle, tmp_path: Path) -> None:
    with smtp_server(tmp_path, login=True) as box:
        config = configured(tmp_path, simulator, mail_channel(tmp_path, box.port))
        owing_a_report(config)
        with serving(config) as running:
            wait_for(lambda: box.mails, "the mail")
            running.wait_for_line("msg=delivered")
            assert running.sample('vzcover_delivery_failures_total{channel="ops"}') == 0
            running.end()
    (mail,) = box.mails
    attached = {part.get_filename(): part.get_content() for part in mail.iter_attachments()}
    assert set(attached) == {path.name for path in config.output.iterdir() if path.suffix in (".pdf", ".csv")}
    pdf = next(path for path in config.output.iterdir() if path.suffix == ".pdf")
    assert attached[pdf.name] == pdf.read_bytes()
    body = mail.get_body()
    assert body is not None
    assert "guests" in body.get_content()
    no_secret_is_left(config, running)


def test_a_weekly_report_on_some_guests_comes_once_across_a_restart_to_those_it_names(
    simulator: SimulatorHandle, tmp_path: Path
) -> None:
    today = f"{datetime.now(UTC):%A}".lower()
    with smtp_server(tmp_path, login=True) as box:
        channels = mail_channel(tmp_path, box.port, "", "boss", "json"), mail_channel(tmp_path, box.port, name="ops")
        config = configured(tmp_path, simulator, *channels)
        with config.path.open("a") as file:
            file.write(
                f"reports: [{{name: weekly, at: '00:00', days: {today}, match: {{vmids: 100-103}}, language: fr, "
                "formats: [json, html], deliver: [boss]}]\n"
            )
        LastReports(config.state).write("weekly", Served(int(time.time()) - 14 * 86_400))
        with serving(config) as first:
            first.wait_for_line("msg=delivered")
            served = wait_for(lambda: written(config, "weekly"), "it to be remembered")
            due = 'vzcover_scheduled_report_next_timestamp_seconds{report="weekly"}'
            wait_for(lambda: first.sample(due) == served.due + 7 * 86_400, "the next one in the metrics")
            first.end()
        with serving(config) as second:
            second.wait_until_ready()
            wait_for(lambda: second.sample(due) == served.due + 7 * 86_400, "the next one in the metrics")
            second.end()
    (mail,) = box.mails
    (attached,) = mail.iter_attachments()
    written_files = sorted((config.output / "weekly").iterdir())
    assert [path.suffix for path in written_files] == [".html", ".json"]
    assert attached.get_filename() == written_files[1].name
    document = json.loads(attached.get_content())
    assert document["scope"]["vmids"] == [[100, 103]]
    assert {guest["vmid"] for guest in document["guests"]} <= {100, 101, 102, 103}
    body = mail.get_body()
    assert body is not None
    assert "Seulement les invités d’un des VMID 100–103" in body.get_content()
    assert str(mail["Subject"]).startswith("vzcover, weekly\N{NO-BREAK SPACE}: ")
    assert written(config, "weekly") == served
    assert second.logged("wrote a report") == []
    no_secret_is_left(config, first, second)


def written(config: Config, name: str) -> Served | None:
    """Return what is remembered of a report once it was written."""
    served = LastReports(config.state).read().get(name)
    return served if served and served.written_at else None


def test_what_was_queued_before_kill_9_is_sent_once_after_the_restart(
    simulator: SimulatorHandle, tmp_path: Path
) -> None:
    """The server hangs, so that the kill falls between queuing and sending."""
    with hanging_server() as (port, connections):
        config = configured(tmp_path, simulator, mail_channel(tmp_path, port, "daily, findings"))
        owing_a_report(config)
        with serving(config) as first:
            wait_for(lambda: connections, "the server to be called")
            # until then the report itself would be made again
            wait_for(lambda: LastReports(config.state).read()["daily"].written_at, "the report to be remembered")
            first.end(signal.SIGKILL)
    box = Mailbox(port)
    with smtp_server(tmp_path, login=True, mailbox=box):
        with serving(config) as second:
            wait_for(lambda: len(box.mails) == 2, "both mails")
            second.end()
        with serving(config) as third:
            third.wait_until_ready()
            third.end()
    subjects = sorted(str(mail["Subject"]).partition(":")[0] for mail in box.mails)
    assert subjects == ["vzcover", "vzcover, news"]
    assert len({mail["Message-ID"] for mail in box.mails}) == 2
    no_secret_is_left(config, first, second, third)


def test_a_server_that_was_down_gets_it_once_when_it_is_up(simulator: SimulatorHandle, tmp_path: Path) -> None:
    port = free_port()
    config = configured(tmp_path, simulator, mail_channel(tmp_path, port))
    owing_a_report(config)
    with serving(config) as running:
        line = running.wait_for_line("a message was not delivered; it is tried again")
        assert "connection refused" in line
        box = Mailbox(port)
        with smtp_server(tmp_path, login=True, mailbox=box):
            running.send(signal.SIGHUP)  # whoever mends the configuration need not wait for the next try
            wait_for(lambda: box.mails, "the mail")
            running.wait_for_line("msg=delivered")
            failures = wait_for(
                lambda: running.sample('vzcover_delivery_failures_total{channel="ops"}'), "the failure in the metrics"
            )
            assert failures >= 1
            running.end()
    assert len(box.mails) == 1
    no_secret_is_left(config, running)


def test_a_server_that_hangs_delays_no_refresh_no_report_no_other_channel_and_no_end(
    simulator: SimulatorHandle, tmp_path: Path
) -> None:
    with hanging_server() as (port, connections), http_receiver() as hook:
        chat = (
            "  - {name: chat, when: [daily, findings], "
            f"apprise: {{url: 'json://127.0.0.1:{hook.port}/abcdefgh12345678'}}}}\n"
        )
        config = configured(tmp_path, simulator, mail_channel(tmp_path, port, "findings"), chat)
        with serving(config) as running:
            wait_for(lambda: connections, "the server to be called")
            wait_for(lambda: len(hook.posted) == 1, "the other channel")
            refreshed = running.sample("vzcover_refresh_last_success_timestamp_seconds")
            wait_for(lambda: running.sample("vzcover_refresh_last_success_timestamp_seconds") != refreshed, "a refresh")
            code, seconds = running.end()
    assert (code, len(hook.posted)) == (0, 1)
    assert seconds < 5
    assert not running.logged("abcdefgh12345678")


def test_a_channel_that_comes_with_a_reload_is_used(simulator: SimulatorHandle, tmp_path: Path) -> None:
    with http_receiver() as hook:
        config = write_config(tmp_path, simulator, more=SOON)
        with serving(config) as running:
            with config.path.open("a") as file:
                file.write(
                    f"deliver: [{{name: chat, when: findings, apprise: {{url: 'json://127.0.0.1:{hook.port}/'}}}}]\n"
                )
            running.send(signal.SIGHUP)
            wait_for(lambda: hook.posted, "the message")
            running.end()
    assert "vzcover, news" in hook.posted[0]["title"]


def test_notify_test_says_what_came_of_it(simulator: SimulatorHandle, tmp_path: Path) -> None:
    with smtp_server(tmp_path, login=True) as box, http_receiver() as hook:
        chat = f"  - {{name: chat, language: fr, apprise: {{url: 'json://127.0.0.1:{hook.port}/'}}}}\n"
        config = configured(tmp_path, simulator, mail_channel(tmp_path, box.port), chat)
        good = run("notify", "--config", config.path, "--test")
        one = run("notify", "--config", config.path, "--test", "chat")
        (tmp_path / "mail.secret").write_text("wrong horse battery")
        bad = run("notify", "--config", config.path, "--test")
    assert (good.returncode, good.stdout, good.stderr) == (0, "ops: taken by 1 of 1\nchat: taken by 1 of 1\n", "")
    assert (one.returncode, one.stdout) == (0, "chat: taken by 1 of 1\n")
    assert bad.returncode == 4
    assert "ops: mail server localhost" in bad.stderr
    assert "login refused: 535" in bad.stderr
    assert "horse" not in bad.stderr
    assert bad.stdout == "chat: taken by 1 of 1\n"
    assert len(box.mails) == 1
    assert [posted["title"] for posted in hook.posted] == ["vzcover\N{NO-BREAK SPACE}: message d’essai"] * 3
    assert not config.state.exists()


def test_notify_without_a_channel_of_that_name_is_a_mistake_of_the_caller(
    simulator: SimulatorHandle, tmp_path: Path
) -> None:
    config = configured(tmp_path, simulator, mail_channel(tmp_path, 25))
    ended = run("notify", "--config", config.path, "--test", "nobody")
    assert (ended.returncode, "no channel is called nobody; there are ops" in ended.stderr) == (2, True)
