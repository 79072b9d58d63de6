"""Which guests a report is about, in words."""

from __future__ import annotations

from report.policy import Scope
from report.rows.shared import Reader
from report.words import describe_scope_parts


def scope_in_words(scope: Scope, reader: Reader) -> str:
    """Given the scope of a report, return the sentence that names it; "" for the empty one."""
    parts = describe_scope_parts(scope, reader.language)
    return reader.word("scope", parts=parts) if parts else ""
