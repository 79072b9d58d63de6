"""The JSON Schema of the JSON report, made from the code's own closed lists; docs/report.schema.json is kept equal by a test."""

from __future__ import annotations

import json
from dataclasses import fields

from report.model.guests import Coverage, Protection
from report.model.jobs import JobState
from report.model.reasons import ReasonCode
from report.model.sources import IssueCode
from report.tables.json_report import SCHEMA_VERSION
from report.tables.schema_backups import BACKUP_DEFINITIONS
from report.tables.schema_findings import FINDING_DEFINITIONS, FOUND_OF_GUEST
from report.tables.schema_parts import (
    COUNT,
    COUNT_OR_NULL,
    FLAG,
    FLAG_OR_NULL,
    INSTANT,
    INSTANT_OR_NULL,
    KEEP,
    PARAMS,
    SECONDS_OR_NULL,
    TEXT,
    TEXT_OR_NULL,
    VMID,
    Schema,
    counts,
    described,
    listed,
    nullable,
    one_of,
    record,
    reference,
)
from report.timeline import Counts
from report.words import LANGUAGES

_DEFINITIONS: dict[str, Schema] = {
    "reason": record(code=one_of(ReasonCode), params=PARAMS, text=TEXT),
    "summary": record(
        guests=COUNT,
        coverage=counts(Coverage),
        protection=counts(Protection),
        demanded=described(COUNT, "guests that policy demands a backup of: the denominator"),
        demanded_coverage=counts(Coverage),
        backups_read=described(FLAG, "false: protection has not been judged"),
    ),
    "trend_day": record(
        day={"type": "string", "format": "date"},
        guests=COUNT,
        demanded=described(COUNT, "the next three are of these"),
        **dict.fromkeys((field.name for field in fields(Counts)[2:]), COUNT),
    ),
    "missing_privilege": record(privilege=TEXT, path=TEXT, hides=TEXT),
    "collector": record(
        collector=TEXT,
        success=FLAG,
        duration_seconds={"type": "number"},
        last_success_at=INSTANT_OR_NULL,
        items=COUNT_OR_NULL,
    ),
    "source": record(
        name=TEXT,
        kind=described(TEXT, "pve or pbs"),
        up=FLAG,
        version=TEXT_OR_NULL,
        fetched_at=described(INSTANT_OR_NULL, "the last refresh in which it answered; epoch seconds, UTC"),
        error=described(TEXT_OR_NULL, "why it could not be read in the last refresh"),
        error_code=TEXT_OR_NULL,
        error_endpoint=TEXT_OR_NULL,
        missing_privileges=listed(reference("missing_privilege")),
        coverage_disagreements=described(
            COUNT_OR_NULL, "guests where PVE's own evaluation differs; null: not compared"
        ),
        inventory_known=described(FLAG, "false: an empty list of guests means nothing"),
        certificate_not_after=INSTANT_OR_NULL,
        collectors=listed(reference("collector")),
    ),
    "issue": record(source=TEXT, subject=TEXT, code=one_of(IssueCode), text=TEXT, params=PARAMS, guests=listed(VMID)),
    "guest_job": record(id=TEXT, state=one_of(JobState), reason=nullable("reason")),
    "guest": record(
        pve=TEXT,
        vmid=VMID,
        guest_type=TEXT,
        name=TEXT_OR_NULL,
        node=TEXT,
        pool=TEXT_OR_NULL,
        tags=listed(TEXT),
        template=FLAG_OR_NULL,
        status=TEXT_OR_NULL,
        lock=TEXT_OR_NULL,
        demanded=FLAG,
        coverage=one_of(Coverage),
        protection=one_of(Protection),
        reasons=listed(reference("reason")),
        jobs=described(listed(reference("guest_job")), "every job that selects the guest, active or not"),
        next_backup=INSTANT_OR_NULL,
        rpo_seconds=described(SECONDS_OR_NULL, "longest distance between two events of its active jobs"),
        excluded_volumes=described(
            {"type": ["array", "null"], "items": TEXT}, "data volumes that no active job saves; null: not known"
        ),
        created_at=INSTANT_OR_NULL,
        notes=TEXT_OR_NULL,
        newest_backup=described(INSTANT_OR_NULL, "start of its newest good version anywhere; epoch seconds, UTC"),
        newest_verified=described(
            INSTANT_OR_NULL, "start of its newest version that was verified ok; epoch seconds, UTC"
        ),
        due=described(INSTANT_OR_NULL, "first event of its active jobs after that version; epoch seconds, UTC"),
        **FOUND_OF_GUEST,
    ),
    "last_run": record(
        state={"enum": ["ok", "warning", "error"]}, started_at=INSTANT, duration_seconds=SECONDS_OR_NULL, status=TEXT
    ),
    "job": record(
        pve=TEXT,
        id=TEXT,
        state=one_of(JobState),
        reasons=listed(reference("reason")),
        guests=described(listed(VMID), "vmids that it selects and that exist"),
        unknown_ids=described(listed(VMID), "vmids that it names and that do not exist"),
        schedule=TEXT_OR_NULL,
        schedule_text=TEXT_OR_NULL,
        next_run=INSTANT_OR_NULL,
        storage=TEXT_OR_NULL,
        node=TEXT_OR_NULL,
        mode=TEXT_OR_NULL,
        keep=KEEP,
        comment=TEXT_OR_NULL,
        legacy=FLAG,
        last_run=nullable("last_run"),
        missed_runs=described(COUNT_OR_NULL, "events of the last 7 days without a task; null: not known"),
    ),
    "storage_state": record(
        node=TEXT,
        enabled=FLAG,
        active=FLAG,
        total_bytes=COUNT_OR_NULL,
        used_bytes=COUNT_OR_NULL,
        available_bytes=COUNT_OR_NULL,
    ),
    "storage": record(
        pve=TEXT,
        storage=TEXT,
        storage_type=TEXT,
        content={"type": ["array", "null"], "items": TEXT},
        nodes=described({"type": ["array", "null"], "items": TEXT}, "empty: all nodes; null: not known"),
        disabled=FLAG_OR_NULL,
        shared=FLAG_OR_NULL,
        keep=KEEP,
        states=described(
            listed(reference("storage_state")), "empty: no node told; with `nodes` null: PVE has no such entry"
        ),
        drift=described(
            {"type": ["array", "null"], "items": reference("drift")},
            "where it is not what the file of storages says; null: not in the file, or not known",
        ),
        description=described(TEXT, "what the file of storages says of it for people"),
    ),
    "drift": record(
        field=described(
            TEXT, "an option as PVE names it; missing: there is no such entry; type: something else has its name"
        ),
        wanted=described(TEXT, "what the file says; empty: not set"),
        found=described(TEXT, "what PVE has; empty: not set"),
    ),
}


