"""System programs that some tests need; `make test-tools` installs them."""

from __future__ import annotations

import os
import shutil

import pytest


def require(program: str) -> str:
    """Given a program's name, return its path; skip (or fail where VZCOVER_REQUIRE is set) if it is not installed."""
    found = shutil.which(program)
    if found is None:
        message = f"needs {program}: run `make test-tools`"
        if os.environ.get("VZCOVER_REQUIRE"):
            pytest.fail(message)
        pytest.skip(message)
    return found
