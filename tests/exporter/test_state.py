"""What is remembered of the reports: read back, or nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from exporter.errors import OutputError
from exporter.state import FILE_NAME, LastReports, Served
from tests.exporter.folders import locked_folder


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    LastReports(tmp_path / "new").write("daily", Served(1_790_000_000, 1_790_000_007))

    assert LastReports(tmp_path / "new").read() == {"daily": Served(1_790_000_000, 1_790_000_007)}


def test_writing_one_report_keeps_what_is_known_of_others(tmp_path: Path) -> None:
    door = LastReports(tmp_path)
    door.write("weekly", Served(5))
    door.write("daily", Served(6))
    door.write("daily", Served(7, 8))

    assert door.read() == {"weekly": Served(5), "daily": Served(7, 8)}


def test_the_file_is_json_that_people_can_read(tmp_path: Path) -> None:
    LastReports(tmp_path).write("daily", Served(7))

    assert json.loads((tmp_path / FILE_NAME).read_text()) == {"daily": {"due": 7, "written_at": None}}


def test_a_missing_file_knows_nothing(tmp_path: Path) -> None:
    assert LastReports(tmp_path / "missing").read() == {}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"daily": {"due": 17900000',  # half-written by another program
        b"\xff\xfe\x00",
        b"[]",
        b"7",
        b"null",
        b'{"daily": 7}',
        b'{"daily": {}}',
        b'{"daily": {"due": "soon"}}',
        b'{"daily": {"due": null}}',
        b'{"daily": {"due": Infinity}}',
        b'{"daily": {"due": 7, "written_at": "then"}}',
        b"[" * 100_000,
    ],
    ids=lambda content: repr(content[:30]),
)
def test_a_file_that_does_not_read_as_it_should_knows_nothing_and_is_written_anew(
    content: bytes, tmp_path: Path
) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)

    assert LastReports(tmp_path).read() == {}
    LastReports(tmp_path).write("daily", Served(7))
    assert LastReports(tmp_path).read() == {"daily": Served(7)}


def test_a_folder_that_is_not_writable_is_an_error_that_names_the_remedy() -> None:
    remedy = "permission denied; let the user that runs vzcover write there"
    with locked_folder() as folder, pytest.raises(OutputError, match=remedy):
        LastReports(folder).write("daily", Served(7))
