"""What the sync jobs behind a guest's copies say: warnings of a sync are a loss (rulebook H8, H10, H15)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from report.backups import PbsJob
from report.evidence import Evidence, Holding, Judgement
from report.findings import Finding, FindingCode
from report.model import Reason, ReasonCode
from report.syncs import carries, writes

# the state of a run of which the server does not know how it ended (H8)
_NOT_TOLD = "unknown"
_CLEAN = ("OK", None)


def judge_syncs(evidence: Evidence, unseen: tuple[Reason, ...]) -> Judgement:
    """Given the evidence on a guest, and why copies of it may exist that were not seen, return what the sync jobs that carry its backups
    say: a warning where the policy demands what the job makes, which is a doubt where a job that was not clean may have been missed.
    """
    findings = tuple(_unclean(evidence))
    expectation = evidence.expectation
    if evidence.newest is None or not (expectation.copies > 1 or expectation.offsite):
        return Judgement(findings)
    servers = {holding.matched.group.server for holding in evidence.holdings if holding.pbs}
    unread = [_not_read(server) for server in sorted(servers - evidence.sync_jobs.keys())]
    every = (job for jobs in evidence.sync_jobs.values() for job in jobs)
    missed = unseen if unread or any(job.last_run_state not in _CLEAN for job in every) else ()
    return Judgement(findings, (*unread, *missed))


def sync_behind(holdings: Iterable[Holding], evidence: Evidence) -> PbsJob | None:
    """Given the holdings of a guest in one store, return the sync job that pulls one of them in, one that did not end clean first; None
    where none does. What jobs of PVE write there is no copy.
    """
    behind = [
        job
        for holding in holdings
        if not holding.promised
        for job in evidence.sync_jobs.get(holding.matched.group.server, ())
        if writes(job, holding.matched.group)
    ]
    return min(behind, key=lambda job: (job.last_run_state in _CLEAN, job.id), default=None)


def _unclean(evidence: Evidence) -> Iterator[Finding]:
    """Yield the sync jobs that carry the guest's backups, to a store or from it, and whose last run was not clean."""
    found: dict[tuple[str, str], Finding] = {}
    for holding in evidence.holdings:
        group = holding.matched.group
        for job in evidence.sync_jobs.get(group.server, ()):
            pushes = job.direction == "push" and carries(job, group)
            if job.last_run_state in _CLEAN or not (pushes or writes(job, group)):
                continue
            finding = Finding.of(
                FindingCode.SYNC_NOT_CLEAN,
                f"{group.server}/{job.id}",
                server=group.server,
                job=job.id,
                status=job.last_run_state or "",
                ended=job.last_run_at or 0,
            )
            asked = evidence.expectation.copies > 1 or (
                evidence.expectation.offsite and (pushes or holding.mark.offsite)
            )
            weighed = finding if asked and job.last_run_state != _NOT_TOLD else finding.as_information()
            known = found.get((group.server, job.id))
            found[group.server, job.id] = known if known and known.lowers else weighed
    yield from found.values()


def _not_read(server: str) -> Reason:
    return Reason.of(ReasonCode.SYNC_JOBS_NOT_READ, server=server)
