"""What a handler is given, and how a route describes itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.answers import Answer, bad_parameters
from simulator.calendar_events import EventError, parse
from simulator.model import Cluster
from simulator.privileges import Permissions

UNDEFINED = "property is not defined in schema and the schema does not allow additional properties"
MISSING = "property is missing and it is not optional"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of one token at one instant (epoch seconds); `parameters` holds those of the path and of the query."""

    cluster: Cluster
    permissions: Permissions
    now: int
    parameters: Mapping[str, str]

    def text(self, name: str) -> str | None:
        return self.parameters.get(name)

    def number(self, name: str, default: int) -> int:
        return int(self.parameters.get(name, default))

    def flag(self, name: str) -> bool:
        return self.parameters.get(name, "0") in {"1", "yes", "on", "true"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a route: integer, boolean, event or string, or one of `choices`; `since` is the first release."""

    kind: str = "string"
    choices: tuple[str, ...] = ()
    needed: bool = False
    since: tuple[int, int] = (0, 0)
    lowest: int | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """A GET path with `{names}` in it, who may call it, and whether its node answers it (`proxied`)."""

    pattern: str
    handler: Callable[[Call], Answer]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    demand: tuple[str, ...] = ()  # path template, then privileges of which one is enough
    proxied: bool = False
    since: tuple[int, int] = (0, 0)


Changed = tuple[Cluster, object]  # the cluster as it is now, and the data of the answer


@dataclass(frozen=True, slots=True)
class WriteRoute:
    """A path that POST, PUT or DELETE changes something with, and who may; the handler checks the parameters itself."""

    method: str
    pattern: str
    handler: Callable[[Call], Changed]
    demand: tuple[str, ...]


def verify(route: Route, call: Call, path_names: frozenset[str]) -> None:
    """Raise the genuine 400 if a query parameter is unknown, missing or of the wrong kind (M7)."""
    errors: dict[str, str] = {}
    known = {name: row for name, row in route.parameters.items() if row.since <= call.cluster.release}
    for name, value in call.parameters.items():
        allowed = None if name in path_names else UNDEFINED
        problem = _problem(known[name], value) if name in known else allowed
        if problem:
            errors[name] = problem
    errors |= {name: MISSING for name, row in known.items() if row.needed and name not in call.parameters}
    if errors:
        raise bad_parameters(errors)


def _problem(parameter: Parameter, value: str) -> str | None:
    if parameter.choices and value not in parameter.choices:
        return f"value '{value}' does not have a value in the enumeration '{', '.join(parameter.choices)}'"
    if parameter.kind == "integer" and not value.removeprefix("-").isdecimal():
        return f"type check ('integer') failed - got '{value}'"
    if parameter.kind == "integer" and parameter.lowest is not None and int(value) < parameter.lowest:
        return f"value must have a minimum value of {parameter.lowest}"
    if parameter.kind == "boolean" and value not in {"0", "1", "yes", "no", "on", "off", "true", "false"}:
        return f"type check ('boolean') failed - got '{value}'"
    if parameter.kind == "event":
        return _event_problem(value)
    return None


def _event_problem(value: str) -> str | None:
    try:
        parse(value)
    except EventError as error:
        return f"invalid format - invalid calendar event '{value}' - unable to parse calendar event - {error}\n\n"
    return None


Row = dict[str, Any]
