"""The whole report as a PDF, beside what WeasyPrint makes of the same tables in our HTML."""

from __future__ import annotations

import json
import resource
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.measurements.common import PDF_COST, child
from bench.table import MEGA, Row, limited
from tests.simulator_process import REPOSITORY

FOLDER = REPOSITORY / "bench" / "weasyprint"
PYTHON = FOLDER / ".venv" / "bin" / "python"
SECONDS, GIGABYTES = 300, 4
"""What WeasyPrint may take before it is stopped."""
MISSING = "nothing: run `make bench`"
NO_LIBRARY = "nothing: needs Debian's libpango-1.0-0, libpangoft2-1.0-0 and libharfbuzz-subset0"
SMALL = 1_000
SMALL_COST = {"wall_seconds": (1.0, "≤ 1 s"), "growth_mb": (200.0, "≤ 200 MB")}


def paper_rows(guests: int) -> Iterator[Row]:
    """Given how many guests, draw the report of them with fpdf2, then its HTML with WeasyPrint, each in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="vzcover-bench-") as name:
        folder = Path(name)
        costs = child("bench.papers", guests, folder)["PDF"]
        goals = SMALL_COST if guests <= SMALL else PDF_COST
        yield _row(f"report of {guests:,} guests as PDF", costs, goals)
        yield _weasyprint_row(f"report of {guests:,} guests, WeasyPrint from its HTML", folder)


def _row(what: str, cost: Mapping[str, Any], goals: Mapping[str, tuple[float, str]]) -> Row:
    figures = {
        "wall_seconds": cost["wall"],
        "cpu_seconds": cost["cpu"],
        "growth_mb": cost["growth"] / MEGA,
        "megabytes": cost["bytes"] / MEGA,
    }
    measured = (
        f"{cost['wall']:.2f} s, CPU {cost['cpu']:.2f} s, +{figures['growth_mb']:.0f} MB; {figures['megabytes']:.1f} MB"
    )
    return limited(what, measured, figures, goals)


def _weasyprint_row(what: str, folder: Path) -> Row:
    if not PYTHON.exists():
        return Row(what, MISSING)
    command = [str(PYTHON), str(FOLDER / "draw.py"), str(folder / "paper.html"), str(folder / "weasyprint.pdf")]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=SECONDS, preexec_fn=_limit_memory
        )
    except subprocess.TimeoutExpired:
        return Row(what, f"nothing: stopped after {SECONDS} s")
    if done.returncode == 0:
        return _row(what, json.loads(done.stdout), {})
    if "cannot load library" in done.stderr:
        return Row(what, NO_LIBRARY)
    return Row(what, f"nothing: {GIGABYTES} GB of memory were not enough, or {done.stderr.strip()[-80:]!r}")


def _limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (GIGABYTES * 10**9, GIGABYTES * 10**9))
