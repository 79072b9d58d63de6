"""What sync jobs carry, and from where: the proof of whose a copy is that has no backup time in common with its source (H9, H10, H15)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from report.backups import BackupGroup, PbsJob
from report.targets import Target

# the owner of what a sync job writes, where the job names none (H15)
DEFAULT_OWNER = "root@pam"


@dataclass(frozen=True, slots=True)
class Syncs:
    """`jobs`: the sync jobs of each PBS that told them, `complete`: all did; `read`: the places of which every group was seen; `partial`:
    the servers that may have others than they told.
    """

    jobs: Mapping[str, tuple[PbsJob, ...]]
    complete: bool
    read: frozenset[Target]
    partial: frozenset[str] = frozenset()

    def origins(self, group: BackupGroup) -> frozenset[Target]:
        """Given a group, return the places on its own server from which sync jobs may have pulled it.

        A job from a remote has none: the name of a remote is its server's own, and tells of no address.
        """
        jobs = (job for job in self.jobs.get(group.server, ()) if job.remote is None and job.remote_store)
        return frozenset(_origin(job, group) for job in jobs if writes(job, group))

    def may_own(self, group: BackupGroup) -> bool:
        """Given a group, say whether its owner may be one under which a sync job writes or wrote: that tells of no cluster. A job that
        pushes writes on another server, under an account that this one does not tell.
        """
        if not self.complete or group.owner in (None, DEFAULT_OWNER):
            return True
        pushed = any(job.direction == "push" for jobs in self.jobs.values() for job in jobs)
        return pushed or any(job.owner == group.owner for job in self.jobs.get(group.server, ()))

    def brings(self, group: BackupGroup) -> bool | None:
        """Given a group, say whether a sync writes it: one of its server that pulls, or one of any that pushes to such a place, whose
        remote tells of no address; None where the jobs that may were not all told.
        """
        if any(writes(job, group) for job in self.jobs.get(group.server, ())):
            return True
        if any(_pushes(job, group) for jobs in self.jobs.values() for job in jobs):
            return True
        return False if self.complete and group.server not in self.partial else None


def _pushes(job: PbsJob, group: BackupGroup) -> bool:
    """Say whether a job pushes to a place that is named as the group's: the namespaces below the job's keep their names."""
    if job.direction != "push" or job.remote_store != group.datastore:
        return False
    root = job.remote_namespace or ""
    if root and group.namespace != root and not group.namespace.startswith(f"{root}/"):
        return False
    below = group.namespace[len(root) :].strip("/")
    namespace = "/".join(part for part in (job.namespace, below) if part)
    return carries(job, replace(group, datastore=job.datastore, namespace=namespace))


def writes(job: PbsJob, group: BackupGroup) -> bool:
    """Given a sync job of the group's server, say whether it pulls that group: in reach, not left out, with the owner that it gives."""
    pulls = job.direction in (None, "pull")
    return pulls and group.owner in (None, job.owner or DEFAULT_OWNER) and carries(job, group)


def carries(job: PbsJob, group: BackupGroup) -> bool:
    """Given a sync job of the group's server, say whether the group is in its reach and passes its filters (H10): one that includes it
    where there are any, none that leaves it out. A filter that does not read passes nothing.
    """
    if not job.reaches(group.datastore, group.namespace):
        return False
    name = f"{group.backup_type}/{group.backup_id}"
    excluding = [text.removeprefix("exclude:") for text in job.group_filter if text.startswith("exclude:")]
    including = [text.removeprefix("include:") for text in job.group_filter if not text.startswith("exclude:")]
    if any(_matches(text, name) is not False for text in excluding):
        return False
    return not including or any(_matches(text, name) for text in including)


def _matches(filtered: str, name: str) -> bool | None:
    """Given a filter `group:TYPE/ID`, `type:TYPE` or `regex:PATTERN`, say whether it matches a group; None where it does not read."""
    kind, _, value = filtered.partition(":")
    if kind == "group":
        return value == name
    if kind == "type":
        return value == name.partition("/")[0]
    pattern = _compiled(value) if kind == "regex" else None
    return None if pattern is None else bool(pattern.search(name))


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern)
    except re.error:
        return None


def _origin(job: PbsJob, group: BackupGroup) -> Target:
    """Return where a pulled group comes from: the namespaces below the job's keep their names."""
    below = group.namespace[len(job.namespace) :].strip("/")
    namespace = "/".join(part for part in (job.remote_namespace, below) if part)
    return Target(group.server, job.remote_store or "", namespace)
