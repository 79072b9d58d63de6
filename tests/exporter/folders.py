"""Folders with limits: a disk that is soon full, a folder without rights."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.exporter.config_files import as_nobody


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Given a folder to make and a size such as "64k", mount a tmpfs there meanwhile; skip where that is not allowed."""
    folder.mkdir()
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    if mount is None or unmount is None:
        pytest.skip("needs mount")
    mounted = subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("needs the right to mount a small tmpfs")
    try:
        yield folder
    finally:
        subprocess.run([unmount, folder], check=True)


@contextmanager
def locked_folder(*names: str, mode: int = 0o555) -> Iterator[Path]:
    """Yield a folder with files of these names and this mode, and give up root's rights meanwhile; its parents can be entered."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for name in names:
            (folder / name).write_bytes(b"x")
        folder.chmod(mode)
        try:
            with as_nobody():
                yield folder
        finally:
            folder.chmod(0o755)
