"""Reasons and issues in words: why a verdict is what it is, what could not be seen, and what to do about it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import UTC, tzinfo
from functools import lru_cache

from report.findings import Parameter
from report.model.reasons import Reason, ReasonCode
from report.model.sources import Issue, MissingPrivilege
from report.schedules import CalendarEvent, ScheduleError
from report.wording.formats import format_instant_with_zone
from report.wording.schedule_phrases import describe_schedule, describe_warning
from report.wording.texts import capitalise, counted, fill, join_phrases, printable, texts_of, word, word_or

_TOKEN_TO_FILL_IN = "USER@REALM!TOKEN"  # noqa: S105 (a placeholder in a command that a person completes)
_AUDIT_ROLE = "PVEAuditor"
_PBS_ROLES = {"Datastore.Audit": "DatastoreAudit", "Sys.Audit": "Audit", "Remote.Audit": "RemoteAudit"}
# paths of access rules that only a PBS has (H1)
_PBS_PATHS = ("/datastore", "/system", "/remote")
# parameters that are instants; 0 is "not known"
_INSTANTS = ("fetched_at", "newest", "at", "until")


@lru_cache(maxsize=8192)
def describe_reason(reason: Reason, language: str, zone: tzinfo = UTC) -> str:
    """Given a reason of a guest's verdict, return it as a phrase without capital or full stop; instants in `zone`, which is named."""
    table = texts_of(language).reasons
    params = _reason_params(reason, language, zone)
    return fill(table[_reason_key(reason, table)], params)


def _reason_key(reason: Reason, table: Mapping[str, str]) -> str:
    """Pick the variant: `.many` for several jobs, `.all` where no single storage is meant, `.nobody` without an owner."""
    params = dict(reason.params)
    asked = {
        "many": ", " in str(params.get("jobs", "")),
        "all": params.get("storage") == "*",
        "nobody": params.get("owner") == "",
    }
    keys = (f"{reason.code}.{variant}" for variant, holds in asked.items() if holds)
    return next((key for key in keys if key in table), reason.code)


@lru_cache(maxsize=4096)
def describe_job_reason(reason: Reason, language: str, zone: tzinfo = UTC) -> str:
    """Given a reason of a job's state, return it as a phrase that speaks of the job itself, as a job's own row needs it."""
    template = texts_of(language).job_reasons.get(reason.code)
    if template is None:
        return describe_reason(reason, language, zone)
    return fill(template, _reason_params(reason, language, zone))


def describe_remedy(reason: Reason, language: str, vmid: int) -> str:
    """Given a reason and the guest it is about, return what to do, often a command; empty where nothing is to be done.

    Names in it are quoted for a shell, because they come from outside and the reader pastes them.
    """
    table = texts_of(language).remedies
    template = table.get(_reason_key(reason, table))
    if template is None:
        return ""
    return fill(template, _quoted({**_in_place(dict(reason.params)), "vmid": vmid}))


def describe_issue(issue: Issue, language: str, zone: tzinfo = UTC) -> str:
    """Given an issue, return what it means and what to do as two sentences; instants in `zone`, which is named."""
    meaning, remedy = describe_issue_meaning(issue, language, zone), describe_issue_remedy(issue, language)
    key = "quoted_remedy.asked" if meaning.endswith("?") else "quoted_remedy"
    return word(key, language, meaning=capitalise(meaning), remedy=remedy)


@lru_cache(maxsize=4096)
def describe_issue_meaning(issue: Issue, language: str, zone: tzinfo = UTC) -> str:
    """Given an issue, return what it means, as a phrase without capital or full stop."""
    table = texts_of(language).issues
    params = _in_place(dict(issue.params))
    shown: dict[str, object] = {"source": issue.source, "subject": issue.subject, **params}
    shown["message"] = str(params.get("message", "")).rstrip(". ") or word("unknown", language)
    shown["hides"] = _hidden(params.get("hides", ""), language)
    shown["collector"] = word_or(f"collector.{params.get('collector')}", str(params.get("collector", "?")), language)
    for side in ("ours", "theirs"):
        shown[side] = params.get(side) or word("nobody", language)
    shown |= _instants(params, zone, language)
    shown["count"] = counted(params.get("count", "?"), language)
    return fill(table[_issue_key(issue, params, table)], shown)


