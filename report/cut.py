"""A Report cut down to some guests: what a channel may tell, and what a report on a part of the estate is about."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from report.findings import FindingCode, Params
from report.model.groups import GroupReport
from report.model.jobs import JobReport, JobState
from report.model.reasons import ReasonCode
from report.model.report import EstateFinding, Report
from report.model.servers import DatastoreReport, PbsJobReport
from report.model.sources import Issue, IssueCode, SourceReport
from report.policy import EVERY_GUEST, Scope
from report.summary import summarise
from report.value import changed
from report.within import HIDDEN, Within

_PBS = "pbs"
# issues about single guests: without one of the scope they say nothing of it; all others tell what could not be seen, and stay
_OF_GUESTS = frozenset(
    {
        IssueCode.COVERAGE_DISAGREEMENT,
        IssueCode.AMBIGUOUS_GROUPS,
        IssueCode.CONFLICTING_POLICIES,
        IssueCode.PBS_NOT_CONFIGURED,
    }
)
_OF_JOBS = frozenset(
    {FindingCode.JOB_SELECTS_NOTHING, FindingCode.JOB_NEVER_RUNS, FindingCode.SCHEDULE_READS_OTHERWISE}
)
_OF_WAIVERS = frozenset({FindingCode.WAIVER_EXPIRING, FindingCode.WAIVER_EXPIRED})


def cut_to(report: Report, scope: Scope) -> Report:
    """Given a Report and a scope, return what it says of the guests in it, all counts over them; the same Report for the empty scope.

    Nothing names a guest outside of the scope, but for free text that people wrote. What may hide a guest of the scope stays.
    - guests: those that match (A7), with waivers that name none but these; a restore's target vmid unless it is another guest
    - groups: those of these guests; groups of guests that are gone, and of nobody in particular, are in no scope
    - jobs: those that select one of these guests, or of which it is not known whom they select; a scope that names nothing but clusters
      has all jobs of these, with the ids without a guest that they name
    - clusters with their storages and drift: those that the scope names, else all: any of them may hold such a guest
    - backup servers, their jobs and datastores: all; groups and versions counted over these guests, filters that name others hidden
    - issues: of these clusters and servers, with the guests of the scope that they touch; those about other guests alone do not stay
    - findings: of these jobs, storages and waivers, and namespaces that are shared
    - changes: of these guests; a guest that is gone has neither tags nor a pool, so that a scope by these has none of them
    - rules and waivers of the policy: those that hold for one of these guests; what is said of stores: all
    - the trend, which counts all guests of each day, does not stay
    """
    if scope == EVERY_GUEST:
        return report
    within = Within.of(report, scope)
    guests = tuple(within.guest(guest) for guest in within.guests.values())
    sources = tuple(source for source in report.sources if source.kind == _PBS or within.has_cluster(source.name))
    names = {source.name for source in sources}
    issues = tuple(issue for each in report.issues for issue in _issue(each, within, names))
    jobs = tuple(job for each in report.jobs for job in _job(each, within))
    groups = tuple(group for group in report.groups if within.has_group(group))
    return replace(
        report,
        scope=_joined(report.scope, scope),
        policy=within.policy(report.policy),
        summary=summarise(guests, backups_read=report.summary.backups_read),
        guests=guests,
        jobs=jobs,
        storages=tuple(storage for storage in report.storages if within.has_cluster(storage.pve)),
        sources=tuple(_source(source, within, issues) for source in sources),
        issues=issues,
        groups=groups,
        datastores=tuple(_datastore(store, groups) for store in report.datastores),
        pbs_jobs=tuple(_pbs_job(job, within) for job in report.pbs_jobs),
        findings=tuple(found for each in report.findings for found in _finding(each, within, names, jobs)),
        changes=tuple(within.change(change) for change in report.changes if within.has_change(change)),
        trend=(),
    )


def _joined(first: Scope, second: Scope) -> Scope:
    """Return the scope of what is cut twice; of clusters that exclude each other the second names those that are told."""
    both = tuple(name for name in second.clusters if name in first.clusters)
    return Scope(
        both or second.clusters or first.clusters,
        second.pools or first.pools,
        second.tags or first.tags,
        second.names or first.names,
        second.vmids or first.vmids,
    )


def _job(job: JobReport, within: Within) -> tuple[JobReport, ...]:
    """Return a backup job with what it says of these guests; nothing where it is none of theirs."""
    if not within.has_cluster(job.pve):
        return ()
    if within.whole:
        return (job,)
    guests = tuple(vmid for vmid in job.guests if (job.pve, vmid) in within.guests)
    if not guests and (job.guests or job.state is not JobState.UNKNOWN):
        return ()
    run, told = job.last_run, (reason for reason in job.reasons if reason.code is not ReasonCode.SELECTS_UNKNOWN_IDS)
    last_run = replace(run, status=within.text(run.status)) if run else None
    return (replace(job, guests=guests, unknown_ids=(), reasons=tuple(told), last_run=last_run),)


def _source(source: SourceReport, within: Within, issues: Collection[Issue]) -> SourceReport:
    """Return a source, its disagreements with PVE counted over these guests."""
    if within.whole:
        return source
    failure, differing = source.failure, source.coverage_disagreements
    if failure is not None:
        failure = replace(failure, endpoint=within.text(failure.endpoint), message=within.text(failure.message))
    if differing:
        own = (issue for issue in issues if issue.source == source.name)
        told = (issue.guests for issue in own if issue.code is IssueCode.COVERAGE_DISAGREEMENT)
        differing = len({vmid for vmids in told for vmid in vmids})
    return replace(source, failure=failure, coverage_disagreements=differing)


def _issue(issue: Issue, within: Within, sources: Collection[str]) -> tuple[Issue, ...]:
    """Return an issue with the guests of the scope that it touches; nothing where it is about others."""
    if issue.source and issue.source not in sources:
        return ()
    touched = within.touched(issue.source, issue.guests)
    if issue.code in _OF_GUESTS and issue.guests and not touched:
        return ()
    if touched == issue.guests and within.whole:
        return (issue,)
    return (replace(issue, guests=touched, params=_issue_params(issue, touched, within)),)


def _issue_params(issue: Issue, touched: tuple[int, ...], within: Within) -> Params:
    params = dict(within.params(issue.params))
    if issue.code is IssueCode.COVERAGE_DISAGREEMENT:
        params |= {side: _only(str(params.get(side, "")), touched) for side in ("ours", "theirs")}
    elif issue.code is IssueCode.CONFLICTING_POLICIES:
        params["count"] = len(touched)
    elif issue.code is IssueCode.DRILLS_UNREADABLE and not within.whole:
        # people name these files as they like, mostly by the guest
        params["message"] = HIDDEN
    return tuple(params.items())


def _only(listed: str, vmids: Collection[int]) -> str:
    """Return those of a list of vmids that are among these."""
    return ", ".join(part for part in listed.split(", ") if part.isdigit() and int(part) in vmids)


def _datastore(store: DatastoreReport, groups: Collection[GroupReport]) -> DatastoreReport:
    """Return a datastore with its groups and versions counted over these; what was not counted stays unknown."""
    held = [group for group in groups if (group.server, group.datastore) == (store.server, store.datastore.name)]
    return replace(
        store,
        groups=None if store.groups is None else len(held),
        snapshots=None if store.snapshots is None else sum(group.snapshots + group.unfinished for group in held),
        orphans=(),
    )


def _pbs_job(report: PbsJobReport, within: Within) -> PbsJobReport:
    """Return a job of a backup server without the other guests that its filters or its last error name."""
    job, state = report.job, report.job.last_run_state
    told = (HIDDEN if within.names_others(entry) else entry for entry in job.group_filter)
    ended = within.text(state) if state else state
    return replace(report, job=replace(job, group_filter=tuple(dict.fromkeys(told)), last_run_state=ended))


def _finding(
    found: EstateFinding, within: Within, sources: Collection[str], jobs: Collection[JobReport]
) -> tuple[EstateFinding, ...]:
    """Return a finding about a job, a store or a waiver as far as it is one of these guests'."""
    finding = found.finding
    if finding.code in _OF_WAIVERS:
        own = {f"{pve}/{vmid}" for pve, vmid in within.guests}
        renamed = {waiver.subject: cut.subject for waiver, cut in within.waivers.items()}
        noted = finding.subject if finding.subject.split(" ")[0] in own else None
        subject = renamed.get(finding.subject, noted)
        return () if subject is None else (replace(found, finding=changed(finding, subject=subject)),)
    of_no_job = all((job.pve, job.job.id) != (found.source, finding.subject) for job in jobs)
    if finding.code is FindingCode.ORPHANED_BACKUPS or (finding.code in _OF_JOBS and of_no_job):
        return ()
    return (found,) if found.source in sources else ()
