"""Every word a person reads, in English and French. The public face of the modules and tables in `report.wording`.

Phrases (reasons, findings) come without capital and full stop, so that they can be joined. Nothing here raises for odd values: a
missing parameter shows as "?", what does not print as an escape. An unknown language raises ValueError.
"""

from __future__ import annotations

from report.facts import Guest
from report.model.guests import Coverage, Protection
from report.model.jobs import JobState
from report.wording.backups import (
    describe_datastore_state,
    describe_delta,
    describe_keep,
    describe_last_run,
    describe_match,
    describe_pbs_job_type,
    describe_place,
    describe_pruner,
    describe_pruning,
    describe_retention,
    describe_versions,
    join_known,
)
from report.wording.days import (
    DAYS_TOLD,
    count_days,
    describe_bullet,
    describe_day,
    describe_forecast,
    describe_trend,
    draw_days,
    mark_of_day,
)
from report.wording.findings import (
    describe_finding,
    describe_finding_code,
    describe_finding_remedy,
    short_key,
)
from report.wording.formats import (
    describe_date,
    enumerate_words,
    format_bytes,
    format_date,
    format_duration,
    format_instant,
    format_instant_with_zone,
    format_long_instant,
    format_ratio,
    iso_instant,
    zone_name,
)
from report.wording.front import PBS, all_seen, clusters_seen, describe_guest_count, front_sentence, judged_protection
from report.wording.reasons import (
    describe_issue,
    describe_issue_meaning,
    describe_issue_remedy,
    describe_job_reason,
    describe_missing_privilege,
    describe_reason,
    describe_remedy,
    schedule_in_words,
    schedule_text,
)
from report.wording.schedule_phrases import describe_error, describe_schedule, describe_warning
from report.wording.scopes import (
    describe_finding_name,
    describe_scope,
    describe_scope_parts,
    describe_waived,
    describe_waiver_subject,
)
from report.wording.texts import (
    JOINERS,
    LANGUAGES,
    capitalise,
    format_number,
    join_phrases,
    plural,
    printable,
    word,
    word_or,
)

__all__ = [
    "DAYS_TOLD",
    "JOINERS",
    "LANGUAGES",
    "PBS",
    "all_seen",
    "capitalise",
    "clusters_seen",
    "count_days",
    "describe_bullet",
    "describe_coverage",
    "describe_datastore_state",
    "describe_date",
    "describe_day",
    "describe_delta",
    "describe_error",
    "describe_finding",
    "describe_finding_code",
    "describe_finding_name",
    "describe_finding_remedy",
    "describe_forecast",
    "describe_guest_count",
    "describe_guest_type",
    "describe_issue",
    "describe_issue_meaning",
    "describe_issue_remedy",
    "describe_job_reason",
    "describe_job_state",
    "describe_keep",
    "describe_last_run",
    "describe_match",
    "describe_missing_privilege",
    "describe_pbs_job_type",
    "describe_place",
    "describe_protection",
    "describe_pruner",
    "describe_pruning",
    "describe_reason",
    "describe_remedy",
    "describe_retention",
    "describe_schedule",
    "describe_scope",
    "describe_scope_parts",
    "describe_state",
    "describe_trend",
    "describe_versions",
    "describe_waived",
    "describe_waiver_subject",
    "describe_warning",
    "draw_days",
    "enumerate_words",
    "format_bytes",
    "format_date",
    "format_duration",
    "format_instant",
    "format_instant_with_zone",
    "format_long_instant",
    "format_number",
    "format_ratio",
    "front_sentence",
    "iso_instant",
    "join_known",
    "join_phrases",
    "judged_protection",
    "mark_of_day",
    "plural",
    "printable",
    "schedule_in_words",
    "schedule_text",
    "short_key",
    "word",
    "word_or",
    "zone_name",
]


def describe_coverage(coverage: Coverage, language: str) -> str:
    """Given a coverage, return its word ("no backup planned")."""
    return word(f"coverage.{coverage}", language)


def describe_protection(protection: Protection, language: str) -> str:
    """Given a protection, return its word ("not known")."""
    return word(f"protection.{protection}", language)


def describe_state(state: Coverage | Protection, count: int, language: str) -> str:
    """Given a state and how many guests are in it, return the word that stands beside the number ("not known")."""
    return plural(f"state.{state}", count, language)


def describe_job_state(state: JobState, language: str) -> str:
    """Given a job's state, return its word ("switched off")."""
    return word(f"job.{state}", language)


def describe_guest_type(guest: Guest, language: str) -> str:
    """Given a guest, return what it is: "VM", "CT", "VM template"; an unheard-of type as PVE names it."""
    kind = word_or(f"guest_type.{guest.guest_type}", guest.guest_type, language)
    return word("template", language, guest_type=kind) if guest.template else kind
