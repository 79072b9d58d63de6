"""pydantic's errors → ours: at their line, in plain words, with what would be right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from exporter.config.catalog import Node, children
from exporter.config.document import Document, KeyPath, found
from exporter.config.kinds import suggestion
from exporter.errors import ConfigProblem


def problems_of(error: ValidationError, document: Document, model: type[BaseModel]) -> list[ConfigProblem]:
    """Given what pydantic found, the document and its model, return the problems; no value of a setting is repeated."""
    problems = []
    for detail in error.errors(include_url=False, include_input=True, include_context=True):
        path: KeyPath = tuple(part for part in detail["loc"] if part != "[key]")
        problems.append(document.problem(path, _message(detail, path, model)))
    return problems


def _message(detail: Mapping[str, Any], path: KeyPath, model: type[BaseModel]) -> str:
    match detail["type"]:
        case "value_error":
            return str(detail["ctx"]["error"])
        case "missing":
            node = _node_at(model, path)
            return f"missing; {_expected(node)}" if node else "missing"
        case "extra_forbidden":
            parent = _model_at(model, path[:-1])
            return (
                f"no such setting; {suggestion(str(path[-1]), list(children(parent)))}" if parent else "no such setting"
            )
        case "model_type" | "model_attributes_type" | "dict_type" | "mapping_type":
            return f"expected a mapping (lines of `key: value`), found {found(detail['input'])}"
        case "tuple_type" | "list_type":
            return f"expected a list (lines that begin with `- `), found {found(detail['input'])}"
        case "string_type":
            return f"expected text, found {found(detail['input'])}"
    return "not usable"  # no other error can come from these models; a test holds that


def _expected(node: Node) -> str:
    description = (node.field.description or "").split(".")[0]
    if node.kind is None:
        return description
    form = node.kind.limits() or node.kind.word
    return f"{description} ({form})"


def _model_at(model: type[BaseModel], path: KeyPath) -> type[BaseModel] | None:
    here: type[BaseModel] | None = model
    for part in path:
        if isinstance(part, str):
            node = children(here).get(part) if here else None
            here = node.model if node else None
    return here


def _node_at(model: type[BaseModel], path: KeyPath) -> Node | None:
    parent = _model_at(model, path[:-1])
    return children(parent).get(str(path[-1])) if parent and path else None
