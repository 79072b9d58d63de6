"""What is kept of each day, what a restart finds, and what a file that cannot be used costs: the history, and nothing else."""

from __future__ import annotations

import json
import logging
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from freezegun import freeze_time

from exporter.history import database, history, schema
from exporter.history.database import migrate, open_readable, open_writable
from exporter.history.history import History
from exporter.history.reading import read_guest_days, read_past, read_totals
from report.findings import Finding, FindingCode
from report.model.groups import GroupPolicy
from report.model.guests import Coverage, Protection, RestoreProof, UsableBackup
from report.model.report import Report
from report.past import NOTHING, PastJob, only_verdicts, remember
from report.policy import Policy
from report.timeline import DayState, day_number, states_of
from report.value import changed
from tests import builders as a
from tests.exporter.history.estate import DAY, Failures, Keeper, report_of

HOUR = 3600
TODAY = day_number(a.NOW, Policy().zone)
LATE = Finding.of(FindingCode.BACKUP_LATE, newest=1, due=2, limit_seconds=3, jobs="nightly")
INFORMATION = Finding.of(FindingCode.BACKUP_DUE, newest=1, due=2, late_at=3)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "history.db"


@pytest.fixture
def keeper(file: Path) -> Keeper:
    return Keeper(file)


def rows(file: Path, statement: str) -> list[Any]:
    """Return what a statement finds in the file."""
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(statement).fetchall()


def counted(keeper: Keeper) -> tuple[int, str]:
    return keeper.failures.count, keeper.history.failure


# --- what is kept


def test_a_day_of_a_guest_holds_what_was_last_said_of_it(file: Path, keeper: Keeper) -> None:
    guest = a.backed_up_guest(
        104,
        name="web-1",
        protection=Protection.AT_RISK,
        findings=(LATE, INFORMATION),
        usable=UsableBackup("pbs1", "main", "", "vm", "104", a.NOW - 7 * HOUR, size_bytes=32 * 10**9),
        days=states_of(bytes(27) + b"\4"),
    )
    groups = (a.group_report(104), a.group_report(104, datastore="offsite", expected=5, actual=4))
    keeper.keep(report_of(guest, groups=groups))

    key, (day,) = read_guest_days(file, "lab/104", TODAY, 30)
    assert key == ("lab", 104)
    assert day.day.isoformat() == "2026-10-21"
    assert (day.coverage, day.protection, day.worst) == (Coverage.PLANNED, Protection.AT_RISK, Protection.AT_RISK)
    assert (day.newest, day.actual, day.expected, day.size) == (a.NOW - 7 * HOUR, 11, 12, 32 * 10**9)
    assert (day.findings, day.name, day.node) == (("backup_late",), "web-1", "pve1")
    assert day.backups is DayState.BACKUP


@pytest.mark.parametrize(
    ("states", "worst"),
    [
        ((Protection.PROTECTED, Protection.UNPROTECTED, Protection.PROTECTED), Protection.UNPROTECTED),
        ((Protection.AT_RISK, Protection.UNKNOWN), Protection.AT_RISK),
        ((Protection.UNKNOWN, Protection.PROTECTED), Protection.UNKNOWN),
        ((Protection.WAIVED, Protection.WAIVED), Protection.WAIVED),
    ],
)
def test_the_last_verdict_of_a_day_stands_and_its_worst_beside_it(
    states: tuple[Protection, ...], worst: Protection, file: Path
) -> None:
    for hour, state in enumerate(states):
        # each time a new one: a restart does not forget what was worse before
        Keeper(file).keep(report_of(a.backed_up_guest(100, protection=state), at=a.NOW + hour * HOUR))

    _, (day,) = read_guest_days(file, "100", TODAY, 30)
    assert (day.protection, day.worst) == (states[-1], worst)


def test_what_did_not_change_is_not_written_again(file: Path, keeper: Keeper) -> None:
    guests = [a.backed_up_guest(vmid) for vmid in range(100, 150)]
    keeper.keep(report_of(*guests))
    with closing(sqlite3.connect(file)) as other:
        changes = "SELECT total_changes()"
        assert keeper.history._connection is not None
        (before,) = keeper.history._connection.execute(changes).fetchone()
        keeper.keep(report_of(*guests[1:], a.backed_up_guest(100, protection=Protection.AT_RISK), at=a.NOW + 300))
        (after,) = keeper.history._connection.execute(changes).fetchone()
        assert other.execute("SELECT count(*) FROM guest_day").fetchone() == (50,)
    # the guest's day, what is remembered of it and when, the cluster's counts
    assert after - before == 4


