"""The outbox and what sends from it: once, across failures and restarts, each channel by itself."""

from __future__ import annotations

import re
import sqlite3
import threading
from datetime import UTC
from pathlib import Path

import pytest

from exporter.config.reports import BUNDLE, FILE_FORMATS, FORMAT_NAMES
from exporter.deliver import FORMATS, write_files
from exporter.delivery.compose import report_message
from exporter.delivery.deliveries import FIRST_PAUSE, GIVE_UP_SECONDS, LONGEST_PAUSE, pause_after
from exporter.reports import Written
from report.rows.shared import Reader
from tests.exporter.delivery.house import DAILY, READER, FakeDoor, House, channel, planned
from tests.processes import wait_for
from tests.specimen import specimen_with_backups


def test_a_daily_report_goes_to_the_channels_that_want_it_with_the_files_that_were_written(tmp_path: Path) -> None:
    door, other = FakeDoor(), FakeDoor()
    house = House(tmp_path, channel("mail", door, attach=("csv",)), channel("news", other, "change"))
    report = specimen_with_backups()
    written = write_files(tmp_path / "reports", report, READER, ["csv"])
    written[0].write_bytes(b"as it was written")
    with house.running() as deliveries:
        deliveries.reported(DAILY, report, Written(tuple(written)))
        wait_for(lambda: door.taken, "the message")
    (message, targets) = door.taken[0]
    assert [file.name for file in message.attachments] == [path.name for path in written]
    assert message.attachments[0].content == b"as it was written"
    assert (targets, other.tries, house.waiting()) == (("a", "b"), 0, 0)
    assert message.subject.startswith("vzcover: protected ")


def test_another_report_goes_to_the_channels_that_it_names_in_its_own_words_and_under_its_name(tmp_path: Path) -> None:
    door, own, other = FakeDoor(), FakeDoor(), FakeDoor()
    house = House(
        tmp_path,
        channel("boss", door, attach=("csv",)),
        channel("abroad", own, attach=("csv",), language="en"),
        channel("mail", other),
    )
    weekly = planned("boss", "abroad", name="weekly", reader=Reader("fr", UTC))
    with house.running() as deliveries:
        deliveries.reported(weekly, specimen_with_backups(), Written())
        wait_for(lambda: door.taken and own.taken, "both messages")
    (message, _), (translated, _) = door.taken[0], own.taken[0]
    assert message.subject.startswith("vzcover, weekly\N{NO-BREAK SPACE}: protégés ")
    assert translated.subject.startswith("vzcover, weekly: protected ")
    assert [file.name for file in message.attachments] == [
        "vzcover-weekly-20261021T090000Z.csv",
        "vzcover-weekly-20261021T090000Z.groups.csv",
    ]
    assert other.tries == 0


def test_what_a_channel_may_not_see_is_not_in_its_message(tmp_path: Path) -> None:
    door = FakeDoor()
    house = House(tmp_path, channel("mail", door, attach=("csv",), clusters=("nowhere",)))
    report = specimen_with_backups()
    with house.running() as deliveries:
        deliveries.reported(DAILY, report, Written(tuple(write_files(tmp_path / "reports", report, READER, ["csv"]))))
        wait_for(lambda: door.taken, "the message")
    message = door.taken[0][0]
    shown = message.text + message.attachments[0].content.decode()
    # short ones may be words, and any may be part of a column's key
    names = [name for guest in report.guests if (name := guest.guest.name) and len(name) > 6]
    assert names
    assert [name for name in names if re.search(rf"\b{re.escape(name)}\b", shown)] == []


def test_a_message_that_failed_is_tried_again_after_a_pause_and_sent_once(tmp_path: Path) -> None:
    door = FakeDoor(failing=True)
    house = House(tmp_path, channel("mail", door))
    with house.running() as deliveries:
        deliveries.reported(DAILY, specimen_with_backups(), Written())
        wait_for(lambda: house.failures("mail") == 1, "a failure")
        wait_for(lambda: not deliveries._senders["mail"].is_alive(), "the sender to end")
        door.failing = False
        deliveries.offer(specimen_with_backups())
        assert door.taken == []
        house.now += FIRST_PAUSE
        wait_for(lambda: house.waiting() == 0, "the message to be sent")
    assert (len(door.taken), house.failures("mail")) == (1, 1)


