"""The recorded selection cases, for parametrize."""

from __future__ import annotations

from typing import Any

from tests.shared_data import cases

TABLE = "pve-selection-genuine.json"
CASES: list[dict[str, Any]] = cases(TABLE).get("cases", [])
