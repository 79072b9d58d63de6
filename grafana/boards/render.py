"""Dashboards → the text of their files."""

from __future__ import annotations

import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.boards import exporter, guest, overview, retention, stores

FOLDER = Path(__file__).parents[1] / "dashboards"


def dashboards() -> tuple[Dashboard, ...]:
    """Return every dashboard."""
    return (overview.board(), guest.board(), retention.board(), stores.board(), exporter.board())


def files() -> dict[str, str]:
    """Return the text of each dashboard by the name of its file."""
    return {f"{str(board.uid).removeprefix('vzcover-')}.json": _text(board) for board in dashboards()}


def _text(board: Dashboard) -> str:
    return json.dumps(board, cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
