"""The version that every rendering names; a test keeps it equal to the one in pyproject.toml."""

from __future__ import annotations

VERSION = "0.1.0"
