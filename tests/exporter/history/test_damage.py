"""A history with damaged content: SQLite has no checksums, so that a wrong byte may read as a value. It costs the history only."""

from __future__ import annotations

import logging
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from exporter.errors import HistoryError
from exporter.history.history import History
from exporter.history.reading import read_guest_days, read_past, read_totals
from exporter.memory import Memory
from report.analyse import analyse
from report.past import NOTHING
from report.policy import Policy
from report.tables.json_report import to_json
from report.timeline import day_number
from tests import builders as a
from tests.exporter.history.estate import DAY, Failures, Keeper, estate_facts, report_of
from tests.report import estates as e

PAGE = 4096
DAMAGES = 120
NOW = a.NOW + 5 * DAY
TODAY = day_number(NOW, Policy().zone)
FACTS = estate_facts(e.group())
# each reads as a row; what stands there was never written
STATEMENTS = [
    "UPDATE guest_day SET cell = 300 WHERE guest = 1",
    "UPDATE guest_day SET cell = 9 WHERE guest = 1",
    "UPDATE guest_day SET cell = -1 WHERE guest = 1",
    "UPDATE guest_day SET cell = x'ff' WHERE guest = 1",
    "UPDATE guest_day SET guest = 9999 WHERE guest = 1",
    "UPDATE guest_day SET day = day + 0.5 WHERE guest = 1",
    "UPDATE guest SET vmid = 'text' WHERE id = 1",
    "UPDATE guest SET pve = x'ff00' WHERE id = 1",
    "UPDATE guest SET pve = CAST(x'ff' AS TEXT) WHERE id = 1",
    "UPDATE cluster_day SET guests = 'many'",
    "UPDATE cluster_day SET guests = -4",
    "UPDATE datastore_day SET used = 'much'",
    "UPDATE datastore_day SET total = x'00'",
    "UPDATE remembered SET value = '[1' WHERE kind = 'report'",
    "UPDATE remembered SET value = '7' WHERE kind = 'report'",
    "UPDATE remembered SET value = '[1e99, []]' WHERE kind = 'report'",
    "UPDATE remembered SET value = '[999999999999999, []]' WHERE kind = 'report'",
    "UPDATE remembered SET value = '[1, [[]]]' WHERE kind = 'report'",
    "UPDATE remembered SET value = CAST(x'ff' AS TEXT) WHERE kind = 'report'",
    f"UPDATE remembered SET value = '{'[' * 30_000}' WHERE kind = 'report'",
    "DROP TABLE datastore_day",
    "ALTER TABLE guest_day RENAME COLUMN cell TO sell",
]
# these are left out by themselves: an entry may be of a version that knew other states
ENTRIES = ["[1, 2]", '"text"', "7", "null", '["web", "pve1", "planned", "protected", [["late", "", "soon"]], [], []]']


def written(file: Path) -> bytes:
    """Write five days into the file; return its content."""
    keeper = Keeper(file)
    for day in range(5):
        at = a.NOW + day * DAY
        keeper.memory.judge(FACTS, Policy(), at)
        guests = [a.backed_up_guest(100 + vmid, newest_backup_at=at, name=f"g{vmid}") for vmid in range(40)]
        keeper.keep(report_of(*guests, at=at + 60, datastores=(a.datastore_report(),)))
    keeper.history.close()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    return file.read_bytes()


def judged(file: Path) -> Failures:
    """Judge and keep twice, as a daemon that is started on the file does; return what was counted."""
    failures = Failures()
    memory = Memory(History(file, 400, failures))
    for at in (NOW, NOW + 300):
        to_json(memory.judge(FACTS, Policy(), at), "en")
    assert memory.history is not None
    memory.history.close()
    return failures


def looked_at(file: Path) -> None:
    """Do what the commands do; a HistoryError is what they may say."""
    last, baseline = read_past(file, TODAY)
    to_json(analyse(FACTS, Policy(), NOW, last, baseline), "en")
    for read in (lambda: read_guest_days(file, "lab/100", TODAY, 30), lambda: read_totals(file, TODAY, 30)):
        try:
            read()
        except HistoryError:
            continue


def set_aside(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("*.corrupt-*") if not path.name.endswith(("-wal", "-shm"))]


def cleared(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_value_that_was_never_written_has_the_file_set_aside_and_a_new_one_begun(
    statement: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "history.db"
    written(file)
    with closing(sqlite3.connect(file)) as connection, connection:
        assert connection.execute(statement).rowcount != 0
    last, baseline = read_past(file, TODAY)
    assert last.failure
    assert (last.at, baseline) == (None, NOTHING)

    with caplog.at_level(logging.WARNING):
        assert judged(file).count == 1
    assert len(set_aside(tmp_path)) == 1
    assert "a new one is begun" in str(vars(caplog.records[0]))
    assert len(read_totals(file, TODAY, 30)) == 1


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_that_does_not_read_costs_itself_only(entry: str, tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    written(file)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE remembered SET value = ? WHERE kind = 'guest' AND key LIKE '%101%'", (entry,))
    last, _ = read_past(file, TODAY)
    assert ("lab", 101) not in last.guests
    assert ("lab", 102) in last.guests
    assert judged(file).count == 0


def test_a_command_names_a_damaged_day_of_a_guest(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    written(file)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE guest_day SET newest = 9e17")
    with pytest.raises(HistoryError, match="a value in it is damaged: "):
        read_guest_days(file, "lab/100", TODAY, 30)


def damages(content: bytes) -> Iterator[bytes]:
    """Yield the content with a byte, 32 bytes or a page of it damaged, by chance; the header stays."""
    chance = random.Random(7)
    for number in range(DAMAGES):
        length = (1, 32, PAGE)[number % 3]
        start = (
            chance.randrange(1, len(content) // PAGE) * PAGE if length == PAGE else chance.randrange(100, len(content))
        )
        damage = bytes(PAGE) if length == PAGE else chance.randbytes(length)
        yield (content[:start] + damage + content[start + length :])[: len(content)]


def test_whatever_is_damaged_there_is_a_report(tmp_path: Path) -> None:
    logging.disable(logging.CRITICAL)
    file = tmp_path / "history.db"
    content, costs = written(file), 0
    for damaged in damages(content):
        cleared(tmp_path)
        file.write_bytes(damaged)
        looked_at(file)
        failures = judged(file)
        # what cannot be used is set aside at once, and is no failure for ever
        assert failures.count == len(set_aside(tmp_path)) <= 2
        costs += failures.count > 0
    logging.disable(logging.NOTSET)
    assert 0 < costs < DAMAGES
