"""The Report: facts judged against a policy at one instant. Immutable; every rendering is a view of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from report.findings import Finding
from report.model.groups import GroupReport
from report.model.guests import Coverage, GuestReport, Protection
from report.model.jobs import JobReport, StorageReport
from report.model.reasons import Reason
from report.model.servers import DatastoreReport, PbsJobReport
from report.model.sources import Issue, SourceReport
from report.policy import EVERY_GUEST, Policy, Scope
from report.timeline import TrendDay


@dataclass(frozen=True, slots=True)
class EstateFinding:
    """A finding about no single guest: of a job, a store or a waiver, `finding.subject`, of a source."""

    source: str
    finding: Finding


class ChangeKind(StrEnum):
    """What became of a guest since the last Report."""

    LOST = "lost"  # it was protected and is not
    REGAINED = "regained"
    WORSE = "worse"
    BETTER = "better"
    UNCLEAR = "unclear"  # its state was known and is not
    NEW = "new"  # a guest that was not there
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Change:
    """How a guest's protection changed since the last Report. `causes`: what changed about it (job switched off, guest moved, …);
    `findings`: those that lower the verdict and were not there before.
    """

    kind: ChangeKind
    pve: str
    vmid: int
    name: str | None
    before: Protection | None
    after: Protection | None
    causes: tuple[Reason, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts over all guests, and over those that policy demands (the denominator of the sentence). Zeros are listed."""

    guests: int
    coverage: tuple[tuple[Coverage, int], ...]
    protection: tuple[tuple[Protection, int], ...]
    demanded: int
    demanded_coverage: tuple[tuple[Coverage, int], ...]
    backups_read: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """Everything vzcover says, as of `created_at`. Lists are sorted: sources and jobs by name, guests by (pve, vmid).

    `changes` are those since the Report of `compared_with` (epoch), None where none is remembered. `scope`: the guests that it was cut to
    (`report.cut`), empty for all.
    """

    created_at: int
    policy: Policy
    summary: Summary
    guests: tuple[GuestReport, ...] = ()
    jobs: tuple[JobReport, ...] = ()
    storages: tuple[StorageReport, ...] = ()
    sources: tuple[SourceReport, ...] = ()
    issues: tuple[Issue, ...] = ()
    groups: tuple[GroupReport, ...] = ()
    datastores: tuple[DatastoreReport, ...] = ()
    pbs_jobs: tuple[PbsJobReport, ...] = ()
    findings: tuple[EstateFinding, ...] = ()
    changes: tuple[Change, ...] = ()
    compared_with: int | None = None
    trend: tuple[TrendDay, ...] = ()
    scope: Scope = EVERY_GUEST

    @property
    def is_cut(self) -> bool:
        """Whether it is about some guests only."""
        return self.scope != EVERY_GUEST
