"""The model as a tree of names: what the environment, the suggestions and the documentation go by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import NoneType
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from exporter.config.kinds import Kind

ENVIRONMENT_PREFIX = "VZCOVER__"


@dataclass(frozen=True, slots=True)
class Node:
    """One place in the model: a section (`model`), a list of sections (`model` and `many`), or a setting (`kind`).

    `many` with a kind is a list of single values.
    """

    name: str
    field: FieldInfo
    model: type[BaseModel] | None
    kind: Kind | None
    many: bool


def children(model: type[BaseModel]) -> dict[str, Node]:
    """Given a model, return its fields by name, in order."""
    return {name: _node(name, field) for name, field in model.model_fields.items()}


def _node(name: str, field: FieldInfo) -> Node:
    annotation: Any = field.annotation
    if NoneType in get_args(annotation):
        annotation = next(part for part in get_args(annotation) if part is not NoneType)
    many = get_origin(annotation) is tuple
    inner = get_args(annotation)[0] if many else annotation
    metadata = getattr(inner, "__metadata__", ()) if many else field.metadata
    if isinstance(inner, type) and issubclass(inner, BaseModel):
        return Node(name, field, inner, None, many)
    kind = next((item for item in metadata if isinstance(item, Kind)), None)
    return Node(name, field, None, kind, many)


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the documentation; `path` as people write it, with [N] where a list is."""

    path: str
    node: Node

    @property
    def variable(self) -> str:
        """The environment variable, with N for a list's index."""
        parts = self.path.replace("[N]", ".N").split(".")
        return ENVIRONMENT_PREFIX + "__".join(part if part == "N" else part.upper() for part in parts)

    @property
    def default(self) -> str:
        """The default as it is written in a file; empty where there is none."""
        value = self.node.field.default
        if self.node.field.is_required() or value is None or value == () or self.node.kind is None:
            return ""
        shown = [self.node.kind.shown(item) for item in (value if self.node.many else [value])]
        return ", ".join(shown)


def settings(model: type[BaseModel], prefix: str = "") -> Iterator[Setting]:
    """Given a model, yield all its settings, those of sections in their place."""
    for name, node in children(model).items():
        path = f"{prefix}{name}"
        if node.model is not None:
            yield from settings(node.model, f"{path}[N]." if node.many else f"{path}.")
        else:
            yield Setting(path, node)
