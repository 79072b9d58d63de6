"""grafana/settings.yaml → the values that rows are filled with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

FILE = Path(__file__).resolve().parents[1] / "settings.yaml"
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
DURATION = re.compile(r"(\d+)([smhdw])")


@dataclass(frozen=True, slots=True)
class Settings:
    """`values`: what stands for `%(name)s` in a row; each duration also as `%(name_seconds)s`. `patience`: by name, how long."""

    runbook: str
    lingers: str
    patience: Mapping[str, str]
    values: Mapping[str, str | int]


def seconds(duration: str) -> int:
    """Given a duration such as 90s or 14d, return it in seconds."""
    found = DURATION.fullmatch(duration)
    if found is None:
        raise ValueError(f"{duration} is no duration: write a number and one of s, m, h, d, w")
    return int(found[1]) * UNITS[found[2]]


def read_settings(path: Path = FILE) -> Settings:
    """Given a settings file with all keys of grafana/settings.yaml, return it; ValueError names what is missing or unknown."""
    told, known = yaml.safe_load(path.read_text()), yaml.safe_load(FILE.read_text())
    for place, given, wanted in (("", told, known), ("patience.", told.get("patience") or {}, known["patience"])):
        if wrong := sorted(given.keys() ^ wanted.keys()):
            raise ValueError(f"{path}: {place}{wrong[0]} is {'missing' if wrong[0] in wanted else 'not known'}")
    for duration in (*told["patience"].values(), told["lingers"]):
        seconds(duration)
    values: dict[str, str | int] = {}
    for name, value in told.items():
        if name != "patience":
            values[name] = str(value)
            if DURATION.fullmatch(str(value)):
                values[f"{name}_seconds"] = seconds(str(value))
    return Settings(str(told["runbook"]), str(told["lingers"]), told["patience"], values)
