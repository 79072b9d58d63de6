"""The Report as JSON, schema version 1 (docs/report.schema.json): a contract that later versions only add to.

Instants are integer epoch seconds, UTC; null is "not known"; durations end in `_seconds`. Names and messages are exactly as the
APIs gave them, `text` fields are sentences for people.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from report.drift import Drift
from report.facts import CollectorRun, StorageState
from report.findings import Parameter
from report.model.jobs import JobReport, LastRun, StorageReport
from report.model.report import Report, Summary
from report.model.sources import Issue, MissingPrivilege, SourceReport
from report.tables.json_backups import datastore_json, group_json, pbs_job_json
from report.tables.json_findings import change_json, estate_finding_json, reason_json, scope_json
from report.tables.json_guests import guest_json
from report.tables.json_policy import policy_json
from report.tables.json_trend import trend_json
from report.version import VERSION
from report.words import describe_issue, describe_job_reason, front_sentence, schedule_text

SCHEMA_VERSION = 1
# half characters, which UTF-8 cannot carry; C1 controls, line ends and turns of direction, which json.dumps leaves as they are
_ESCAPED = re.compile("[\ud800-\udfff\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

Json = dict[str, Any]


def report_document(report: Report, language: str, *, version: str = VERSION) -> Json:
    """Given a report and the language of its `text` fields, return the document as plain dicts, lists, strings and numbers.

    Raises ValueError for a language without words.
    """
    members = _members(report, language, version)
    return {key: list(value) if isinstance(value, Iterator) else value for key, value in members}


def _members(report: Report, language: str, version: str) -> Iterator[tuple[str, object]]:
    now = report.created_at
    yield "schema_version", SCHEMA_VERSION
    yield "vzcover_version", version
    yield "generated_at", report.created_at
    yield "language", language
    yield "sentence", front_sentence(report, language)
    yield "summary", _summary(report.summary)
    yield "scope", scope_json(report.scope) if report.is_cut else None
    yield "compared_with", report.compared_with
    yield "trend", [trend_json(day) for day in report.trend]
    yield "policy", policy_json(report.policy)
    yield "sources", (_source(source) for source in report.sources)
    yield "issues", (_issue(issue, language) for issue in report.issues)
    yield "findings", (estate_finding_json(found, language, now) for found in report.findings)
    yield "changes", (change_json(change, language, now) for change in report.changes)
    yield "guests", (guest_json(guest, language, now) for guest in report.guests)
    yield "jobs", (_job(job, language) for job in report.jobs)
    yield "storages", (_storage(storage) for storage in report.storages)
    yield "groups", (group_json(group) for group in report.groups)
    yield "datastores", (datastore_json(store) for store in report.datastores)
    yield "pbs_jobs", (pbs_job_json(job, language) for job in report.pbs_jobs)


def to_json(report: Report, language: str, *, version: str = VERSION) -> str:
    """Given a report and a language, return the document as JSON text that ends in a newline; the same report gives the same text.

    Each guest, job, … is a line of its own.
    """
    return "".join(json_pieces(report, language, version=version))


def json_pieces(report: Report, language: str, *, version: str = VERSION) -> Iterator[str]:
    """Given a report and a language, yield the text of `to_json` piece by piece: the document is never in memory as a whole."""
    before = "{\n"
    for key, value in _members(report, language, version):
        yield f"{before}{_compact(key)}: "
        yield from _lines(value)
        before = ",\n"
    yield "\n}\n"


def _lines(value: object) -> Iterator[str]:
    if not isinstance(value, Iterator):
        yield _compact(value)
        return
    before = "[\n"
    for item in value:
        yield before + _compact(item)
        before = ",\n"
    yield "[]" if before == "[\n" else "\n]"


def _compact(value: object) -> str:
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


def _summary(summary: Summary) -> Json:
    return {
        "guests": summary.guests,
        "coverage": {str(state): count for state, count in summary.coverage},
        "protection": {str(state): count for state, count in summary.protection},
        "demanded": summary.demanded,
        "demanded_coverage": {str(state): count for state, count in summary.demanded_coverage},
        "backups_read": summary.backups_read,
    }


def _source(source: SourceReport) -> Json:
    failure = source.failure
    return {
        "name": source.name,
        "kind": source.kind,
        "up": source.up,
        "version": source.version,
        "fetched_at": source.fetched_at,
        "error": failure.message if failure else None,
        "error_code": failure.code if failure else None,
        "error_endpoint": failure.endpoint if failure else None,
        "missing_privileges": [_missing_privilege(missing) for missing in source.missing_privileges],
        "coverage_disagreements": source.coverage_disagreements,
        "inventory_known": source.inventory_known,
        "certificate_not_after": source.certificate_not_after,
        "collectors": [_collector(run) for run in source.collectors],
    }


def _missing_privilege(missing: MissingPrivilege) -> Json:
    return {"privilege": missing.privilege, "path": missing.path, "hides": missing.hides}


def _collector(run: CollectorRun) -> Json:
    return {
        "collector": run.collector,
        "success": run.success,
        "duration_seconds": run.duration_seconds,
        "last_success_at": run.last_success_at,
        "items": run.items,
    }


def _issue(issue: Issue, language: str) -> Json:
    return {
        "source": issue.source,
        "subject": issue.subject,
        "code": str(issue.code),
        "text": describe_issue(issue, language),
        "params": dict(issue.params),
        "guests": list(issue.guests),
    }


def _job(report: JobReport, language: str) -> Json:
    job = report.job
    return {
        "pve": report.pve,
        "id": job.id,
        "state": str(report.state),
        "reasons": [reason_json(reason, describe_job_reason(reason, language)) for reason in report.reasons],
        "guests": list(report.guests),
        "unknown_ids": list(report.unknown_ids),
        "schedule": job.schedule,
        "schedule_text": schedule_text(job.schedule, language),
        "next_run": report.next_run_at,
        "storage": report.storage,
        "node": job.node,
        "mode": job.mode,
        "keep": _keep(job.keep),
        "comment": job.comment,
        "legacy": job.legacy,
        "last_run": _last_run(report.last_run),
        "missed_runs": report.missed_runs,
    }


def _last_run(run: LastRun | None) -> Json | None:
    if run is None:
        return None
    return {
        "state": run.state,
        "started_at": run.started_at,
        "duration_seconds": run.duration_seconds,
        "status": run.status,
    }


def _storage(report: StorageReport) -> Json:
    definition = report.definition
    return {
        "pve": report.pve,
        "storage": report.storage,
        "storage_type": report.storage_type,
        "content": sorted(definition.content) if definition else None,
        "nodes": sorted(definition.nodes) if definition else None,
        "disabled": definition.disabled if definition else None,
        "shared": definition.shared if definition else None,
        "keep": _keep(definition.keep) if definition else None,
        "states": [_storage_state(state) for state in report.states],
        "drift": None if report.drift is None else [_drift(one) for one in report.drift],
        "description": report.description,
    }


def _drift(drift: Drift) -> Json:
    return {"field": drift.field, "wanted": drift.wanted, "found": drift.found}


def _storage_state(state: StorageState) -> Json:
    return {
        "node": state.node,
        "enabled": state.enabled,
        "active": state.active,
        "total_bytes": state.total_bytes,
        "used_bytes": state.used_bytes,
        "available_bytes": state.available_bytes,
    }


def _keep(keep: Sequence[tuple[str, Parameter]] | None) -> dict[str, Parameter] | None:
    return None if keep is None else dict(keep)