def report_schema() -> Schema:
    """Return the JSON Schema (2020-12) of what `report_document` makes."""
    document = record(
        schema_version={"const": SCHEMA_VERSION},
        vzcover_version=TEXT,
        generated_at=INSTANT,
        language={"enum": list(LANGUAGES)},
        sentence=described(TEXT, "page one's sentence"),
        summary=reference("summary"),
        scope=described(nullable("scope"), "the guests that the document is about; null: all"),
        compared_with=described(
            INSTANT_OR_NULL, "the report that `changes` start from; epoch seconds, UTC; null: none"
        ),
        trend=described(
            listed(reference("trend_day")), "at most 90 days, oldest first; a day without a report is left out"
        ),
        policy=reference("policy"),
        sources=listed(reference("source")),
        issues=listed(reference("issue")),
        findings=described(listed(reference("estate_finding")), "those about no single guest"),
        changes=described(listed(reference("change")), "losses first"),
        guests=listed(reference("guest")),
        jobs=listed(reference("job")),
        storages=listed(reference("storage")),
        groups=described(listed(reference("group")), "every backup group that was seen"),
        datastores=listed(reference("datastore")),
        pbs_jobs=described(listed(reference("pbs_job")), "prune, verify, sync and garbage collection jobs"),
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "vzcover report",
        "description": "What vzcover's JSON report holds. Later versions only add.",
        **document,
        "$defs": _DEFINITIONS | FINDING_DEFINITIONS | BACKUP_DEFINITIONS,
    }


def schema_text() -> str:
    """Return the schema as the text of docs/report.schema.json."""
    return json.dumps(report_schema(), indent=2) + "\n"
