"""What the sync jobs behind a guest's copies say: warnings of a sync are a loss (rulebook H8, H10, H15)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from report.backups import BackupGroup, PbsJob
from report.evidence import Evidence, Holding, Judgement, ambiguous
from report.findings import Finding, FindingCode
from report.model.reasons import Reason, ReasonCode
from report.syncs import carries, writes

# the state of a run of which the server does not know how it ended (H8)
_NOT_TOLD = "unknown"
_CLEAN = ("OK", None)


def judge_syncs(evidence: Evidence) -> Judgement:
    """Given the evidence on a guest, return what the sync jobs that carry its backups say: a warning where the policy demands what the job
    makes, which is a doubt where jobs were not read, or one that was not clean may carry what was not seen or not told to be the guest's.
    """
    findings = tuple(_unclean(evidence))
    expectation = evidence.expectation
    if evidence.newest is None or not (expectation.copies > 1 or expectation.offsite):
        return Judgement(findings)
    groups = [*(holding.matched.group for holding in evidence.holdings), *(each.group for each in evidence.ambiguous)]
    unread = sorted({group.server for group in groups if group.server in evidence.servers} - evidence.sync_jobs.keys())
    every = [job for jobs in evidence.sync_jobs.values() for job in jobs if job.last_run_state not in _CLEAN]
    doubtful = len(evidence.sync_jobs) < len(evidence.servers) or bool(every)
    return Judgement(
        findings,
        (
            *(Reason.of(ReasonCode.SYNC_JOBS_NOT_READ, server=server) for server in unread),
            *(ambiguous(matched) for matched in evidence.ambiguous if any(_carried(evidence, matched.group))),
            *((*evidence.unread, *evidence.unread_copies) if doubtful else ()),
        ),
    )


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
        server = holding.matched.group.server
        for job in _carried(evidence, holding.matched.group):
            finding = Finding.of(
                FindingCode.SYNC_NOT_CLEAN,
                f"{server}/{job.id}",
                server=server,
                job=job.id,
                status=job.last_run_state or "",
                ended=job.last_run_at or 0,
            )
            offsite = evidence.expectation.offsite and (job.direction == "push" or holding.mark.offsite)
            asked = (evidence.expectation.copies > 1 or offsite) and job.last_run_state != _NOT_TOLD
            known = found.get((server, job.id))
            found[server, job.id] = known if known and known.lowers else finding if asked else finding.as_information()
    yield from found.values()


def _carried(evidence: Evidence, group: BackupGroup) -> Iterator[PbsJob]:
    """Yield the jobs of a group's server that were not clean and that write it, or push it elsewhere."""
    for job in evidence.sync_jobs.get(group.server, ()):
        if job.last_run_state not in _CLEAN and (
            writes(job, group) or (job.direction == "push" and carries(job, group))
        ):
            yield job
