"""The JSON Schema of the JSON report, made from the code's own closed lists; docs/report.schema.json is kept equal by a test."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any

from report.model import Coverage, IssueCode, JobState, Protection, ReasonCode
from report.tables.json_report import SCHEMA_VERSION
from report.words import LANGUAGES

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
_FLAG: Schema = {"type": "boolean"}
_FLAG_OR_NULL: Schema = {"type": ["boolean", "null"]}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_COUNT_OR_NULL: Schema = {"type": ["integer", "null"], "minimum": 0}
_VMID: Schema = {"type": "integer"}
_INSTANT: Schema = {"type": "integer", "description": "epoch seconds, UTC"}
_INSTANT_OR_NULL: Schema = {"type": ["integer", "null"], "description": "epoch seconds, UTC; null: not known"}
_SECONDS_OR_NULL: Schema = {"type": ["integer", "null"]}
_PARAMS: Schema = {"type": "object", "additionalProperties": {"type": ["string", "integer"]}}
_KEEP: Schema = {
    "type": ["object", "null"],
    "description": "prune options; null: none set here, or not known",
    "additionalProperties": {"type": "integer"},
}


def _described(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description}


def _record(**properties: Schema) -> Schema:
    """Return an object that has exactly these properties."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _one_of(values: type[StrEnum]) -> Schema:
    return {"enum": [str(value) for value in values]}


def _counts(values: type[StrEnum]) -> Schema:
    return _record(**{str(value): _COUNT for value in values})


def _nullable(reference: str) -> Schema:
    return {"anyOf": [_reference(reference), {"type": "null"}]}


def _reference(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


_DEFINITIONS: dict[str, Schema] = {
    "reason": _record(code=_one_of(ReasonCode), params=_PARAMS, text=_TEXT),
    "summary": _record(
        guests=_COUNT,
        coverage=_counts(Coverage),
        protection=_counts(Protection),
        demanded=_described(_COUNT, "guests that policy demands a backup of: the denominator"),
        demanded_coverage=_counts(Coverage),
        backups_read=_described(_FLAG, "false: protection has not been judged"),
    ),
    "missing_privilege": _record(privilege=_TEXT, path=_TEXT, hides=_TEXT),
    "collector": _record(
        collector=_TEXT,
        success=_FLAG,
        duration_seconds={"type": "number"},
        last_success_at=_INSTANT_OR_NULL,
        items=_COUNT_OR_NULL,
    ),
    "source": _record(
        name=_TEXT,
        kind=_TEXT,
        up=_FLAG,
        version=_TEXT_OR_NULL,
        fetched_at=_described(_INSTANT_OR_NULL, "the last refresh in which it answered; epoch seconds, UTC"),
        error=_described(_TEXT_OR_NULL, "why it could not be read in the last refresh"),
        error_code=_TEXT_OR_NULL,
        error_endpoint=_TEXT_OR_NULL,
        missing_privileges=_list(_reference("missing_privilege")),
        coverage_disagreements=_described(
            _COUNT_OR_NULL, "guests where PVE's own evaluation differs; null: not compared"
        ),
        inventory_known=_described(_FLAG, "false: an empty list of guests means nothing"),
        certificate_not_after=_INSTANT_OR_NULL,
        collectors=_list(_reference("collector")),
    ),
    "issue": _record(
        source=_TEXT, subject=_TEXT, code=_one_of(IssueCode), text=_TEXT, params=_PARAMS, guests=_list(_VMID)
    ),
    "guest_job": _record(id=_TEXT, state=_one_of(JobState), reason=_nullable("reason")),
    "guest": _record(
        pve=_TEXT,
        vmid=_VMID,
        guest_type=_TEXT,
        name=_TEXT_OR_NULL,
        node=_TEXT,
        pool=_TEXT_OR_NULL,
        tags=_list(_TEXT),
        template=_FLAG_OR_NULL,
        status=_TEXT_OR_NULL,
        lock=_TEXT_OR_NULL,
        demanded=_FLAG,
        coverage=_one_of(Coverage),
        protection=_one_of(Protection),
        reasons=_list(_reference("reason")),
        jobs=_described(_list(_reference("guest_job")), "every job that selects the guest, active or not"),
        next_backup=_INSTANT_OR_NULL,
        rpo_seconds=_described(_SECONDS_OR_NULL, "longest distance between two events of its active jobs"),
        excluded_volumes=_described(
            {"type": ["array", "null"], "items": _TEXT}, "data volumes that no active job saves; null: not known"
        ),
        created_at=_INSTANT_OR_NULL,
        notes=_TEXT_OR_NULL,
    ),
    "last_run": _record(
        state={"enum": ["ok", "warning", "error"]}, started_at=_INSTANT, duration_seconds=_SECONDS_OR_NULL, status=_TEXT
    ),
    "job": _record(
        pve=_TEXT,
        id=_TEXT,
        state=_one_of(JobState),
        reasons=_list(_reference("reason")),
        guests=_described(_list(_VMID), "vmids that it selects and that exist"),
        unknown_ids=_described(_list(_VMID), "vmids that it names and that do not exist"),
        schedule=_TEXT_OR_NULL,
        schedule_text=_TEXT_OR_NULL,
        next_run=_INSTANT_OR_NULL,
        storage=_TEXT_OR_NULL,
        node=_TEXT_OR_NULL,
        mode=_TEXT_OR_NULL,
        keep=_KEEP,
        comment=_TEXT_OR_NULL,
        legacy=_FLAG,
        last_run=_nullable("last_run"),
    ),
    "storage_state": _record(
        node=_TEXT,
        enabled=_FLAG,
        active=_FLAG,
        total_bytes=_COUNT_OR_NULL,
        used_bytes=_COUNT_OR_NULL,
        available_bytes=_COUNT_OR_NULL,
    ),
    "storage": _record(
        pve=_TEXT,
        storage=_TEXT,
        storage_type=_TEXT,
        content={"type": ["array", "null"], "items": _TEXT},
        nodes=_described({"type": ["array", "null"], "items": _TEXT}, "empty: all nodes; null: not known"),
        disabled=_FLAG_OR_NULL,
        shared=_FLAG_OR_NULL,
        keep=_KEEP,
        states=_list(_reference("storage_state")),
    ),
}


def report_schema() -> Schema:
    """Return the JSON Schema (2020-12) of what `report_document` makes."""
    document = _record(
        schema_version={"const": SCHEMA_VERSION},
        vzcover_version=_TEXT,
        generated_at=_INSTANT,
        language={"enum": list(LANGUAGES)},
        sentence=_described(_TEXT, "page one's sentence"),
        summary=_reference("summary"),
        policy=_record(demand_templates=_FLAG),
        sources=_list(_reference("source")),
        issues=_list(_reference("issue")),
        guests=_list(_reference("guest")),
        jobs=_list(_reference("job")),
        storages=_list(_reference("storage")),
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "vzcover report",
        "description": "What vzcover's JSON report holds. Later versions only add.",
        **document,
        "$defs": _DEFINITIONS,
    }


def schema_text() -> str:
    """Return the schema as the text of docs/report.schema.json."""
    return json.dumps(report_schema(), indent=2) + "\n"
