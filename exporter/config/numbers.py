"""Settings that are counted: flags, whole numbers, durations, percentages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from exporter.config.document import found
from exporter.config.kinds import Kind, quoted, text_of


@dataclass(frozen=True, slots=True)
class Flag(Kind):
    """true or false; `no`, `on`, `1` are neither."""

    word: ClassVar[str] = "true or false"

    def parse(self, value: object) -> bool:
        if isinstance(value, bool):
            return value
        if value in ("true", "false"):
            return value == "true"
        shown = quoted(value) if isinstance(value, str) and value else found(value)
        raise ValueError(f"{shown} is neither true nor false; write true or false")

    def shown(self, value: bool) -> str:
        return "true" if value else "false"

    def json_schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Whole(Kind):
    """A whole number between two bounds (both included)."""

    minimum: int
    maximum: int
    word: ClassVar[str] = "whole number"

    def parse(self, value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            number = value
        else:
            text = text_of(value)
            if not re.fullmatch(r"-?[0-9]{1,15}", text):
                raise ValueError(f"{quoted(text)} is not a whole number; write one {self._span()}")
            number = int(text)
        if not self.minimum <= number <= self.maximum:
            raise ValueError(f"{number} is out of bounds; write a whole number {self._span()}")
        return number

    def _span(self) -> str:
        return f"from {self.minimum} to {self.maximum}"

    def limits(self) -> str:
        return f"{self.minimum} to {self.maximum}"

    def json_schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}


DURATION = r"(?:(\d{1,9})w)?(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s?)?"
SECONDS = (604_800, 86_400, 3_600, 60, 1)


def written_duration(seconds: int) -> str:
    """Given seconds, return them as one would write them: 300 → 5m, 86400 → 24h, 7776000 → 90d."""
    for unit, size, least in (("d", 86_400, 172_800), ("h", 3_600, 3_600), ("m", 60, 60)):
        if seconds >= least and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


@dataclass(frozen=True, slots=True)
class Duration(Kind):
    """Seconds between two bounds: `300` (seconds), `90s`, `5m`, `24h`, `1h30m`, `90d`, `2w`; a day is 86400 s."""

    minimum: int
    maximum: int
    word: ClassVar[str] = "duration"
    unit: ClassVar[str] = "seconds"

    def parse(self, value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            seconds = value
        else:
            text = text_of(value)
            parts = re.fullmatch(DURATION, text, re.ASCII)
            if parts is None:
                raise ValueError(f"{quoted(text)} is not a duration; write 300 (seconds), 90s, 5m, 24h or 1h30m")
            seconds = sum(int(part or 0) * size for part, size in zip(parts.groups(), SECONDS, strict=True))
        if not self.minimum <= seconds <= self.maximum:
            raise ValueError(f"{written_duration(seconds)} is out of bounds; write a duration {self._span()}")
        return seconds

    def _span(self) -> str:
        return f"from {written_duration(self.minimum)} to {written_duration(self.maximum)}"

    def shown(self, value: int) -> str:
        return written_duration(value)

    def limits(self) -> str:
        return f"{written_duration(self.minimum)} to {written_duration(self.maximum)}"

    def json_schema(self) -> dict[str, Any]:
        pattern = "^(?=.)" + DURATION.replace("(\\d{1,9})", "[0-9]{1,9}") + "$"
        number = {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}
        return {"anyOf": [number, {"type": "string", "pattern": pattern}]}


@dataclass(frozen=True, slots=True)
class Limit(Duration):
    """A duration, or `none` for no limit; the value of that is 0."""

    word: ClassVar[str] = "duration or none"

    def parse(self, value: object) -> int:
        unlimited = value == "none" or (value == 0 and not isinstance(value, bool))
        return 0 if unlimited else Duration.parse(self, value)

    def _span(self) -> str:
        return f"{Duration._span(self)}, or none"

    def shown(self, value: int) -> str:
        return written_duration(value) if value else "none"

    def json_schema(self) -> dict[str, Any]:
        return {"anyOf": [*Duration.json_schema(self)["anyOf"], {"const": "none"}]}


@dataclass(frozen=True, slots=True)
class Percent(Kind):
    """A part of a whole: `10%` or `0.1`; the value is the fraction."""

    maximum: int
    word: ClassVar[str] = "percentage"
    unit: ClassVar[str] = "%"

    def parse(self, value: object) -> float:
        if isinstance(value, float):
            fraction = value
        else:
            text = "0" if value == 0 and not isinstance(value, bool) else text_of(value)
            parts = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,6})?) ?(%?)", text)
            if parts is None or (not parts[2] and "." not in text and text != "0"):
                raise ValueError(f"{quoted(text)} is not a percentage; write 10% or 0.1")
            fraction = float(parts[1]) / (100 if parts[2] else 1)
        if not 0 <= fraction <= self.maximum / 100:
            raise ValueError(f"{fraction:.6g} is out of bounds; write a percentage from 0% to {self.maximum}%")
        return fraction

    def shown(self, value: float) -> str:
        return f"{value * 100:.6g}%"

    def limits(self) -> str:
        return f"0% to {self.maximum}%"

    def json_schema(self) -> dict[str, Any]:
        text = {"type": "string", "pattern": r"^[0-9]{1,3}(\.[0-9]{1,6})? ?%$"}
        return {"anyOf": [text, {"type": "number", "minimum": 0, "maximum": self.maximum / 100}]}
