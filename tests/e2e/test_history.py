"""The history of a daemon as a process: kept over an end and a kill, and never in the way of the report."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.processes import Config, Daemon, serving, write_config
from tests.simulator_process import SimulatorHandle, running_simulator


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorHandle]:
    with running_simulator("serve", "--guests", 12) as running:
        yield running


@pytest.fixture
def config(simulator: SimulatorHandle, tmp_path: Path) -> Config:
    return write_config(tmp_path, simulator)


def told(running: Daemon) -> Any:
    return json.loads(running.get("/api/v1/report")[1])


def ages(report: Any) -> dict[tuple[int, str, str], int]:
    """Return since when each finding is open."""
    return {
        (guest["vmid"], finding["code"], finding["subject"]): finding["since"]
        for guest in report["guests"]
        for finding in guest["findings"]
    }


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_daemon_that_is_started_again_keeps_ages_and_what_changes_start_from(
    number: signal.Signals, config: Config
) -> None:
    with serving(config) as running:
        before = told(running)
        running.end(number)
    assert ages(before)
    with serving(config) as running:
        after = told(running)
        assert running.sample("vzcover_history_failures_total") == 0
        assert running.end()[0] == 0

    assert after["generated_at"] > before["generated_at"]
    assert ages(after) == ages(before)
    assert (before["compared_with"], after["compared_with"]) == (None, before["generated_at"])
    assert [len(guest["days"]) for guest in after["guests"]] == [28] * len(after["guests"])
    assert after["trend"][-1]["guests"] == len(after["guests"])


def test_a_change_while_it_was_down_is_told(config: Config) -> None:
    with serving(config) as running:
        before = told(running)
        running.end()
    with closing(sqlite3.connect(config.state / "history.db")) as connection, connection:
        connection.execute("DELETE FROM remembered WHERE kind = 'guest' AND past = 'baseline'")
    with serving(config) as running:
        changes = told(running)["changes"]
    assert {change["kind"] for change in changes} == {"new"}
    assert len(changes) == len(before["guests"])


def test_a_corrupt_history_is_set_aside_and_the_report_is_there(config: Config) -> None:
    config.state.mkdir()
    (config.state / "history.db").write_bytes(b"no database at all " * 500)
    with serving(config) as running:
        report = told(running)
        assert running.sample("vzcover_history_failures_total") == 1
        line = running.wait_for_line("the history cannot be used")
    assert "set aside as history.db.corrupt-" in line
    assert [issue["code"] for issue in report["issues"]].count("history_unavailable") == 1
    assert report["guests"]
    assert len(list(config.state.glob("history.db.corrupt-*"))) == 1


def test_a_daemon_without_history_leaves_no_file(simulator: SimulatorHandle, tmp_path: Path) -> None:
    config = write_config(tmp_path, simulator, more="history: {enabled: false}\n")
    with serving(config) as running:
        assert told(running)["trend"]
    assert not (config.state / "history.db").exists()
