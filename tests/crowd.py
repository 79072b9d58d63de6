"""A made-up report in which every part speaks of some guests and of others: who is told of the one must not hear of the other."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from report.findings import Finding, FindingCode
from report.model.groups import GroupMatch
from report.model.guests import Protection, RestoreProof
from report.model.jobs import JobState, LastRun
from report.model.reasons import ReasonCode
from report.model.report import Change, ChangeKind, EstateFinding, Report
from report.model.sources import IssueCode
from report.policy import Expectation, Policy, Rule, Scope, Waiver
from report.timeline import Counts, TrendDay
from report.value import changed
from tests.builders import (
    NOW,
    backed_up_guest,
    datastore_report,
    group_report,
    guest_report,
    issue,
    job_report,
    pbs_job_report,
    pbs_source,
    reason,
    report,
    source_report,
    storage_report,
)

PROD = Scope(pools=("prod",))
LATER = NOW + 9 * 86_400
BOTH = Waiver(Scope(names=("inside-one", "outside-alpha"), vmids=((7101, 7101), (7903, 7903))), "both", LATER)
OTHERS = Waiver(Scope.of_guest("lab", 7903), "theirs", LATER)
NOTED = Waiver(Scope.of_guest("lab", 7102), "in its notes", LATER, origin="notes")


def crowd() -> Report:
    """Return a report in which every part speaks of the guests of pool prod (71xx, inside) and of others (79xx, outside)."""
    stopped = Finding.of(
        FindingCode.BACKUP_NOT_REACHED, at=NOW, node="pve1", job="nightly", message="stopped at VM 7903: qemu/7904 hung"
    )
    proof = RestoreProof(NOW, by="pve1", target_vmid=7903)
    told = report(
        [
            backed_up_guest(7101, name="inside-one", pool="prod", tags=("db",), rule="some", restore_seen=proof),
            backed_up_guest(7102, name="inside-two", pool="prod/web", tags=("db",), findings=(stopped,)),
            backed_up_guest(7903, name="outside-alpha", pool="test", rule="some"),
            guest_report(7904, name="outside-beta", rule="theirs"),
            guest_report(7905, pve="paris", name="outside-gamma"),
        ],
        jobs=[
            job_report(
                guests=(7101, 7102, 7903),
                unknown_ids=(7999,),
                reasons=(reason(ReasonCode.SELECTS_UNKNOWN_IDS, job="nightly", vmids="7999"),),
                last_run=LastRun("error", NOW, 60, "VM 7903 failed"),
            ),
            job_report("theirs", guests=(7903,)),
            job_report("hidden-pool", guests=(), state=JobState.UNKNOWN),
            job_report("elsewhere", pve="paris", guests=(7905,)),
        ],
        storages=[storage_report(), storage_report(pve="paris")],
        sources=[
            source_report(coverage_disagreements=2),
            source_report("paris", up=False, fetched_at=NOW - 900),
            pbs_source(),
        ],
        issues=[
            issue(
                IssueCode.COVERAGE_DISAGREEMENT,
                guests=(7101, 7903),
                job="nightly",
                ours="7101",
                theirs="7903",
            ),
            issue(IssueCode.COVERAGE_DISAGREEMENT, guests=(7904,), job="theirs", ours="7904", theirs=""),
            issue(IssueCode.CONFLICTING_POLICIES, guests=(7102, 7903), storage="nas", jobs="a, b", count=2),
            issue(IssueCode.AMBIGUOUS_GROUPS, "pbs1", "main", (7903,), server="pbs1", count=1),
            issue(IssueCode.NODE_OFFLINE, "lab", "pve3", (7903,), node="pve3"),
            issue(IssueCode.COLLECTOR_FAILED, "lab", "pve2", message="no answer on /nodes/pve2/qemu/7903"),
            issue(IssueCode.SOURCE_DOWN, "paris", guests=(7905,), message="connection refused"),
            issue(IssueCode.DRILLS_UNREADABLE, "", message="outside-alpha.json: no JSON", count=1),
        ],
        groups=[
            group_report(7101),
            group_report(7102, snapshots=3, unfinished=1),
            group_report(7903, comment="outside-alpha"),
            group_report(7555, match=GroupMatch.ORPHAN, comment="outside-old"),
            changed(group_report(7102, match=GroupMatch.AMBIGUOUS, comment="outside-twin"), pve="lab", vmid=7102),
        ],
        datastores=[datastore_report(orphans=(("", 1, 7),), groups=5, snapshots=40)],
        pbs_jobs=[pbs_job_report("sync", "s1", group_filter=("type:vm", "group:vm/7903", "regex:^vm/(7904|7)$"))],
        findings=[
            EstateFinding("lab", Finding.of(FindingCode.JOB_NEVER_RUNS, "nightly", schedule="never")),
            EstateFinding("lab", Finding.of(FindingCode.JOB_NEVER_RUNS, "theirs", schedule="never")),
            EstateFinding("pbs1", Finding.of(FindingCode.ORPHANED_BACKUPS, "main", groups=1, versions=7)),
            EstateFinding("pbs1", Finding.of(FindingCode.NAMESPACE_SHARED, "main", entries="a/b, c/d")),
            *(
                EstateFinding("", Finding.of(FindingCode.WAIVER_EXPIRING, each.subject, until=LATER))
                for each in (BOTH, OTHERS, NOTED)
            ),
        ],
        changes=[
            Change(ChangeKind.LOST, "lab", 7102, "inside-two", Protection.PROTECTED, Protection.AT_RISK),
            Change(ChangeKind.LOST, "lab", 7903, "outside-alpha", Protection.PROTECTED, Protection.AT_RISK),
            Change(ChangeKind.GONE, "lab", 7777, "outside-gone", Protection.PROTECTED, None),
        ],
        compared_with=NOW - 86_400,
        backups_read=True,
        policy=Policy(
            rules=(
                Rule(
                    "some",
                    Scope(names=("inside-*", "outside-alpha"), vmids=((7101, 7101), (7903, 7903))),
                    Expectation(),
                ),
                Rule("theirs", Scope(names=("outside-beta",)), Expectation()),
            ),
            waivers=(BOTH, OTHERS),
        ),
    )
    return replace(told, trend=(TrendDay(date(2026, 10, 20), Counts(guests=5)),))
