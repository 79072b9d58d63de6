"""Jobs that undo each other's work: each of their prunes applies its own policy to all versions of a guest in one place (E7, E11)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from report.estate import Estate
from report.facts import BackupJob
from report.model.sources import Issue, IssueCode
from report.prunes import Writer, writers_by_target
from report.pruning import OPTIONS, options_of
from report.readings import Keep
from report.targets import Target


@dataclass(slots=True)
class _Conflict:
    """The jobs in conflict on one target, by policy (a job may have several: E2), the storages they use, and whom it touches."""

    policies: dict[str, set[str]] = field(default_factory=dict)
    storages: set[str] = field(default_factory=set)
    guests: set[int] = field(default_factory=set)

    def add(self, vmid: int, writers: Sequence[Writer]) -> None:
        """Count a guest and the jobs that write its versions."""
        self.guests.add(vmid)
        for writer in writers:
            self.policies.setdefault(_policy(writer.keep or ()), set()).add(writer.job.id)
            self.storages.add(writer.storage)

    def issue(self, pve: str) -> Issue:
        """Return what is said of it; several ids of one place are told by the first (D12)."""
        storage = min(self.storages)
        by_jobs = sorted((sorted(jobs), policy) for policy, jobs in self.policies.items())
        params = (
            ("storage", storage),
            ("jobs", ", ".join(sorted({job for jobs, _ in by_jobs for job in jobs}))),
            ("policies", "; ".join(f"{', '.join(jobs)}: {policy}" for jobs, policy in by_jobs)),
            ("count", len(self.guests)),
        )
        return Issue(pve, storage, IssueCode.CONFLICTING_POLICIES, params, tuple(sorted(self.guests)))


def conflicting_policies(estate: Estate, active: Mapping[tuple[str, int], Sequence[BackupJob]]) -> Iterator[Issue]:
    """Given the estate and the active jobs of each guest by (cluster, vmid), yield one issue for each cluster and target on which jobs with
    different policies in force prune the same guest's versions (E11, case 56).
    """
    for name, view in sorted(estate.views.items()):
        found: dict[Target, _Conflict] = {}
        for guest in view.guests or ():
            jobs = active.get((name, guest.vmid), ())
            if len(jobs) < 2:
                continue
            for target, writers in writers_by_target(guest, jobs, view, estate.targets).items():
                told = [writer for writer in writers if writer.keep is not None and writer.limit is None]
                if _undo_each_other(told):
                    found.setdefault(target, _Conflict()).add(guest.vmid, told)
        issues = (conflict.issue(name) for conflict in found.values())
        yield from sorted(issues, key=lambda issue: issue.subject)


def _undo_each_other(writers: Sequence[Writer]) -> bool:
    """Say whether one job prunes what another means to keep by a different policy; what is protected at once is out of reach (E20)."""
    policies = [(options_of(writer.keep or ()), writer.protects) for writer in writers]
    return any(
        pruning and pruning != keeping and not protects for pruning, _ in policies for keeping, protects in policies
    )


def _policy(keep: Keep) -> str:
    """Return a policy as PVE writes it (E5)."""
    return ",".join(f"{OPTIONS[at]}={count}" for at, count in options_of(keep)) or "keep-all=1"
