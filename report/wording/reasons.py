"""Reasons and issues in words: why a verdict is what it is, what could not be seen, and what to do about it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import UTC, tzinfo
from functools import lru_cache

from report.model import Issue, MissingPrivilege, Parameter, Reason, ReasonCode
from report.schedules import CalendarEvent, ScheduleError
from report.wording.formats import format_instant_with_zone
from report.wording.schedule_phrases import describe_schedule, describe_warning
from report.wording.texts import capitalise, fill, join_phrases, printable, texts_of, word, word_or

_TOKEN_TO_FILL_IN = "USER@REALM!TOKEN"  # noqa: S105 (a placeholder in a command that a person completes)
_AUDIT_ROLE = "PVEAuditor"


@lru_cache(maxsize=8192)
def describe_reason(reason: Reason, language: str, zone: tzinfo = UTC) -> str:
    """Given a reason of a guest's verdict, return it as a phrase without capital or full stop; instants in `zone`, which is named."""
    table = texts_of(language).reasons
    params = _reason_params(reason, language, zone)
    many = f"{reason.code}.many"
    key = many if many in table and ", " in str(params.get("jobs", "")) else reason.code
    return fill(table[key], params)


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
    template = texts_of(language).remedies.get(reason.code)
    if template is None:
        return ""
    return fill(template, _quoted({**dict(reason.params), "vmid": vmid}))


def describe_issue(issue: Issue, language: str, zone: tzinfo = UTC) -> str:
    """Given an issue, return what it means and what to do as two sentences; instants in `zone`, which is named."""
    meaning, remedy = describe_finding(issue, language, zone), describe_issue_remedy(issue, language)
    return word("quoted_remedy", language, meaning=capitalise(meaning), remedy=remedy)


@lru_cache(maxsize=4096)
def describe_finding(issue: Issue, language: str, zone: tzinfo = UTC) -> str:
    """Given an issue, return what it means, as a phrase without capital or full stop."""
    table = texts_of(language).issues
    params = dict(issue.params)
    shown: dict[str, object] = {"source": issue.source, "subject": issue.subject, **params}
    shown["message"] = str(params.get("message", "")).rstrip(". ") or word("unknown", language)
    shown["hides"] = _hidden(params.get("hides", ""), language)
    shown["collector"] = word_or(f"collector.{params.get('collector')}", str(params.get("collector", "?")), language)
    for side in ("ours", "theirs"):
        shown[side] = params.get(side) or word("nobody", language)
    if isinstance(fetched_at := params.get("fetched_at"), int):
        shown["fetched_at"] = format_instant_with_zone(fetched_at or None, zone, language)
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
    privilege = str(params.get("privilege", ""))
    token = params.get("token") or _TOKEN_TO_FILL_IN
    role = _AUDIT_ROLE if privilege.endswith(".Audit") or not privilege else "ROLE"
    return fill(texts_of(language).issue_remedies[issue.code], _quoted({**params, "token": token, "role": role}))


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
    params: dict[str, object] = dict(reason.params)
    fetched_at = params.get("fetched_at")
    if isinstance(fetched_at, int):
        params["fetched_at"] = format_instant_with_zone(fetched_at or None, zone, language)
    if reason.code is ReasonCode.SCHEDULE_TRAP and "warning" not in params:
        event = _event(str(params.get("schedule", "")))
        warnings = event.warnings if event else ()
        params["warning"] = join_phrases((describe_warning(warning, language) for warning in warnings), language) or "?"
    return params


def _quoted(params: Mapping[str, Parameter]) -> dict[str, str]:
    return {name: shlex.quote(printable(str(value))) for name, value in params.items()}
