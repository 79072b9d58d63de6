"""Each guest judged: every judgement is asked about its evidence, waivers are applied, and the table decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from report.changes import with_ages
from report.days import Strips
from report.evidence import Evidence, Judgement
from report.expectations import is_demanded
from report.expected import Calendar
from report.facts import Guest
from report.findings import Finding, FindingCode, Severity
from report.judgements.copies import judge_copies
from report.judgements.disks import judge_disks
from report.judgements.encryption import judge_encryption
from report.judgements.freshness import judge_freshness
from report.judgements.oddities import judge_oddities
from report.judgements.proof import judge_proof
from report.judgements.reach import judge_reach
from report.judgements.runs import judge_runs
from report.judgements.verification import judge_verification
from report.judgements.versions import judge_versions
from report.layout import Layout
from report.model.groups import GroupReport
from report.model.guests import GuestReport, Protection
from report.model.reasons import Reason, ReasonCode
from report.offsite import offsite_doubts
from report.restores import restore_command, restore_storage
from report.usable import usable_backup
from report.verdict import Case, decide, unless_noted
from report.waivers import Applied, Candidates, apply_waivers, noted_waivers, waivers_of

_GRAVEST_FIRST = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)
DOUBTS_AT_MOST = 3


@dataclass(frozen=True, slots=True)
class GuestJudge:
    """Judges the guests of one cluster, one by one. `groups`: the judged groups of each guest, by (cluster, vmid)."""

    layout: Layout
    groups: Mapping[tuple[str, int], Sequence[GroupReport]]
    calendar: Calendar
    strips: Strips
    waivers: Candidates

    def judge(self, guest: Guest) -> GuestReport:
        """Given a guest of the cluster, return its report."""
        evidence = self.layout.of(guest)
        freshness, disks, runs = judge_freshness(evidence), judge_disks(evidence), judge_runs(evidence)
        copies, proven = judge_copies(evidence, self._offsite_doubts), judge_proof(evidence)
        judgements = (
            freshness.judgement,
            disks.judgement,
            judge_verification(evidence),
            judge_encryption(evidence),
            copies.judgement,
            runs.judgement,
            judge_reach(evidence),
            proven.judgement,
            judge_oddities(evidence),
            judge_versions(self.groups.get((evidence.pve, guest.vmid), ())),
        )
        applied = self._waived(evidence, judgements)
        # where no usable backup was seen, nothing else that was not seen matters
        doubtful = judgements if evidence.newest else (freshness.judgement,)
        doubts = dict.fromkeys(doubt for judgement in doubtful for doubt in judgement.doubts)
        demanded = is_demanded(evidence.expectation, guest)
        case = Case(
            exempt=not demanded or applied.whole is not None,
            has_usable=evidence.newest is not None,
            recent=freshness.recent,
            scheduled=bool(evidence.active),
            coverage=evidence.coverage.coverage,
            findings=applied.kept,
            doubts=tuple(doubts),
        )
        if self.layout.around.policy.waive_in_notes and evidence.config is None:
            case = unless_noted(case)
        _, protection = decide(case)
        why = _why(protection, demanded, applied, case.doubts, freshness.newest_at)
        usable, config = usable_backup(evidence), evidence.config
        storage = restore_storage(guest.guest_type, config, evidence.included.values())
        return GuestReport(
            pve=evidence.pve,
            guest=guest,
            demanded=demanded,
            coverage=evidence.coverage.coverage,
            protection=protection,
            reasons=tuple(dict.fromkeys((*evidence.coverage.reasons, *why))),
            jobs=evidence.coverage.jobs,
            next_backup_at=self.calendar.next_backup(evidence.active, evidence.zone),
            rpo_seconds=self.calendar.rpo_seconds(evidence.active, evidence.zone) if evidence.active else None,
            excluded_volumes=disks.excluded,
            notes=config.notes if config else None,
            created_at=config.created_at if config else None,
            newest_backup_at=freshness.newest_at,
            newest_verified_at=_newest_verified_at(evidence),
            due_at=freshness.due_at,
            limit_seconds=freshness.limit_seconds,
            findings=applied.kept,
            waived=applied.waived,
            waiver=applied.whole,
            rule=evidence.rule,
            usable=usable,
            copies=copies.copies,
            copies_known=copies.known,
            disks=disks.cover,
            last_failure_at=runs.last_failure_at,
            last_duration_seconds=runs.last_duration_seconds,
            restore_seen=proven.seen,
            restore_reported=proven.reported,
            restore_command=restore_command(usable, guest.guest_type, guest.vmid, storage),
            days=self.strips.of(evidence),
        )

    def _offsite_doubts(self, evidence: Evidence) -> Sequence[Reason]:
        case, around = self.layout.case, self.layout.around
        return offsite_doubts(evidence, case.unread, around.estate, around.policy)

    def _waived(self, evidence: Evidence, judgements: Sequence[Judgement]) -> Applied:
        """Return the guest's findings, the gravest first, with their ages, after its waivers."""
        policy = self.layout.around.policy
        noted = noted_waivers(policy, evidence.pve, evidence.guest, evidence.config.notes if evidence.config else None)
        unread = [
            Finding.of(FindingCode.WAIVER_NOT_READ, problem.line, line=problem.line, fault=problem.fault)
            for problem in noted.problems
        ]
        found = (*(finding for judgement in judgements for finding in judgement.findings), *unread)
        aged = with_ages(sorted(found, key=_rank), evidence.before, evidence.now)
        waivers = waivers_of(policy, evidence.pve, evidence.guest, noted, self.waivers)
        return apply_waivers(aged, waivers, evidence.now)


def _newest_verified_at(evidence: Evidence) -> int | None:
    verified = ((holding, holding.newest_verified) for holding in evidence.holdings)
    return max((holding.at(place) for holding, place in verified if place is not None), default=None)


def _why(
    protection: Protection, demanded: bool, applied: Applied, doubts: Sequence[Reason], newest: int | None
) -> tuple[Reason, ...]:
    """Say why the protection is what it is, beside the findings: why it is waived, what was not seen, that there are backups."""
    if not demanded:
        return (Reason.of(ReasonCode.NOT_DEMANDED),)
    if applied.whole is not None:
        waiver = applied.whole
        return (Reason.of(ReasonCode.WAIVED, reason=waiver.reason, until=waiver.until, owner=waiver.owner),)
    if protection is Protection.UNKNOWN and doubts:
        return tuple(doubts[:DOUBTS_AT_MOST])
    if newest is not None and protection in (Protection.PROTECTED, Protection.UNKNOWN):
        return (Reason.of(ReasonCode.HAS_BACKUPS, newest=newest),)
    return ()


def _rank(finding: Finding) -> tuple[int, str, str]:
    return _GRAVEST_FIRST.index(finding.severity), finding.code, finding.subject
