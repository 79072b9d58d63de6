"""Facts + policy + past + now → Report: calls the judgements in order. Pure; the same input gives the same Report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from report.backups import PbsFacts, PbsJob
from report.changes import find_changes
from report.clusters import ClusterCase, prepare_cluster, report_cluster, report_storages
from report.conflicts import conflicting_policies
from report.days import Strips
from report.estate import Estate, build_estate
from report.estate_findings import estate_findings
from report.expected import Calendar
from report.facts import Drill, Facts
from report.forecast import with_forecast
from report.groups import report_groups
from report.guests import GuestJudge
from report.jobs import report_job
from report.layout import Around, Layout
from report.missed import missed_runs
from report.model.groups import GroupReport
from report.model.guests import GuestReport
from report.model.jobs import JobReport
from report.model.report import Report
from report.model.sources import Issue, IssueCode, SourceReport
from report.past import NOTHING, Past
from report.policy import Policy, Waiver
from report.servers import guests_resting_on, report_datastores, report_pbs_jobs, report_server, server_issues
from report.stores import store_issues
from report.summary import summarise
from report.timeline import day_number, window_of
from report.trend import count_clusters, trend, with_today
from report.visibility import find_issues
from report.waivers import candidates_of, noted_waivers


def analyse(facts: Facts, policy: Policy, now: int, past: Past = NOTHING, baseline: Past | None = None) -> Report:
    """Given all facts, what the operator expects, the instant of judgement (epoch, UTC), what is remembered of the Report before, and
    of the one that changes are told against (None: the one before), return the Report.
    """
    since = past if baseline is None else baseline
    estate = build_estate(facts, now)
    cases = [prepare_cluster(cluster, estate) for cluster in estate.clusters.values()]
    servers = estate.servers.values()
    active = {(case.facts.name, vmid): jobs for case in cases for vmid, jobs in case.active.items()}
    groups = tuple(report_groups(estate, active, {case.facts.name: case.lasted for case in cases}, now, past))
    around = Around(estate, policy, past, _by_guest(facts.drills or ()), *_server_jobs(estate))
    guests = tuple(_guests(cases, around, groups, past))
    jobs = tuple(job for case in cases for job in _jobs(case, now))
    storages = tuple(storage for case in cases for storage in report_storages(case, now, policy.declared or ()))
    sources = sorted((*map(report_cluster, cases), *(report_server(server, now) for server in servers)), key=_name)
    known = frozenset(source.name for source in sources if source.kind == "pve" and source.inventory_known)
    today = day_number(now, policy.zone)
    datastores = tuple(
        with_forecast(store, past.usage, today, now)
        for server in servers
        for store in report_datastores(server, estate.matched, now)
    )
    return Report(
        created_at=now,
        policy=policy,
        summary=summarise(guests, backups_read=any(case.unread.any_read for case in cases)),
        guests=guests,
        jobs=jobs,
        storages=storages,
        sources=tuple(sources),
        issues=(
            *(issue for case in cases for issue in _issues(case, guests, now)),
            *conflicting_policies(estate, active),
            *(issue for server in servers for issue in _server_issues(server, estate, guests, now)),
            *_declaration_issues(policy),
            *_history_issues(past),
            *_drill_issues(facts.drill_problems),
        ),
        groups=groups,
        datastores=datastores,
        pbs_jobs=tuple(job for server in servers for job in report_pbs_jobs(server, now)),
        findings=estate_findings(jobs, groups, storages, estate, policy, _noted(cases, policy)),
        changes=find_changes(since, guests, jobs, groups, known),
        compared_with=since.at,
        trend=trend(with_today(past.trend, today, count_clusters(guests, sources))),
    )


def _guests(
    cases: Iterable[ClusterCase], around: Around, groups: Iterable[GroupReport], past: Past
) -> Iterable[GuestReport]:
    """Judge the guests of all clusters, by cluster and vmid."""
    of_guest: dict[tuple[str, int], list[GroupReport]] = {}
    for group in groups:
        if group.pve is not None and group.vmid is not None:
            of_guest.setdefault((group.pve, group.vmid), []).append(group)
    calendar = Calendar(around.estate.now)
    window, waivers = window_of(around.estate.now, around.policy.zone), candidates_of(around.policy.waivers)
    for case in cases:
        strips = Strips(window, case.facts, case.history, past.days, around.estate.now)
        judge = GuestJudge(Layout(case, around), of_guest, calendar, strips, waivers)
        yield from (judge.judge(guest) for guest in case.guests)


def _jobs(case: ClusterCase, now: int) -> Iterable[JobReport]:
    return (
        report_job(job, case.view, now, case.runs.get(job.job.id), missed_runs(job, case.history, case.view, now))
        for job in case.judged or ()
    )


def _issues(case: ClusterCase, guests: Sequence[GuestReport], now: int) -> Iterable[Issue]:
    """Yield what could not be seen of a cluster, or does not fit."""
    own = [guest for guest in guests if guest.pve == case.facts.name]
    yield from find_issues(case.facts, case.view, case.covered, now)
    yield from store_issues(case.facts.name, case.unread.stores, own)
    yield from case.agreement.issues


def _server_issues(server: PbsFacts, estate: Estate, guests: Sequence[GuestReport], now: int) -> Iterable[Issue]:
    """Yield what could not be seen of a PBS, or does not fit, with the guests that are unknown because of it."""
    return server_issues(server, estate.matched, now, guests_resting_on(server.name, guests, estate.targets))


def _drill_issues(problems: Sequence[str]) -> Iterable[Issue]:
    """Yield that reports of drills say nothing, by the first of them."""
    if problems:
        yield Issue("", "", IssueCode.DRILLS_UNREADABLE, (("message", problems[0]), ("count", len(problems))))


def _declaration_issues(policy: Policy) -> Iterable[Issue]:
    """Yield that the file of storages cannot be used, so that its last good content, or nothing, is compared."""
    if policy.declared_problem:
        yield Issue("", "", IssueCode.STORAGES_FILE_UNREADABLE, (("message", policy.declared_problem),))


def _history_issues(past: Past) -> Iterable[Issue]:
    """Yield that what is remembered beyond the sources could not be used."""
    if past.failure:
        yield Issue("", "", IssueCode.HISTORY_UNAVAILABLE, (("message", past.failure),))


def _noted(cases: Iterable[ClusterCase], policy: Policy) -> Iterable[Waiver]:
    """Yield the waivers in guests' notes, where the policy lets them."""
    for case in cases:
        for guest in case.guests if policy.waive_in_notes else ():
            config = case.facts.configs.get(guest.vmid)
            yield from noted_waivers(policy, case.facts.name, guest, config.notes if config else None).waivers


def _by_guest(drills: Iterable[Drill]) -> Mapping[tuple[str, int], tuple[Drill, ...]]:
    found: dict[tuple[str, int], tuple[Drill, ...]] = {}
    for drill in drills:
        key = (drill.pve, drill.vmid)
        found[key] = (*found.get(key, ()), drill)
    return found


def _server_jobs(estate: Estate) -> tuple[Mapping[str, tuple[PbsJob, ...]], Mapping[str, tuple[PbsJob, ...]]]:
    """Return the sync jobs and the verify jobs, by PBS, of those that told them."""
    servers, now = estate.servers.items(), estate.now
    sync = {name: jobs for name, server in servers if (jobs := server.sync_jobs.usable(now)) is not None}
    return sync, {name: jobs for name, server in servers if (jobs := server.verify_jobs.usable(now)) is not None}


def _name(source: SourceReport) -> str:
    return source.name
