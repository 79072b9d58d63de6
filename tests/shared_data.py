"""Where the recorded answers of genuine servers lie, and what happens when they are not there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def recorded(*parts: str) -> Path:
    """Given a path below the shared data folder, return it; skip (or fail where VZCOVER_REQUIRE is set) if it is missing."""
    path = SHARED_DATA.joinpath(*parts)
    if not path.exists():
        message = f"needs the recordings of genuine servers: {Path('..', 'shared', 'data', *parts)} is not there"
        if os.environ.get("VZCOVER_REQUIRE"):
            pytest.fail(message)
        pytest.skip(message)
    return path


def cases(name: str) -> Any:
    """Given a case table's file name, return its JSON; an empty dict where the table is missing, for use in parametrize.

    A table that is missing must not break collection: the tests that use this also call `recorded`, which skips or fails.
    """
    path = SHARED_DATA / "cases" / name
    return json.loads(path.read_text()) if path.exists() else {}