def _issue_key(issue: Issue, params: Mapping[str, Parameter], table: Mapping[str, str]) -> str:
    """Pick the variant: `.all` where no single job is meant, `.subject` where the issue is about one part of the source."""
    if not params.get("job") and f"{issue.code}.all" in table:
        return f"{issue.code}.all"
    if issue.subject and f"{issue.code}.subject" in table:
        return f"{issue.code}.subject"
    return issue.code


def describe_issue_remedy(issue: Issue, language: str) -> str:
    """Given an issue, return what to do about it, names quoted for a shell."""
    params = dict(issue.params)
    table = texts_of(language).issue_remedies
    privilege = str(params.get("privilege", ""))
    on_pbs = str(params.get("path", "")).startswith(_PBS_PATHS) and f"{issue.code}.pbs" in table
    audit = _PBS_ROLES.get(privilege, "ROLE") if on_pbs else _AUDIT_ROLE
    role = audit if privilege.endswith(".Audit") or not privilege else "ROLE"
    token = params.get("token") or _TOKEN_TO_FILL_IN
    key = f"{issue.code}.pbs" if on_pbs else issue.code
    return fill(table[key], _quoted({**params, "token": token, "role": role}))


def describe_missing_privilege(missing: MissingPrivilege, language: str) -> str:
    """Given a privilege the token lacks, return what is missing where, and what that hides."""
    hides = _hidden(missing.hides, language)
    return word("missing_privilege", language, privilege=missing.privilege, path=missing.path, hides=hides)


def _hidden(hides: Parameter, language: str) -> str:
    return word_or(f"hides.{hides}", str(hides) or "?", language)


def schedule_in_words(text: str | None, language: str) -> str:
    """Given a job's schedule, return it in words with the text itself in brackets; the bare text where it is no calendar event."""
    if not text:
        return word("no_schedule", language)
    event = _event(text)
    if event is None:
        return printable(text)
    return word("schedule", language, words=describe_schedule(event, language), schedule=text)


def schedule_text(text: str | None, language: str) -> str | None:
    """Given a job's schedule, return it in words; None where there is none or it is no calendar event."""
    event = _event(text) if text else None
    return None if event is None else describe_schedule(event, language)


def _event(text: str) -> CalendarEvent | None:
    try:
        return CalendarEvent.parse(text.strip())
    except ScheduleError:
        return None


def _reason_params(reason: Reason, language: str, zone: tzinfo) -> dict[str, object]:
    known = _in_place(dict(reason.params))
    params: dict[str, object] = {**known, **_instants(known, zone, language)}
    if reason.code is ReasonCode.SCHEDULE_TRAP and "warning" not in params:
        event = _event(str(params.get("schedule", "")))
        warnings = event.warnings if event else ()
        params["warning"] = join_phrases((describe_warning(warning, language) for warning in warnings), language) or "?"
    return params


def _instants(params: Mapping[str, Parameter], zone: tzinfo, language: str) -> dict[str, str]:
    """Return the parameters that are instants as text."""
    return {
        name: format_instant_with_zone(value or None, zone, language)
        for name in _INSTANTS
        if isinstance(value := params.get(name), int)
    }


def _in_place(params: dict[str, Parameter]) -> dict[str, Parameter]:
    """Name a datastore with its namespace, as a path: texts speak of `datastore` and mean the place."""
    namespace = params.get("namespace")
    return params | {"datastore": f"{params.get('datastore', '?')}/{namespace}"} if namespace else params


def _quoted(params: Mapping[str, Parameter]) -> dict[str, str]:
    return {name: shlex.quote(printable(str(value))) for name, value in params.items()}
