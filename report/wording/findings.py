"""Findings in words: what was found of a guest, what a code means, and what to do about it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import tzinfo
from functools import lru_cache

from report.findings import INSTANTS, Finding, FindingCode, Parameter
from report.wording.formats import format_bytes, format_duration, format_instant_with_zone
from report.wording.schedule_phrases import meant_schedule
from report.wording.scopes import describe_waiver_subject
from report.wording.texts import counted, fill, printable, texts_of, word

# parameters that are words of their own: their values are keys
_CODED = {"mode": "mode", "fault": "fault"}
# settings as text, empty where they are not set
_SETTINGS = ("wanted", "found")
# fingerprints of keys are shown by their first eight bytes, as PVE shows them
_KEYS = ("key", "keys")
SHORT_KEY = 23
# those of which the subject is a waiver
_OF_WAIVERS = (FindingCode.WAIVER_EXPIRING, FindingCode.WAIVER_EXPIRED)
# the parameter whose 0 or "" asks for a variant of the text, where there is one: "never" of an instant, else what is left to say
_VARIANT_WITHOUT = {
    "usable": "never",
    "newest": "never",
    "inherited": "failed",
    "failed": "inherited",
    "newest_bytes": "unsized",
    "key": "unknown",
    "storage": "offline",
    "able": "alone",
    "owner": "nobody",
}


@lru_cache(maxsize=32768)
def describe_finding(finding: Finding, language: str, zone: tzinfo, now: int) -> str:
    """Given a finding and now (epoch), return it as a phrase without capital or full stop: state, fact, limit, cause.

    Instants are in `zone`, which is named; ages are those at `now`.
    """
    table = texts_of(language).findings
    params = dict(finding.params)
    of_waiver = finding.code in _OF_WAIVERS
    subject = describe_waiver_subject(finding.subject, language) if of_waiver else finding.subject
    return fill(table[_variant(finding, table)], {"subject": subject, **_shown(params, language, zone, now)})


def describe_finding_remedy(finding: Finding, language: str, vmid: int) -> str:
    """Given a finding and the guest it is about, return what to do, often a command with names quoted for a shell; "" where nothing is."""
    table = texts_of(language).finding_remedies
    template = table.get(_variant(finding, table))
    if template is None:
        return ""
    params = {name: shlex.quote(printable(str(value))) for name, value in finding.params}
    if finding.code is FindingCode.SCHEDULE_READS_OTHERWISE:
        meant = meant_schedule(str(dict(finding.params).get("schedule", "")))
        params["meant"] = shlex.quote(printable(meant)) if meant else "SCHEDULE"
    return fill(template, {**params, "subject": shlex.quote(printable(finding.subject)), "vmid": vmid})


def describe_finding_code(code: FindingCode, language: str) -> str:
    """Given a code, return what it means, as sentences."""
    return texts_of(language).finding_meanings[str(code)]


def short_key(fingerprint: str) -> str:
    """Given a key's fingerprint, return its first eight bytes, as PVE shows it."""
    return fingerprint[:SHORT_KEY]


def _variant(finding: Finding, table: Mapping[str, str]) -> str:
    """Return the key of the finding's text in a table: that of the variant which its parameters ask for, where the table has it."""
    params = dict(finding.params)
    asked = [variant for name, variant in _VARIANT_WITHOUT.items() if params.get(name) in (0, "")]
    # what only the source of a copy verified says so before all else (H7)
    variants = (*(["source"] if params.get("source") else []), *asked[:1], params.get("field"))
    keys = (f"{finding.code}.{variant}" for variant in variants)
    return next((key for key in keys if key in table), str(finding.code))


def _shown(params: Mapping[str, Parameter], language: str, zone: tzinfo, now: int) -> dict[str, object]:
    """Return parameters as text: instants with their age, durations, sizes, the rule in force."""
    shown: dict[str, object] = {}
    for name, value in params.items():
        if name in INSTANTS and isinstance(value, int):
            shown[name] = format_instant_with_zone(value or None, zone, language)
            shown[f"{name}_age"] = format_duration(now - value, language) if value else word("unknown", language)
        elif name.endswith("_seconds") and isinstance(value, int):
            shown[name.removesuffix("_seconds")] = format_duration(value, language)
        elif name.endswith("_bytes") and isinstance(value, int):
            shown[name.removesuffix("_bytes")] = format_bytes(value, language)
        elif name == "rule":
            shown[name] = word("rule.named", language, rule=value) if value else word("rule.default", language)
        elif name in _KEYS:
            shown[name] = ", ".join(map(short_key, str(value).split(", ")))
        elif name in _SETTINGS and value == "":
            shown[name] = word("not_set", language)
        elif name in _CODED:
            shown[name] = texts_of(language).words.get(f"{_CODED[name]}.{value}", str(value))
        else:
            shown[name] = word("none", language) if value == "" else counted(value, language)
    return shown