def test_days_are_those_of_the_report_s_zone_across_a_clock_change(file: Path, keeper: Keeper) -> None:
    policy = Policy(zone=ZoneInfo("Europe/Paris"))
    midnight = 1_792_879_200  # 2026-10-25 00:00 in Paris; the day has 25 hours
    for instant in (midnight - 1, midnight, midnight + 25 * HOUR - 1, midnight + 25 * HOUR):
        keeper.keep(report_of(a.backed_up_guest(100, newest_backup_at=instant), at=instant, policy=policy))

    _, days = read_guest_days(file, "100", TODAY + 10, 30)
    assert [(day.day.isoformat(), (day.newest or 0) - midnight) for day in days] == [
        ("2026-10-24", -1),
        ("2026-10-25", 25 * HOUR - 1),
        ("2026-10-26", 25 * HOUR),
    ]


def test_a_clock_that_went_back_writes_its_own_day(file: Path, keeper: Keeper) -> None:
    for day in (0, 5, 1):
        keeper.keep(report_of(a.backed_up_guest(100, newest_backup_at=day), day=day))
    _, days = read_guest_days(file, "100", TODAY + 5, 30)
    assert [((day.day.day), day.newest) for day in days] == [(21, 0), (22, 1), (26, 5)]
    assert keeper.failures.count == 0


def test_counts_and_usage_are_kept_by_day(file: Path, keeper: Keeper) -> None:
    used = (3, 9, 5)
    for hour, figure in enumerate(used):
        keeper.keep(
            report_of(a.backed_up_guest(100), datastores=(a.datastore_report(used_bytes=figure),), at=a.NOW + hour)
        )
    (day,) = read_totals(file, TODAY, 30)
    assert (day.day.isoformat(), day.counts.guests, day.counts.protected) == ("2026-10-21", 1, 1)
    assert rows(file, "SELECT server, datastore, used, lowest, highest FROM datastore_day") == [
        ("pbs1", "main", 5, 3, 9)
    ]


def test_so_many_days_with_a_report_stay(file: Path) -> None:
    keeper = Keeper(file, keep_days=3)
    for day in (0, 1, 2, 3, 10):
        keeper.keep(report_of(a.backed_up_guest(100), day=day))
    for table in ("guest_day", "cluster_day"):
        assert [day - TODAY for (day,) in rows(file, f"SELECT day FROM {table}")] == [1, 2, 3, 10]
    assert rows(file, "SELECT count(*) FROM datastore_day") == [(0,)]


def test_a_clock_far_ahead_does_not_empty_the_history(file: Path, keeper: Keeper) -> None:
    for day in (0, 1, 20_000, 2):
        keeper.keep(report_of(a.backed_up_guest(100), day=day))
    assert [day.day.day for day in read_totals(file, TODAY + 2, 30)] == [21, 22, 23]


@pytest.mark.parametrize("name", ["plain", "\ud800half", "nul\0", "名前", "'; DROP TABLE guest; --", ""])
def test_any_name_is_kept(name: str, file: Path, keeper: Keeper) -> None:
    keeper.keep(report_of(a.backed_up_guest(100, name=name)))
    _, (day,) = read_guest_days(file, "100", TODAY, 30)
    assert day.name == name.encode("utf-8", "backslashreplace").decode()
    assert keeper.failures.count == 0


# --- a restart


def whole_report(at: int = a.NOW) -> Report:
    aged = changed(LATE, since=a.NOW - 5 * DAY)
    return report_of(
        a.backed_up_guest(
            100,
            findings=(aged,),
            days=states_of(bytes([0] * 20 + [4] * 7 + [1])),
            restore_seen=RestoreProof(a.NOW - DAY, "pve1", a.NOW - 2 * DAY, 900),
        ),
        a.guest_report(101, coverage=Coverage.NOT_PLANNED, excluded_volumes=("scsi1",)),
        groups=(
            a.group_report(100, policy=GroupPolicy(acts=(("job nightly", "02:00", (("keep-last", 3),)),), since=5)),
        ),
        datastores=(a.datastore_report(),),
        jobs=(a.job_report(),),
        at=at,
    )


