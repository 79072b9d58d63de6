"""The JSON Schemas of what the program prints or writes as JSON beside the report: `vzcover history --json`, and a bundle's about.json.

docs/history.schema.json and docs/about.schema.json are kept equal by a test.
"""

from __future__ import annotations

import json
from dataclasses import fields

from report.model.guests import Coverage, Protection
from report.tables.schema_parts import (
    COUNT,
    COUNT_OR_NULL,
    FLAG,
    INSTANT,
    INSTANT_OR_NULL,
    TEXT,
    TEXT_OR_NULL,
    VMID,
    Schema,
    described,
    listed,
    one_of,
    record,
)
from report.timeline import Counts, DayState
from report.words import LANGUAGES

_DAY: Schema = {"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
_SHA256: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}


def history_schema() -> Schema:
    """Return the JSON Schema (2020-12) of `vzcover history --json`: of all guests together, or with GUEST of one."""
    version: Schema = {"const": 1}
    protection = {"enum": [*map(str, Protection), None]}
    of_guest = record(
        day=_DAY,
        coverage=described({"enum": [*map(str, Coverage), None]}, "as last judged on the day; null: not judged"),
        protection=described(protection, "as last judged on the day; null: not judged"),
        worst=described(protection, "the worst of the day"),
        newest=described(INSTANT_OR_NULL, "newest usable backup; epoch seconds, UTC; null: none, or not known"),
        actual=described(COUNT_OR_NULL, "versions there, over all its groups"),
        expected=described(COUNT_OR_NULL, "versions expected, over all its groups"),
        size=described(COUNT_OR_NULL, "bytes of the newest usable backup"),
        findings=described(listed(TEXT), "codes of those that lowered the verdict"),
        name=TEXT_OR_NULL,
        node=TEXT_OR_NULL,
        backups=described(one_of(DayState), "what became of its backups on the day, as known by now"),
    )
    of_all = record(day=_DAY, **{field.name: COUNT for field in fields(Counts)})
    return _schema(
        "vzcover history",
        "What `vzcover history --json` prints, days oldest first. Later versions only add.",
        {
            "oneOf": [
                record(schema_version=version, days=listed(of_all)),
                record(schema_version=version, pve=TEXT, vmid=VMID, days=listed(of_guest)),
            ]
        },
    )


def about_schema() -> Schema:
    """Return the JSON Schema (2020-12) of a bundle's about.json."""
    source = record(name=TEXT, kind={"enum": ["pve", "pbs"]}, version=TEXT_OR_NULL)
    return _schema(
        "vzcover bundle",
        "What an audit bundle's about.json holds. Later versions only add.",
        record(
            bundle_version={"const": 1},
            report=described(TEXT, "name of the configured report whose chain it is in"),
            by_hand=described(FLAG, "made by `vzcover report --bundle`: in a chain beside that of the report"),
            due_at=described(INSTANT_OR_NULL, "due time that it serves; epoch seconds, UTC; null: made at no due time"),
            generated_at=INSTANT,
            language={"enum": list(LANGUAGES)},
            zone=described(TEXT, "of the instants that people read"),
            configuration_sha256=described(_SHA256, "of the settings; `vzcover check-config` prints it"),
            versions=record(vzcover=TEXT, python=TEXT, sources=listed(source)),
        ),
    )


def schema_text(schema: Schema) -> str:
    """Given a schema, return it as the text of its file."""
    return json.dumps(schema, indent=2) + "\n"


def _schema(title: str, description: str, document: Schema) -> Schema:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "description": description,
        **document,
    }
