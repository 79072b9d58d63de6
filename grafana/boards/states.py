"""The states that metrics tell, each with the words and the colour that it is shown in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.models.dashboard import (
    DynamicConfigValue,
    Threshold,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)

GREEN, YELLOW, ORANGE, RED, BLUE, PURPLE, GREY = "green", "yellow", "orange", "red", "blue", "purple", "#8e8e8e"


@dataclass(frozen=True, slots=True)
class States:
    """A label's closed set of values, worst first: what each is called, and its colour. Tables and timelines show a state as its rank,
    so that they sort by it; the worst has the greatest.
    """

    label: str
    looks: Mapping[str, tuple[str, str]]

    @property
    def ranks(self) -> dict[str, int]:
        """Return the rank of each value."""
        return {value: len(self.looks) - 1 - place for place, value in enumerate(self.looks)}

    @property
    def mappings(self) -> list[ValueMapping]:
        """Return what makes Grafana show a rank as the state's name in its colour."""
        return mapped({rank: self.looks[value] for value, rank in self.ranks.items()})


def mapped(looks: Mapping[int, tuple[str, str]]) -> list[ValueMapping]:
    """Given the words and the colour of each number, return what makes Grafana show it so."""
    results = {
        str(number): ValueMappingResult(text=text, color=colour, index=place)
        for place, (number, (text, colour)) in enumerate(looks.items())
    }
    return [ValueMap(options=results)]


def steps(first: str, *further: tuple[float, str]) -> list[Threshold]:
    """Given the colour of the least values, and from which value on which other colour holds, return the thresholds."""
    return [Threshold(value=None, color=first), *(Threshold(value=value, color=colour) for value, colour in further)]


def properties(**values: object) -> list[DynamicConfigValue]:
    """Given settings of a field by name (two underscores are a dot), return those that have a value as Grafana's overrides."""
    return [
        DynamicConfigValue(id_val=name.replace("__", "."), value=value)
        for name, value in values.items()
        if value not in (None, "", [])
    ]


def absolute(thresholds: Sequence[Threshold]) -> dict[str, object] | None:
    """Given thresholds, return them as the value of an override, None for none."""
    return {"mode": "absolute", "steps": list(thresholds)} if thresholds else None


PROTECTION = States(
    "state",
    {
        "unprotected": ("unprotected", RED),
        "at_risk": ("at risk", ORANGE),
        "unknown": ("unknown", PURPLE),
        "protected": ("protected", GREEN),
        "waived": ("waived", BLUE),
    },
)
COVERAGE = States(
    "status",
    {
        "non_sauvegardee": ("no backup job", RED),
        "indetermine": ("not decided", PURPLE),
        "sauvegarde_planifiee": ("backup planned", GREEN),
    },
)
SEVERITY = States("severity", {"critical": ("critical", RED), "warning": ("warning", ORANGE), "info": ("info", BLUE)})
JOB = States("state", {"broken": ("broken", RED), "paused": ("paused", GREY), "active": ("active", GREEN)})
RUN = States(
    "state",
    {"error": ("error", RED), "warning": ("warning", ORANGE), "never": ("never", PURPLE), "ok": ("ok", GREEN)},
)
DATASTORE = States(
    "state",
    {
        "error": ("error", RED),
        "unmounted": ("unmounted", ORANGE),
        "maintenance": ("maintenance", YELLOW),
        "online": ("online", GREEN),
    },
)
VERIFICATION = States(
    "verification", {"failed": ("failed", RED), "none": ("not verified", GREY), "ok": ("verified", GREEN)}
)
YES = mapped({0: ("no", RED), 1: ("yes", GREEN)})
