"""Our evaluation against PVE's own: we predict `included_volumes` and `not-backed-up`, and compare for equality (B11–B13).

Only answers of one cycle are compared: facts held from an earlier refresh prove nothing about today's answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from report.facts import ClusterFacts, IncludedGuest, OracleAnswer, Reading
from report.jobs import JudgedJob
from report.model.sources import Issue, IssueCode
from report.view import ClusterView

SHOWN_AT_MOST = 20
# what included_volumes calls an id that no guest has (B13)
NO_GUEST = "unknown"


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many guests differ (None: nothing could be compared), and one issue a difference."""

    disagreements: int | None
    issues: tuple[Issue, ...] = ()


def compare_with_pve(facts: ClusterFacts, judged: Sequence[JudgedJob] | None, view: ClusterView) -> Agreement:
    """Given one cluster's facts, its judged jobs and its view, return where PVE's own answers differ from what we predict."""
    if (
        judged is None
        or view.guests is None
        or not _same_cycle(facts, facts.inventory)
        or not _same_cycle(facts, facts.jobs)
    ):
        return Agreement(None)
    issues: list[Issue] = []
    different = compared = 0
    for job in judged:
        answer = facts.included.get(job.job.id)
        if answer is None or answer.value is None or not _same_cycle(facts, answer) or job.pool_hidden:
            continue
        compared += 1
        found = _compare_job(facts.name, job, answer.value, view)
        issues += found
        different += _weight(found)
    uncovered = facts.not_backed_up
    if uncovered.value is not None and _same_cycle(facts, uncovered):
        compared += 1
        found = _compare_uncovered(facts.name, judged, uncovered.value, view)
        issues += found
        different += _weight(found)
    return Agreement(different if compared else None, tuple(issues))


def covered_by_hidden_jobs(
    facts: ClusterFacts, judged: Sequence[JudgedJob] | None, view: ClusterView
) -> frozenset[int]:
    """Given one cluster's facts, its judged jobs and its view, return the guests that no listed job selects and that PVE does not count as
    not backed up (B11): a job selects them that is not in the list, so that none is no answer.
    """
    uncovered = facts.not_backed_up
    if judged is None or uncovered.value is None or uncovered.value.value is None:
        return frozenset()
    same = all(_same_cycle(facts, reading) for reading in (facts.inventory, facts.jobs, uncovered))
    if not same or any(job.pool_hidden or job.selection.broken for job in judged):
        return frozenset()
    selected = frozenset().union(*(job.selection.guests for job in judged))
    return frozenset(guest.vmid for guest in view.guests or ()) - selected - uncovered.value.value


def _same_cycle(facts: ClusterFacts, reading: Reading[object]) -> bool:
    return reading.failure is None and reading.fetched_at is not None and reading.fetched_at >= facts.attempted_at


def _compare_job(
    source: str, job: JudgedJob, answer: OracleAnswer[tuple[IncludedGuest, ...]], view: ClusterView
) -> list[Issue]:
    if answer.value is None or job.selection.broken:
        return _compare_refusal(source, job.job.id, answer.refused, expected=job.selection.broken is not None)
    theirs = frozenset(guest.vmid for guest in answer.value if guest.guest_type != NO_GUEST)
    found = _difference(source, job.job.id, job.selection.guests, theirs)
    if view.permissions is None:
        return found
    # ids without a guest are listed only to those who may see that id (B13); a guest that differs is named once
    dead = frozenset(vmid for vmid in job.selection.unknown_ids if view.may_see(vmid))
    named = frozenset(guest.vmid for guest in answer.value if guest.guest_type == NO_GUEST)
    return found or _difference(source, job.job.id, dead, named)


def _compare_uncovered(
    source: str, judged: Sequence[JudgedJob], answer: OracleAnswer[frozenset[int]], view: ClusterView
) -> list[Issue]:
    """Compare with the list of guests not backed up: PVE counts disabled jobs as cover (B11), so here the prediction does, too."""
    broken = any(job.selection.broken for job in judged)
    if answer.value is None or broken:
        return _compare_refusal(source, "", answer.refused, expected=broken)
    guests = view.guests or ()
    selected = frozenset().union(*(job.selection.guests for job in judged))
    undecided = (
        frozenset(guest.vmid for guest in guests if guest.pool is None)
        if any(job.pool_hidden for job in judged)
        else frozenset()
    )
    ours = frozenset(guest.vmid for guest in guests) - selected - undecided
    return _difference(source, "", ours, answer.value - undecided)


def _compare_refusal(source: str, job: str, refused: str | None, *, expected: bool) -> list[Issue]:
    """A refusal that B12 predicts is agreement; one that it does not, or a predicted one that did not come, is not."""
    if (refused is not None) == expected:
        return []
    code = IssueCode.ORACLE_REFUSED if refused is not None else IssueCode.ORACLE_SILENT
    return [Issue(source, job, code, (("job", job), ("message", refused or "")))]


def _difference(source: str, job: str, ours: frozenset[int], theirs: frozenset[int]) -> list[Issue]:
    if ours == theirs:
        return []
    params = (("job", job), ("ours", _listed(ours - theirs)), ("theirs", _listed(theirs - ours)))
    return [Issue(source, job, IssueCode.COVERAGE_DISAGREEMENT, params, tuple(sorted(ours ^ theirs)))]


def _listed(vmids: frozenset[int]) -> str:
    shown = ", ".join(str(vmid) for vmid in sorted(vmids)[:SHOWN_AT_MOST])
    return f"{shown}, …" if len(vmids) > SHOWN_AT_MOST else shown


def _weight(issues: Sequence[Issue]) -> int:
    """Count the guests that differ; a refusal counts as one, because it says nothing of guests."""
    return sum(len(issue.guests) or 1 for issue in issues)