def test_a_restart_finds_what_was_remembered(file: Path, keeper: Keeper) -> None:
    keeper.keep(whole_report())
    found = Keeper(file).history.open(a.NOW, TODAY)
    last = remember(whole_report())
    assert found == (last, only_verdicts(last))
    remembered = last.guests["lab", 100]
    assert remembered.findings == {("backup_late", ""): a.NOW - 5 * DAY}
    assert remembered.jobs == {"nightly": PastJob("02:00", a.NOW)}
    assert remembered.restore_seen == RestoreProof(a.NOW - DAY, "pve1", a.NOW - 2 * DAY, 900)
    assert read_past(file, TODAY) == found


def test_a_restart_finds_what_people_were_told_last(file: Path, keeper: Keeper) -> None:
    keeper.keep(whole_report())
    keeper.memory.reported(report_of(a.backed_up_guest(150), at=a.NOW + 200))
    keeper.keep(report_of(a.backed_up_guest(200), at=a.NOW + 300))
    assert set(read_past(file, TODAY)[1].guests) == {("lab", 150)}
    assert set(read_past(file, TODAY)[0].guests) == {("lab", 200)}


def test_an_entry_of_before_jobs_and_restores_were_remembered_is_read(file: Path, keeper: Keeper) -> None:
    keeper.keep(whole_report())
    keeper.history.close()
    older = json.dumps(["web", "pve1", Coverage.PLANNED, Protection.PROTECTED, [], ["nightly"], ["scsi1"]])
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE remembered SET value = ? WHERE kind = 'guest' AND key LIKE '%100%'", (older,))
    guest = read_past(file, TODAY)[0].guests["lab", 100]
    assert (guest.name, guest.excluded, guest.restore_seen) == ("web", frozenset({"scsi1"}), None)
    assert guest.jobs == {"nightly": PastJob("", 0)}, "since when nobody tells"


def test_an_entry_of_another_version_is_left_out(file: Path, keeper: Keeper) -> None:
    keeper.keep(whole_report())
    keeper.history.close()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE remembered SET value = '[1]' WHERE kind = 'guest' AND key LIKE '%100%'")
    last, _ = read_past(file, TODAY)
    assert set(last.guests) == {("lab", 101)}


# --- versions of the tables


def test_a_new_file_is_made_at_the_present_version(file: Path) -> None:
    open_writable(file).close()
    assert rows(file, "PRAGMA user_version") == [(schema.VERSION,)]
    assert rows(file, "PRAGMA application_id") == [(schema.APPLICATION_ID,)]
    assert rows(file, "PRAGMA journal_mode") == [("wal",)]


def test_each_step_is_taken_once_and_all_or_none() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        steps: tuple[tuple[str, ...], ...] = (("CREATE TABLE one (x)",), ("ALTER TABLE one ADD COLUMN y",))
        migrate(connection, steps[:1])
        migrate(connection, steps)
        migrate(connection, steps)
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        with pytest.raises(sqlite3.OperationalError):
            migrate(connection, (*steps, ("CREATE TABLE two (x)", "CREATE NONSENSE")))
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("one",)]


@pytest.mark.parametrize("other", ["newer", "foreign"])
def test_a_file_that_is_newer_or_not_ours_is_refused_and_not_touched(other: str, file: Path, keeper: Keeper) -> None:
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE treasure (x)")
        if other == "newer":
            connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    before = file.read_bytes()
    keeper.keep(whole_report())
    assert keeper.failures.count == 1
    assert ("a newer vzcover wrote it" if other == "newer" else "another program's database") in keeper.history.failure
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_only_its_owner_reads_the_file(file: Path, keeper: Keeper) -> None:
    keeper.keep(report_of(a.backed_up_guest(100)))
    assert {path.stat().st_mode & 0o077 for path in file.parent.iterdir()} == {0}


# --- a file that cannot be used


