"""What a language's table holds. Every language has the same keys and the same placeholders; a test compares them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Texts:
    """One language, keyed by codes (a reason's, an issue's) or by dotted names; `{name}` is a placeholder.

    `reasons` speak of a guest, `job_reasons` of the job itself; `remedies` and `issue_remedies` say what to do and quote names for
    a shell. A key `code.many` or `code.all` is a variant that `report.words` picks. `plurals` are (one, other). Units: ascending.
    Dates are written by patterns of Babel's, with `first_of_month` for the number 1; a blank in them is where a line may break.
    """

    reasons: Mapping[str, str]
    job_reasons: Mapping[str, str]
    remedies: Mapping[str, str]
    issues: Mapping[str, str]
    issue_remedies: Mapping[str, str]
    findings: Mapping[str, str]
    finding_meanings: Mapping[str, str]
    finding_remedies: Mapping[str, str]
    finding_names: Mapping[str, str]
    words: Mapping[str, str]
    plurals: Mapping[str, tuple[str, str]]
    byte_units: tuple[str, ...]
    second: str
    minute: str
    hour: str
    day: str
    first_of_month: str
    date_pattern: str
    instant_pattern: str
    long_date_pattern: str
