"""Which guests a vzdump job selects: our own evaluation of rulebook section B.2, never PVE's answering endpoints."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from report.facts import BackupJob, Guest
from report.model.reasons import Reason, ReasonCode

_SEPARATORS = re.compile(r"[,;\s\0]+")
# 999999999 is the highest id; more digits than these are no id but would be a number of any length
_VMID = re.compile(r"[0-9]{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Selection:
    """What a job selects: guests that exist, ids that do not exist any more (M1), or why PVE cannot evaluate it at all (B12)."""

    guests: frozenset[int]
    unknown_ids: frozenset[int] = frozenset()
    broken: Reason | None = None


_NOTHING = Selection(frozenset())


def select_guests(job: BackupJob, guests: Sequence[Guest], pools: Mapping[str, frozenset[int]]) -> Selection:
    """Given a job, every guest of the cluster, and each pool's direct members, return what the job selects (B4–B10). Never raises.

    A pool that is not in `pools` does not exist. Whether the job is enabled, due or able to run plays no part (B11).
    """
    if job.pool:
        if job.pool not in pools:
            return Selection(frozenset(), broken=Reason.of(ReasonCode.JOB_POOL_MISSING, job=job.id, pool=job.pool))
        return _on_node(job, guests, pools[job.pool])
    if job.vmid:
        return _from_list(job, guests)
    if job.all:
        excluded = excluded_ids(job)
        return _on_node(job, guests, frozenset(guest.vmid for guest in guests if guest.vmid not in excluded))
    return _NOTHING


def excluded_ids(job: BackupJob) -> frozenset[int]:
    """Given a job, return the vmids its `exclude` names; they matter only in an `all` job (B6)."""
    return frozenset(int(text) for text in split_vmids(job.exclude) if _VMID.fullmatch(text))


def split_vmids(text: str | None) -> tuple[str, ...]:
    """Given a vmid list as PVE writes it (separated by commas, semicolons or blanks, M1), return its parts as they stand."""
    return tuple(part for part in _SEPARATORS.split(text or "") if part)


def _on_node(job: BackupJob, guests: Sequence[Guest], wanted: frozenset[int]) -> Selection:
    """Keep the wanted guests that exist and, where the job is bound to a node, live there now (B8); the others are dropped (B10)."""
    return Selection(
        frozenset(guest.vmid for guest in guests if guest.vmid in wanted and job.node in (None, "", guest.node))
    )


def _from_list(job: BackupJob, guests: Sequence[Guest]) -> Selection:
    """Evaluate an explicit list: ids without a guest stay selected, whatever the node restriction (B7, M1)."""
    wanted: set[int] = set()
    for text in split_vmids(job.vmid):
        if not _VMID.fullmatch(text):
            return Selection(frozenset(), broken=Reason.of(ReasonCode.JOB_STRANGE_VMID, job=job.id, value=text))
        if int(text):
            wanted.add(int(text))
    selected = _on_node(job, guests, frozenset(wanted))
    return Selection(selected.guests, frozenset(wanted - {guest.vmid for guest in guests}))
