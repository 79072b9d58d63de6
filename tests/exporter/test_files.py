"""Files written whole or not at all."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from exporter.errors import OutputError
from exporter.files import leftover_of, writable, write_atomically
from tests.exporter.folders import locked_folder, small_disk
from tests.simulator_process import REPOSITORY


def refusal(action: Callable[[], object]) -> str:
    with pytest.raises(OutputError) as caught:
        action()
    assert caught.value.exit_code == 4
    return str(caught.value)


def test_the_content_is_there_with_the_folders_it_needed(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"
    write_atomically(path, b"new")

    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]


def test_a_secret_is_never_readable_by_others(tmp_path: Path) -> None:
    write_atomically(tmp_path / "secret", b"s", mode=0o600)

    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_a_reader_that_has_the_old_file_open_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        write_atomically(path, b"new")

        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"


# a writer that is killed when its content is on disk and the name does not point to it yet
KILLED = """\
import os, signal, sys
from pathlib import Path
from exporter.files import write_atomically
os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)
write_atomically(Path(sys.argv[1]), b"new")
"""


def test_a_killed_writer_leaves_the_old_file_and_something_that_is_known_as_a_leftover(tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(b"old")
    ended = subprocess.run([sys.executable, "-c", KILLED, path], cwd=REPOSITORY, check=False)

    assert ended.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    assert [leftover_of(left) for left in tmp_path.iterdir() if left != path] == ["report.pdf"]


@pytest.mark.parametrize("name", ["report.pdf", ".report.pdf", ".report.pdf.part", ".report.pdf.12345678", ".bashrc"])
def test_other_files_are_not_leftovers(name: str) -> None:
    assert leftover_of(Path(name)) is None


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)

    message = refusal(lambda: write_atomically(tmp_path / "file", b"new"))
    assert (
        message
        == f"cannot write {tmp_path}/file: no space left on device; free some space there, or choose another folder"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_file_and_nothing_half_written(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "64k") as folder:
        path = folder / "file"
        write_atomically(path, b"old")
        message = refusal(lambda: write_atomically(path, bytes(1_000_000)))

        assert "no space left on device; free some space there" in message
        assert path.read_bytes() == b"old"
        assert list(folder.iterdir()) == [path]


def test_a_folder_that_is_not_writable_is_named_with_the_remedy() -> None:
    with locked_folder() as folder:
        message = refusal(lambda: write_atomically(folder / "file", b"new"))

        assert not writable(folder)
        assert not writable(folder / "below")
    assert message.endswith("permission denied; let the user that runs vzcover write there, or choose another folder")


def test_a_folder_that_is_a_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")

    for path in (tmp_path / "file" / "report.pdf", tmp_path / "file" / "below" / "report.pdf"):
        assert refusal(partial(write_atomically, path, b"new")).endswith("choose a folder, not a file")
    assert not writable(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"old"


def test_whatever_else_fails_has_a_remedy_too() -> None:
    assert refusal(lambda: write_atomically(Path("/proc/vzcover/file"), b"")).endswith("; choose another folder")


def test_a_folder_is_made_to_see_whether_it_is_writable(tmp_path: Path) -> None:
    assert writable(tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []
