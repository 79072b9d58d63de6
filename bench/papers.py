"""`python -m bench.papers REPORT FORMAT FOLDER`: a Report that `bench.site.report` left, written into the folder in one format; what that
cost, as JSON.
"""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path

from bench.process import Costs, measured
from bench.site.plan import ZONE
from exporter.deliver import render
from report.rows.shared import Reader

READER = Reader("en", ZONE)


def main(source: Path, name: str, folder: Path) -> None:
    """Write it, and print what that cost; the two files of a CSV are counted as one."""
    costs: Costs = {}
    report = pickle.loads(source.read_bytes())
    files = measured(costs, name, lambda: render(report, READER, (name,)))
    for ending, content in files.items():
        (folder / f"paper.{ending}").write_bytes(content)
    json.dump(costs[name] | {"bytes": sum(map(len, files.values()))}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
