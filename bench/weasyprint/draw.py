"""`python draw.py HTML PDF`, with WeasyPrint's own environment: draws one file, and prints what it cost as JSON (seconds, bytes)."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from weasyprint import HTML  # type: ignore[import-not-found]

KIB = 1024


def main(source: Path, target: Path) -> None:
    """Draw it. `growth` is the most that was in memory above what was there before."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu = time.perf_counter(), time.process_time()
    HTML(filename=source).write_pdf(target)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    costs = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "growth": (after - before) * KIB}
    json.dump(costs | {"bytes": target.stat().st_size}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
