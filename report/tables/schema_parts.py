"""What the JSON Schema is put together from: plain types, records, lists, and enumerations of the code's closed lists."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
FLAG: Schema = {"type": "boolean"}
FLAG_OR_NULL: Schema = {"type": ["boolean", "null"]}
COUNT: Schema = {"type": "integer", "minimum": 0}
COUNT_OR_NULL: Schema = {"type": ["integer", "null"], "minimum": 0}
VMID: Schema = {"type": "integer"}
INSTANT: Schema = {"type": "integer", "description": "epoch seconds, UTC"}
INSTANT_OR_NULL: Schema = {"type": ["integer", "null"], "description": "epoch seconds, UTC; null: not known"}
SECONDS_OR_NULL: Schema = {"type": ["integer", "null"]}
PARAMS: Schema = {"type": "object", "additionalProperties": {"type": ["string", "integer"]}}
KEEP: Schema = {
    "type": ["object", "null"],
    "description": "prune options; null: none set here, or not known",
    "additionalProperties": {"type": "integer"},
}


def described(schema: Schema, description: str) -> Schema:
    """Given a schema, return it with a description."""
    return {**schema, "description": description}


def record(**properties: Schema) -> Schema:
    """Return an object that has exactly these properties."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def listed(items: Schema) -> Schema:
    """Return an array of such items."""
    return {"type": "array", "items": items}


def one_of(values: type[StrEnum]) -> Schema:
    """Return the values of a closed list."""
    return {"enum": [str(value) for value in values]}


def counts(values: type[StrEnum]) -> Schema:
    """Return a record with a count for each value of a closed list."""
    return record(**{str(value): COUNT for value in values})


def nullable(reference_to: str) -> Schema:
    """Return a reference to a definition, or null."""
    return {"anyOf": [reference(reference_to), {"type": "null"}]}


def reference(name: str) -> Schema:
    """Return a reference to a definition."""
    return {"$ref": f"#/$defs/{name}"}
