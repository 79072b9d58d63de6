"""The documented returns of the API as JSON Schema, as loose about booleans and numbers as the genuine answers are."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from tests.shared_data import recorded

TRUTHS = [0, 1, "0", "1", "", True, False]


@cache
def returns_of(path: str) -> Draft202012Validator:
    """Given a path with `{names}`, return a validator of what its GET documents to return."""
    document = json.loads(recorded("pve", "api-schema-9.1.json").read_text())
    found = next(row["info"]["GET"]["returns"] for row in document["endpoints"] if row["path"] == path)
    return Draft202012Validator(_converted(found))


def _converted(schema: dict[str, Any]) -> dict[str, Any]:
    kind = schema.get("type")
    if kind == "boolean":
        return {"enum": TRUTHS}
    if kind in {"integer", "number"}:
        return {"anyOf": [{"type": kind}, {"type": "string", "pattern": "^-?[0-9.]+$"}]}
    if kind == "string":
        return {"type": ["string", "number"], **({"enum": schema["enum"]} if "enum" in schema else {})}
    if kind == "array":
        return {"type": "array", "items": _converted(schema.get("items", {}))}
    if kind == "object":
        properties = schema.get("properties", {})
        return {
            "type": "object",
            "properties": {name: _converted(one) for name, one in properties.items()},
            "required": [name for name, one in properties.items() if not one.get("optional")],
        }
    return {}
