"""The verdict on a guest's protection: one small table, the first row that applies decides. `docs/findings.md` prints it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from report.findings import Finding
from report.model.guests import Coverage, Protection
from report.model.reasons import Reason, ReasonCode
from report.value import Value, changed


class Case(Value, frozen=True):
    """What the verdict rests on. `exempt`: not demanded or waived. `has_usable`: a usable backup was seen; `recent`: within its limit,
    None where one, or a newer one, may not have been seen; `scheduled`: an active job selects it. `findings`: those that are not waived.
    """

    exempt: bool
    has_usable: bool
    recent: bool | None
    scheduled: bool
    coverage: Coverage
    findings: Sequence[Finding]
    doubts: Sequence[Reason]

    @property
    def lowered(self) -> bool:
        """Say whether any finding lowers the verdict."""
        return any(finding.lowers for finding in self.findings)


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """A row of the table: its name (a key of `report.words`), what it asks, and the verdict."""

    name: str
    applies: Callable[[Case], bool]
    verdict: Protection


VERDICTS = (
    VerdictRow("exempt", lambda case: case.exempt, Protection.WAIVED),
    VerdictRow("nothing_seen", lambda case: not case.has_usable and case.recent is None, Protection.UNKNOWN),
    VerdictRow("nothing_usable", lambda case: not case.has_usable, Protection.UNPROTECTED),
    VerdictRow("jobs_unknown", lambda case: case.coverage is Coverage.UNDECIDED, Protection.UNKNOWN),
    VerdictRow("old_or_not_seen", lambda case: not case.scheduled and case.recent is None, Protection.UNKNOWN),
    VerdictRow("old_and_no_job", lambda case: not case.scheduled and case.recent is False, Protection.UNPROTECTED),
    VerdictRow("finding", lambda case: case.lowered, Protection.AT_RISK),
    VerdictRow("doubt", lambda case: bool(case.doubts), Protection.UNKNOWN),
    VerdictRow("good", lambda case: True, Protection.PROTECTED),
)


def unless_noted(case: Case) -> Case:
    """Given the case of a guest whose notes may waive it and were not read, return it with that doubt in place of all that speaks against
    it.
    """
    if case.exempt or not (case.lowered or not case.has_usable or case.recent is False):
        return case
    doubts = (Reason.of(ReasonCode.NOTES_NOT_READ), *case.doubts)
    return changed(case, recent=case.recent or None, findings=(), doubts=doubts)


def decide(case: Case) -> tuple[VerdictRow, Protection]:
    """Given what is known of a guest, return the row that decides and its verdict."""
    row = next(row for row in VERDICTS if row.applies(case))
    return row, row.verdict
