"""What was measured beside what was hoped for: rows, and how they are printed and written."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MILLI = 1e3
MEGA = 1e6
HEADS = ("what", "measured", "goal", "met")


@dataclass(frozen=True, slots=True)
class Row:
    """One line: `figures` are the numbers in `measured`, for scripts; `met` is None where there is no goal."""

    what: str
    measured: str
    figures: Mapping[str, float] = field(default_factory=dict)
    goal: str = ""
    met: bool | None = None


def limited(what: str, measured: str, figures: Mapping[str, float], goals: Mapping[str, tuple[float, str]]) -> Row:
    """Given figures and, for some of them, the largest good value with its text, return the row that says whether all are met."""
    judged = bool(goals) and all(name in figures for name in goals)
    met = all(figures[name] <= most for name, (most, _) in goals.items()) if judged else None
    return Row(what, measured, figures, ", ".join(text for _, text in goals.values()), met)


def times_row(what: str, seconds: Sequence[float], p99_goal_ms: float | None = None, remark: str = "") -> Row:
    """Given how long each of some things took, return the row with their median, 99th percentile and maximum."""
    goals = {} if p99_goal_ms is None else {"p99_ms": (p99_goal_ms, f"p99 ≤ {p99_goal_ms:g} ms")}
    if not seconds:
        return limited(what, f"nothing fell into it{remark}", {}, goals)
    figures = {
        "p50_ms": MILLI * percentile(seconds, 50),
        "p99_ms": MILLI * percentile(seconds, 99),
        "max_ms": MILLI * max(seconds),
        "count": len(seconds),
    }
    measured = (
        f"p50 {figures['p50_ms']:.1f} ms, p99 {figures['p99_ms']:.1f} ms, max {figures['max_ms']:.1f} ms,"
        f" n {len(seconds)}{remark}"
    )
    return limited(what, measured, figures, goals)


def percentile(values: Sequence[float], percent: float) -> float:
    """Given values (at least one), return the smallest that so many percent of them do not exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def text_of(rows: Sequence[Row]) -> str:
    """Given the rows, return them as aligned columns."""
    words = {None: "", True: "yes", False: "NO"}
    cells = [HEADS, *((row.what, row.measured, row.goal, words[row.met]) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def write_json(path: Path, about: Mapping[str, object], rows: Sequence[Row]) -> None:
    """Given a path, what the run was and its rows, write all of it there."""
    listed: list[dict[str, Any]] = [
        {"what": row.what, "measured": row.measured, "figures": dict(row.figures), "goal": row.goal, "met": row.met}
        for row in rows
    ]
    path.write_text(json.dumps({**about, "rows": listed}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
