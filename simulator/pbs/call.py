"""What a handler of the backup server is given, how a route describes itself, and how parameters are checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from simulator.answers import Answer
from simulator.pbs.answers import bad_request, forbidden, wrong_parameter
from simulator.pbs.cost import Cost
from simulator.pbs.model import Datastore, Groups, Server
from simulator.pbs.privileges import Permissions

T = TypeVar("T")
TRUE, FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off"})
NAMESPACE = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*){0,7})?")
IDENTITY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
REGEX = "value does not match the regex pattern"


@dataclass(frozen=True, slots=True)
class Call:
    """One call: `parameters` holds those of the path and of the query, each a list because arrays repeat."""

    server: Server
    permissions: Permissions
    cost: Cost
    random: Random
    now: int
    parameters: Mapping[str, Sequence[str]]

    def text(self, name: str) -> str | None:
        values = self.parameters.get(name)
        return values[-1] if values else None

    def needed(self, name: str) -> str:
        return self.parameters[name][-1]

    def number(self, name: str, default: int) -> int:
        return int(self.text(name) or default)

    def optional_number(self, name: str) -> int | None:
        value = self.text(name)
        return None if value is None else int(value)

    def flag(self, name: str) -> bool:
        return self.text(name) in TRUE

    def datastore(self) -> Datastore:
        """The datastore of the path; the genuine 400 if there is none or it cannot be read."""
        name = self.needed("store")
        if name not in self.server.datastores:
            raise bad_request(f"no such datastore '{name}'")
        found = self.server.datastores[name]
        problem = found.problem()
        if problem is not None:
            raise bad_request(problem)
        return found

    def groups(self, store: Datastore, namespace: str) -> Groups:
        """The groups of a namespace; the genuine 400 if there is none."""
        if namespace not in store.namespaces:
            raise bad_request("ENOENT: No such file or directory")
        return store.namespaces[namespace]

    def shuffled(self, rows: Sequence[T]) -> list[T]:
        """A list in an order of its own."""
        mixed = list(rows)
        self.random.shuffle(mixed)
        return mixed


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter: string, integer, boolean, namespace or identity, or one of `choices`; `array` may repeat."""

    kind: str = "string"
    choices: tuple[str, ...] = ()
    array: bool = False
    lowest: int | None = None
    highest: int | None = None
    since: tuple[int, ...] = (0,)


@dataclass(frozen=True, slots=True)
class Route:
    """A GET path with `{names}` in it; `demand` is checked before the call, and its refusal is late (M9)."""

    pattern: str
    handler: Callable[[Call], Answer]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    demand: tuple[str, ...] = ()  # path template, then privileges of which one is enough
    since: tuple[int, ...] = (0,)


def verify(route: Route, call: Call, path_names: frozenset[str]) -> None:
    """Raise the genuine 400 for the first parameter that is unknown or wrong."""
    for name, values in call.parameters.items():
        if name in path_names:
            continue
        parameter = route.parameters.get(name)
        if parameter is None or parameter.since > call.server.release:
            raise wrong_parameter(name, "schema does not allow additional properties.")
        if len(values) > 1 and not parameter.array:
            raise wrong_parameter(name, "duplicate parameter.")
        for value in values:
            problem = _problem(parameter, value)
            if problem:
                raise wrong_parameter(name, problem)


def _problem(parameter: Parameter, value: str) -> str | None:
    if parameter.choices:
        return None if value in parameter.choices else f"value '{value}' is not defined in the enumeration."
    if parameter.kind == "boolean":
        return None if value in TRUE | FALSE else "Unable to parse boolean."
    if parameter.kind == "namespace":
        return None if NAMESPACE.fullmatch(value) else REGEX
    if parameter.kind == "identity":
        return None if IDENTITY.fullmatch(value) else REGEX
    return _number_problem(parameter, value) if parameter.kind == "integer" else None


def _number_problem(parameter: Parameter, value: str) -> str | None:
    if not re.fullmatch(r"-?[0-9]+", value):
        return "Unable to parse integer."
    if parameter.lowest is not None and int(value) < parameter.lowest:
        return f"value must have a minimum value of {parameter.lowest} (got {value})"
    if parameter.highest is not None and int(value) > parameter.highest:
        return f"value must have a maximum value of {parameter.highest} (got {value})"
    return None


def demand(route: Route, call: Call) -> None:
    """Raise the late 403 unless the caller has one of the privileges that the route declares."""
    if not route.demand:
        return
    path = route.demand[0].format(**{name: values[-1] for name, values in call.parameters.items()})
    if not call.permissions.has(path, *route.demand[1:]):
        raise forbidden(late=True)
