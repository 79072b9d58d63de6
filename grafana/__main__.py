"""Writes the rules: `python -m grafana [--settings FILE] [--output FOLDER]`."""

from __future__ import annotations

import argparse
from pathlib import Path

from grafana.mixin.render import files
from grafana.mixin.settings import FILE, read_settings


def main() -> None:
    """Write every file of rules into its folder, and name it."""
    parser = argparse.ArgumentParser(prog="python -m grafana", description="Write the recording and alerting rules.")
    parser.add_argument("--settings", type=Path, default=FILE, help="thresholds (default: grafana/settings.yaml)")
    parser.add_argument(
        "--output", type=Path, default=FILE.parent, help="folder for rules/ and alerts/ (default: grafana)"
    )
    chosen = parser.parse_args()
    try:
        settings = read_settings(chosen.settings)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    for name, text in files(settings).items():
        path: Path = chosen.output / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        print(path)


if __name__ == "__main__":
    main()