def test_a_message_survives_a_restart_and_is_sent_once(tmp_path: Path) -> None:
    door = FakeDoor(failing=True)
    house = House(tmp_path, channel("mail", door, "daily", "findings"))
    report = specimen_with_backups()
    with house.running() as deliveries:
        deliveries.reported(DAILY, report, Written())
        deliveries.offer(report)
        wait_for(lambda: house.waiting() == 2 and house.failures("mail"), "both to wait")
    door.failing = False
    house.now += LONGEST_PAUSE
    for _ in range(2):
        with house.running() as deliveries:
            deliveries.offer(report)
            wait_for(lambda: house.waiting() == 0, "both to be sent")
    assert [message.subject.split(":")[0] for message, _ in door.taken] == ["vzcover", "vzcover, news"]


def test_only_targets_that_did_not_take_it_are_tried_again(tmp_path: Path) -> None:
    door = FakeDoor(leaves=("b",))
    house = House(tmp_path, channel("mail", door))
    with house.running() as deliveries:
        deliveries.reported(DAILY, specimen_with_backups(), Written())
        wait_for(lambda: house.failures("mail") == 1, "one to be left")
        door.leaves = ()
        deliveries.use(house.channels)
        wait_for(lambda: house.waiting() == 0, "the rest to be sent")
    assert [targets for _, targets in door.taken] == [("a", "b"), ("b",)]


def test_a_channel_that_hangs_or_fails_stops_no_other(tmp_path: Path) -> None:
    stuck, broken, fine = FakeDoor(hold=threading.Event()), FakeDoor(failing=True), FakeDoor()
    house = House(tmp_path, channel("stuck", stuck), channel("broken", broken), channel("fine", fine))
    with house.running() as deliveries:
        deliveries.reported(DAILY, specimen_with_backups(), Written())
        deliveries.reported(DAILY, specimen_with_backups(), Written())
        wait_for(lambda: len(fine.taken) == 2, "the one that works")
        assert stuck.tries == 1
        assert stuck.hold is not None
        stuck.hold.set()
        wait_for(lambda: len(stuck.taken) == 2, "the one that hung")
    assert house.failures("fine") == 0
    assert house.failures("broken") >= 1


def test_a_message_is_given_up_after_days_and_that_is_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    door = FakeDoor(failing=True)
    house = House(tmp_path, channel("mail", door))
    with house.running() as deliveries:
        deliveries.reported(DAILY, specimen_with_backups(), Written())
        wait_for(lambda: house.failures("mail") == 1, "a failure")
        wait_for(lambda: not deliveries._senders["mail"].is_alive(), "the sender to end")
        house.now += GIVE_UP_SECONDS + 1
        wait_for(lambda: house.waiting() == 0, "it to be given up")
    assert house.failures("mail") >= 2
    assert "a message is given up" in caplog.text


def test_pauses_double_up_to_the_longest() -> None:
    assert [pause_after(attempts) for attempts in (1, 2, 3, 6, 7, 1000)] == [60, 120, 240, 1920, 3600, 3600]


def test_the_outbox_is_readable_by_nobody_else_and_holds_no_secret(tmp_path: Path) -> None:
    house = House(tmp_path, channel("mail", FakeDoor(failing=True)))
    with house.running() as deliveries:
        deliveries.reported(DAILY, specimen_with_backups(), Written())
        wait_for(lambda: house.failures("mail") == 1, "a failure")
    assert house.file.stat().st_mode & 0o077 == 0
    with sqlite3.connect(house.file) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(message)")]
    connection.close()
    assert columns == [
        "id",
        "channel",
        "key",
        "created_at",
        "next_at",
        "attempts",
        "queued_at",
        "subject",
        "text",
        "targets",
        "brief",
    ]


@pytest.mark.parametrize("clusters", [(), ("lab",)])
def test_a_message_tells_name_and_hash_of_the_bundle_and_has_it_not_attached(
    clusters: tuple[str, ...], tmp_path: Path
) -> None:
    report = specimen_with_backups()
    files = write_files(tmp_path, report, READER, ["csv"])
    written = Written((*files, tmp_path / "vzcover-x.zip"), "ab" * 32)
    mail = channel("mail", FakeDoor(), attach=("csv",), clusters=clusters)
    message = report_message(DAILY, report, mail, written)

    assert message.text.endswith(f"\nAudit bundle vzcover-x.zip, SHA-256 {'ab' * 32}\n")
    assert [attached.name.partition(".")[2] for attached in message.attachments] == ["csv", "groups.csv"]
    assert "Audit bundle" not in report_message(DAILY, report, mail, Written(tuple(files))).text


def test_every_format_but_a_bundle_can_be_attached() -> None:
    assert set(FILE_FORMATS) == set(FORMATS) == set(FORMAT_NAMES) - {BUNDLE}
