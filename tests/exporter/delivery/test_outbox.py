"""An outbox that is corrupt, damaged inside, locked, full or gone: it costs what survives a restart, and no message goes twice."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from exporter.delivery import outbox, queue
from exporter.delivery.channel import Attachment, Message
from exporter.delivery.deliveries import FIRST_PAUSE
from exporter.delivery.outbox import Outbox, Waiting
from exporter.reports import Written
from tests.builders import NOW
from tests.exporter.delivery.house import DAILY, FakeDoor, House, channel
from tests.processes import wait_for
from tests.specimen import specimen_with_backups

PAGE = 4096


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "BUSY_SECONDS", 0.05)
    monkeypatch.setattr(queue, "RETRY_SECONDS", 0.2)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold the lock of a writer, as another program may."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def filled(file: Path, number: int = 20) -> None:
    """Queue messages with attachments for a channel that has long been tried."""
    file.parent.mkdir()
    with closing(Outbox(file)) as held:
        keys = [f"key{place}" for place in range(number)]
        waiting = [Waiting(key, "mail", NOW, NOW, ("a", "b")) for key in keys]
        files = (Attachment("report.pdf", os.urandom(5 * PAGE)),)
        held.write(waiting, {key: Message(key, NOW, key, "text" * 900, files) for key in keys}, (), {})


def aside(house: House) -> list[Path]:
    return [path for path in house.file.parent.glob("*.corrupt-*") if not path.name.endswith(("-wal", "-shm"))]


@pytest.mark.parametrize("content", [b"not a database, but long enough to be taken for a header" * 100, None])
def test_an_outbox_that_cannot_be_used_costs_only_what_survives_a_restart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes | None
) -> None:
    door = FakeDoor()
    house = House(tmp_path, channel("mail", door))
    if content is None:
        house.file.mkdir(parents=True)
    else:
        house.file.parent.mkdir()
        house.file.write_bytes(content)
    with house.running() as deliveries:
        deliveries.reported(DAILY, specimen_with_backups(), Written())
        wait_for(lambda: door.taken, "the message")
    assert "the outbox cannot be used as it should" in caplog.text
    aside = [path.read_bytes() for path in house.file.parent.glob("outbox.db.corrupt-*")]
    assert aside == ([] if content is None else [content])


def test_a_message_that_was_taken_is_not_sent_again_when_the_outbox_cannot_forget_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    door = FakeDoor(hold=threading.Event())
    house = House(tmp_path, channel("mail", door))
    with house.running() as deliveries:
        deliveries.reported(DAILY, specimen_with_backups(), Written())
        wait_for(lambda: door.tries, "the message to be on its way")
        with closing(sqlite3.connect(house.file)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert door.hold is not None
            door.hold.set()
            wait_for(lambda: house.failures("mail") or "the outbox" in caplog.text, "the outbox to be locked")
            other.rollback()
        wait_for(lambda: house.waiting() == 0, "it to be forgotten")
    assert len(door.taken) == 1


def test_an_outbox_that_is_damaged_inside_is_set_aside_and_what_comes_then_is_sent(tmp_path: Path) -> None:
    door, other = FakeDoor(), FakeDoor()
    house = House(tmp_path, channel("mail", door), channel("other", other))
    filled(house.file)
    content = bytearray(house.file.read_bytes())
    content[PAGE : 12 * PAGE] = bytes(11 * PAGE)
    house.file.write_bytes(content)
    with house.running() as deliveries:
        wait_for(lambda: aside(house), "it to be set aside")
        deliveries.reported(DAILY, specimen_with_backups(), Written())
        wait_for(lambda: door.taken and other.taken, "the message")
    assert [path.read_bytes() for path in aside(house)] == [content]
    assert (house.failures("mail"), house.failures("other"), house.waiting()) == (1, 1, 0)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE message SET targets = '[1'",
        "UPDATE message SET targets = '[[]]'",
        "UPDATE message SET next_at = 'soon'",
        "UPDATE message SET text = x'ff'",
        "UPDATE message SET subject = CAST(x'ff' AS TEXT)",
        "UPDATE attachment SET content = 5",
        "INSERT INTO told VALUES ('mail', x'ff')",
        "DROP TABLE told",
        "DROP TABLE attachment",
    ],
)
def test_a_damaged_value_has_the_outbox_set_aside_while_it_runs(statement: str, tmp_path: Path) -> None:
    door = FakeDoor()
    house = House(tmp_path, channel("mail", door, "daily", "findings"))
    filled(house.file, 1)
    with closing(sqlite3.connect(house.file)) as connection, connection:
        connection.execute(statement)
    with house.running() as deliveries:
        deliveries.offer(specimen_with_backups())
        wait_for(lambda: aside(house), "it to be set aside")
        deliveries.reported(DAILY, specimen_with_backups(), Written())
        wait_for(lambda: {message.subject.split(":")[0] for message, _ in door.taken} >= {"vzcover"}, "the message")
    assert (len(aside(house)), house.failures("mail")) == (1, 1)


def test_what_was_told_is_not_told_again_when_the_outbox_is_set_aside(tmp_path: Path) -> None:
    door = FakeDoor()
    house = House(tmp_path, channel("mail", door, "findings"))
    with house.running() as deliveries:
        deliveries.offer(specimen_with_backups())
        wait_for(lambda: door.taken, "the news")
        with closing(sqlite3.connect(house.file)) as connection, connection:
            connection.execute("DROP TABLE message")
        wait_for(lambda: aside(house), "it to be set aside")
    for _ in range(2):  # by the same daemon, and by the next
        with house.running() as deliveries:
            deliveries.offer(specimen_with_backups())
            wait_for(lambda: deliveries._offered is None, "the Report to be looked at")
            wait_for(lambda: house.waiting() == 0, "nothing to wait")
    assert len(door.taken) == 1


def test_one_who_took_a_message_does_not_get_it_again_while_the_outbox_is_locked(tmp_path: Path) -> None:
    door = FakeDoor(leaves=("b",))
    house = House(tmp_path, channel("mail", door))
    filled(house.file, 1)
    with house.running() as deliveries, locked(house.file):
        wait_for(lambda: door.tries == 1, "the first try")
        wait_for(lambda: house.failures("mail") >= 3, "the outbox to be tried again")
        house.now += FIRST_PAUSE
        wait_for(lambda: door.tries == 2, "the second try")
        wait_for(lambda: not deliveries._senders["mail"].is_alive(), "the sender to end")
        door.leaves = ()
        house.now += 2 * FIRST_PAUSE
        wait_for(lambda: door.tries == 3, "the third try")
    with house.running():
        assert house.waiting() == 0
    assert [targets for _, targets in door.taken] == [("a", "b"), ("b",), ("b",)]


def test_a_message_that_could_not_be_queued_is_sent_and_forgotten(tmp_path: Path) -> None:
    door = FakeDoor()
    house = House(tmp_path, channel("mail", door, "daily", "findings"))
    made(house)
    with house.running() as deliveries:
        with locked(house.file):
            deliveries.reported(DAILY, specimen_with_backups(), Written())
            deliveries.offer(specimen_with_backups())
            wait_for(lambda: len(door.taken) == 2, "both messages")
        deliveries.offer(specimen_with_backups())
    with house.running() as deliveries:
        deliveries.offer(specimen_with_backups())
        wait_for(lambda: deliveries._offered is None, "the Report to be looked at")
    assert (len(door.taken), house.waiting()) == (2, 0)
    assert house.failures("mail") >= 1


def made(house: House) -> None:
    house.file.parent.mkdir()
    Outbox(house.file).close()


def test_a_full_disk_costs_what_survives_a_restart_until_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = outbox._open

    def tight(file: Path) -> sqlite3.Connection:
        connection = real(file)
        connection.execute("PRAGMA max_page_count = 9")
        return connection

    door = FakeDoor(failing=True)
    house = House(tmp_path, channel("mail", door, attach=("csv",)))
    monkeypatch.setattr(outbox, "_open", tight)
    with house.running() as deliveries:
        deliveries.reported(DAILY, specimen_with_backups(), Written())
        wait_for(lambda: door.tries, "the first try")
        assert house.waiting() == 0
        monkeypatch.setattr(outbox, "_open", real)
        connection = deliveries._queue._outbox._connection  # type: ignore[union-attr]
        connection.execute("PRAGMA max_page_count = 9000")
        wait_for(lambda: house.waiting() == 1, "it to be written")
    door.failing = False
    house.now += 2 * FIRST_PAUSE
    with house.running():
        wait_for(lambda: house.waiting() == 0, "it to be sent")
    assert [len(message.attachments) for message, _ in door.taken] == [2]


def test_an_outbox_that_can_be_opened_again_takes_what_waits_in_memory(tmp_path: Path) -> None:
    door = FakeDoor(failing=True)
    house = House(tmp_path, channel("mail", door))
    house.file.mkdir(parents=True)
    with house.running() as deliveries:
        deliveries.reported(DAILY, specimen_with_backups(), Written())
        wait_for(lambda: door.tries, "the first try")
        house.file.rmdir()
        wait_for(lambda: house.file.exists() and house.waiting() == 1, "it to be written")
    door.failing = False
    house.now += FIRST_PAUSE
    with house.running():
        wait_for(lambda: house.waiting() == 0, "it to be sent")
    assert len(door.taken) == 1


def test_another_program_s_database_is_not_touched(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    door = FakeDoor()
    house = House(tmp_path, channel("mail", door))
    house.file.parent.mkdir()
    with closing(sqlite3.connect(house.file)) as connection, connection:
        connection.execute("CREATE TABLE treasure (x)")
    before = house.file.read_bytes()
    with house.running() as deliveries:
        deliveries.reported(DAILY, specimen_with_backups(), Written())
        wait_for(lambda: door.taken, "the message")
    assert house.file.read_bytes() == before
    assert house.failures("mail") >= 1
    assert "another program's database" in str([vars(record) for record in caplog.records])


def test_an_outbox_of_the_first_version_is_brought_up_to_date(tmp_path: Path) -> None:
    door = FakeDoor()
    house = House(tmp_path, channel("mail", door))
    filled(house.file, 1)
    with closing(sqlite3.connect(house.file)) as connection, connection:
        connection.execute("ALTER TABLE message DROP COLUMN brief")
        connection.execute("PRAGMA user_version = 1")
    with house.running():
        wait_for(lambda: door.taken, "the message")
    assert door.taken[0][0].brief == ""
    assert aside(house) == []