def test_a_locked_file_costs_the_days_while_it_is_locked(
    file: Path, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    keeper.keep(report_of(a.backed_up_guest(100)))
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        keeper.keep(report_of(a.backed_up_guest(100), day=1))
        keeper.keep(report_of(a.backed_up_guest(100), day=2))
        assert counted(keeper) == (2, f"{file}: database is locked; another program holds it; end that one")
        other.execute("ROLLBACK")
    keeper.keep(report_of(a.backed_up_guest(100), day=3))
    assert counted(keeper) == (2, "")
    assert [day.day.day for day in read_totals(file, TODAY + 3, 30)] == [21, 22, 23, 24]  # remembered meanwhile


def test_a_full_disk_costs_the_history_until_there_is_room(
    file: Path, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tight(path: Path) -> sqlite3.Connection:
        connection = open_writable(path)
        connection.execute("PRAGMA max_page_count = 20")
        return connection

    monkeypatch.setattr(history, "open_writable", tight)
    guests = [a.backed_up_guest(vmid) for vmid in range(100, 1100)]
    keeper.keep(report_of(*guests))
    assert counted(keeper) == (1, f"{file}: database or disk is full; free some space there")
    assert rows(file, "SELECT count(*) FROM guest_day") == [(0,)]

    monkeypatch.setattr(history, "open_writable", open_writable)
    keeper.keep(report_of(*guests, at=a.NOW + 300))
    assert counted(keeper) == (1, "")
    assert rows(file, "SELECT count(*) FROM guest_day") == [(1000,)]


@freeze_time("2026-10-21 09:00:00")
@pytest.mark.parametrize("damage", ["no database", "cut off", "overwritten"])
def test_a_corrupt_file_is_set_aside_and_a_new_one_begun(damage: str, file: Path) -> None:
    first = Keeper(file)
    first.keep(report_of(*(a.backed_up_guest(vmid) for vmid in range(100, 600))))
    first.history.close()
    content = file.read_bytes()
    damaged = {
        "no database": b"not a database, but something else that is long enough to be looked at" * 100,
        "cut off": content[: len(content) // 2],
        "overwritten": content[:100] + b"\xff" * (len(content) - 100),
    }[damage]
    file.write_bytes(damaged)

    keeper = Keeper(file)
    keeper.keep(report_of(a.backed_up_guest(100), at=a.NOW + 300))
    keeper.keep(report_of(a.backed_up_guest(100), at=a.NOW + 600))
    aside = file.with_name("history.db.corrupt-20261021")
    assert aside.read_bytes() == damaged
    assert keeper.failures.count == 1
    assert len(read_totals(file, TODAY, 30)) == 1

    keeper.history.close()
    file.write_bytes(damaged)
    Keeper(file).keep(report_of(a.backed_up_guest(100), at=a.NOW + 900))
    assert file.with_name("history.db.corrupt-20261021-2").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    keeper = Keeper(tmp_path / "state" / "history.db")
    keeper.keep(report_of(a.backed_up_guest(100)))
    assert keeper.failures.count == 1
    assert "let the user that runs vzcover write there" in keeper.history.failure


def test_a_failure_is_logged_once_and_counted_each_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "state").write_text("a file")
    keeper = Keeper(tmp_path / "state" / "history.db")
    with caplog.at_level(logging.WARNING):
        for minute in range(3):
            keeper.keep(report_of(a.backed_up_guest(100), at=a.NOW + 60 * minute))
    assert [record.message for record in caplog.records] == ["the history cannot be used"]
    assert keeper.failures.count == 3


def test_a_value_that_does_not_fit_costs_the_history_only(keeper: Keeper) -> None:
    keeper.keep(report_of(a.backed_up_guest(100, newest_backup_at=2**70)))
    assert keeper.failures.count == 1
    assert "does not fit" in keeper.history.failure


def test_a_command_says_what_is_wrong_with_the_file(file: Path) -> None:
    assert read_past(file, TODAY) == (NOTHING, NOTHING)
    file.parent.mkdir()
    file.write_bytes(b"nonsense" * 1000)
    last, baseline = read_past(file, TODAY)
    assert "file is not a database" in last.failure
    assert baseline == NOTHING


def test_whoever_looks_leaves_no_trace(file: Path, keeper: Keeper) -> None:
    keeper.keep(report_of(a.backed_up_guest(100)))
    assert len(read_totals(file, TODAY, 30)) == 1  # while the daemon holds it
    keeper.history.close()
    before = file.read_bytes()
    open_readable(file).close()
    assert len(read_totals(file, TODAY, 30)) == 1
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert file.read_bytes() == before


# --- killed while it writes


def test_a_history_survives_fifty_kills_while_it_is_written(tmp_path: Path) -> None:
    module = "tests.exporter.history.killed"
    done = subprocess.run(
        [sys.executable, "-m", module, str(tmp_path / "history.db"), "50"],
        stdout=subprocess.PIPE,
        check=True,
        cwd=Path(__file__).parents[3],
        timeout=120,
    )
    told = json.loads(done.stdout)
    assert told["kills"] == 50
    assert told["broken"] == []
    # some died before their transaction was there, some after
    assert 0 < told["written"] < 50


def test_histories_of_several_threads_take_turns(file: Path) -> None:
    failures = Failures()
    held = History(file, 400, failures)
    assert held.open(a.NOW, TODAY) is not None
    assert held.open(a.NOW, TODAY) is None
    held.close()
    assert failures.count == 0
