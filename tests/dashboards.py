"""Reads the dashboards as Grafana would: their panels, queries, and variables filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from grafana.boards.render import FOLDER

FILES = sorted(FOLDER.glob("*.json"))


@dataclass(frozen=True)
class PanelQuery:
    """One query of one panel, with the variables still in it."""

    board: str
    panel: str
    letter: str
    expression: str
    legend: str
    over_time: bool
    kind: str

    @property
    def place(self) -> str:
        return f"{self.board} / {self.panel} / {self.letter}"


def boards() -> dict[str, dict[str, Any]]:
    """Each committed dashboard by the name of its file, without the ending."""
    return {path.stem: json.loads(path.read_text()) for path in FILES}


def panels(board: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The panels of a dashboard that show something."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def queries() -> Iterator[PanelQuery]:
    """Every query of every panel of every dashboard."""
    for name, board in boards().items():
        for panel in panels(board):
            for target in panel["targets"]:
                legend = target.get("legendFormat", "")
                yield PanelQuery(
                    name, panel["title"], target["refId"], target["expr"], legend, target["range"], panel["type"]
                )


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text with its variables filled in; what is not in `values` fails."""
    return re.sub(r"\$(\w+)", lambda found: values[found[1]], text)
