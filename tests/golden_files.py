"""Golden files: whole outputs kept under tests/golden/, rewritten by `VZCOVER_UPDATE_GOLDEN=1 pytest` and read in review."""

from __future__ import annotations

import os
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"


def assert_golden(name: str, text: str) -> None:
    """Given a golden file's name and a text, fail unless they are equal; write the file instead where VZCOVER_UPDATE_GOLDEN is set."""
    assert_file(GOLDEN / name, text)


def assert_file(path: Path, text: str) -> None:
    """Given any committed file that is made from code, as `assert_golden`."""
    if os.environ.get("VZCOVER_UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    assert path.exists(), f"{path} is missing: run VZCOVER_UPDATE_GOLDEN=1 pytest"
    assert path.read_bytes().decode() == text, (
        f"{path.name} differs: run VZCOVER_UPDATE_GOLDEN=1 pytest and read the diff"
    )
