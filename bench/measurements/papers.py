"""The whole report in each format; the PDF beside what WeasyPrint makes of the same tables in our HTML."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.measurements.common import PDF_COST, child, cost_row
from bench.table import Row
from exporter.deliver import FORMATS
from tests.simulator_process import REPOSITORY

FOLDER = REPOSITORY / "bench" / "weasyprint"
PYTHON = FOLDER / ".venv" / "bin" / "python"
SECONDS, GIGABYTES = 300, 4
"""What WeasyPrint may take of CPU time and of addresses before it is stopped."""
MISSING = "nothing: run `make bench`"
NO_LIBRARY = "nothing: needs Debian's libpango-1.0-0, libpangoft2-1.0-0 and libharfbuzz-subset0"
SMALL = 1_000
SMALL_COST = {"wall_seconds": (1.0, "≤ 1 s"), "growth_mb": (200.0, "≤ 200 MB")}
EVERY_FORMAT = tuple(FORMATS)
DRAWN = ("pdf", "html")


@dataclass(frozen=True, slots=True)
class Sample:
    """A report of so many guests, and the formats in which it is written; WeasyPrint draws each."""

    guests: int
    formats: tuple[str, ...]


SAMPLES = (Sample(100, DRAWN), Sample(1_000, EVERY_FORMAT), Sample(2_000, DRAWN))


def paper_rows(guests: int) -> Iterator[Row]:
    """Given how many guests, write reports of up to so many, each in each format in a process of its own."""
    for sample in samples(guests):
        yield from _sample_rows(sample)


def samples(guests: int) -> tuple[Sample, ...]:
    """Given how many guests, return the reports of fewer, and the one of so many."""
    return (*(each for each in SAMPLES if each.guests < guests), Sample(guests, EVERY_FORMAT))


def goals(name: str, guests: int) -> Mapping[str, tuple[float, str]]:
    """Given a format and how many guests, return what is hoped for: of the PDF only."""
    if name != "pdf":
        return {}
    return SMALL_COST if guests <= SMALL else PDF_COST


def _sample_rows(sample: Sample) -> Iterator[Row]:
    what = f"report of {sample.guests:,} guests"
    with tempfile.TemporaryDirectory(prefix="vzcover-bench-") as name:
        folder = Path(name)
        report = folder / "report.pickle"
        child("bench.site.report", sample.guests, report)
        for each in sample.formats:
            cost = child("bench.papers", report, each, folder)
            yield cost_row(f"{what} as {each.upper()}", cost, goals(each, sample.guests))
        yield _weasyprint_row(f"{what}, WeasyPrint from its HTML", folder)


def _weasyprint_row(what: str, folder: Path) -> Row:
    if not PYTHON.exists():
        return Row(what, MISSING)
    command = [str(PYTHON), str(FOLDER / "draw.py"), str(folder / "paper.html"), str(folder / "weasyprint.pdf")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=_limit)
    if done.returncode == 0:
        return cost_row(what, json.loads(done.stdout), {})
    if done.returncode == -signal.SIGXCPU:
        return Row(what, f"nothing: {SECONDS} s of CPU were not enough")
    if "MemoryError" in done.stderr:
        return Row(what, f"nothing: {GIGABYTES} GB of memory were not enough")
    if "cannot load library" in done.stderr:
        return Row(what, NO_LIBRARY)
    return Row(what, f"nothing: {done.stderr.strip()[-80:]!r}")


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_AS, (GIGABYTES * 10**9, GIGABYTES * 10**9))
