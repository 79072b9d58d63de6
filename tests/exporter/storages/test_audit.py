"""The audit log: a chain that shows every change of its past, and survives being cut short."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.errors import OutputError
from exporter.storages.audit import BEGINNING, FILE_NAME, Entry, open_log, verify
from tests.exporter.config_files import as_nobody

ENTRY = Entry("lab", "vault", "create", "apply@pve!t", None, {"server": "pbs.example"}, "done")


def write(folder: Path, count: int = 1) -> Path:
    with open_log(folder, lambda: 1795233600.0) as log:
        for _ in range(count):
            log.append(ENTRY)
    return folder / FILE_NAME


def test_lines_are_chained_across_runs(tmp_path: Path) -> None:
    write(tmp_path, 2)
    path = write(tmp_path, 1)
    verdict = verify(path)

    assert (verdict.lines, verdict.problems, verdict.cut) == (3, (), ())
    assert f'"previous": "{BEGINNING}"' in path.read_text().splitlines()[0]
    assert '"time": "2026-11-21T04:00:00Z"' in path.read_text()


@pytest.mark.parametrize("left", [1, 10, 60])
def test_a_line_that_was_cut_short_stays_in_the_chain_and_is_told(tmp_path: Path, left: int) -> None:
    path = write(tmp_path, 2)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1][:left])

    assert verify(path).cut == (2,)
    write(tmp_path, 1)
    assert (verify(path).lines, verify(path).problems, verify(path).cut) == (3, (), (2,))


def test_a_cut_line_that_is_changed_afterwards_breaks_the_chain(tmp_path: Path) -> None:
    path = write(tmp_path, 2)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1][:60])
    write(tmp_path, 1)
    content = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(content[0] + content[1][:40] + b"\n" + content[2])

    assert [number for number, _ in verify(path).problems] == [3]


def test_a_whole_last_line_without_its_end_is_chained_too(tmp_path: Path) -> None:
    path = write(tmp_path, 1)
    path.write_bytes(path.read_bytes().rstrip(b"\n"))

    assert (verify(path).cut, verify(path).problems) == ((1,), ())
    write(tmp_path, 1)
    assert (verify(path).cut, verify(path).problems, verify(path).lines) == ((), (), 2)


def test_what_is_no_record_is_a_problem(tmp_path: Path) -> None:
    path = write(tmp_path, 1)
    path.write_bytes(b"hello\n" + path.read_bytes())

    assert [number for number, _ in verify(path).problems] == [1, 2]


def test_only_one_at_a_time_may_write(tmp_path: Path) -> None:
    with open_log(tmp_path, lambda: 0.0), pytest.raises(OutputError, match="another `storages apply` holds it"):
        write(tmp_path)


def test_a_folder_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    with as_nobody(), pytest.raises(OutputError, match="set state_dir to a writable folder"):
        write(Path("/proc/nowhere"))
