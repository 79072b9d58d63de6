"""Writes the dashboards: `python -m grafana.boards [--output FOLDER]`."""

from __future__ import annotations

import argparse
from pathlib import Path

from grafana.boards.render import FOLDER, files


def main() -> None:
    """Write every dashboard as a JSON file, and name it."""
    parser = argparse.ArgumentParser(prog="python -m grafana.boards", description="Write the dashboards of Grafana.")
    parser.add_argument("--output", type=Path, default=FOLDER, help="folder (default: grafana/dashboards)")
    output: Path = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    for name, text in files().items():
        (output / name).write_text(text)
        print(output / name)


if __name__ == "__main__":
    main()
